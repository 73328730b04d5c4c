/**
 * Verdicts in plain words, in both languages: what is found of a clock, what the clock measures, and why nobody can say or
 * why a time is known no better (SPEC VD, TM). The same wherever a verdict is shown: desk, phone, figures, evidence.
 *
 *     resultWord("met")                 // 达标
 *     causeWord("no_sample_after")      // 之后还没对过时
 *     clockWord("C2")                   // 签收，自送达
 */
import { t as common } from "./common";
import { book } from "./language";

const results = {
  pending: "计时中",
  unproven: "没有凭据",
  not_delivered: "未送达",
  no_limit: "只记",
  void: "不再作数",
};
const result = book(results, {
  pending: "Running",
  unproven: "Unproven",
  not_delivered: "Not delivered",
  no_limit: "Measured",
  void: "Void",
});

const clocks = {
  C1: "送达",
  C2: "签收，自送达",
  C2i: "签收，自派出",
  C3: "出警",
  C4: "路上",
  C5: "到场，自派出",
  C6: "首次反馈",
  C7: "结果反馈",
  C7r: "退回修改",
  C8: "审核",
  C9: "回访",
  C10: "整改",
};
const clock = book(clocks, {
  C1: "Delivery",
  C2: "Signing, from delivery",
  C2i: "Signing, from order",
  C3: "Turnout",
  C4: "On the road",
  C5: "Arrival, from order",
  C6: "First feedback",
  C7: "Result feedback",
  C7r: "Correction",
  C8: "Review",
  C9: "Callback",
  C10: "Rectification",
});

const causes = {
  no_sample_before: "之前没对过时",
  no_sample_after: "之后还没对过时",
  slept: "其间手机休眠过",
  clock_step: "其间手机的钟被拨过，或说不准",
  clock_disorder: "手机自己的计时前后对不上",
  forked: "终端的记录分了叉",
  compromised: "终端可能在别人手里时写的",
  written_later: "事后补记，先后只是自述",
  told_by_other: "别人代说，不晚于记下的时候",
  foreign_clock: "别的系统的钟",
  low_grade: "有凭据，级别还不够下结论",
  near_limit: "两头都准，限时正好在误差里",
};
const cause = book(causes, {
  no_sample_before: "the phone's clock was not measured before",
  no_sample_after: "the phone's clock has not been measured since",
  slept: "the phone slept in between",
  clock_step: "the phone's clock was set in between, or nobody can tell",
  clock_disorder: "the phone's own timing contradicts itself",
  forked: "the device's records have forked",
  compromised: "the device may have been in other hands",
  written_later: "written down later; when is only what it says",
  told_by_other: "told by somebody else, no later than it was written",
  foreign_clock: "by another system's clock",
  low_grade: "there is evidence, of too low a grade to decide by",
  near_limit: "both ends are exact, the limit lies within what is uncertain",
});

const SHARED: ReadonlySet<string> = new Set(["met", "missed", "undetermined", "overdue"]);

/** What is found of a clock; a result of a newer version is shown as it came. */
export function resultWord(code: string): string {
  if (SHARED.has(code)) return common(code as "met");
  return code in results ? result(code as "pending") : code;
}

/** What a clock measures. */
export const clockWord = (id: string): string => (id in clocks ? clock(id as "C1") : id);

/** Why nobody can say, or why a time is known no better. */
export const causeWord = (code: string): string => (code in causes ? cause(code as "slept") : code);
