/**
 * From sets and rulings to items: what the cells are made of (SPEC CE, ST). Mirrors `sync/fold.py`.
 *
 *     state.add(itemsOf(changeset, ruling));   // ruling null: the author's own, not yet ruled
 */
import type { Value } from "./canon";
import type { ChangeSet, Op } from "./changeset";
import { COUNTER_MAX, compareStamps, pack, unpack } from "./clock";
import { opId, toHex } from "./ids";
import { COUNTED, type Decision, KIND_REDACT, type RedactRuling, type Ruling, receivedAtMs } from "./rulings";

export const LATE_AFTER_MS = 60_000;

/** By whom, on what legal ground and when the words of a set were taken away (RD1). */
export interface Redaction {
  readonly by: Uint8Array;
  readonly ground: string;
  readonly atMs: number;
}

/**
 * One op and what is known of it. `idx`, `atMs` and `decision` are null while the centre has not ruled: the index of the
 * ruling that decides, the receipt of the set, and what was decided. Of a redacted set the `fields` are the skeleton (RD2).
 */
export interface Item {
  readonly op: Uint8Array;
  /** The op id in hex: the key under which items are kept. */
  readonly key: string;
  /** Effective stamp and op id in hex: sorts as the order of the cells (CE1). */
  readonly order: string;
  readonly t: string;
  readonly fields: Op;
  readonly user: Uint8Array;
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly eff: Uint8Array;
  readonly idx: number | null;
  readonly atMs: number | null;
  readonly decision: string | null;
  readonly why: string | null;
  readonly flags: readonly string[];
  readonly number: string | null;
  readonly redaction: Redaction | null;
  /** Accepted, or the author's own and not yet ruled (CE). */
  readonly counts: boolean;
  /** When it happened: its own `at`, else its effective stamp; never after its receipt (ST2). */
  readonly occurredAtMs: number;
  /** How long after it happened it was received, when that is more than a minute (ST4). */
  readonly lateByMs: number | null;
  /** Its author wrote it down more than a minute after it happened (ST5). */
  readonly isLateEntry: boolean;
}

/** What is known of an item before its times are reckoned. */
export type Known = Omit<Item, "key" | "order" | "counts" | "occurredAtMs" | "lateByMs" | "isLateEntry">;

export function item(known: Known): Item {
  const at = known.fields["at"];
  const effMs = unpack(known.eff).ms;
  // An `at` that is no time is passed over, for such an op never counts (IN1).
  const claimed = typeof at === "number" && at >= 0 ? at : effMs;
  const occurredAtMs = known.atMs === null ? claimed : Math.min(claimed, known.atMs);
  const lateBy = known.atMs === null ? 0 : known.atMs - occurredAtMs;
  const key = toHex(known.op);
  return {
    ...known,
    key,
    order: toHex(known.eff) + key,
    counts: known.decision === null || COUNTED.has(known.decision),
    occurredAtMs,
    lateByMs: lateBy > LATE_AFTER_MS ? lateBy : null,
    isLateEntry: effMs - occurredAtMs > LATE_AFTER_MS,
  };
}

/**
 * The stamp a ruling at `atMs` gives to a set: its own, clamped to receipt, and above `floor`, the greatest stamp among
 * what it names as replaced and the set before it (ST1).
 */
export function effectiveStamp(hlc: Uint8Array, atMs: number, floor: Uint8Array | null = null): Uint8Array {
  const own = unpack(hlc);
  const eff = own.ms <= atMs ? own : { ms: atMs, counter: 0 };
  const under = floor === null ? null : unpack(floor);
  if (under === null || compareStamps(eff, under) > 0) return pack(eff);
  return pack(
    under.counter < COUNTER_MAX ? { ...under, counter: under.counter + 1 } : { ms: under.ms + 1, counter: 0 },
  );
}

/** What a set does: its ops, or once it was redacted their skeletons; none while those have not come (RD2). */
export function opsOf(changeset: ChangeSet, ruling: Ruling | null): readonly Op[] {
  if (ruling?.kind === KIND_REDACT) return (ruling.payload as unknown as RedactRuling).ops;
  return changeset.body?.ops ?? [];
}

/** The items of a set under one ruling that decides about it. Without one they are the author's own, provisional. */
export function itemsOf(changeset: ChangeSet, ruling: Ruling | null): Item[] {
  const { header } = changeset;
  const ruled = ruling === null ? null : (ruling.payload as unknown as Decision);
  const redaction = ruling === null ? null : redactionOf(ruling);
  return opsOf(changeset, ruling).map((fields, index) =>
    item({
      op: opId(changeset.setId, index),
      t: fields.t,
      fields,
      user: header.user,
      chain: header.chain,
      seq: header.seq,
      eff: ruled === null ? header.hlc : ruled.eff,
      idx: ruling === null ? null : ruling.idx,
      atMs: ruling === null ? null : receivedAtMs(ruling),
      decision: ruled === null ? null : ruled.d,
      why: ruled === null ? null : ruled.why,
      flags: ruled === null ? [] : ruled.flags,
      number: ruled === null ? null : ruled.no,
      redaction,
    }),
  );
}

function redactionOf(ruling: Ruling): Redaction | null {
  if (ruling.kind !== KIND_REDACT) return null;
  const { by, ground } = ruling.payload as unknown as RedactRuling;
  return { by, ground, atMs: ruling.atMs };
}

/** An id in an op as the key items and orders are kept under; "" when it is not there. */
export function keyOf(value: Value | undefined): string {
  return value instanceof Uint8Array ? toHex(value) : "";
}

/** Strings of hex and numbers in ascending order. */
export function ascending<T extends string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export const byOrder = (a: Item, b: Item): number => ascending(a.order, b.order);
export const byTime = (a: Item, b: Item): number => a.occurredAtMs - b.occurredAtMs || ascending(a.key, b.key);
