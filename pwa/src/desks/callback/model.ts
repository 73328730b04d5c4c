/**
 * One call and the list it comes from: which call is next, what keeps an answer from being saved, what is sent, and
 * whether the caller's minutes fit the record. Pure.
 *
 *     next(calls, current)                                   // the call after the one just saved
 *     compare({ minutes: 25, tolerance: 5, … }, 35)?.apart   // 10
 */
import type { Call, Card, Outcome, Reason, Recorded, Score } from "./types";

/** What has been answered so far. `station` and `kind` are of the rectification that a 3 sets off in the same step. */
export interface Answer {
  readonly score: Score | null;
  readonly minutes: string;
  readonly reason: Reason | null;
  readonly text: string;
  readonly station: string | null;
  readonly kind: "ordinary" | "complex";
}
export const BLANK: Answer = { score: null, minutes: "", reason: null, text: "", station: null, kind: "ordinary" };
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

export interface Rectification {
  readonly station: string;
  readonly kind: "ordinary" | "complex";
  readonly text: string;
}
export interface CallbackMove {
  readonly move: "callback";
  readonly outcome: Outcome;
  readonly score?: Score;
  readonly minutes?: number;
  readonly reason?: Reason;
  readonly text?: string;
  readonly rectify?: string;
  readonly order?: Rectification;
}

/**
 * The record of a call that was answered. Who is not satisfied at first has a station put it right, in the same step and in
 * the caller's words, else in `word`; after a rectification the next step is the inspectorate's.
 */
export function reached(answer: Answer, card: Pick<Card, "again" | "station">, word: string): CallbackMove {
  const minutes = minutesOf(answer);
  const text = answer.text.trim();
  const station = answer.station ?? card.station;
  const bad = answer.score === 3;
  return {
    move: "callback",
    outcome: "reached",
    ...(answer.score !== null && { score: answer.score }),
    ...(minutes !== null && { minutes }),
    ...(bad && answer.reason && { reason: answer.reason }),
    ...(text && { text }),
    ...(card.again && { rectify: card.again.rectify }),
    ...(bad && !card.again && station && { order: { station, kind: answer.kind, text: text || word } }),
  };
}

/** The record of a call that was not; what was noted goes with it. */
export function missed(outcome: Miss, text: string, again: Card["again"]): CallbackMove {
  return {
    move: "callback",
    outcome,
    ...(text.trim() && { text: text.trim() }),
    ...(again && { rectify: again.rectify }),
  };
}

export interface Compared {
  readonly recorded: number;
  readonly said: number;
  /** How far beyond the record and what is proved of it, when that is worth a second look; a hint, never a fault. */
  readonly apart: number | null;
}
export function compare(recorded: Recorded | null, said: number | null): Compared | null {
  if (recorded === null || said === null) return null;
  const { minutes, tolerance, lo, hi } = recorded;
  const least = Math.min(minutes, lo ?? minutes);
  const most = Math.max(minutes, hi ?? minutes);
  const apart = Math.max(least - said, said - most, 0);
  return { recorded: minutes, said, apart: apart > tolerance ? apart : null };
}

/** The name of a call: an incident may owe two, its own and one after a rectification. */
export const nameOf = (call: Pick<Call, "incident" | "rectify">): string =>
  call.rectify ? `${call.incident} ${call.rectify}` : call.incident;
export const pathOf = (name: string): string => {
  const [incident, rectify] = name.split(" ");
  return `/api/callback/${incident}${rectify ? `?rectify=${rectify}` : ""}`;
};
/** Nobody has answered yet, and it is not given up. */
export const isOpen = ({ state }: Pick<Call, "state">): boolean => state === "due" || state === "trying";

/** Calls to make: past their day first, those after a rectification, those nobody tried, those tried; each the earliest first. */
export function ordered(calls: readonly Call[], later: readonly string[], nowMs: number): Call[] {
  const rank = (call: Call): number => {
    if (!isOpen(call)) return 5;
    if (later.includes(nameOf(call))) return 4;
    if (call.due_ms !== null && call.due_ms < nowMs) return 0;
    if (call.attempts > 0) return 3;
    return call.rectify ? 1 : 2;
  };
  return [...calls].sort((a, b) => rank(a) - rank(b) || a.since - b.since || nameOf(a).localeCompare(nameOf(b)));
}

/** The call after this one that is still to be made; from the top when it was the last. Null when none is left. */
export function next(calls: readonly Call[], current: string | null): string | null {
  const open = calls.filter((call) => isOpen(call) && nameOf(call) !== current);
  const at = calls.findIndex((call) => nameOf(call) === current);
  const found = open.find((call) => calls.indexOf(call) > at) ?? open[0];
  return found ? nameOf(found) : null;
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
  const reached = card.state === "done" ? attemptsOf(card).at(-1) : undefined;
  return [...steps, { kind: "callback", at: reached?.at ?? null, state: card.state === "done" ? "done" : "now" }];
}

/** The attempts of this very call: of the round, or after the rectification it follows. */
export function attemptsOf(card: Pick<Card, "again" | "attempts" | "round">): Card["attempts"] {
  const { again, attempts, round } = card;
  if (again) return attempts.filter(({ rectify }) => rectify === again.rectify);
  return attempts.filter((one) => one.rectify === null && one.round === round);
}

/** How many are left out, by reason, the most frequent first. */
export function exclusions(excluded: readonly { readonly why: string }[]): { why: string; n: number }[] {
  const counts = new Map<string, number>();
  for (const { why } of excluded) counts.set(why, (counts.get(why) ?? 0) + 1);
  return [...counts].map(([why, n]) => ({ why, n })).sort((a, b) => b.n - a.n || a.why.localeCompare(b.why));
}
