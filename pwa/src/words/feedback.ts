/**
 * What can be wrong with feedback, and what a desk says to a delay, in both languages: closed sets of the shared rules
 * (SPEC FB), said alike on the phone that gets feedback back and at the desk that returns it.
 *
 *     faultWord("result_missing")   // 缺处理结果
 */
import { type DelayReply, FAULTS, type Fault } from "../sync/incident/kinds";
import { book } from "./language";

const zh: Record<Fault | DelayReply, string> = {
  result_missing: "缺处理结果",
  nature_wrong: "性质不对",
  step_missing: "缺步骤",
  time_unclear: "时间说不清",
  narrative_unclear: "经过没写清",
  people_missing: "缺当事人",
  evidence_missing: "缺证据材料",
  counts_wrong: "数字对不上",
  late_unexplained: "晚了没说原因",
  handover_missing: "缺移交去向",
  other: "其他，见说明",
  accepted: "原因成立",
  not_accepted: "原因不成立",
  sent_others: "已另派",
  told_caller: "已告诉报警人",
};
const t = book(zh, {
  result_missing: "Result missing",
  nature_wrong: "Wrong nature",
  step_missing: "Step missing",
  time_unclear: "Times unclear",
  narrative_unclear: "Account unclear",
  people_missing: "People missing",
  evidence_missing: "Evidence missing",
  counts_wrong: "Counts do not fit",
  late_unexplained: "Late, no reason",
  handover_missing: "Hand-over missing",
  other: "Other, see note",
  accepted: "Reason accepted",
  not_accepted: "Reason not accepted",
  sent_others: "Others sent",
  told_caller: "Caller told",
});

/** What a fault is called; a code of a newer version is shown as it came. */
export function faultWord(code: string): string {
  return (FAULTS as readonly string[]).includes(code) ? t(code as Fault) : code;
}

export const faultWords = (codes: readonly string[]): string[] => codes.map(faultWord);

/** What a desk said to a delay. */
export function replyWord(code: string): string {
  return code in zh ? t(code as DelayReply) : code;
}
