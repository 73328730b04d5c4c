/**
 * What every desk of the centre says in the same words: roles, states of an incident, milestones, why a record did not
 * count, and what to do when the server refuses.
 *
 *     t("asOfLast", "14:32:07")   // 画面停在 14:32:07
 */
import { book } from "../words/language";

const zh = {
  // the strap
  centreUp: "中心在线",
  stationUp: "本所在线",
  centreSilent: "中心没有回音",
  devices: "终端",
  timeline: "时间线",
  signOut: "退出",
  // the desk without an answer
  noAnswerTitle: (since: string) => `中心 ${since}没有回音`,
  noAnswerText: (at: string) => `画面停在 ${at}，倒计时照走。联系上会自己更新，这期间写的没有发出去。`,
  noAnswerFirst: "联系上会自己打开。现场的手机照常记录，不受影响。",
  // roles
  dispatcher: "指挥席",
  commander: "指挥长",
  station: "所值班",
  supervisor: "督察",
  reviewer: "审核席",
  callback: "回访席",
  admin: "管理员",
  officer: "民警",
  guard: "护学岗",
  // states of an incident
  reported: "已报",
  assigned: "已派",
  issued: "已派",
  delivered: "已送达",
  signed: "已签收",
  departed: "已出发",
  arrived: "已到场",
  cleared: "处置完毕",
  closed: "已办结",
  withdrawn: "已撤销",
  duplicate: "已并案",
  // milestones, as things that happen
  doDelivered: "送达",
  doSigned: "签收",
  doDeparted: "出发",
  doArrived: "到场",
  doCleared: "处置完毕",
  doFeedback: "反馈",
  // facts about an incident
  level: (n: number) => `${["", "一级", "二级", "三级", "四级"][n] ?? `${n} 级`}`,
  round: (n: number) => `第 ${n} 轮`,
  asap: "尽快到场",
  tierMinutes: (n: number) => `${n} 分内到场`,
  exercise: "演练",
  unnamed: "没有案由",
  nowhere: "地点未填",
  noStation: "未定所",
  someone: "不知名",
  nobody: "没有指名",
  unit: "班组",
  person: "个人",
  vehicle: "车辆",
  radio: "电台",
  phone: "电话",
  message: "消息",
  // whom the nudging plan tells, how, and of which clock
  to_receiver: "接警的人",
  to_desk: "值班台",
  to_callback: "回访台",
  to_reviewer: "审核员",
  to_station: "派出所",
  to_commander: "指挥长",
  by_push: "再推一次手机",
  by_desk: "列入待办",
  by_station: "列入待办",
  by_commander: "列入待办",
  by_radio: "用电台叫",
  by_phone: "打电话",
  late_C1: "没送到手机",
  late_C2: "没签收",
  late_C3: "签收后没出发",
  late_C5: "没到场",
  late_C6: "欠首次反馈",
  late_C7: "欠结果反馈",
  late_C7r: "欠改正的反馈",
  late_C8: "欠审核",
  late_C9: "欠回访",
  // outcomes of callback attempts
  reached: "接通",
  no_answer: "没人接",
  refused: "不愿受访",
  wrong_number: "号码不对",
  no_phone: "没有号码",
  satisfied: "满意",
  basically: "基本满意",
  dissatisfied: "不满意",
  // why a record did not count
  decisionHeld: "先存着，还不算数",
  decisionRejected: "中心没收",
  decisionOpaque: "原样存着，读不懂",
  no_authority: "没有这项权限",
  id_exists: "编号已被占用",
  bad_op: "缺必填的一项",
  unknown_entity_kind: "不认识这类记录",
  unenrolled: "终端没登记",
  fork: "终端的记录分了叉",
  newer_version: "新版写的，等升级",
  revoked: "终端停用之后写的",
  dep_rejected: "它说的那一条没被收下",
  not_admitted: "值班台看过，没有收下",
  revoked_straddle: "说不准是停用前还是停用后写的",
  authority_straddles: "写的前后职务有变动",
  stale_lease: "终端离线太久",
  // doubts about a record
  clock_ahead: "终端的钟快",
  compromised: "终端可能在别人手里时写的",
  floored: "中心的钟回拨过，顺序照旧",
  gap: "入库时前面的还没到",
  rights_uncertain: "说不准是停用前还是停用后写的",
  seen_unknown: "它见过的中心记录，这里没有",
  beacon_unknown: "它带的时间凭据不是本中心所发",
  // completeness
  silentDevices: (n: number, longest: string) =>
    n === 1 ? `1 台终端 ${longest}没回传` : `${n} 台终端没回传，最久 ${longest}`,
  // one thing said of another
  of: (whom: string, what: string) => `${whom}：${what}`,
  // dialogs
  close: "关闭",
  cancel: "不做了",
  tryAgain: "再试",
  code: (code: string) => `代号 ${code}`,
};

export const t = book(zh, {
  centreUp: "Centre up",
  stationUp: "Station up",
  centreSilent: "Centre silent",
  devices: "devices",
  timeline: "Timeline",
  signOut: "Sign out",
  noAnswerTitle: (since) => `No answer from the centre for ${since}`,
  noAnswerText: (at) =>
    `The picture is from ${at}; countdowns go on. It renews itself on contact. Nothing written meanwhile is sent.`,
  noAnswerFirst: "It opens itself on contact. Phones in the field go on recording.",
  dispatcher: "Command seat",
  commander: "Commander",
  station: "Station duty",
  supervisor: "Inspectorate",
  reviewer: "Reviewer",
  callback: "Callback seat",
  admin: "Administrator",
  officer: "Officer",
  guard: "Guard post",
  reported: "Reported",
  assigned: "Ordered",
  issued: "Ordered",
  delivered: "Delivered",
  signed: "Signed",
  departed: "Under way",
  arrived: "On scene",
  cleared: "Cleared",
  closed: "Closed",
  withdrawn: "Withdrawn",
  duplicate: "Duplicate",
  doDelivered: "Delivered",
  doSigned: "Signed",
  doDeparted: "Departed",
  doArrived: "Arrived",
  doCleared: "Cleared",
  doFeedback: "Feedback",
  level: (n) => `Level ${n}`,
  round: (n) => `Round ${n}`,
  asap: "Arrive ASAP",
  tierMinutes: (n) => `Arrive in ${n} min`,
  exercise: "Exercise",
  unnamed: "No title",
  nowhere: "No place given",
  noStation: "No station",
  someone: "Unknown",
  nobody: "Nobody named",
  unit: "Unit",
  person: "Person",
  vehicle: "Vehicle",
  radio: "Radio",
  phone: "Phone",
  message: "Message",
  to_receiver: "the receiver",
  to_desk: "the desk",
  to_callback: "the callback desk",
  to_reviewer: "the reviewer",
  to_station: "the station",
  to_commander: "the commander",
  by_push: "phone knocked at again",
  by_desk: "on the list",
  by_station: "on the list",
  by_commander: "on the list",
  by_radio: "to be called by radio",
  by_phone: "to be called by phone",
  late_C1: "no phone has it",
  late_C2: "not signed",
  late_C3: "signed, nothing follows",
  late_C5: "not there",
  late_C6: "first feedback owed",
  late_C7: "final feedback owed",
  late_C7r: "corrected feedback owed",
  late_C8: "review owed",
  late_C9: "callback owed",
  reached: "Reached",
  no_answer: "No answer",
  refused: "Declined",
  wrong_number: "Wrong number",
  no_phone: "No number",
  satisfied: "Satisfied",
  basically: "Fairly satisfied",
  dissatisfied: "Dissatisfied",
  decisionHeld: "Kept, does not count yet",
  decisionRejected: "Not taken by the centre",
  decisionOpaque: "Kept as it is, not readable here",
  no_authority: "no authority for it",
  id_exists: "the id is taken",
  bad_op: "a required part is missing",
  unknown_entity_kind: "unknown kind of record",
  unenrolled: "the device is not enrolled",
  fork: "the device's records fork",
  newer_version: "written by a newer app",
  revoked: "written after the device was suspended",
  dep_rejected: "what it speaks of was not taken",
  not_admitted: "the desk looked at it and did not take it",
  revoked_straddle: "perhaps written after the suspension",
  authority_straddles: "the author's role changed around the time",
  stale_lease: "the device was out of touch for too long",
  clock_ahead: "the device's clock is fast",
  compromised: "the device may have been in other hands",
  floored: "the centre's clock went back; the order stands",
  gap: "came in before earlier ones",
  rights_uncertain: "perhaps written after the suspension",
  seen_unknown: "it has seen rulings that this centre does not have",
  beacon_unknown: "its time beacon was not given by this centre",
  silentDevices: (n, longest) =>
    n === 1 ? `1 device silent ${longest}` : `${n} devices silent, the longest ${longest}`,
  of: (whom, what) => `${whom}: ${what}`,
  close: "Close",
  cancel: "Leave it",
  tryAgain: "Try again",
  code: (code) => `Code ${code}`,
});

type Word = Parameters<typeof t>[0];
const KNOWN: ReadonlySet<string> = new Set(Object.keys(zh).filter((key) => typeof zh[key as Word] === "string"));

/** The word of a closed set that came from the server; one we do not know is shown as it came. */
export function wordOf(code: string): string {
  return KNOWN.has(code) ? t(code as "unit") : code;
}

/** The flag that says no more than the reason it comes with (SPEC RL2). */
const FLAG_OF: Readonly<Record<string, string>> = {
  fork: "fork",
  revoked_straddle: "rights_uncertain",
  stale_lease: "stale_lease",
};

/** The flags of a record that tell more than why it does not count. */
export function flagsBeside(why: string | null, flags: readonly string[]): string[] {
  return flags.filter((flag) => why === null || flag !== FLAG_OF[why]);
}

const MILESTONES = {
  delivered: "doDelivered",
  signed: "doSigned",
  departed: "doDeparted",
  arrived: "doArrived",
  cleared: "doCleared",
  feedback: "doFeedback",
} as const;

/** A milestone as something that happens: 签收, not 已签收. */
export function milestoneWord(kind: string): string {
  return kind in MILESTONES ? t(MILESTONES[kind as keyof typeof MILESTONES]) : kind;
}

/** How soon someone must be there: 0 is as soon as possible. */
export function tierWord(tier: number): string {
  return tier === 0 ? t("asap") : t("tierMinutes", tier);
}
