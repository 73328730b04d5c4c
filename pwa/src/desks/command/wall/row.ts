/**
 * How a row of the wall reads: its facts on one line, and the words for a phone that may have written already. Pure but
 * for the language.
 */
import { t as common, wordOf } from "../../../centre/words";
import { about, ago, clock, day, dayNumber, duration } from "../../../ui/format";
import type { StateName } from "../../../ui/states";
import { language } from "../../../words/language";
import type { WallItem } from "../types";
import type { ColumnName } from "./model";
import { t } from "./words";

const HOUR_MS = 3_600_000;
const ON_LIST = { desk: "onDesk", station: "onStation", commander: "onCommander" } as const;
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
  if (done_ms !== null || due_ms === null || row.deadline.id === "C9") return false;
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
  const title = row.title || common("unnamed");
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

function factsOf(row: WallItem, column: ColumnName, stationName: string, nowMs: number): string[] {
  const urgent = row.level !== null && row.level <= 2 ? [common("level", row.level)] : [];
  const where = row.place || stationName;
  const done = urged(row, nowMs);
  if (column === "callback") {
    const closed = row.deadline.start_ms === null ? "" : t("closedAt", dayAndClock(row.deadline.start_ms, nowMs));
    const tries = row.attempts ? t("attempts", row.attempts) : t("notCalled");
    return [closed, tries, row.attempts && row.reason ? wordOf(row.reason) : "", done];
  }
  if (column === "feedback")
    return [t(row.deadline.id === "C6" ? "firstFeedback" : "finalFeedback"), ...urgent, done || where];
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
