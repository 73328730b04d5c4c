/**
 * What a line of the timeline says, in both languages: a bold word for what it is, then who and what, then a second line
 * with how it came. Knows the words; decides nothing.
 *
 *     say(line, context)   // { title: "签收", text: "苏和", note: "" }
 */
import { fieldRank, fieldWord, valueWord } from "../../../centre/facts";
import { t as common, flagsBeside, milestoneWord, wordOf } from "../../../centre/words";
import { about, clockSeconds, instant } from "../../../ui/format";
import { natureWord } from "../../../words/common";
import { faultWords, replyWord } from "../../../words/feedback";
import { language } from "../../../words/language";
import { clockWord, resultWord } from "../../../words/verdicts";
import { targetName } from "../targets";
import type { Entry, Org, Target, View } from "../types";
import { counts, type EntryLine, isProxy, lateness } from "./lines";
import { t } from "./words";

export interface Context {
  readonly org: Org | null;
  readonly view: View;
  readonly nowMs: number;
}
export interface Said {
  readonly title: string;
  readonly text: string;
  readonly note: string;
}

const comma = (): string => (language.value === "en" ? ", " : "，");
type Parts = readonly (string | null | undefined | false)[];
/** Parts on one line; a part that already ends its sentence loses the stop before the comma. */
function join(parts: Parts, between = comma()): string {
  const said = parts.filter((part): part is string => typeof part === "string" && part !== "");
  return said.map((part, at) => (at < said.length - 1 ? part.replace(/[。.；;，,]+$/, "") : part)).join(between);
}
/** The second line: parts that are sentences of their own. */
const noted = (parts: Parts): string => join(parts, language.value === "en" ? "; " : comma());
const fields = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Facts in the order of the panel, whatever order they were written in. */
function factText(entries: readonly Entry[], { org, nowMs }: Context): string {
  const inOrder = [...entries].sort((a, b) => fieldRank(a.field ?? "") - fieldRank(b.field ?? ""));
  return join(
    inOrder.map(({ field, value }) => {
      const word = valueWord(field ?? "", value, org, nowMs);
      return field === "level" || field === "tier" ? word : `${fieldWord(field ?? "")} ${word}`;
    }),
  );
}

/** The reason a person gave; the reason the centre gave for not counting it stands elsewhere. */
const whyOf = (entry: Entry): string | null => (counts(entry) ? entry.why : null);

const CREATED = { import: "createImport", desk: "createDesk", self: "createSelf", video: "createVideo" } as const;
const ENTRIES = ["note", "nudge", "call", "delay_reason", "handover", "answer"] as const;

function created(line: EntryLine, context: Context): Said {
  const source = String(fields(line.entry.value)["source"]);
  const title = source in CREATED ? t(CREATED[source as keyof typeof CREATED]) : wordOf(source);
  const named = line.facts.find(({ field }) => field === "title");
  const rest = line.facts.filter((fact) => fact !== named);
  return {
    title,
    text: named ? String(named.value) : line.entry.by_name,
    note: join([named && line.entry.by_name, factText(rest, context)]),
  };
}

function claimed(entry: Entry, line: EntryLine, context: Context): Said {
  const data = fields(entry.value);
  const who = entry.said_by_name ?? entry.by_name;
  const feedback = entry.kind === "feedback";
  const title = feedback
    ? t(data["final"] === true ? "finalFeedback" : "firstFeedback")
    : milestoneWord(entry.kind ?? "");
  const result =
    typeof data["result"] === "string" ? valueWord("result", data["result"], context.org, context.nowMs) : "";
  const text = entry.kind === "delivered" && entry.via === "system" ? t("phoneOf", who) : who;
  return {
    title,
    text: join([text, feedback && result, feedback && entry.text]),
    note: isProxy(entry) ? t("proxyNote", wordOf(entry.via ?? ""), entry.by_name, who) : factText(line.facts, context),
  };
}

function ordered(entry: Entry, context: Context): Said {
  const to = fields(entry.value)["to"] as Target | undefined;
  const whom = to ? targetName(context.org, to) : "";
  switch (entry.t) {
    case "order.issue":
      return {
        title: t("issue"),
        text: join([whom, entry.kind !== "dispatch" && wordOf(entry.kind ?? "")]),
        note: entry.by_name,
      };
    case "order.reassign":
      return { title: t("reassign"), text: whom, note: join([entry.by_name, whyOf(entry)]) };
    case "order.withdraw":
      return { title: t("orderWithdrawn"), text: orderName(entry, context), note: join([entry.by_name, whyOf(entry)]) };
    case "order.return_request":
      return { title: t("returnRequest"), text: join([entry.by_name, whyOf(entry)]), note: "" };
    default:
      return {
        title: t(fields(entry.value)["ok"] === true ? "returnOk" : "returnNo"),
        text: orderName(entry, context),
        note: join([entry.by_name, whyOf(entry)]),
      };
  }
}

function orderName(entry: Entry, { view, org }: Context): string {
  const order = view.orders.find(({ id }) => id === entry.order);
  return order ? targetName(org, order.to) : "";
}

/** Step by step of the plan what the centre did, or what somebody did to urge them: whom, how, and whether it reached them. */
function nudged(entry: Entry, { view, org }: Context): Said {
  const value = fields(entry.value);
  const channel = String(value["channel"] ?? "");
  const order = view.orders.find(({ id }) => id === value["order"]);
  const to = value["to"];
  if (typeof to === "string") {
    const whom = to === "receiver" && order ? targetName(org, order.to) : wordOf(`to_${to}`);
    const why = `late_${String(value["clock"])}`;
    return { title: t("told"), text: join([whom, wordOf(`by_${channel}`)]), note: join([t("byPlan"), wordOf(why)]) };
  }
  const whom = Array.isArray(to) ? targetName(org, to as unknown as Target) : order ? targetName(org, order.to) : "";
  const reached = value["reached"];
  const answer = typeof reached === "boolean" ? t(reached ? "wasReached" : "wasMissed") : "";
  return { title: t("nudge"), text: join([whom, channel && wordOf(channel), answer, entry.text]), note: entry.by_name };
}

function called(entry: Entry): Said {
  const { outcome, score, minutes, reason } = fields(entry.value);
  const scored = typeof score === "number" ? wordOf(["", "satisfied", "basically", "dissatisfied"][score] ?? "") : "";
  const said = typeof minutes === "number" ? t("minutesSaid", minutes) : "";
  return {
    title: t("callback"),
    text: join([wordOf(String(outcome)), scored, typeof reason === "string" && wordOf(reason), entry.text]),
    note: join([entry.by_name, said, entry.about !== null && t("callAgain")]),
  };
}

function reviewed(entry: Entry): Said {
  const { verdict, faults, score } = fields(entry.value);
  const wrong = Array.isArray(faults) ? faultWords(faults.map(String)) : [];
  return {
    title: t(verdict === "return" ? "reviewReturned" : "reviewPassed"),
    text: join([...wrong, entry.text]),
    note: join([entry.by_name, typeof score === "number" && t("score", score)]),
  };
}

/** What followed from a caller who was not satisfied. */
function followed(entry: Entry, { org }: Context): Said {
  const { station, unit, result } = fields(entry.value);
  const whom = [org?.stations.find(({ id }) => id === station)?.name, org?.units.find(({ id }) => id === unit)?.name];
  switch (entry.t) {
    case "rectify.order":
      return {
        title: t("rectifyOrder"),
        text: join([...whom, entry.text]),
        note: join([entry.by_name, wordOf(entry.kind ?? "")]),
      };
    case "rectify.done":
      return { title: t("rectifyDone"), text: entry.text ?? "", note: entry.by_name };
    case "supervise.open":
      return { title: t("superviseOpen"), text: entry.text ?? "", note: entry.by_name };
    default:
      return {
        title: t("superviseClose"),
        text: join([typeof result === "string" && wordOf(result), entry.text]),
        note: entry.by_name,
      };
  }
}

function of(line: EntryLine, context: Context): Said {
  const { entry } = line;
  const value = fields(entry.value);
  const by = entry.by_name;
  switch (entry.t) {
    case "incident.create":
      return created(line, context);
    case "fact.set":
      return { title: t("fact"), text: factText([entry, ...line.facts], context), note: by };
    case "milestone.claim":
      return claimed(entry, line, context);
    case "milestone.withdraw":
    case "milestone.dispute": {
      const about = context.view.claims.find(({ op }) => op === entry.about);
      const title = t(entry.t === "milestone.withdraw" ? "claimWithdrawn" : "claimDisputed");
      return {
        title,
        text: join([about && `${milestoneWord(about.kind)} ${clockSeconds(about.at)}`, whyOf(entry)]),
        note: by,
      };
    }
    case "entry.add": {
      const kind = ENTRIES.find((one) => one === entry.kind) ?? "note";
      if (kind === "nudge") return nudged(entry, context);
      return { title: t(kind), text: entry.text ?? "", note: by };
    }
    case "entry.correct":
      return { title: t("correct"), text: entry.text ?? "", note: by };
    case "incident.transfer": {
      const station = context.org?.stations.find(({ id }) => id === value["station"]);
      return { title: t("transfer"), text: join([station?.name, whyOf(entry)]), note: by };
    }
    case "incident.link":
      return { title: t("link"), text: "", note: by };
    case "incident.unlink":
      return { title: t("unlink"), text: "", note: by };
    case "incident.withdraw":
      return { title: t("withdraw"), text: whyOf(entry) ?? "", note: by };
    case "incident.close": {
      const result =
        typeof value["result"] === "string" ? valueWord("result", value["result"], context.org, context.nowMs) : "";
      return { title: t("close"), text: result, note: by };
    }
    case "incident.reopen":
      return { title: t("reopen"), text: whyOf(entry) ?? "", note: by };
    case "callback.attempt":
      return called(entry);
    case "callback.withdraw":
      return { title: t("callTakenBack"), text: whyOf(entry) ?? "", note: by };
    case "feedback.review":
      return reviewed(entry);
    case "nature.rule":
      return { title: t("natureRuled"), text: join([natureWord(String(value["nature"])), whyOf(entry)]), note: by };
    case "verdict.override":
      return {
        title: t("overrode"),
        text: join([clockWord(String(value["clock"])), resultWord(String(value["result"])), orderName(entry, context)]),
        note: join([by, whyOf(entry)]),
      };
    case "delay.answer":
      return { title: t("delayAnswer"), text: join([replyWord(String(value["reply"])), entry.text]), note: by };
    case "rectify.order":
    case "rectify.done":
    case "supervise.open":
    case "supervise.close":
      return followed(entry, context);
    case "set.add":
    case "set.remove":
      return { title: t("tag"), text: typeof entry.value === "string" ? entry.value : "", note: by };
    case "latest.set":
      return { title: t("colour"), text: String(entry.value ?? ""), note: by };
    default:
      return entry.t.startsWith("order.")
        ? ordered(entry, context)
        : { title: t("unknownKind", entry.t), text: "", note: by };
  }
}

/** Legal grounds of a redaction (SPEC RD1). */
export const GROUNDS = {
  personal_data: "groundPersonal",
  minor: "groundMinor",
  informant: "groundInformant",
  state_secret: "groundSecret",
  court_order: "groundCourt",
} as const;

/** How a record came (SPEC RL2); the rest of the flags only order records. */
const FLAGS = {
  clock_ahead: "clockAhead",
  gap: "gapFlag",
  fork: "forkFlag",
  compromised: "compromisedFlag",
  rights_uncertain: "uncertainFlag",
  stale_lease: "staleFlag",
} as const;

/** Title, text and the second line of an entry, with how it came added to the second line. */
export function say(line: EntryLine, context: Context): Said {
  const { entry, rival, struck, corrected } = line;
  if (entry.redacted) return withoutWords(line, entry.redacted, context);
  const said = of(line, context);
  const { written, came } = lateness(entry);
  const flags = flagsBeside(entry.why, entry.flags).flatMap((flag) =>
    flag in FLAGS ? [t(FLAGS[flag as keyof typeof FLAGS])] : [],
  );
  const extra = [
    written !== null && counts(entry) && t("lateEntryNote", about(written, language.value)),
    came !== null && counts(entry) && t("lateNote", about(came, language.value)),
    rival && t("rivalNote", clockSeconds(rival.at)),
    corrected ? t("correctedTo", corrected.text) : struck && t("struckNote"),
    ...flags,
  ];
  return { ...said, title: said.title || t("unknownKind", entry.t), note: noted([said.note, ...extra]) };
}

/** What was done stays; the words are gone, and who took them stands in their place. */
function withoutWords(line: EntryLine, taken: NonNullable<Entry["redacted"]>, context: Context): Said {
  const { title } = of(line, context);
  const { by_name, ground, at } = taken;
  return {
    title,
    text: line.entry.t === "milestone.claim" ? (line.entry.said_by_name ?? line.entry.by_name) : t("redactedText"),
    note: t("redactedNote", groundWord(ground), by_name, instant(at, context.nowMs, language.value)),
  };
}

export function groundWord(ground: string): string {
  return ground in GROUNDS ? t(GROUNDS[ground as keyof typeof GROUNDS]) : ground;
}

/** Why a record does not count; null for one that does. */
export function notCounted(entry: Entry): string | null {
  if (counts(entry)) return null;
  const words = { held: "decisionHeld", rejected: "decisionRejected", opaque: "decisionOpaque" } as const;
  const what = common(words[entry.decision as keyof typeof words] ?? "decisionOpaque");
  return entry.why ? join([what, wordOf(entry.why)]) : what;
}
