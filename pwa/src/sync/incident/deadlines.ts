/**
 * Countdowns of an incident: what must happen by when (SPEC DL). Mirrors `sync/incident/deadlines.py`. They find no fault
 * with anybody: these are countdowns, not verdicts.
 *
 *     stateOf(deadline, nowMs)   // "running"
 */
import { correctionStart, reviewClock } from "./feedback";
import { type Milestones, type Order, orderCounts } from "./orders";
import { DEFAULT_PLANS, type Plans } from "./plans";
import type { DerivedView } from "./status";

const DAY_MS = 86_400_000;
/** Asia/Shanghai is UTC+8 all year since 1991. */
const SHANGHAI_OFFSET_MS = 28_800_000;

/** Limits in ms; `arrive_within_ms` by tier; one not listed is its minutes, 0 has none. Keys are the server's. */
export interface Policy {
  readonly deliver_within_ms: number;
  readonly sign_within_ms: number;
  readonly arrive_within_ms: Readonly<Record<string, number>>;
  readonly first_feedback_within_ms: number;
  readonly final_feedback_within_ms: number;
  readonly review_within_ms: number;
  /** Who is told when and how, by tier in minutes as text (NU2). */
  readonly plans: Plans;
}

export const DEFAULT_POLICY: Policy = {
  deliver_within_ms: 10_000,
  sign_within_ms: 30_000,
  arrive_within_ms: { "1": 60_000, "3": 180_000, "5": 300_000, "8": 480_000 },
  first_feedback_within_ms: 1_800_000,
  final_feedback_within_ms: 86_400_000,
  review_within_ms: 86_400_000,
  plans: DEFAULT_PLANS,
};

export type DeadlineId = "C1" | "C2" | "C2i" | "C3" | "C4" | "C5" | "C6" | "C7" | "C7r" | "C8" | "C9";
export type DeadlineState = "done" | "waiting" | "none" | "running" | "overdue";

export interface Deadline {
  readonly id: DeadlineId;
  readonly order: Uint8Array | null;
  readonly startMs: number | null;
  readonly dueMs: number | null;
  readonly doneMs: number | null;
}

/** Where a countdown stands at a time (DL1). */
export function stateOf(deadline: Deadline, nowMs: number): DeadlineState {
  if (deadline.doneMs !== null) return "done";
  if (deadline.startMs === null) return "waiting";
  if (deadline.dueMs === null) return "none";
  return nowMs <= deadline.dueMs ? "running" : "overdue";
}

const plus = (start: number | null, within: number | null): number | null =>
  start === null || within === null ? null : start + within;
const least = (times: readonly number[]): number | null => (times.length > 0 ? Math.min(...times) : null);

/** The last ms of the Asia/Shanghai day after the one that `atMs` lies in. */
export function endOfNextDay(atMs: number): number {
  const day = Math.floor((atMs + SHANGHAI_OFFSET_MS) / DAY_MS);
  return (day + 2) * DAY_MS - SHANGHAI_OFFSET_MS - 1;
}

/** The tier in minutes; where several stand, the shortest that sets a limit (DL2). Null when none was stated. */
export function tierOf(view: Pick<DerivedView, "fields">): number | null {
  const stated = (view.fields["tier"] ?? []).map(({ v }) => v as number);
  return least(stated.filter((tier) => tier > 0)) ?? (stated.length > 0 ? 0 : null);
}

/** How long the way to the scene may take for a tier in minutes (DL2). */
function arriveWithinMs(tier: number | null, policy: Policy): number | null {
  return tier ? (policy.arrive_within_ms[String(tier)] ?? tier * 60_000) : null;
}

/** C1 to C5 of one order (DL2). */
export function orderDeadlines(order: Order, tier: number | null, policy: Policy): Deadline[] {
  const at = (kind: keyof Milestones): number | null => order.milestones[kind]?.at ?? null;
  const issued = order.issued_at;
  const one = (id: DeadlineId, startMs: number | null, within: number | null, doneMs: number | null): Deadline => ({
    id,
    order: order.id,
    startMs,
    dueMs: plus(startMs, within),
    doneMs,
  });
  return [
    // Someone who signed has it, whatever became of the delivery receipt.
    one("C1", issued, policy.deliver_within_ms, at("delivered") ?? at("signed")),
    one("C2", at("delivered"), policy.sign_within_ms, at("signed")),
    one("C2i", issued, policy.sign_within_ms, at("signed")),
    one("C3", at("signed"), null, at("departed")),
    one("C4", at("departed"), null, at("arrived")),
    one("C5", issued, arriveWithinMs(tier, policy), at("arrived")),
  ];
}

/** All countdowns: of the orders of this round that were not taken back, then of the incident (DL2). */
export function deadlinesOf(view: DerivedView, policy: Policy): Deadline[] {
  const tier = tierOf(view);
  const orders = view.orders.filter((order) => order.round === view.round && orderCounts(order));
  const at = (kind: keyof Milestones): number | null => view.milestones[kind]?.at ?? null;
  const closed = least(view.closes.filter((close) => close.round === view.round).map((close) => close.at));
  const answered = view.callbacks.filter(
    ({ round, outcome }) => round === view.round && (outcome === "reached" || outcome === "no_phone"),
  );
  const final = view.feedback.filter((entry) => entry.round === view.round && entry.final);
  const of = (id: DeadlineId, startMs: number | null, dueMs: number | null, doneMs: number | null): Deadline => ({
    id,
    order: null,
    startMs,
    dueMs,
    doneMs,
  });
  const returned = correctionStart(view);
  const review = reviewClock(view);
  return [
    ...orders.flatMap((order) => orderDeadlines(order, tier, policy)),
    of("C6", at("arrived"), plus(at("arrived"), policy.first_feedback_within_ms), at("feedback")),
    of("C7", at("cleared"), plus(at("cleared"), policy.final_feedback_within_ms), least(final.map(({ at }) => at))),
    of("C7r", returned, plus(returned, policy.final_feedback_within_ms), null),
    of("C8", review.startMs, plus(review.startMs, policy.review_within_ms), review.doneMs),
    of("C9", closed, closed === null ? null : endOfNextDay(closed), least(answered.map(({ at }) => at))),
  ];
}
