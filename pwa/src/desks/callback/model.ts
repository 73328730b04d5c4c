/**
 * One call and the list it comes from: which call is next, what keeps an answer from being saved, what is sent, and
 * whether the caller's minutes fit the record. Pure.
 *
 *     next(calls, current)            // the call after the one just saved
 *     compare({ minutes: 25, tolerance: 5 }, 35)      // { recorded: 25, said: 35, apart: 10 }
 */
import type { Call, Card, Outcome, Reason, Score } from "./types";

/** What has been answered so far. */
export interface Answer {
  readonly score: Score | null;
  readonly minutes: string;
  readonly reason: Reason | null;
  readonly text: string;
}
export const BLANK: Answer = { score: null, minutes: "", reason: null, text: "" };
/** How a call can end without an answer. */
export const MISSES = [
  "no_answer",
  "refused",
  "wrong_number",
  "no_phone",
  "anonymous",
] as const satisfies readonly Outcome[];
export type Miss = (typeof MISSES)[number];

export function begun(answer: Answer): boolean {
  return answer.score !== null || answer.minutes !== "" || answer.text.trim() !== "" || answer.reason !== null;
}

/** The minutes as a number; null when nothing, or nothing usable, was typed. */
export function minutesOf(answer: Answer): number | null {
  const typed = answer.minutes.trim();
  return /^\d{1,4}$/.test(typed) ? Number(typed) : null;
}

export type Lack = "score" | "reason" | "minutes";
/** What keeps it from being saved, the first thing first. */
export function lacks(answer: Answer): Lack | null {
  if (answer.score === null) return "score";
  if (answer.score === 3 && answer.reason === null) return "reason";
  return answer.minutes.trim() !== "" && minutesOf(answer) === null ? "minutes" : null;
}

export interface CallbackMove {
  readonly move: "callback";
  readonly outcome: Outcome;
  readonly score?: Score;
  readonly minutes?: number;
  readonly reason?: Reason;
  readonly text?: string;
}

/** The record of a call that was answered. */
export function reached(answer: Answer): CallbackMove {
  const minutes = minutesOf(answer);
  const text = answer.text.trim();
  return {
    move: "callback",
    outcome: "reached",
    ...(answer.score !== null && { score: answer.score }),
    ...(minutes !== null && { minutes }),
    ...(answer.score === 3 && answer.reason && { reason: answer.reason }),
    ...(text && { text }),
  };
}

/** The record of a call that was not; what was noted goes with it. */
export function missed(outcome: Miss, text: string): CallbackMove {
  return { move: "callback", outcome, ...(text.trim() && { text: text.trim() }) };
}

export interface Compared {
  readonly recorded: number;
  readonly said: number;
  /** How far apart, when that is worth a second look; a hint, never a fault. */
  readonly apart: number | null;
}
export function compare(recorded: Card["recorded"], said: number | null): Compared | null {
  if (recorded === null || said === null) return null;
  const apart = Math.abs(recorded.minutes - said);
  return { recorded: recorded.minutes, said, apart: apart > recorded.tolerance ? apart : null };
}

/** Calls to make: past their day first, then those nobody tried, then those tried, each the earliest closed first. */
export function ordered(calls: readonly Call[], later: readonly string[], nowMs: number): Call[] {
  const rank = (call: Call): number => {
    if (call.state !== "due" && call.state !== "trying") return 4;
    if (later.includes(call.incident)) return 3;
    if (call.due_ms < nowMs) return 0;
    return call.attempts === 0 ? 1 : 2;
  };
  return [...calls].sort((a, b) => rank(a) - rank(b) || a.since - b.since || a.incident.localeCompare(b.incident));
}

/** The call after this one that is still to be made; from the top when it was the last. Null when none is left. */
export function next(calls: readonly Call[], current: string | null): string | null {
  const open = calls.filter(({ state, incident }) => (state === "due" || state === "trying") && incident !== current);
  const at = calls.findIndex(({ incident }) => incident === current);
  const after = open.find((call) => calls.indexOf(call) > at);
  return (after ?? open[0])?.incident ?? null;
}

/** The steps of the story with the call as the last one: which have happened, which were never recorded. */
export interface RoadStep {
  readonly kind: string;
  readonly at: number | null;
  readonly state: "done" | "skipped" | "now";
}
const ROAD = ["reported", "signed", "arrived", "cleared"] as const;
export function road(card: Card): RoadStep[] {
  const times = new Map(card.steps.map(({ kind, at }) => [kind, at]));
  const steps = ROAD.map((kind): RoadStep => {
    const at = times.get(kind) ?? null;
    return { kind, at, state: at === null ? "skipped" : "done" };
  });
  const reached = card.state === "done" ? card.attempts.findLast(({ round }) => round === card.round) : undefined;
  return [...steps, { kind: "callback", at: reached?.at ?? null, state: card.state === "done" ? "done" : "now" }];
}

/** How many are left out, by reason, the most frequent first. */
export function exclusions(excluded: readonly { readonly why: string }[]): { why: string; n: number }[] {
  const counts = new Map<string, number>();
  for (const { why } of excluded) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts].map(([why, n]) => ({ why, n })).sort((a, b) => b.n - a.n || a.why.localeCompare(b.why));
}
