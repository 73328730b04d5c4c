/**
 * Sets and ops as one line of plain words, for the outbox and the timeline; and refusals as reasons.
 *
 * Responsible for choosing words only. An op this version does not know is shown as such, never hidden.
 *
 *     lineOf(set)?.text;       // 到场 14:57:32
 *     headingOf(answer);       // 这个动作要值班台来做，中心没收
 */
import { NEEDS_CODE, NEEDS_UPDATE, REVOKED } from "../../device/link";
import { needsAuthor } from "../../device/outbox";
import { DAMAGED, type OwnSet, type PushAnswer, type Reached } from "../../device/vault";
import { decode, type Value } from "../../sync/canon";
import { toHex } from "../../sync/ids";
import type { TimelineItem } from "../../sync/incident/timeline";
import { clockSeconds, maskedPhone } from "../../ui/format";
import { t as common, natureWord } from "../../words/common";
import { faultWords, replyWord } from "../../words/feedback";
import { categoryLabel, resultLabel } from "./catalog";
import { type Job, returnedFeedback } from "./model";
import type { Officer } from "./officer";
import { t } from "./words";

type Word = Parameters<typeof t>[0];
type Fields = { readonly [field: string]: Value };

const STEP: Record<string, Word> = {
  delivered: "delivered",
  signed: "signed",
  departed: "departed",
  arrived: "arrived",
  cleared: "clearedLong",
  feedback: "feedback",
};
const ENTRY: Record<string, Word> = {
  note: "lineNote",
  delay_reason: "lineDelay",
  nudge: "lineNudge",
  call: "lineCall",
  handover: "lineHandover",
  answer: "lineAnswer",
};
const FACT: Record<string, Word> = {
  title: "factTitle",
  category: "factCategory",
  place: "factPlace",
  point: "factPoint",
  caller_name: "factCallerName",
  caller_phone: "factCallerPhone",
  narrative: "factNarrative",
  level: "factLevel",
  tier: "factTier",
  result: "factResult",
  nature: "factNature",
  casualties: "factCasualties",
  rescued: "factRescued",
  seized: "factSeized",
  source_no: "factSource",
};
const OTHER: Record<string, Word> = {
  "entry.correct": "lineCorrect",
  "order.return_request": "lineReturn",
  "order.issue": "lineIssue",
  "order.withdraw": "lineOrderWithdrawn",
  "order.reassign": "lineReassign",
  "incident.transfer": "lineTransfer",
  "incident.link": "lineLink",
  "incident.unlink": "lineUnlink",
  "incident.close": "lineClose",
  "incident.reopen": "lineReopen",
  "incident.withdraw": "lineWithdrawn",
  "callback.attempt": "lineCallback",
  "callback.withdraw": "lineCallbackBack",
  "nature.rule": "lineNature",
  "verdict.override": "lineFound",
  "delay.answer": "lineDelayAnswer",
  "rectify.order": "lineRectify",
  "rectify.done": "lineRectified",
  "supervise.open": "lineListed",
  "supervise.close": "lineListedEnd",
  "set.add": "lineTag",
  "set.remove": "lineTag",
  "latest.set": "lineTag",
  "chain.open": "lineOpen",
  "clock.obs": "lineClock",
};
const STATUS = {
  reported: "statusReported",
  assigned: "statusAssigned",
  delivered: "statusDelivered",
  signed: "statusSigned",
  departed: "statusDeparted",
  arrived: "statusArrived",
  cleared: "statusCleared",
  closed: "statusClosed",
  withdrawn: "statusWithdrawn",
  duplicate: "statusDuplicate",
} as const satisfies Record<string, Word>;

/** A message that takes no argument. */
const plain = (word: Word): string => (t as (word: Word) => string)(word);
const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");

/** What a phone is told that the centre refuses, and what helps. */
export function refusedWords(code: string): { title: string; text: string } {
  if (code === NEEDS_CODE) return { title: t("placeTaken"), text: t("placeTakenWhy") };
  if (code === REVOKED) return { title: t("revoked"), text: t("revokedWhy") };
  if (code === NEEDS_UPDATE) return { title: t("otherVersion"), text: t("otherVersionWhy") };
  return { title: t("suspended"), text: t("suspendedWhy", code) };
}

/** How a job stands, in one word: the order's own status where there is one. */
export function statusWord(job: Job): string {
  if (job.stage === "report" && returnedFeedback(job)) return t("statusReturned");
  const over = job.incident.status;
  if (over === "closed" || over === "withdrawn" || over === "duplicate") return plain(STATUS[over]);
  if (job.order && !job.order.open) return t("notOpen");
  if (job.stage === "done") return t("statusFedBack");
  const status = job.order?.status ?? over;
  return plain(STATUS[status === "issued" ? "assigned" : status]);
}

/** What one op says, without its time. `said` looks up the claim a withdrawal speaks of. */
function opWord(op: Fields, said: (claim: Uint8Array) => string): string {
  const kind = text(op["kind"]);
  switch (op["t"]) {
    case "incident.create":
      return t(op["source"] === "self" ? "lineCreate" : "lineImport");
    case "milestone.claim":
      return kind in STEP ? plain(STEP[kind] as Word) : t("lineOther");
    case "milestone.withdraw":
    case "milestone.dispute": {
      const claim = op["claim"];
      const what = claim instanceof Uint8Array ? said(claim) : "";
      return op["t"] === "milestone.withdraw" ? t("lineWithdraw", what) : t("lineDispute", what);
    }
    case "entry.add":
      return kind in ENTRY ? plain(ENTRY[kind] as Word) : t("lineOther");
    case "fact.set":
      return t("lineFact", plain(FACT[text(op["f"])] ?? "lineOther"));
    case "feedback.review":
      return t(op["verdict"] === "return" ? "lineReturned" : "linePassed");
    case "order.return_review":
      return t(op["ok"] === true ? "lineReturnOk" : "lineReturnNo");
    default:
      return plain(OTHER[text(op["t"])] ?? "lineOther");
  }
}

const RANK = ["incident.create", "milestone.claim", "milestone.withdraw", "order.return_request", "entry.add"];

/** One line for a set: its weightiest op, with the time for a milestone, the words for a note, the number for a count. Null when unreadable. */
export function lineOf(set: OwnSet): { text: string; kind: string } | null {
  let ops: Fields[];
  try {
    const [, , body] = decode(set.raw) as [Value, Value, Uint8Array | null];
    if (body === null) return { text: t("redactedWords"), kind: "" };
    ops = (decode(body) as [Value, Value, Value, Fields[]])[3];
  } catch {
    return null;
  }
  const weight = (op: Fields): number => {
    const at = RANK.indexOf(text(op["t"]));
    return at < 0 ? RANK.length : at;
  };
  const op = ops.reduce((a, b) => (weight(b) < weight(a) ? b : a));
  const word = opWord(op, () => "");
  const kind = text(op["kind"]);
  if (op["t"] === "milestone.claim" && kind !== "feedback")
    return { text: `${word} ${clockSeconds(set.wroteAtMs)}`, kind };
  if (op["t"] === "entry.add") return { text: `${word} ${text(op["text"])}`, kind };
  if (op["t"] === "fact.set" && typeof op["v"] === "number") return { text: `${word} ${op["v"]}`, kind };
  return { text: word, kind };
}

/** Why the centre did not take a set, or keeps it for a person. */
export const REASONS: Record<string, Word> = {
  no_authority: "whyNoAuthority",
  id_exists: "whyIdExists",
  bad_op: "whyBadOp",
  unknown_entity_kind: "whyUnknownKind",
  unenrolled: "whyUnenrolled",
  fork: "whyFork",
  newer_version: "whyNewer",
  revoked: "whyRevoked",
  dep_rejected: "whyDepRejected",
  not_admitted: "whyRefused",
  revoked_straddle: "whyRevokedStraddle",
  authority_straddles: "whyAuthorityStraddles",
  stale_lease: "whyStaleLease",
  bad_signature: "whySignature",
  too_large: "whyTooLarge",
  malformed: "whyMalformed",
};

/** What became of a set its author has to look at, and why, in one line; an unknown code is shown as it came. */
export function headingOf(answer: PushAnswer): string {
  if (answer.r === DAMAGED) return t("damagedTitle");
  if (!needsAuthor(answer)) return t("askedTitle");
  const code = answer.why ?? answer.r;
  const word = REASONS[code] ?? REASONS[answer.r];
  return t(answer.d === "held" ? "heldTitle" : "refusedTitle", word ? plain(word) : code);
}

const CURES: Record<string, Word> = {
  no_authority: "cureDesk",
  revoked: "cureRevoked",
  dep_rejected: "cureDep",
  id_exists: "cureAgain",
  bad_op: "cureAgain",
};

/** What the author can do about a set that does not count; null where there is nothing. */
export function cureOf(answer: PushAnswer | null): string | null {
  if (answer?.r === DAMAGED) return t("cureDamaged");
  if (answer?.d === "held" || answer?.d === "opaque") return t("cureWait");
  const word = CURES[answer?.why ?? ""];
  return word ? plain(word) : null;
}

/** One entry of an incident's timeline, in words. */
export interface StoryLine {
  op: string;
  atMs: number;
  text: string;
  details: { label: string; text: string }[];
  who: string;
  lateByMs: number | null;
  pending: boolean;
  refused: boolean;
  /** Taken back, disputed or corrected: struck through, still there. */
  struck: boolean;
  /** The words that stand instead, for a corrected entry. */
  correction: string | null;
  mark: string | null;
  /** How far it has come, where it is my own or not yet ruled on by the centre. */
  reached: Reached | null;
}

const VIA: Record<string, Word> = { system: "viaSystem", radio: "viaRadio", phone: "viaPhone", import: "viaImport" };

/**
 * Every entry by event time. Facts of one action stand as details of its first line: one action is one line. `come`: how far
 * its set has come, by the first half of its id.
 */
export function storyLines(
  items: readonly TimelineItem[],
  officer: Officer,
  come: ReadonlyMap<string, Reached> = new Map(),
): StoryLine[] {
  const byOp = new Map(items.map((item) => [item.key, item]));
  const disputed = new Set(
    items.flatMap((item) => (item.t === "milestone.dispute" && item.about ? [toHex(item.about)] : [])),
  );
  const said = (claim: Uint8Array): string => {
    const item = byOp.get(toHex(claim));
    return item?.kind && item.kind in STEP ? plain(STEP[item.kind] as Word) : "";
  };
  const lines = new Map<string, StoryLine>();
  for (const item of leadersFirst(items)) {
    const detail = detailOf(item, officer);
    const action = item.key.slice(0, SET_HEX);
    const leader = lines.get(action);
    if (leader && item.t === "fact.set") {
      if (detail) leader.details.push({ label: plain(FACT[item.field ?? ""] ?? "lineOther"), text: detail });
      continue;
    }
    const reached = come.get(action) ?? null;
    // What a station thinks of a set is no refusal.
    const refused = reached !== "station" && (item.decision === "rejected" || item.decision === "held");
    const by = officer.person(toHex(item.by));
    const via = item.via && item.via in VIA ? plain(VIA[item.via] as Word) : null;
    const who = item.saidBy ? t("saidBy", officer.person(toHex(item.saidBy)), by) : by;
    lines.set(leader ? item.key : action, {
      op: item.key,
      atMs: item.at,
      text: opWord(item.fields, said),
      details: detail ? [{ label: "", text: detail }] : [],
      who: via ? `${who} ${via}` : who,
      lateByMs: item.lateBy,
      pending: item.pending || reached === "station",
      refused,
      struck: item.struck,
      correction: item.correction?.text ?? null,
      mark: markOf(item, refused, disputed.has(item.key), reached === "station"),
      reached,
    });
  }
  return [...lines.values()].sort((a, b) => a.atMs - b.atMs);
}

function markOf(item: TimelineItem, refused: boolean, disputed: boolean, atStation: boolean): string | null {
  if (refused) return t("rejectedMark");
  if (item.struck && item.t === "milestone.claim") return t(disputed ? "disputedMark" : "withdrawnMark");
  if (atStation) return t("atStationWaits");
  if (item.pending) return t("pendingMark");
  return item.lateEntry ? t("lateEntry") : null;
}

/** Hex digits of an op id that name its set (SPEC ID5). */
const SET_HEX = 32;

/** Within one action, what it is about before the facts it brings. */
function leadersFirst(items: readonly TimelineItem[]): TimelineItem[] {
  return [...items.filter((item) => item.t !== "fact.set"), ...items.filter((item) => item.t === "fact.set")];
}

function detailOf(item: TimelineItem, officer: Officer): string {
  const org = officer.device.org.value;
  const { fields } = item;
  const value = fields["v"];
  if (item.redacted && item.t !== "milestone.claim") return t("redactedWords");
  switch (item.t) {
    case "fact.set":
      if (item.field === "category") return categoryLabel(org, text(value));
      if (item.field === "level" && typeof value === "number") return t("levels", value);
      if (item.field === "tier") return value === 0 ? t("asap") : t("minutes", Number(value));
      if (item.field === "nature") return natureWord(text(value));
      if (item.field === "caller_phone") return maskedPhone(text(value)).replaceAll(" ", "\u00a0");
      if (item.field === "result") return resultLabel(org, text(value));
      if (Array.isArray(value)) return value.map((part) => (Number(part) / 1e7).toFixed(5)).join(", ");
      return typeof value === "string" || typeof value === "number" ? String(value) : "";
    case "order.issue":
    case "order.reassign": {
      const to = fields["to"];
      if (!Array.isArray(to) || !(to[1] instanceof Uint8Array)) return "";
      const id = toHex(to[1]);
      return (to[0] === "person" ? officer.person(id) : (org.units.get(id) ?? org.vehicles.get(id))?.name) ?? "";
    }
    case "milestone.claim":
      return item.text ?? "";
    case "feedback.review": {
      const faults = Array.isArray(fields["faults"]) ? faultWords(fields["faults"].map(String)) : [];
      return [...faults, ...(item.text ? [item.text] : [])].join(common("comma"));
    }
    case "nature.rule":
      return natureWord(text(fields["nature"]));
    case "delay.answer":
      return [replyWord(text(fields["reply"])), ...(item.text ? [item.text] : [])].join(common("comma"));
    default:
      return item.text ?? item.why ?? "";
  }
}
