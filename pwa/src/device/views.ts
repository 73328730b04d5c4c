/**
 * An incident as a phone's screens read it: ids as hex, times in ms, every name spelled out.
 *
 * Responsible for turning the shared view (`sync/incident/state`, the same bytes in both languages) into typed plain
 * objects, and for the one question every screen asks: is this order for me. Refuses to fold, to judge and
 * to know the time.
 *
 *     const incident = incidentOf(view);
 *     incident.orders.find((order) => forMe(order, me))?.status;      // "signed"
 */
import { toHex } from "../sync/ids";
import { type MilestoneKind, ROAD, type RoadKind, type Status } from "../sync/incident/kinds";
import type { Milestones as SharedMilestones, Order as SharedOrder } from "../sync/incident/orders";
import type { View } from "../sync/incident/state";

export type { MilestoneKind, View };
export const STEPS = ROAD;
export type Step = RoadKind;

export interface Milestone {
  op: string;
  atMs: number;
  by: string;
  via: string;
  saidBy: string | null;
  lateByMs: number | null;
}
export type Milestones = Partial<Record<MilestoneKind, Milestone>>;

export interface Order {
  id: string;
  to: { kind: string; id: string };
  kind: string;
  round: number;
  issuedAtMs: number;
  issuedBy: string;
  open: boolean;
  status: SharedOrder["status"];
  returned: boolean;
  withdrawn: boolean;
  returnRequest: { op: string; why: string; by: string; atMs: number } | null;
  milestones: Milestones;
}

/** One live value of a fact. More than one is a conflict, shown whole. */
export interface Fact {
  op: string;
  value: unknown;
  by: string;
  atMs: number;
}
export interface Feedback {
  op: string;
  order: string | null;
  round: number;
  final: boolean;
  /** The last final feedback of its order and round (FB1). */
  current: boolean;
  result: string | null;
  text: string;
  by: string;
  atMs: number;
  /** What a reviewer said of it; one that was returned asks its author again (FB3). */
  review: { verdict: "pass" | "return"; faults: string[]; text: string; by: string; atMs: number } | null;
}
export interface Note {
  op: string;
  kind: string;
  text: string;
  by: string;
  atMs: number;
  receivedAtMs: number | null;
  correction: string | null;
  /** What the desk said to a delay reason (FB4). */
  answer: { reply: string; text: string; by: string; atMs: number } | null;
}
export interface Claim {
  op: string;
  kind: string;
  round: number;
  order: string | null;
  by: string;
  standing: boolean;
}

export interface Incident {
  id: string;
  number: string | null;
  tag: string | null;
  source: string | null;
  exercise: boolean;
  createdAtMs: number | null;
  createdBy: string | null;
  /** The station it belongs to now. */
  station: string | null;
  /** Where its sets are meant for (SPEC SC3). */
  scope: string;
  status: Status;
  round: number;
  fields: Record<string, Fact[]>;
  orders: Order[];
  milestones: Milestones;
  feedback: Feedback[];
  entries: Note[];
  claims: Claim[];
  /** The shared view itself, for `deadlinesOf`. */
  view: View;
}

const hexOrNull = (value: Uint8Array | null): string | null => value && toHex(value);

function milestonesOf(shared: SharedMilestones): Milestones {
  const found: Milestones = {};
  for (const [kind, claim] of Object.entries(shared)) {
    found[kind as MilestoneKind] = {
      op: toHex(claim.op),
      atMs: claim.at,
      by: toHex(claim.by),
      via: claim.via,
      saidBy: hexOrNull(claim.said_by),
      lateByMs: claim.late_by,
    };
  }
  return found;
}

function orderOf(order: SharedOrder): Order {
  const request = order.return_request;
  return {
    id: toHex(order.id),
    to: { kind: order.to[0], id: toHex(order.to[1]) },
    kind: order.kind,
    round: order.round,
    issuedAtMs: order.issued_at,
    issuedBy: toHex(order.issued_by),
    open: order.open,
    status: order.status,
    returned: order.returned,
    withdrawn: order.withdrawn,
    returnRequest: request && { op: toHex(request.op), why: request.why, by: toHex(request.by), atMs: request.at },
    milestones: milestonesOf(order.milestones),
  };
}

export function incidentOf(view: View): Incident {
  const { created } = view;
  const fields: Record<string, Fact[]> = {};
  for (const [name, values] of Object.entries(view.fields)) {
    fields[name] = values.map(({ op, v, by, at }) => ({ op: toHex(op), value: v, by: toHex(by), atMs: at }));
  }
  return {
    id: toHex(view.id),
    number: view.number,
    tag: created?.tag ?? null,
    source: created?.source ?? null,
    exercise: created?.exercise ?? false,
    createdAtMs: created?.at ?? null,
    createdBy: created && toHex(created.by),
    station: hexOrNull(view.station),
    scope: created ? homeScope(toHex(created.station), created.at) : `incident:${toHex(view.id)}`,
    status: view.status,
    round: view.round,
    fields,
    orders: view.orders.map(orderOf),
    milestones: milestonesOf(view.milestones),
    feedback: view.feedback.map((one) => ({
      op: toHex(one.op),
      order: hexOrNull(one.order),
      round: one.round,
      final: one.final,
      current: one.current,
      result: one.result,
      text: one.text ?? "",
      by: toHex(one.by),
      atMs: one.at,
      review: one.review && {
        verdict: one.review.verdict,
        faults: one.review.faults,
        text: one.review.text ?? "",
        by: toHex(one.review.by),
        atMs: one.review.at,
      },
    })),
    entries: view.entries.map((one) => ({
      op: toHex(one.op),
      kind: one.kind,
      text: one.text,
      by: toHex(one.by),
      atMs: one.at,
      receivedAtMs: one.received_at,
      correction: one.correction?.text ?? null,
      answer: one.answer && {
        reply: one.answer.reply,
        text: one.answer.text ?? "",
        by: toHex(one.answer.by),
        atMs: one.answer.at,
      },
    })),
    claims: view.claims.map((one) => ({
      op: toHex(one.op),
      kind: one.kind,
      round: one.round,
      order: hexOrNull(one.order),
      by: toHex(one.by),
      standing: one.standing,
    })),
    view,
  };
}

/** Whom this device acts for. An order for my unit, or for a vehicle of my unit, is mine too. */
export interface Me {
  person: string;
  /** Where they belong now, hex. */
  station: string | null;
  unit: string | null;
  vehicles: readonly string[];
}

export function forMe(order: Pick<Order, "to">, me: Me): boolean {
  if (order.to.kind === "person") return order.to.id === me.person;
  if (order.to.kind === "unit") return order.to.id === me.unit;
  return order.to.kind === "vehicle" && me.vehicles.includes(order.to.id);
}

/** An incident concerns me when an order in it is for me, or I opened it. */
export function concerns(incident: Incident, me: Me): boolean {
  return incident.createdBy === me.person || incident.orders.some((order) => forMe(order, me));
}

/** The home scope of an incident: its first station and the Asia/Shanghai month of its creation (SPEC SC1, SC3). */
export function homeScope(station: string, createdAtMs: number): string {
  const month = new Date(createdAtMs + 8 * 3_600_000).toISOString().slice(0, 7);
  return `station:${station}:${month}`;
}
