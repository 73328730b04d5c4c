/**
 * From the clocks of an incident to their verdicts (SPEC VD1, VD4, VD7). Mirrors `sync/incident/judging.py`. The first of
 * several arrivals starts the incident's clock, an order that reached nobody is nobody's fault, and a clock that was
 * called off in time is not judged at all.
 *
 *     judged(clocksOf(view, book), { mark, forceAt, nowLoMs })      // one for each clock that has started
 */
import { ascending, keyOf } from "../fold";
import { atCentre, type Bounds, proved } from "../time";
import { BEST, judge, type Limit, latestOf, type Mark, type Rules, type Verdict } from "../verdict";
import { type Clock, type ClockId, dueOf, judgingOf, type Said } from "./clocks";
import { type PolicyBook, withinMs } from "./policy";
import type { DerivedView } from "./status";

/** Clocks that cannot be held against anybody while nothing of the order has reached anyone. */
const UNREACHED: ReadonlySet<ClockId> = new Set(["C2", "C2i", "C5"]);

/**
 * What one clock is judged by: its limit, null where it is only shown; how long a delivery may take; what the policy says
 * of verdicts, and which version of it that is: row and idx.
 */
export interface InForce {
  readonly limit: Limit | null;
  readonly deliverWithinMs: number;
  readonly rules: Rules;
  readonly version: readonly [row: string | null, idx: number];
}

/** Corrections come and go with their returns; their countdown is an alarm and nothing else. */
const UNJUDGED: ReadonlySet<ClockId> = new Set(["C7r"]);
/** Clocks whose limit may be the end of a day. */
const BY_DAYS: ReadonlySet<string> = new Set(["C9", "C10"]);

/** What judges each clock of a view by all policies there ever were (PO3). */
export function byBook(view: DerivedView, book: PolicyBook): Sources["forceAt"] {
  const categories = (view.fields["category"] ?? []).map(({ v }) => v as string);
  return (clock, startMs) => {
    const { policy, tier, withinMs: known } = judgingOf(view, clock, startMs, book);
    const about = { tier, categories, kind: clock.kind };
    const due = (fromMs: number) => dueOf(clock, fromMs, withinMs(policy, clock.id, fromMs, about)) as number;
    const isSame = !BY_DAYS.has(clock.id) && clock.untilMs === null;
    return {
      limit: dueOf(clock, startMs, known) === null ? null : { due, withinMs: isSame ? known : null },
      deliverWithinMs: policy.deliver_within_ms,
      rules: {
        metMaxGrade: policy.met_max_grade,
        missedMaxGrade: policy.missed_max_grade,
        lateWindowMs: policy.late_window_ms,
      },
      version: [policy.row, policy.idx],
    };
  };
}

export interface Judged {
  readonly clock: ClockId;
  readonly order: Uint8Array | null;
  readonly round: number;
  readonly verdict: Verdict;
  readonly policy: InForce["version"];
}

export interface Sources {
  /** What is proved of the statement with this op id. */
  readonly mark: (op: Uint8Array) => Mark;
  /** What a clock that began at a moment is judged by. */
  readonly forceAt: (clock: Clock, ms: number) => InForce;
  readonly nowLoMs: number;
}

/**
 * Verdicts on all of these clocks that have started and were not called off in time, in their order. Of several complaints
 * in one round the first is judged (CK6).
 */
export function judged(listed: readonly Clock[], { mark, forceAt, nowLoMs }: Sources): Judged[] {
  const deliveries = new Map(listed.flatMap((one) => (one.id === "C1" && one.order ? [[keyOf(one.order), one]] : [])));
  const markOf = ({ op, atMs, isReceipt }: Said): Mark => (isReceipt ? { op, timed: atCentre(atMs, atMs) } : mark(op));
  const complained = new Set<number>();
  return listed.flatMap((clock): Judged[] => {
    if (UNJUDGED.has(clock.id) || (clock.id === "C10" && complained.has(clock.round))) return [];
    if (clock.id === "C10") complained.add(clock.round);
    const delivery = clock.order && deliveries.get(keyOf(clock.order));
    const ends = clock.ends.map(markOf);
    let starts = clock.starts.map(markOf);
    if (clock.order === null) starts = firstOf(starts);
    const isUnseen = clock.id === "C2" && starts.length === 0;
    if (isUnseen) starts = (delivery?.starts ?? []).map(markOf);
    if (starts.length === 0) return [];
    const beganMs = Math.min(...starts.map(latestOf));
    if (isUnseen) starts = starts.map(notBefore);
    const force = forceAt(clock, beganMs);
    const { limit } = force;
    let verdict = judge(starts, ends, limit, force.rules, nowLoMs);
    let dueMs = limit?.due(beganMs) ?? null;
    const isUnreached = UNREACHED.has(clock.id) && delivery?.ends.length === 0 && ends.length === 0;
    if (isUnseen || isUnreached) {
      dueMs = beganMs + force.deliverWithinMs;
      verdict = undelivered(verdict, dueMs, nowLoMs);
    }
    // Called off in time.
    if (ends.length === 0 && clock.overMs !== null && (dueMs === null || clock.overMs <= dueMs)) return [];
    return [{ clock: clock.id, order: clock.order, round: clock.round, verdict, policy: force.version }];
  });
}

/** What is said of an order that reached nobody, as far as is known (VD7). */
function undelivered(verdict: Verdict, dueMs: number, nowLoMs: number): Verdict {
  if (verdict.result === "met") return verdict;
  const known = { ...verdict, grade: null, why: [] };
  if (nowLoMs > dueMs) return { ...known, result: "not_delivered", turnsMs: null };
  return { ...known, result: "pending", turnsMs: dueMs };
}

const GRADES = [0, 1, BEST] as const;

/** The first of several events, as one mark (VD4): each of its bounds is the least of theirs. Empty for none. */
export function firstOf(marks: readonly Mark[]): Mark[] {
  const known = [...marks].sort((a, b) => a.timed.claimedMs - b.timed.claimedMs || ascending(keyOf(a.op), keyOf(b.op)));
  const [first] = known;
  if (!first || known.length < 2) return known;
  const why = [...new Set(known.flatMap(({ timed }) => timed.why))].sort(ascending);
  const [zero, one, two] = GRADES.map((grade) => leastOf(known.map(({ timed }) => proved(timed, grade))));
  const layers = [zero as Bounds, one as Bounds, two as Bounds] as const;
  return [{ op: first.op, timed: { claimedMs: first.timed.claimedMs, layers, why } }];
}

function leastOf(bounds: readonly Bounds[]): Bounds {
  const lows = bounds.flatMap(({ loMs }) => (loMs === null ? [] : [loMs]));
  const highs = bounds.flatMap(({ hiMs }) => (hiMs === null ? [] : [hiMs]));
  return {
    loMs: lows.length < bounds.length ? null : Math.min(...lows),
    hiMs: highs.length === 0 ? null : Math.min(...highs),
  };
}

/** The delivery of an order of which nobody knows when, or whether, it came: no earlier than it was issued. */
function notBefore({ op, timed }: Mark): Mark {
  const [zero, one, two] = GRADES.map((grade) => ({ loMs: proved(timed, grade).loMs, hiMs: null }));
  const layers = [zero as Bounds, one as Bounds, two as Bounds] as const;
  return { op, timed: { ...timed, layers, place: null } };
}
