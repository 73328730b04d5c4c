/**
 * Calling the caller back: the attempts of an incident, and where a callback stands (SPEC CK1 to CK3). Mirrors
 * `sync/incident/callback.py`. What follows from a caller who is not satisfied is `ladder.ts`.
 *
 *     callbackOf(view, new PolicyBook()).state      // "trying"
 */
import { ascending, byTime, type Item, keyOf } from "../fold";
import { DAY_MS, dayOf, MINUTE_MS, minuteOfDay, startOfDay } from "./calendar";
import type { CallbackOutcome, Dissatisfaction } from "./kinds";
import { type Counted, round, type Stamped, stamped, text } from "./orders";
import type { Policy, PolicyBook } from "./policy";
import type { DerivedView } from "./status";

/** Outcomes after which the caller is not called again, and why. */
export const EXEMPTING = ["no_phone", "anonymous", "refused"] as const;
const DIALLED: readonly string[] = ["reached", "no_answer", "refused", "wrong_number"];
export const DISSATISFIED = 3;

export interface Attempt extends Stamped {
  round: number;
  outcome: CallbackOutcome;
  score: number | null;
  minutes: number | null;
  reason: Dissatisfaction | null;
  /** The rectification after which it was made. */
  rectify: Uint8Array | null;
  text: string | null;
}
export type Exemption = (typeof EXEMPTING)[number] | "exercise";
export interface Called {
  readonly state: "open" | "due" | "trying" | "unreachable" | "done" | "exempt";
  /** How often somebody dialled. */
  readonly attempts: number;
  readonly exempt: Exemption | null;
  /** When nothing more was owed. */
  readonly settledMs: number | null;
  readonly score: number | null;
  readonly reason: Dissatisfaction | null;
}

/** Every attempt that was not taken back (CK9), as the view lists them. */
export function attemptsOf(counted: Counted): Attempt[] {
  const takenBack = new Set(counted("callback.withdraw").map((item) => keyOf(item.fields["attempt"])));
  return counted("callback.attempt")
    .filter(({ op }) => !takenBack.has(keyOf(op)))
    .sort(byTime)
    .map((item) => {
      const { fields } = item;
      return {
        ...stamped(item),
        round: round(item),
        outcome: fields["outcome"] as CallbackOutcome,
        score: (fields["score"] ?? null) as number | null,
        minutes: (fields["minutes"] ?? null) as number | null,
        reason: text(fields["reason"]) as Dissatisfaction | null,
        rectify: (fields["rectify"] ?? null) as Uint8Array | null,
        text: text(fields["text"]),
      };
    });
}

/** The attempt an op is about: the one it names, else the first of its own set (CK4). */
export function attemptNamed(item: Item, attempts: readonly Attempt[]): Uint8Array | null {
  const named = (item.fields["attempt"] ?? null) as Uint8Array | null;
  if (named !== null) return named;
  const set = keyOf(item.op.subarray(0, 16));
  const own = attempts.map(({ op }) => op).filter((op) => keyOf(op.subarray(0, 16)) === set);
  return own.sort((a, b) => ascending(keyOf(a), keyOf(b)))[0] ?? null;
}

/** Where a callback stands that was owed, from its attempts by event time. */
export function called(attempts: readonly Attempt[], policy: Policy): Called {
  const reached = attempts.filter(({ outcome }) => outcome === "reached");
  const exempt = attempts.find(({ outcome }) => (EXEMPTING as readonly string[]).includes(outcome));
  const vainMs = triedEnoughMs(attempts, policy);
  const last = reached.at(-1);
  const ends = [...reached.slice(0, 1), ...(exempt ? [exempt] : [])].map(({ at }) => at);
  if (vainMs !== null) ends.push(vainMs);
  return {
    state: last ? "done" : exempt ? "exempt" : vainMs !== null ? "unreachable" : attempts.length > 0 ? "trying" : "due",
    attempts: attempts.filter(({ outcome }) => DIALLED.includes(outcome)).length,
    exempt: exempt && !last ? (exempt.outcome as Exemption) : null,
    settledMs: ends.length > 0 ? Math.min(...ends) : null,
    score: last?.score ?? null,
    reason: last?.reason ?? null,
  };
}

/** Where the callback of a round of an incident stands, of the current one when none is named (CK2). */
export function callbackOf(view: DerivedView, book: PolicyBook, of = view.round): Called {
  const attempts = firstAttempts(view, of);
  const closed = view.closes.filter(({ round }) => round === of).map(({ at }) => at);
  const startMs = closed.length > 0 ? Math.min(...closed) : attempts[0]?.at;
  if (startMs === undefined) return OPEN;
  const found = called(attempts, book.judging(view, "C9", startMs).policy);
  if (found.state !== "due" && found.state !== "trying") return found;
  if (closed.length === 0) return { ...OPEN, attempts: found.attempts };
  const exempt = found.state === "due" ? nobodyToCall(view) : null;
  return exempt === null ? found : { ...found, state: "exempt", exempt };
}
const OPEN: Called = { state: "open", attempts: 0, exempt: null, settledMs: null, score: null, reason: null };

/** The attempts of the callback of a round, those after a rectification left out (CK1). */
export const firstAttempts = (view: Pick<DerivedView, "callbacks" | "round">, of = view.round): Attempt[] =>
  view.callbacks.filter((one) => one.round === of && one.rectify === null);

/** Which part of the day a moment lies in (CK3). */
export function partOfDay(atMs: number, policy: Policy): number {
  const minute = minuteOfDay(atMs);
  const begun = policy.callback_times_of_day.filter((start) => start <= minute).length;
  return begun > 0 ? begun - 1 : policy.callback_times_of_day.length - 1;
}

/** When a part of the day begins after the last attempt in which nobody has tried; null when there is none left. */
export function callAgainMs(attempts: readonly Attempt[], policy: Policy): number | null {
  const vain = inVain(attempts);
  if (vain.length === 0) return null;
  const tried = new Set(vain.map(({ at }) => partOfDay(at, policy)));
  const lastMs = Math.max(...vain.map(({ at }) => at));
  const starts = [dayOf(lastMs), dayOf(lastMs) + 1].flatMap((day) =>
    policy.callback_times_of_day
      .filter((_, part) => !tried.has(part))
      .map((minute) => startOfDay(day) + minute * MINUTE_MS),
  );
  const ahead = starts.filter((start) => lastMs < start && start <= lastMs + DAY_MS);
  return ahead.length > 0 ? Math.min(...ahead) : null;
}

const inVain = (attempts: readonly Attempt[]): Attempt[] =>
  attempts.filter(({ outcome }) => outcome === "no_answer" || outcome === "wrong_number");

/** When the last part of the day that the policy asks for had been tried in vain (CK3). */
function triedEnoughMs(attempts: readonly Attempt[], policy: Policy): number | null {
  const needed = Math.max(1, Math.min(policy.callback_tries, new Set(policy.callback_times_of_day).size));
  const tried = new Set<number>();
  for (const { at } of inVain(attempts)) {
    tried.add(partOfDay(at, policy));
    if (tried.size === needed) return at;
  }
  return null;
}

/** Why an incident is exempt before anybody tried: an exercise, or no number is known (CK2). */
function nobodyToCall(view: DerivedView): Exemption | null {
  if (view.created?.exercise) return "exercise";
  return view.fields["caller_phone"]?.at(-1)?.v ? null : "no_phone";
}
