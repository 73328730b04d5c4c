/**
 * Countdowns of an incident: what must happen by when (SPEC DL). Mirrors `sync/incident/deadlines.py`. They find no fault
 * with anybody: these are countdowns, not verdicts.
 *
 *     stateOf(deadline, nowMs)   // "running"
 */
import { keyOf } from "../fold";
import { type Clock, type ClockId, clocksOf, dueOf, judgingOf, noComplaint, orderClocks } from "./clocks";
import { type Order, orderCounts } from "./orders";
import type { PolicyBook } from "./policy";
import type { DerivedView } from "./status";

export type DeadlineId = ClockId;
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

/**
 * A clock by the words of those who were there: from its first start to its first end, under the policy in force at its
 * start (PO3).
 */
export function countdown(view: DerivedView, clock: Clock, book: PolicyBook): Deadline {
  const startMs = least(clock.starts.map(({ atMs }) => atMs));
  const doneMs = least(clock.ends.map(({ atMs }) => atMs));
  const dueMs = startMs === null ? null : dueOf(clock, startMs, judgingOf(view, clock, startMs, book).withinMs);
  return { id: clock.id, order: clock.order, startMs, dueMs, doneMs };
}

/** C1 to C5 of one order (DL2). */
export const orderDeadlines = (view: DerivedView, order: Order, book: PolicyBook): Deadline[] =>
  orderClocks(view, order).map((clock) => countdown(view, clock, book));

/** All countdowns: of the orders of this round that were not taken back, then of the incident (DL2). */
export function deadlinesOf(view: DerivedView, book: PolicyBook): Deadline[] {
  const counting = new Set(view.orders.filter(orderCounts).map(({ id }) => keyOf(id)));
  const listed = clocksOf(view, book);
  const complaints = listed.filter(({ id }) => id === "C10");
  const complaint = complaints.find(({ ends }) => ends.length === 0) ?? complaints.at(-1) ?? noComplaint(view.round);
  const counts = ({ id, order, round }: Clock): boolean =>
    id !== "C10" && round === view.round && (order === null || counting.has(keyOf(order)));
  return [...listed.filter(counts), complaint].map((clock) => countdown(view, clock, book));
}
