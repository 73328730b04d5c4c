/**
 * The shape of every op: which fields it must have, of which type, from which closed set (SPEC IN1). Mirrors
 * `sync/incident/shapes.py`. An op this version does not know, and extra fields of one it does, are no fault: they are
 * kept.
 *
 *     problem({ t: "entry.add", kind: "note", text: "到了" })    // null
 *     problem({ t: "entry.add", kind: "song", text: "la" })      // "entry.add.kind"
 */
import type { Value } from "../canon";
import type { Op } from "../changeset";
import * as kinds from "./kinds";

type Check = (value: Value | undefined) => boolean;
type Checks = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isInt = (value: Value | undefined): value is number => typeof value === "number" && Number.isSafeInteger(value);
const isNatural: Check = (value) => isInt(value) && value >= 0;
const isBytes =
  (size: number): Check =>
  (value) =>
    value instanceof Uint8Array && value.length === size;
const isOneOf =
  (names: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && names.includes(value);
const isBetween =
  (low: number, high: number): Check =>
  (value) =>
    isInt(value) && value >= low && value <= high;
const isFaults: Check = (value) =>
  Array.isArray(value) && value.every(isOneOf(kinds.FAULTS)) && new Set(value).size === value.length;
const isId = isBytes(16);
const isOp = isBytes(17);
const isOps: Check = (value) => Array.isArray(value) && value.every(isOp);
const isMap = (value: Value | undefined): value is { [key: string]: Value } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
const isPoint: Check = (value) =>
  Array.isArray(value) &&
  value.length === 2 &&
  isBetween(-900_000_000, 900_000_000)(value[0]) &&
  isBetween(-1_800_000_000, 1_800_000_000)(value[1]);
const isPosition: Check = (value) =>
  Array.isArray(value) && value.length === 3 && isPoint(value.slice(0, 2)) && isNatural(value[2]);
const isTarget: Check = (value) =>
  Array.isArray(value) && value.length === 2 && isOneOf(kinds.TARGETS)(value[0]) && isId(value[1]);

const REQUIRED: ReadonlyMap<string, Checks> = new Map(
  Object.entries<Checks>({
    "incident.create": { source: isOneOf(kinds.SOURCES), station: isId, tag: isText },
    "fact.set": { f: isOneOf([...kinds.TEXT_FACTS, ...kinds.NUMBER_FACTS, "point"]), p: isOps },
    "set.add": { f: isOneOf(kinds.SET_FIELDS), v: isText },
    "set.remove": { f: isOneOf(kinds.SET_FIELDS), p: isOps },
    "latest.set": { f: isOneOf(kinds.LATEST_FIELDS), v: isText },
    "entry.add": { kind: isOneOf(kinds.ENTRY_KINDS), text: isText },
    "entry.correct": { entry: isOp, text: isText },
    "milestone.claim": { kind: isOneOf(kinds.MILESTONES), round: isNatural, via: isOneOf(kinds.VIAS) },
    "milestone.withdraw": { claim: isOp, why: isText },
    "milestone.dispute": { claim: isOp, why: isText },
    "order.issue": { order: isId, to: isTarget, kind: isOneOf(kinds.ORDER_KINDS), round: isNatural },
    "order.withdraw": { order: isId, why: isText },
    "order.reassign": { order: isId, new: isId, to: isTarget },
    "order.return_request": { order: isId, why: isText },
    "order.return_review": { order: isId, ok: isFlag },
    "incident.transfer": { station: isId, why: isText },
    "incident.link": { to: isId, kind: isOneOf(kinds.LINK_KINDS) },
    "incident.unlink": { p: isOps },
    "incident.withdraw": { why: isText },
    "incident.close": { round: isNatural },
    "incident.reopen": { round: isNatural, why: isText },
    "callback.attempt": { round: isNatural, outcome: isOneOf(kinds.OUTCOMES) },
    "callback.withdraw": { attempt: isOp, why: isText },
    "feedback.review": { claim: isOp, verdict: isOneOf(kinds.VERDICTS), faults: isFaults },
    "nature.rule": { nature: isText, why: isText },
    "delay.answer": { entry: isOp, reply: isOneOf(kinds.DELAY_REPLIES) },
    "verdict.override": {
      clock: isOneOf(kinds.CLOCKS),
      round: isNatural,
      result: isOneOf(kinds.FINDINGS),
      why: isText,
    },
    "rectify.order": { station: isId, kind: isOneOf(kinds.RECTIFY_KINDS), text: isText },
    "rectify.done": { rectify: isOp, station: isId, text: isText },
    "supervise.open": { text: isText },
    "supervise.close": { supervise: isOp, result: isOneOf(kinds.SUPERVISE_RESULTS), text: isText },
  }),
);
const OPTIONAL: ReadonlyMap<string, Checks> = new Map(
  Object.entries<Checks>({
    "incident.create": { exercise: isFlag },
    "entry.add": { data: isMap },
    "milestone.claim": { order: isId, by: isId, unit: isId, pos: isPosition, data: isMap },
    "order.reassign": { why: isText },
    "order.return_review": { why: isText },
    "incident.close": { result: isText },
    "feedback.review": { score: isBetween(0, 100), text: isText },
    "delay.answer": { text: isText },
    "verdict.override": { order: isId },
    "callback.attempt": {
      score: isBetween(1, 3),
      minutes: isNatural,
      reason: isOneOf(kinds.REASONS),
      rectify: isOp,
      text: isText,
    },
    "rectify.order": { attempt: isOp, unit: isId, due: isNatural },
    "supervise.open": { attempt: isOp },
  }),
);

/** Whether this version knows the op. */
export const isKnown = (t: string): boolean => REQUIRED.has(t);

/** The first field that is missing or wrong, as `op.field`; null for a good op and for one of an unknown kind. */
export function problem(op: Op): string | null {
  const required = REQUIRED.get(op.t);
  if (!required) return null;
  for (const [name, holds] of Object.entries(required)) if (!holds(op[name])) return `${op.t}.${name}`;
  for (const [name, holds] of Object.entries(OPTIONAL.get(op.t) ?? {}))
    if (op[name] !== undefined && !holds(op[name])) return `${op.t}.${name}`;
  if (op["at"] !== undefined && !isNatural(op["at"])) return `${op.t}.at`;
  return valueProblem(op);
}

function valueProblem(op: Op): string | null {
  if (op.t === "fact.set") {
    const field = op["f"] as string;
    return factCheck(field)(op["v"]) ? null : `fact.set.${field}`;
  }
  if (op.t === "feedback.review")
    // Whoever is asked to do it again must be told what is wrong (FB2).
    return op["verdict"] === "return" && (op["faults"] as Value[]).length === 0 ? "feedback.review.faults" : null;
  if (op.t === "callback.attempt") {
    if ((op["score"] !== undefined) !== (op["outcome"] === "reached")) return "callback.attempt.score";
    return op["reason"] !== undefined && op["score"] !== 3 ? "callback.attempt.reason" : null;
  }
  if (op.t !== "milestone.claim" || op["kind"] !== "feedback") return null;
  const data = op["data"];
  if (!isMap(data) || !isFlag(data["final"])) return "milestone.claim.data.final";
  for (const name of ["result", "text"])
    if (data[name] !== undefined && !isText(data[name])) return `milestone.claim.data.${name}`;
  return null;
}

function factCheck(field: string): Check {
  if (field === "point") return isPoint;
  if (field === "level") return isBetween(1, 4);
  if (field === "tier") return isBetween(0, 1_440);
  return (kinds.TEXT_FACTS as readonly string[]).includes(field) ? isText : isNatural;
}
