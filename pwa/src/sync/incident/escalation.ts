/**
 * Who must be told what now, and when to look again (SPEC NU): a pure function of events, policy and time. Mirrors
 * `sync/incident/escalation.py`. It writes nothing and remembers nothing: a step that was taken is an entry of the
 * incident, and whoever acknowledges, takes back or closes ends everything that was pending.
 *
 *     stepsOf(view, book, nowMs, ON_PHONE).due.length     // how loud an order rings
 */
import { keyOf } from "../fold";
import { type Deadline, deadlinesOf } from "./deadlines";
import type { MilestoneKind } from "./kinds";
import type { Order } from "./orders";
import type { PlanStep } from "./plans";
import type { PolicyBook } from "./policy";
import type { Entry } from "./state";
import type { DerivedView } from "./status";

/** Of a view, `entries` need only hold what the centre wrote itself. */
export type Watched = DerivedView & { readonly entries: readonly Pick<Entry, "by" | "kind" | "data">[] };

export const AT_CENTRE: ReadonlySet<string> = new Set(["push", "desk", "radio", "phone", "station", "commander"]);
export const ON_PHONE: ReadonlySet<string> = new Set(["ring"]);
/** A step that nobody took for so long is of no use to anybody. */
const LAPSES_AFTER_MS = 86_400_000;
/** In whose name the centre writes what nobody did: no phone can write in it (AU2). */
const CENTRE = "0".repeat(32);

const SIGNED: readonly MilestoneKind[] = ["signed", "departed", "arrived", "cleared"];
/** The milestones of an order that answer its clock: whoever has arrived need not be asked to sign. */
const ANSWERED_BY: Readonly<Record<string, readonly MilestoneKind[]>> = {
  C1: ["delivered", ...SIGNED],
  C2: SIGNED,
  C2i: SIGNED,
  C3: SIGNED.slice(1),
  C4: SIGNED.slice(2),
  C5: SIGNED.slice(2),
};
const UNTIL_CLOSED: ReadonlySet<string> = new Set(["C6", "C7"]);

/** One step of a plan on one clock. `step` counts those of the same channel on it from 1; `atMs` is its moment. */
export interface Step {
  readonly clock: string;
  readonly order: Uint8Array | null;
  readonly round: number;
  readonly channel: string;
  readonly step: number;
  readonly to: string;
  readonly atMs: number;
}

/** The steps by `channels` that are due and not taken, by moment, and the ms at which the next one will be. */
export function stepsOf(
  view: Watched,
  book: PolicyBook,
  nowMs: number,
  channels: ReadonlySet<string> = AT_CENTRE,
): { due: Step[]; nextMs: number | null } {
  const targets = new Map(view.orders.map(({ id, to }) => [keyOf(id), to[1]]));
  const taken = takenOf(view.entries);
  const due: Step[] = [];
  let nextMs: number | null = null;
  for (const clock of runningOf(view, book)) {
    const plan = planOf(view, book, clock, (clock.order && targets.get(keyOf(clock.order))) ?? null);
    for (const step of stepsOn(clock, view.round, plan)) {
      if (!channels.has(step.channel) || taken.has(stepKey(step))) continue;
      if (step.atMs > nowMs) nextMs = nextMs === null ? step.atMs : Math.min(nextMs, step.atMs);
      else if (nowMs - step.atMs < LAPSES_AFTER_MS) due.push(step);
    }
  }
  return { due: due.sort((a, b) => a.atMs - b.atMs), nextMs };
}

/** The plan of a clock that has started: that of its tier, in the policy at its start (NU2). */
function planOf(
  view: Watched,
  book: PolicyBook,
  { id, startMs }: Deadline,
  target: Uint8Array | null,
): readonly PlanStep[] {
  const { policy, tier } = book.judging(view, id, startMs ?? 0, { target });
  const { plans } = policy;
  return plans[tier === null ? "" : String(tier)] ?? plans[""] ?? [];
}

/** The clocks that run for somebody who can still act, and that nothing has answered (NU3). */
function runningOf(view: Watched, book: PolicyBook): Deadline[] {
  if (view.status === "withdrawn" || view.status === "duplicate") return [];
  const orders = new Map(view.orders.map((order) => [keyOf(order.id), order]));
  return deadlinesOf(view, book).filter(({ id, order, startMs, doneMs }) => {
    if (startMs === null || doneMs !== null) return false;
    const of = order && orders.get(keyOf(order));
    return of ? !isAnswered(id, of) : !isOver(id, view);
  });
}

function isOver(clock: string, view: Watched): boolean {
  if (clock === "C9") return (view.created?.exercise ?? false) || !view.fields["caller_phone"]?.at(-1)?.v;
  return UNTIL_CLOSED.has(clock) && view.status === "closed";
}

/** A request to return it is an answer too, as long as nobody has refused it: the next word is the desk's. */
function isAnswered(clock: string, order: Order): boolean {
  if (!order.open || order.return_request !== null) return true;
  return (ANSWERED_BY[clock] ?? []).some((kind) => order.milestones[kind]);
}

function* stepsOn(clock: Deadline, round: number, plan: readonly PlanStep[]): Iterable<Step> {
  const counts = new Map<string, number>();
  for (const told of plan) {
    if (told.clock !== clock.id) continue;
    const step = (counts.get(told.channel) ?? 0) + 1;
    counts.set(told.channel, step);
    const base = told.after === "start" ? clock.startMs : clock.dueMs;
    if (base === null) continue;
    const { channel, to } = told;
    yield { clock: clock.id, order: clock.order, round, channel, step, to, atMs: base + told.at_ms };
  }
}

/** What makes it this step and no other (NU4). */
export function stepKey({ clock, order, round, channel, step }: Omit<Step, "to" | "atMs">): string {
  return [clock, order && keyOf(order), round, channel, step].join("/");
}

/** The keys of the steps that the centre says it took (NU4); an entry in any other form says nothing of that. */
function takenOf(entries: Watched["entries"]): Set<string> {
  const taken = new Set<string>();
  for (const { by, kind, data } of entries) {
    if (keyOf(by) !== CENTRE || kind !== "nudge" || data === null) continue;
    const { clock, channel, round, step } = data;
    const order = data["order"] ?? null;
    if (typeof clock !== "string" || typeof channel !== "string") continue;
    if (!Number.isSafeInteger(round) || !Number.isSafeInteger(step)) continue;
    if (order === null || order instanceof Uint8Array)
      taken.add(stepKey({ clock, order, round: round as number, channel, step: step as number }));
  }
  return taken;
}
