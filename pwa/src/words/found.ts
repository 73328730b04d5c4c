/**
 * The words of verdicts as plain pairs, for pages with and without a framework (SPEC VD, TM): what is found of a clock, what
 * the clocks measure, and why nobody can say or why a time is known no better.
 *
 *     RESULTS["zh-CN"].met       // 达标
 */
const results = {
  met: "达标",
  missed: "超时",
  undetermined: "无法判定",
  overdue: "已逾时",
  pending: "计时中",
  unproven: "没有凭据",
  not_delivered: "未送达",
  no_limit: "只记",
  void: "不再作数",
};
export const RESULTS: Readonly<Record<"zh-CN" | "en", typeof results>> = {
  "zh-CN": results,
  en: {
    met: "Met",
    missed: "Missed",
    undetermined: "Undetermined",
    overdue: "Overdue",
    pending: "Running",
    unproven: "Unproven",
    not_delivered: "Not delivered",
    no_limit: "Measured",
    void: "Void",
  },
};

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
export const CLOCKS: Readonly<Record<"zh-CN" | "en", typeof clocks>> = {
  "zh-CN": clocks,
  en: {
    C1: "Delivery",
    C2: "Sign from delivery",
    C2i: "Sign from order",
    C3: "Turnout",
    C4: "On the road",
    C5: "Arrival, from order",
    C6: "First feedback",
    C7: "Result feedback",
    C7r: "Correction",
    C8: "Review",
    C9: "Callback",
    C10: "Rectification",
  },
};

const causes = {
  no_sample_before: "之前没对过时",
  no_sample_after: "之后还没对过时",
  slept: "其间手机休眠过",
  clock_step: "其间手机的钟被拨过，或说不准",
  station_said: "最晚到何时，只凭派出所一家之言",
  clock_disorder: "手机自己的计时前后对不上",
  forked: "终端的记录分了叉",
  compromised: "终端可能在别人手里时写的",
  written_later: "事后补记，先后只是自述",
  told_by_other: "别人代说，不晚于记下的时候",
  foreign_clock: "别的系统的钟",
  low_grade: "有凭据，级别还不够下结论",
  near_limit: "两头都准，限时正好在误差里",
};
export const CAUSES: Readonly<Record<"zh-CN" | "en", typeof causes>> = {
  "zh-CN": causes,
  en: {
    no_sample_before: "the phone's clock was not measured before",
    no_sample_after: "the phone's clock has not been measured since",
    slept: "the phone slept in between",
    clock_step: "the phone's clock was set in between, or nobody can tell",
    station_said: "how late it can have been rests on a station's word alone",
    clock_disorder: "the phone's own timing contradicts itself",
    forked: "the device's records have forked",
    compromised: "the device may have been in other hands",
    written_later: "written down later; when is only what it says",
    told_by_other: "told by somebody else, no later than it was written",
    foreign_clock: "by another system's clock",
    low_grade: "there is evidence, of too low a grade to decide by",
    near_limit: "both ends are exact, the limit lies within what is uncertain",
  },
};

/** The word of a code in one of these; one of a newer version is shown as it came. */
export function wordIn(words: Readonly<Record<string, string>>, code: string): string {
  return Object.hasOwn(words, code) ? (words[code] as string) : code;
}
