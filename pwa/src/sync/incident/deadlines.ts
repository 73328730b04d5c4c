/**
 * Countdowns of an incident: what must happen by when (SPEC DL). Mirrors `sync/incident/deadlines.py`. They find no fault
 * with anybody: these are countdowns, not verdicts.
 *
 *     stateOf(deadline, nowMs)   // "running"
 */
import { correctionStart, reviewClock } from "./feedback";
import { rectifiedBy, standing } from "./ladder";
import { type Milestones, type Order, orderCounts } from "./orders";
import type { PolicyBook } from "./policy";
import type { DerivedView } from "./status";

export type DeadlineId = "C1" | "C2" | "C2i" | "C3" | "C4" | "C5" | "C6" | "C7" | "C7r" | "C8" | "C9" | "C10";
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

const least = (times: readonly number[]): number | null => (times.length > 0 ? Math.min(...times) : null);

/** One countdown, under the policy in force at its start (PO3). */
function run(
  view: DerivedView,
  book: PolicyBook,
  id: DeadlineId,
  order: Order | null,
  startMs: number | null,
  doneMs: number | null,
): Deadline {
  const key = order?.id ?? null;
  if (startMs === null) return { id, order: key, startMs, dueMs: null, doneMs };
  const { withinMs } = book.judging(view, id, startMs, { target: order?.to[1] ?? null });
  return { id, order: key, startMs, dueMs: withinMs === null ? null : startMs + withinMs, doneMs };
}

/** C1 to C5 of one order (DL2). */
export function orderDeadlines(view: DerivedView, order: Order, book: PolicyBook): Deadline[] {
  const at = (kind: keyof Milestones): number | null => order.milestones[kind]?.at ?? null;
  const of = (id: DeadlineId, startMs: number | null, doneMs: number | null): Deadline =>
    run(view, book, id, order, startMs, doneMs);
  const issued = order.issued_at;
  return [
    // Someone who signed has it, whatever became of the delivery receipt.
    of("C1", issued, at("delivered") ?? at("signed")),
    of("C2", at("delivered"), at("signed")),
    of("C2i", issued, at("signed")),
    of("C3", at("signed"), at("departed")),
    of("C4", at("departed"), at("arrived")),
    of("C5", issued, at("arrived")),
  ];
}

/** All countdowns: of the orders of this round that were not taken back, then of the incident (DL2). */
export function deadlinesOf(view: DerivedView, book: PolicyBook): Deadline[] {
  const orders = view.orders.filter((order) => order.round === view.round && orderCounts(order));
  const at = (kind: keyof Milestones): number | null => view.milestones[kind]?.at ?? null;
  const closed = least(view.closes.filter((close) => close.round === view.round).map((close) => close.at));
  const final = view.feedback.filter((entry) => entry.round === view.round && entry.final);
  const of = (id: DeadlineId, startMs: number | null, doneMs: number | null): Deadline =>
    run(view, book, id, null, startMs, doneMs);
  const review = reviewClock(view);
  return [
    ...orders.flatMap((order) => orderDeadlines(view, order, book)),
    of("C6", at("arrived"), at("feedback")),
    of("C7", at("cleared"), least(final.map(({ at }) => at))),
    of("C7r", correctionStart(view), null),
    of("C8", review.startMs, review.doneMs),
    ...callbackDeadlines(view, closed, book),
  ];
}

/** C9 and C10 of an incident whose round closed at `closedMs` (DL2). Nobody to call is no countdown. */
function callbackDeadlines(view: DerivedView, closedMs: number | null, book: PolicyBook): Deadline[] {
  const { callback, complaints } = standing(view, book);
  const complaint = rectifiedBy(complaints);
  const toCall = run(view, book, "C9", null, closedMs, callback.settledMs);
  const nobody = callback.state === "exempt" && callback.settledMs === null;
  return [
    nobody ? { ...toCall, dueMs: null } : toCall,
    {
      id: "C10",
      order: null,
      startMs: complaint?.startMs ?? null,
      dueMs: complaint?.dueMs ?? null,
      doneMs: complaint?.doneMs ?? null,
    },
  ];
}
