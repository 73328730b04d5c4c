/**
 * The words for what waits: marks of the sides, an op as its author wrote it, how a statement came, why a record is here.
 * Knows the words; decides nothing.
 *
 *     opText(op, org, nowMs)   // { title: "派给昂素快反", text: "" }
 */
import { fieldWord, valueWord } from "../../centre/facts";
import { milestoneWord, wordOf } from "../../centre/words";
import { about, clockSeconds, distance } from "../../ui/format";
import { language } from "../../words/language";
import { clocksOf, metres } from "./effects";
import type { Item, Statement } from "./model";
import type { Incident, Org, QueuedSet, WrittenOp } from "./types";
import { t } from "./words";

const MARKS = [..."甲乙丙丁戊己庚辛壬癸"];

/** What a side is called: 甲, 乙 … or A, B …. */
export function markOf(at: number): string {
  return language.value === "en" ? String.fromCharCode(65 + (at % 26)) : (MARKS[at] ?? String(at + 1));
}
export const comma = (): string => (language.value === "en" ? ", " : "，");

export function subjectOf(item: Item): string {
  if (item.type === "fact") return fieldWord(item.fact.f);
  if (item.type === "step") return t(`s_${item.step.kind}` as "s_arrived");
  return item.set.kind === "opaque" && item.set.ops.length === 0
    ? t("opaque")
    : (mainOp(item.set)?.title ?? wordOf(item.set.kind));
}
export function affectsText(item: Item): string {
  const clocks = clocksOf(item).map((id) => t(id as "C1"));
  return clocks.length > 0 ? t("affects", clocks.join(t("and"))) : t("affectsNothing");
}

/** How a statement came: whose words, and over which way. */
export function basisOf({ said, claim }: Statement): string {
  const late = said.late_entry ? t("afterwards") : null;
  return [howOf({ said, claim, value: null }), late, ...said.flags.map(wordOf)].filter(Boolean).join(comma());
}
function howOf({ said, claim }: Statement): string {
  if (claim?.said_by && claim.said_by !== said.by) return t("byVoice", wordOf(claim.via), said.by_name);
  if (claim?.via === "import") return t("imported");
  if (claim?.via === "system") return t("bySystem");
  if (said.device === "") return t("atDesk");
  return t(claim ? "pressed" : "wroteOnPhone");
}

export function positionOf({ claim }: Statement, incident: Incident | null): string {
  const position = claim?.position;
  if (!position) return t("noPosition");
  const within = distance(position[2], language.value);
  const point = incident?.view.fields["point"]?.[0]?.v;
  if (Array.isArray(point) && point.length === 2) {
    const far = metres([position[0], position[1]], [Number(point[0]), Number(point[1])]);
    return t("fromCaller", distance(far, language.value), within);
  }
  return t("at", `${(position[0] / 1e7).toFixed(5)}, ${(position[1] / 1e7).toFixed(5)}`, within);
}

export interface OpText {
  readonly title: string;
  readonly text: string;
}
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const PLAIN = {
  "milestone.withdraw": "claimBack",
  "milestone.dispute": "claimOut",
  "order.withdraw": "orderBack",
  "order.return_request": "returnAsk",
  "incident.link": "linkOp",
  "incident.unlink": "unlinkOp",
  "incident.withdraw": "withdrawOp",
  "incident.close": "closeOp",
  "incident.reopen": "reopenOp",
  "callback.attempt": "callOp",
  "callback.withdraw": "callBackOp",
  "feedback.review": "reviewOp",
  "nature.rule": "natureOp",
  "verdict.override": "findingOp",
  "delay.answer": "delayAnswerOp",
  "rectify.order": "rectifyOp",
  "rectify.done": "rectifiedOp",
  "supervise.open": "superviseOp",
  "supervise.close": "superviseEndOp",
  "entry.correct": "correctOp",
  "set.add": "tagOp",
  "set.remove": "tagOp",
  "latest.set": "colourOp",
  "chain.open": "chainOp",
  redacted: "redactedOp",
} as const;
const ENTRIES = {
  note: "noteOp",
  delay_reason: "delayOp",
  nudge: "nudgeOp",
  call: "callNoteOp",
  handover: "handoverOp",
  answer: "answerOp",
} as const;
const SOURCES = { desk: "createDesk", self: "createSelf", import: "createImport", video: "createVideo" } as const;

function target(to: unknown, org: Org | null): string {
  if (!Array.isArray(to)) return "";
  const [kind, id] = to as [string, string];
  const rows = { unit: org?.units, person: org?.people, vehicle: org?.vehicles }[kind];
  return rows?.find((one) => one.id === id)?.name ?? wordOf(kind);
}
const named = (rows: Org["people"] | undefined, id: unknown): string => rows?.find((one) => one.id === id)?.name ?? "";

/** One op in plain words: what it does, and what it says. */
export function opText({ t: kind, fields }: WrittenOp, org: Org | null, nowMs: number): OpText {
  const why = text(fields["why"]) || text(fields["text"]);
  const has = <Key extends string>(table: Readonly<Record<Key, unknown>>, key: unknown): key is Key =>
    typeof key === "string" && key in table;
  switch (kind) {
    case "incident.create":
      return {
        title: t("createOp"),
        text: has(SOURCES, fields["source"]) ? t(SOURCES[fields["source"]]) : text(fields["source"]),
      };
    case "fact.set":
      return { title: fieldWord(text(fields["f"])), text: valueWord(text(fields["f"]), fields["v"], org, nowMs) };
    case "milestone.claim": {
      const data = (fields["data"] ?? {}) as Record<string, unknown>;
      const step = milestoneWord(text(fields["kind"]));
      const who = named(org?.people, fields["by"]);
      return { title: who ? t("claimFor", step, who) : t("claimOp", step), text: text(data["text"]) };
    }
    case "entry.add":
      return {
        title: t(has(ENTRIES, fields["kind"]) ? ENTRIES[fields["kind"]] : "noteOp"),
        text: text(fields["text"]),
      };
    case "order.issue":
      return { title: t("issueOp", target(fields["to"], org)), text: "" };
    case "order.reassign":
      return { title: t("reassignOp", target(fields["to"], org)), text: why };
    case "order.return_review":
      return { title: t(fields["ok"] === true ? "returnYes" : "returnNo"), text: why };
    case "incident.transfer":
      return { title: t("transferOp", named(org?.stations, fields["station"])), text: why };
    case "incident.close":
      return {
        title: t("closeOp"),
        text: fields["result"] === undefined ? "" : valueWord("result", fields["result"], org, nowMs),
      };
    default:
      if (has(PLAIN, kind)) return { title: t(PLAIN[kind]), text: why || text(fields["v"]) };
      return { title: t("unknownOp", kind), text: why };
  }
}

const OBSERVATIONS = new Set([
  "fact.set",
  "entry.add",
  "milestone.claim",
  "set.add",
  "set.remove",
  "latest.set",
  "chain.open",
]);
/** The op a record is called after: its command where it has one, since that is what waits. */
export function mainOp({ ops }: QueuedSet, org: Org | null = null, nowMs = 0): OpText | null {
  const main = ops.find((op) => !OBSERVATIONS.has(op.t)) ?? ops[0];
  return main ? opText(main, org, nowMs) : null;
}

/** What a record is about: its incident, with the title that it gives itself where that is not taken yet. */
export function aboutText({ incident, ops }: QueuedSet): string {
  const own = text(ops.find(({ t: kind, fields }) => kind === "fact.set" && fields["f"] === "title")?.fields["v"]);
  return [incident?.number ?? incident?.tag, incident?.title || own].filter(Boolean).join(" ");
}

const WHYS = [
  "unenrolled",
  "fork",
  "revoked_straddle",
  "authority_straddles",
  "stale_lease",
  "no_authority",
  "revoked",
  "dep_rejected",
  "id_exists",
  "bad_op",
  "unknown_entity_kind",
  "not_admitted",
  "refused",
  "newer_version",
] as const;

/** Why a record is here, as a sentence. */
export function whyText({ kind, why, decision }: QueuedSet): string {
  if (kind === "compromised" && (decision === "accepted" || decision === "accepted_late")) return t("y_compromised");
  const known = WHYS.find((one) => one === why);
  return known ? t(`y_${known}`) : t("y_other", why ?? kind);
}

/** How far apart the sides are, for one look at the axis. */
export function apartText(moments: readonly number[]): string {
  return t("axisNote", about(Math.max(...moments) - Math.min(...moments), language.value));
}
export const when = (atMs: number): string => clockSeconds(atMs);
