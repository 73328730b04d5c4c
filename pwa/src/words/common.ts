/**
 * The words every surface shares: states, grades, units of the kit and the few verbs that must be the same
 * everywhere. One word per idea in both languages; `src/ui` uses no other book.
 *
 *     t("met")          // 达标 · Met
 *     t("pending", 3)   // 待传 3 · Waiting 3
 */
import { book } from "./language";

const zh = {
  // the product
  ortoo: "驿传",
  motto: "一站一站，把话传到。",
  // states: one glyph and one word each
  met: "达标",
  missed: "超时",
  undetermined: "无法判定",
  overdue: "已逾时",
  undelivered: "未送达",
  late: "补到",
  provisional: "暂定",
  confirmed: "已确认",
  running: "计时中",
  conflict: "两种说法",
  near: "快到时",
  // sync chip and its three ticks
  pending: (n: number) => `待传 ${n}`,
  uploading: (done: number, all: number) => `上传中 ${done}/${all}`,
  offline: (since: string) => `离线 ${since}`,
  offlineNow: "离线",
  alsoPending: (n: number) => `待传 ${n}`,
  attention: (n: number) => `需处理 ${n}`,
  openOutbox: "打开待传",
  onPhone: "本机",
  atStation: "到所",
  atCentre: "中心确认",
  clockOffset: (offset: string) => `钟差 ${offset}`,
  clockOffsetWhy: "手机的钟不准，时刻改按本机计时器推算。",
  // grades of a time
  grade0: "凭证",
  grade1: "校时",
  grade2: "旁证",
  grade3: "自述",
  cityClock: "市局钟",
  interval: (range: string) => `区间 ${range}`,
  showInterval: "看区间和依据",
  // holding and undoing
  holdOneSecond: "按住 1 秒",
  keepHolding: "继续按住…",
  pressAgain: "再按一次",
  undo: (seconds: number) => `撤销 ${seconds} 秒`,
  // natures of an incident are codes; these three are what a phone chooses from
  civil: "民间纠纷",
  public_order: "治安案件",
  other: "其他",
  // bars and switches
  toNight: "换成夜间",
  toDay: "换成日光",
  lock: "锁定",
  switchLanguage: "English",
  newVersion: "换新版",
  desks: "席位",
  allKeys: "全部按键",
  keys: "按键",
  close: "关闭",
  more: "加",
  less: "减",
  selected: "已选",
  // completeness
  complete: (percent: string) => `数据完整度 ${percent}`,
  silentDevices: (n: number, since: string) => `${n} 台终端 ${since}没回传`,
  completenessUnknown: "完整度不知道",
  comma: "，",
  // timeline
  receivedAt: "入库",
  lateBy: (by: string) => `晚 ${by}`,
  asOf: (time: string) => `${time} 截止 以下当时还不知道`,
  // what to say when there is nothing, not yet, or not now
  retry: "现在再试",
  offlineTitle: (since: string) => `离线 ${since}`,
  offlineText: "照常操作，都存在本机。到所或有信号会自己传。",
  pageNotGot: "这一页没取到",
  pageNotGotText: "本机内容还能看。",
  noSuchPage: "没有这一页",
  noSuchPageText: "地址不对，或者这一页已经挪走。",
  goHome: "回首页",
};

export const t = book(zh, {
  ortoo: "Ortoo",
  motto: "Post by post, word gets through.",
  met: "Met",
  missed: "Missed",
  undetermined: "Undetermined",
  overdue: "Overdue",
  undelivered: "Undelivered",
  late: "Late",
  provisional: "Provisional",
  confirmed: "Confirmed",
  running: "Running",
  conflict: "Two statements",
  near: "Nearly due",
  pending: (n) => `Waiting ${n}`,
  uploading: (done, all) => `Sending ${done}/${all}`,
  offline: (since) => `Offline ${since}`,
  offlineNow: "Offline",
  alsoPending: (n) => `waiting ${n}`,
  attention: (n) => `Needs you ${n}`,
  openOutbox: "Open outbox",
  onPhone: "Phone",
  atStation: "Station",
  atCentre: "Centre",
  clockOffset: (offset) => `Clock ${offset}`,
  clockOffsetWhy: "The phone's clock is off; times are reckoned by its timer instead.",
  grade0: "Receipt",
  grade1: "Synced",
  grade2: "Witness",
  grade3: "Stated",
  cityClock: "City clock",
  interval: (range) => `Interval ${range}`,
  showInterval: "Show interval and reason",
  holdOneSecond: "Hold for 1 s",
  keepHolding: "Keep holding…",
  pressAgain: "Press again",
  undo: (seconds) => `Undo ${seconds} s`,
  civil: "Civil",
  public_order: "Public order",
  other: "Other",
  toNight: "Switch to night",
  toDay: "Switch to day",
  lock: "Lock",
  switchLanguage: "中文",
  newVersion: "New version",
  desks: "Desks",
  allKeys: "All keys",
  keys: "Keys",
  close: "Close",
  more: "More",
  less: "Fewer",
  selected: "Selected",
  complete: (percent) => `${percent} complete`,
  silentDevices: (n, since) => `${n} ${n === 1 ? "device" : "devices"} silent ${since}`,
  completenessUnknown: "Completeness not known",
  comma: ", ",
  receivedAt: "Received",
  lateBy: (by) => `${by} late`,
  asOf: (time) => `As of ${time} what follows was not yet known`,
  retry: "Try now",
  offlineTitle: (since) => `Offline ${since}`,
  offlineText: "Carry on: everything is stored on this phone and sends itself at the station or with signal.",
  pageNotGot: "This page did not arrive",
  pageNotGotText: "What is on this device can still be read.",
  noSuchPage: "No such page",
  noSuchPageText: "The address is wrong, or the page has moved.",
  goHome: "Home",
});

export const NATURES = ["civil", "public_order", "other"] as const;

/** What a nature is called; a code nobody has words for is shown as it came. */
export function natureWord(code: string): string {
  const known = NATURES.find((one) => one === code);
  return known ? t(known) : code;
}
