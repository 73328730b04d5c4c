/**
 * What does not fit together in an incident, in plain words (SPEC FB6): the same before a closing and before a review.
 * Knows the words; finds nothing itself.
 *
 *     remarkText({ code: "step_before", order: "6f…", about: [], words: ["arrived", "departed"] }, () => "昂素一组")
 *     // 昂素一组：到场早于出发
 */
import { book } from "../words/language";
import { fieldWord } from "./facts";
import { t as common, milestoneWord } from "./words";

/** A remark as the centre tells it. */
export interface Remark {
  readonly code: string;
  readonly order: string | null;
  /** Op ids to look at. */
  readonly about: readonly string[];
  readonly words: readonly string[];
}

const zh = {
  ordered: "派出",
  none: "前后对得上，没有要看的。",
  undelivered: "派警没有送达，也没人签收",
  order_unfinished: "还没处置完毕",
  step_before: (later: string, earlier: string) => `${later}早于${earlier}`,
  step_missing: (step: string) => `缺${step}的记录`,
  return_unanswered: "申请退单还没答复",
  delay_unexplained: "到场晚于时限，没说原因",
  step_after_close: (step: string) => `办结之后又有${step}`,
  feedback_before_arrival: "反馈早于到场",
  feedback_missing: "没有结果反馈",
  feedback_returned: "反馈被退回，还没改好",
  feedback_unreviewed: "反馈还没审核",
  result_differs: "几份反馈的处理结果不一样",
  result_missing: "缺处理结果",
  nature_missing: "没有判明性质",
  counts_contradict: (field: string) => `${field}的数字有两种说法`,
  two_statements: (field: string) => `${field}有两种说法，没有裁定`,
  delay_unanswered: "受阻原因还没答复",
  callback_twice: "同一轮回访接通了两次",
};
const t = book(zh, {
  ordered: "Ordered",
  none: "It fits together; nothing to look at.",
  undelivered: "the order reached nobody and nobody signed it",
  order_unfinished: "not cleared yet",
  step_before: (later, earlier) => `${later} is earlier than ${earlier.toLowerCase()}`,
  step_missing: (step) => `no record of: ${step.toLowerCase()}`,
  return_unanswered: "a request to return it is not answered",
  delay_unexplained: "arrived after the limit, no reason given",
  step_after_close: (step) => `${step} after the closing`,
  feedback_before_arrival: "feedback is earlier than the arrival",
  feedback_missing: "No final feedback",
  feedback_returned: "feedback was returned and is not corrected yet",
  feedback_unreviewed: "feedback is not reviewed yet",
  result_differs: "Feedback names different results",
  result_missing: "The result is missing",
  nature_missing: "The nature is not stated",
  counts_contradict: (field) => `${field}: two counts`,
  two_statements: (field) => `${field}: two statements, no ruling`,
  delay_unanswered: "A delay reason is not answered",
  callback_twice: "Two calls of the round were answered",
});
type Code = Exclude<keyof typeof zh, "none" | "ordered">;

export const nothingToRemark = (): string => t("none");

function wordsOf({ code, words: [first = "", second = ""] }: Remark): string {
  const step = (kind: string): string => (kind === "issued" ? t("ordered") : milestoneWord(kind));
  switch (code) {
    case "step_before":
      return t(code, step(first), step(second));
    case "step_missing":
    case "step_after_close":
      return t(code, step(first));
    case "counts_contradict":
    case "two_statements":
      return t(code, fieldWord(first));
    default:
      return code in zh ? t(code as "undelivered" & Code) : code;
  }
}

/** Remarks as lines to read: what says the same stands once, with everything it speaks of. */
export function remarkLines(
  remarks: readonly Remark[],
  whom: (order: string) => string,
): { text: string; about: string[] }[] {
  const lines = new Map<string, string[]>();
  for (const remark of remarks) {
    const text = remarkText(remark, whom);
    lines.set(text, [...(lines.get(text) ?? []), ...remark.about]);
  }
  return [...lines].map(([text, about]) => ({ text, about }));
}

/** A remark as a sentence; one about an order names whom it went to. */
export function remarkText(remark: Remark, whom: (order: string) => string): string {
  const said = wordsOf(remark);
  const name = remark.order === null ? "" : whom(remark.order);
  if (name === "") return said.charAt(0).toUpperCase() + said.slice(1);
  return common("of", name, said);
}
