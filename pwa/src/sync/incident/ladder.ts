/**
 * What follows from a caller who is not satisfied, and when the file is finished (SPEC CK4 to CK8). Mirrors
 * `sync/incident/ladder.py`. It finds no fault with anybody and does not know who may take a step.
 *
 *     standing(view, new PolicyBook()).step      // "rectifying"
 */
import { byTime, type Item, keyOf } from "../fold";
import { type Attempt, attemptNamed, type Called, callbackOf, called, DISSATISFIED } from "./callback";
import { type Counted, ordered, type Stamped, stamped } from "./orders";
import type { PolicyBook } from "./policy";
import type { DerivedView } from "./status";

/** The open steps, the gravest first (CK5). */
export const STEPS = ["to_supervise", "supervised", "to_rectify", "rectifying", "to_call_again"] as const;
export type Step = (typeof STEPS)[number];
const SETTLED: readonly string[] = ["done", "unreachable", "exempt"];

export interface Rectification extends Stamped {
  attempt: Uint8Array | null;
  station: Uint8Array;
  unit: Uint8Array | null;
  kind: "ordinary" | "complex";
  text: string;
  due: number | null;
  done: (Stamped & { text: string }) | null;
}
export interface Supervision extends Stamped {
  attempt: Uint8Array | null;
  text: string;
  closed: (Stamped & { result: string; text: string }) | null;
}
/** One attempt whose caller was not satisfied, and what became of it (CK5). */
export interface Complaint {
  readonly attempt: Attempt;
  /** It was said in a callback after a rectification. */
  readonly again: boolean;
  readonly rectification: Rectification | null;
  readonly supervision: Supervision | null;
  /** Where the callback after its own rectification stands. */
  readonly call: Called | null;
  readonly step: Step | null;
  /** Its countdown to being rectified (DL2 C10); nothing for one said again. */
  readonly startMs: number | null;
  readonly dueMs: number | null;
  readonly doneMs: number | null;
}
export interface Standing {
  readonly callback: Called;
  readonly complaints: readonly Complaint[];
  /** The gravest open step. */
  readonly step: Step | null;
  readonly finished: boolean;
}

/** Every rectification that was ordered, with the first answer its station gave. */
export function rectificationsOf(counted: Counted, attempts: readonly Attempt[]): Rectification[] {
  const answers = firstBy(counted("rectify.done"), ({ fields }) => keyOf(fields["rectify"]) + keyOf(fields["station"]));
  return ordered(counted("rectify.order")).map((item) => {
    const { fields } = item;
    const done = answers.get(item.key + keyOf(fields["station"]));
    return {
      ...stamped(item),
      attempt: attemptNamed(item, attempts),
      station: fields["station"] as Uint8Array,
      unit: (fields["unit"] ?? null) as Uint8Array | null,
      kind: fields["kind"] as Rectification["kind"],
      text: fields["text"] as string,
      due: (fields["due"] ?? null) as number | null,
      done: done ? { ...stamped(done), text: done.fields["text"] as string } : null,
    };
  });
}

/** Every listed supervision, with how it was closed. */
export function supervisionsOf(counted: Counted, attempts: readonly Attempt[]): Supervision[] {
  const closes = firstBy(counted("supervise.close"), ({ fields }) => keyOf(fields["supervise"]));
  return ordered(counted("supervise.open")).map((item) => {
    const closed = closes.get(item.key);
    return {
      ...stamped(item),
      attempt: attemptNamed(item, attempts),
      text: item.fields["text"] as string,
      closed: closed
        ? {
            ...stamped(closed),
            result: closed.fields["result"] as string,
            text: closed.fields["text"] as string,
          }
        : null,
    };
  });
}

function firstBy(items: Item[], name: (item: Item) => string): Map<string, Item> {
  const first = new Map<string, Item>();
  for (const item of items.sort(byTime)) if (!first.has(name(item))) first.set(name(item), item);
  return first;
}

/** Where callback and ladder of an incident stand (CK2 to CK7). */
export function standing(view: DerivedView, book: PolicyBook): Standing {
  const complaints = complaintsOf(view, book);
  const step = STEPS.find((one) => complaints.some((complaint) => complaint.step === one)) ?? null;
  const callback = callbackOf(view, book);
  const ended =
    view.status === "withdrawn" ||
    view.status === "duplicate" ||
    (view.status === "closed" && SETTLED.includes(callback.state));
  return { callback, complaints, step, finished: ended && step === null };
}

/** Every complaint of any round, by event time (CK5). */
export const complaintsOf = (view: DerivedView, book: PolicyBook): Complaint[] =>
  view.callbacks.filter(({ score }) => score === DISSATISFIED).map((attempt) => complaintOf(view, attempt, book));

function complaintOf(view: DerivedView, attempt: Attempt, book: PolicyBook): Complaint {
  const again = attempt.rectify !== null;
  const about = (one: { attempt: Uint8Array | null }) =>
    one.attempt !== null && keyOf(one.attempt) === keyOf(attempt.op);
  const listed = view.supervisions.filter(about);
  // What was ordered last holds: ordering once more says that the answer was not enough.
  const order = view.rectifications.findLast(about) ?? null;
  const supervision = listed.find(({ closed }) => closed === null) ?? listed.at(-1) ?? null;
  const { policy, withinMs } = book.judging(view, "C10", attempt.at, { kind: order?.kind ?? "" });
  const tried = view.callbacks.filter(({ rectify }) => rectify !== null && order && keyOf(rectify) === keyOf(order.op));
  const call = order?.done ? called(tried, policy) : null;
  const limit = withinMs === null ? null : attempt.at + withinMs;
  // It may be shortened, never lengthened (CK6).
  const dueMs = limit !== null && order?.due != null ? Math.min(limit, order.due) : limit;
  return {
    attempt,
    again,
    rectification: order,
    supervision,
    call,
    step: stepOf(again, order, supervision, call),
    startMs: again ? null : attempt.at,
    dueMs: again ? null : dueMs,
    doneMs: again ? null : (order?.done?.at ?? null),
  };
}

function stepOf(
  again: boolean,
  order: Rectification | null,
  supervision: Supervision | null,
  call: Called | null,
): Step | null {
  if (supervision) return supervision.closed === null ? "supervised" : null;
  if (again) return "to_supervise";
  if (!order) return "to_rectify";
  if (!call) return "rectifying";
  return SETTLED.includes(call.state) ? null : "to_call_again";
}
