/**
 * What each press writes: one user action, one set (SPEC CS, IN). Pure; the replica signs and keeps it.
 *
 * Responsible for the ops and for their lane: what the command centre waits for goes first. Refuses to know whether an
 * action is offered at the moment, and never refuses one.
 *
 *     replica.record(claim(job, "arrived", { me, position: freshFix(now) }));
 */

import { homeScope, type Incident, type Me, type MilestoneKind } from "../../device/views";
import type { Draft } from "../../device/writer";
import type { Value } from "../../sync/canon";
import type { Op } from "../../sync/changeset";
import { fromHex } from "../../sync/ids";
import { type Job, replaced } from "./model";

type Data = Record<string, Value>;

/** Where and for whom a claim is made. */
export interface At {
  me: Me;
  /** `[lat, lon, acc_m]` when fresh. */
  position: [number, number, number] | null;
}

const PRIORITY = 1;
const NORMAL = 0;

const OP_BYTES = 17;
const SET_BYTES = 32;

function on(incident: Incident, lane: 0 | 1, ops: Op[]): Draft {
  return { entity: incident.id, scope: incident.scope, lane, ops };
}

function claimOp(kind: MilestoneKind, round: number, order: string | null, at: At, data?: Data): Op {
  const op: Op & Data = { t: "milestone.claim", kind, round, via: "self" };
  if (order) op["order"] = fromHex(order);
  if (at.me.unit) op["unit"] = fromHex(at.me.unit);
  if (at.position) op["pos"] = at.position;
  if (data) op["data"] = data;
  return op;
}

/** 签收, 出发, 到场, 处置完毕. */
export function claim(job: Job, kind: MilestoneKind, at: At): Draft {
  return on(job.incident, PRIORITY, [claimOp(kind, job.order?.round ?? job.incident.round, job.order?.id ?? null, at)]);
}

/** Take back a claim of mine; both stay in the record. */
export function takeBack(incident: Incident, claimOp: string, why: string): Draft {
  return on(incident, PRIORITY, [{ t: "milestone.withdraw", claim: fromHex(claimOp, OP_BYTES), why }]);
}

export function askReturn(job: Job & { order: NonNullable<Job["order"]> }, why: string): Draft {
  return on(job.incident, PRIORITY, [{ t: "order.return_request", order: fromHex(job.order.id), why }]);
}

/** A note, a delay reason or a hand-over, as an entry of the timeline. `ask` marks a request for backup. */
export function entry(
  incident: Incident,
  kind: "note" | "delay_reason" | "handover",
  text: string,
  more: { order?: string | null; ask?: "backup" } = {},
): Draft {
  const data: Data = {};
  if (more.order) data["order"] = fromHex(more.order);
  if (more.ask) data["ask"] = more.ask;
  const op: Op & Data = { t: "entry.add", kind, text };
  if (Object.keys(data).length > 0) op["data"] = data;
  return on(incident, kind === "note" && !more.ask ? NORMAL : PRIORITY, [op]);
}

/** The answer to a question about a set of one's own (SPEC RL9). */
export function answer(set: { id: string; entity: string }, scope: string, text: string): Draft {
  const op: Op & Data = { t: "entry.add", kind: "answer", text };
  op["data"] = { set: fromHex(set.id, SET_BYTES) };
  return { entity: set.entity, scope, lane: PRIORITY, ops: [op] };
}

/** A fact with a new value, naming what it replaces. */
export function factOp(incident: Incident | null, f: string, v: string | number | [number, number]): Op {
  return { t: "fact.set", f, v, p: replaced(incident, f).map((op) => fromHex(op, OP_BYTES)) };
}

export function facts(incident: Incident, values: Record<string, string | number>): Draft {
  return on(
    incident,
    NORMAL,
    Object.entries(values).map(([f, v]) => factOp(incident, f, v)),
  );
}

/** Feedback, with the result, the nature and the counts that changed as facts of the incident in the same action. */
export function feedback(
  job: Job,
  given: {
    final: boolean;
    result: string | null;
    nature: string | null;
    text: string;
    counts: Record<string, string | number>;
  },
  at: At,
): Draft {
  const { incident, order } = job;
  const ops: Op[] = [];
  if (given.result) ops.push(factOp(incident, "result", given.result));
  if (given.nature) ops.push(factOp(incident, "nature", given.nature));
  for (const [f, v] of Object.entries(given.counts)) ops.push(factOp(incident, f, v));
  const data: Data = { final: given.final };
  if (given.result) data["result"] = given.result;
  if (given.text) data["text"] = given.text;
  ops.push(claimOp("feedback", order?.round ?? incident.round, order?.id ?? null, { me: at.me, position: null }, data));
  return on(incident, PRIORITY, ops);
}

export interface SelfReport {
  /** Fresh random ids, hex. */
  incident: string;
  order: string;
  station: string;
  tag: string;
  title: string;
  category: string;
  place: string;
  story: string;
  callerName: string;
  callerPhone: string;
  point: [number, number] | null;
  nowMs: number;
}

/** 自接警: the incident, what is known of it, and the order to myself, already delivered and signed; one action. */
export function selfReport(said: SelfReport, at: At): Draft {
  const ops: Op[] = [{ t: "incident.create", source: "self", station: fromHex(said.station), tag: said.tag }];
  const known: [string, string | [number, number] | null][] = [
    ["title", said.title],
    ["category", said.category],
    ["place", said.place],
    ["point", said.point],
    ["narrative", said.story],
    ["caller_name", said.callerName],
    ["caller_phone", said.callerPhone],
  ];
  for (const [f, v] of known) if (v) ops.push(factOp(null, f, v));
  ops.push({
    t: "order.issue",
    order: fromHex(said.order),
    to: ["person", fromHex(at.me.person)],
    kind: "dispatch",
    round: 0,
  });
  const system: At = { me: at.me, position: null };
  ops.push({ ...claimOp("delivered", 0, said.order, system), via: "system" });
  ops.push(claimOp("signed", 0, said.order, at));
  return { entity: said.incident, scope: homeScope(said.station, said.nowMs), lane: PRIORITY, ops };
}
