/**
 * What does not fit together in an incident, as plain remarks before it is closed (SPEC FB6). Mirrors
 * `sync/incident/consistency.py`. It blames nobody, changes nothing and forbids nothing: times may be wrong by a phone's
 * clock, and a person decides. It chooses no words.
 *
 *     remarksOn(view, book).map(({ code }) => code)      // ["step_before", "feedback_missing"]
 */
import { encode, type Value } from "../canon";
import { ascending, keyOf } from "../fold";
import { orderDeadlines } from "./deadlines";
import { standingOf } from "./feedback";
import { type Milestones, type Order, orderCounts } from "./orders";
import type { PolicyBook } from "./policy";
import type { View } from "./state";

export const REMARKS = [
  "undelivered",
  "order_unfinished",
  "step_before",
  "step_missing",
  "return_unanswered",
  "delay_unexplained",
  "step_after_close",
  "feedback_before_arrival",
  "feedback_missing",
  "feedback_returned",
  "feedback_unreviewed",
  "result_differs",
  "result_missing",
  "nature_missing",
  "counts_contradict",
  "two_statements",
  "delay_unanswered",
  "callback_twice",
] as const;

/** One remark: its code, the order it is about, the ops to look at, and the kinds or the field it speaks of. */
export interface Remark {
  readonly code: (typeof REMARKS)[number];
  readonly order: Uint8Array | null;
  readonly about: readonly Uint8Array[];
  readonly words: readonly string[];
}

const COUNTS: readonly string[] = ["casualties", "rescued", "seized"];
/** Delivery is no step of a person's: who was told by radio signs before the phone has it. */
const STEPS = ["signed", "departed", "arrived", "cleared"] as const;

function remark(
  code: Remark["code"],
  order: Uint8Array | null = null,
  about: readonly Uint8Array[] = [],
  words: readonly string[] = [],
): Remark {
  return { code, order, about, words };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => keyOf(a) === keyOf(b);
const sorted = (ops: readonly Uint8Array[]): Uint8Array[] => [...ops].sort((a, b) => ascending(keyOf(a), keyOf(b)));

/** Everything to remark on the current round of a view, in a fixed order: orders first, then the incident. */
export function remarksOn(view: View, book: PolicyBook): Remark[] {
  const orders = view.orders.filter((order) => order.round === view.round && orderCounts(order));
  return [
    ...orders.flatMap((order) => [...ofOrder(order), ...ofDelay(order, view, book)]),
    ...(orders.length > 0
      ? []
      : [...ofRoad(view.milestones, null, null), ...view.gaps.map((kind) => remark("step_missing", null, [], [kind]))]),
    ...afterClose(view),
    ...ofFeedback(view),
    ...ofFacts(view),
    ...view.entries
      .filter((entry) => entry.kind === "delay_reason" && entry.answer === null)
      .map((entry) => remark("delay_unanswered", null, [entry.op])),
    ...ofCalls(view),
  ];
}

function ofOrder(order: Order): Remark[] {
  const { id, milestones: reached } = order;
  const found: Remark[] = [];
  if (Object.keys(reached).length === 0) found.push(remark("undelivered", id));
  else if (!reached.cleared && order.kind !== "advisory") found.push(remark("order_unfinished", id));
  found.push(...ofRoad(reached, id, order.issued_at));
  for (const kind of order.gaps) if (kind !== "delivered") found.push(remark("step_missing", id, [], [kind]));
  if (order.return_request) found.push(remark("return_unanswered", id, [order.return_request.op]));
  return found;
}

/** Neighbours on the road of which the later step happened earlier. */
function ofRoad(reached: Milestones, order: Uint8Array | null, issuedAt: number | null): Remark[] {
  const found: Remark[] = [];
  let before: { kind: string; at: number; about: Uint8Array[] } | null =
    issuedAt === null ? null : { kind: "issued", at: issuedAt, about: [] };
  for (const kind of STEPS) {
    const step = reached[kind];
    if (!step) continue;
    if (before && step.at < before.at)
      found.push(remark("step_before", order, [step.op, ...before.about], [kind, before.kind]));
    before = { kind, at: step.at, about: [step.op] };
  }
  return found;
}

/** Arrived after the limit, by the times as they are told, and nobody said why. */
function ofDelay(order: Order, view: View, book: PolicyBook): Remark[] {
  const arrival = orderDeadlines(view, order, book).find(({ id }) => id === "C5");
  const arrived = order.milestones.arrived;
  if (!arrived || !arrival || arrival.dueMs === null || arrived.at <= arrival.dueMs) return [];
  const isExplained = view.entries.some(({ kind, data }) => {
    const of = data?.["order"];
    return kind === "delay_reason" && (of === undefined || (of instanceof Uint8Array && same(of, order.id)));
  });
  return isExplained ? [] : [remark("delay_unexplained", order.id, [arrived.op])];
}

function afterClose(view: View): Remark[] {
  const closed = view.closes.filter(({ round }) => round === view.round).map(({ at }) => at);
  if (closed.length === 0) return [];
  const first = Math.min(...closed);
  return view.claims
    .filter(
      (claim) =>
        claim.counts &&
        claim.round === view.round &&
        (STEPS as readonly string[]).includes(claim.kind) &&
        claim.at > first,
    )
    .map((claim) => remark("step_after_close", claim.order, [claim.op], [claim.kind]));
}

function ofFeedback(view: View): Remark[] {
  const arrived = view.milestones.arrived;
  const early = view.feedback
    .filter((entry) => entry.round === view.round && arrived && entry.at < arrived.at)
    .map((entry) => remark("feedback_before_arrival", entry.order, arrived ? [entry.op, arrived.op] : []));
  const { waiting, returned, passed } = standingOf(view);
  const finals = [...waiting, ...returned, ...passed];
  if (finals.length === 0) return [...early, remark("feedback_missing")];
  const found = [
    ...early,
    ...returned.map((entry) => remark("feedback_returned", entry.order, [entry.op])),
    ...waiting.map((entry) => remark("feedback_unreviewed", entry.order, [entry.op])),
  ];
  const told = finals.filter(({ result }) => result !== null);
  if (new Set(told.map(({ result }) => result)).size > 1)
    found.push(remark("result_differs", null, sorted(told.map(({ op }) => op))));
  else if (told.length === 0 && (view.fields["result"] ?? []).length === 0)
    found.push(remark("result_missing", null, sorted(finals.map(({ op }) => op))));
  if ((view.fields["nature"] ?? []).length === 0 && view.nature.ruled === null) found.push(remark("nature_missing"));
  return found;
}

function ofFacts(view: View): Remark[] {
  const bytes = (value: Value): string => keyOf(encode(value));
  return Object.keys(view.fields)
    .sort()
    .flatMap((field) => {
      const values = view.fields[field] ?? [];
      if (new Set(values.map(({ v }) => bytes(v))).size < 2) return [];
      const code = COUNTS.includes(field) ? "counts_contradict" : "two_statements";
      return [
        remark(
          code,
          null,
          values.map(({ op }) => op),
          [field],
        ),
      ];
    });
}

function ofCalls(view: View): Remark[] {
  const reached = view.callbacks.filter(({ round, outcome }) => round === view.round && outcome === "reached");
  return reached.length > 1
    ? [
        remark(
          "callback_twice",
          null,
          reached.map(({ op }) => op),
        ),
      ]
    : [];
}
