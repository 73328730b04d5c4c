/**
 * How a row of the wall reads: its facts on one line, and the words for a phone that may have written already. Pure but
 * for the language.
 */
import { t as common, wordOf } from "../../../centre/words";
import { about, ago, clock, day, dayNumber, duration } from "../../../ui/format";
import type { StateName } from "../../../ui/states";
import { t as kit } from "../../../words/common";
import { language } from "../../../words/language";
import type { FoundToday, WallDone, WallItem } from "../types";
import type { ColumnName } from "./model";
import { t } from "./words";

const HOUR_MS = 3_600_000;
/** Clocks that end at a desk or a station: no phone holds what they wait for. */
const BY_DESK = new Set(["C8", "C9", "C9r", "C10"]);
const ON_LIST = { desk: "onDesk", station: "onStation", commander: "onCommander" } as const;
const FEEDBACK: Readonly<Record<string, "firstFeedback" | "finalFeedback" | "toCorrect" | "toReview">> = {
  C6: "firstFeedback",
  C7: "finalFeedback",
  C7r: "toCorrect",
  C8: "toReview",
};
type Way = "radio" | "phone" | "message";
/** How somebody was urged: it reached them, it did not, nobody can say. */
const WAYS: Readonly<Record<string, readonly [`${Way}Yes`, `${Way}No`, `${Way}Once`]>> = {
  radio: ["radioYes", "radioNo", "radioOnce"],
  phone: ["phoneYes", "phoneNo", "phoneOnce"],
  message: ["messageYes", "messageNo", "messageOnce"],
};

/** `今天 09:20`, `3月11日`. */
function dayAndClock(atMs: number, nowMs: number): string {
  if (dayNumber(atMs) === dayNumber(nowMs)) return `${t("today")} ${clock(atMs)}`;
  return day(atMs, language.value);
}

/** When the next one falls due: a span while it is near, a moment when it is far. */
export function nextText(dueMs: number | null, nowMs: number): string {
  if (dueMs === null) return t("nothingDue");
  // rounded up, as the countdown of the row it speaks of
  if (dueMs - nowMs < 3 * HOUR_MS)
    return t("nextIn", duration(Math.ceil((dueMs - nowMs) / 1000) * 1000, language.value));
  // the last millisecond of a day reads as 24:00 of that day
  const ahead = dayNumber(dueMs) - dayNumber(nowMs);
  const time = dayNumber(dueMs + 1) > dayNumber(dueMs) ? "24:00" : clock(dueMs);
  const when = ahead === 0 ? t("today") : ahead === 1 ? t("tomorrow") : day(dueMs, language.value);
  return t("nextAt", `${when} ${time}`);
}

/** The phone has not been heard since before the deadline: what is awaited may be written already. */
export function mayBeWritten(row: WallItem): boolean {
  const { due_ms, done_ms } = row.deadline;
  if (done_ms !== null || due_ms === null || BY_DESK.has(row.deadline.id)) return false;
  return row.device_last_contact_ms !== null && row.device_last_contact_ms < due_ms;
}

export interface RowText {
  readonly title: string;
  readonly facts: readonly string[];
  readonly state?: StateName;
  readonly word?: string;
  readonly timeText?: string;
}

/** Everything a row says beside its countdown. */
export function rowText(row: WallItem, column: ColumnName, stationName: string, nowMs: number): RowText {
  const title = titleOf(row);
  const facts = factsOf(row, column, stationName, nowMs).filter((fact) => fact !== "");
  const shown = { title: row.exercise ? `${common("exercise")} ${title}` : title, facts };
  if (row.return_requested) return { ...shown, word: t("asksReturn") };
  const overdue = row.deadline.due_ms !== null && row.deadline.due_ms < nowMs;
  if (column !== "feedback" || !overdue || !mayBeWritten(row)) return shown;
  const sinceMs = nowMs - (row.deadline.start_ms ?? nowMs);
  return {
    ...shown,
    facts: [...facts.slice(0, 1), t("phoneAway")],
    state: "undetermined",
    word: t("awaiting"),
    timeText: about(sinceMs, language.value),
  };
}

function titleOf({ title, deadline, reason }: WallItem): string {
  if (deadline.id !== "C10") return title || common("unnamed");
  return reason ? t("complaintOf", wordOf(reason)) : t("complaint");
}

function factsOf(row: WallItem, column: ColumnName, stationName: string, nowMs: number): string[] {
  const urgent = row.level !== null && row.level <= 2 ? [common("level", row.level)] : [];
  const where = row.place || stationName;
  const done = urged(row, nowMs);
  const due = row.deadline.due_ms;
  if (row.deadline.id === "C10") {
    const step = t(row.step === "to_rectify" ? "toRectify" : "rectifying");
    return [row.title || common("unnamed"), step, done || (due === null ? "" : t("dueAt", dayAndClock(due, nowMs)))];
  }
  if (row.deadline.id === "C9r") return [t("callAgain"), done || where];
  if (column === "callback") {
    const closed = row.deadline.start_ms === null ? "" : t("closedAt", dayAndClock(row.deadline.start_ms, nowMs));
    const tries = row.attempts ? t("attempts", row.attempts) : t("notCalled");
    return [closed, tries, row.attempts && row.reason ? wordOf(row.reason) : "", done];
  }
  if (column === "feedback") return [t(FEEDBACK[row.deadline.id] ?? "finalFeedback"), ...urgent, done || where];
  const what = { C1: "delivering", C3: "notLeft", C5: "notThere" } as const;
  const id = row.deadline.id;
  // Where it is can be read in the timeline; what was done about it decides what to do next.
  if (row.return_requested) return [...urgent, row.target?.name ?? stationName, t("answerIt")];
  if (id in what) return [...urgent, row.target?.name ?? stationName, t(what[id as keyof typeof what]), done];
  return [...urgent, row.target?.name ?? stationName, done || where];
}

/** What was done about a row: what people did last, else who has it on their list by the plan. Empty when nothing was. */
export function urged({ nudged, told }: WallItem, nowMs: number): string {
  if (!nudged) return told === null ? "" : t(ON_LIST[told]);
  const way = WAYS[nudged.channel];
  if (!way) return "";
  const how = t(way[nudged.reached === null ? 2 : nudged.reached ? 0 : 1]);
  return t("urged", nudged.by_name, ago(Math.max(0, nowMs - nudged.at), language.value), how);
}

/** How long the phone of an undelivered order has been silent. */
export function silenceText(row: WallItem, nowMs: number): string {
  if (row.device_last_contact_ms === null) return t("phoneNever");
  const ms = nowMs - row.device_last_contact_ms;
  return ms < 5 * 60_000 ? t("phoneOnline") : t("phoneSilent", about(ms, language.value));
}

/** How a thing that was done reads: a finding with its word, or the bare word of what is not a finding. */
export interface DoneText {
  readonly state: StateName | null;
  readonly value: string;
  readonly word: string;
  /** What a person found otherwise, beside it. */
  readonly override: string;
}

const NARROW_MS = 2_000;
/** How long it took, as far as that is proved: a span, a bound on the side that was judged by, or nothing. */
function spanOf({ result, elapsed_lo_ms, elapsed_hi_ms }: WallDone): string {
  const lo = Math.max(0, elapsed_lo_ms ?? 0);
  const say = (ms: number): string => duration(Math.round(ms / 1_000) * 1_000, language.value);
  if (elapsed_lo_ms !== null && elapsed_hi_ms !== null && elapsed_hi_ms - lo <= NARROW_MS)
    return say((lo + elapsed_hi_ms) / 2);
  if (result === "met" && elapsed_hi_ms !== null) return t("atMost", say(elapsed_hi_ms));
  return result === "missed" && elapsed_lo_ms !== null ? t("atLeast", say(lo)) : "";
}

const FOUND: Readonly<Record<string, StateName>> = {
  met: "met",
  missed: "missed",
  undetermined: "undetermined",
  unproven: "undetermined",
  not_delivered: "undelivered",
};
const resultWord = (result: string): string => {
  if (result === "unproven") return t("unproven");
  const state = FOUND[result];
  return state ? kit(state) : t(result === "pending" ? "notFoundYet" : "noLimit");
};

/** What a thing done is measured by: a callback by what the caller said, anything else by what was found of its clock. */
export function doneText(one: WallDone): DoneText {
  const override = one.override === null ? "" : t("foundOtherwise", resultWord(one.override));
  if (one.score !== null) {
    const said = wordOf(["", "satisfied", "basically", "dissatisfied"][one.score] ?? "");
    return { state: null, value: "", word: said, override };
  }
  return { state: FOUND[one.result] ?? null, value: spanOf(one), word: resultWord(one.result), override };
}

/** `32 达标，1 超时`: the day by what was found, without what there was none of. */
export function todayText({ met, missed, undetermined, others }: FoundToday): string {
  const parts = [
    met > 0 && `${met} ${kit("met")}`,
    missed > 0 && `${missed} ${kit("missed")}`,
    undetermined > 0 && `${undetermined} ${kit("undetermined")}`,
    others > 0 && t("othersToday", others),
  ];
  return parts.filter(Boolean).join(kit("comma"));
}
