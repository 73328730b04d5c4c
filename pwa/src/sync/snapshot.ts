/**
 * Snapshots: what one scope comes to, in one immutable piece, for a phone that begins or was away long (SPEC SN). Mirrors
 * the reading side of `sync/snapshot.py`; only the centre makes them.
 *
 *     if (equalBytes(await snapshotHash(raw), published)) for (const { entity, packed } of readSnapshot(raw).entities) …
 *     state.add(recordsIn(packed).flatMap(itemsOfRecord));
 */
import { CanonError, decode, encode, type Value } from "./canon";
import type { Op } from "./changeset";
import { type Item, item } from "./fold";
import { type Bytes, opId, taggedHash, toHex } from "./ids";

/** One set as it stands: what the fold needs of it and no more. */
export interface SetRecord {
  readonly set: Uint8Array;
  readonly user: Uint8Array;
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly eff: Uint8Array;
  readonly idx: number;
  readonly atMs: number;
  readonly decision: string;
  readonly why: string | null;
  readonly flags: readonly string[];
  readonly number: string | null;
  readonly ops: readonly Op[];
  readonly redaction: { readonly by: Uint8Array; readonly ground: string; readonly atMs: number } | null;
}

/** What entries 1 to `n` of a scope come to (SN1). `packed`: the canonical list of the incident's records. */
export interface Snapshot {
  readonly scope: string;
  readonly epoch: number;
  readonly n: number;
  readonly head: Uint8Array;
  readonly org: readonly { what: string; id: Uint8Array; row: { [key: string]: Value } }[];
  readonly entities: readonly { entity: Uint8Array; packed: Uint8Array }[];
  /** Rulings that decide about no set and say nothing of the organisation, as bytes. */
  readonly asides: readonly Uint8Array[];
}

/** 32 bytes: what the ruling that publishes a snapshot names (SN2). */
export function snapshotHash(raw: Uint8Array): Promise<Bytes> {
  return taggedHash("ortoo/snapshot/1", raw);
}

/** The snapshot written as `raw`; whether it is the published one, its hash says. Throws `CanonError`. */
export function readSnapshot(raw: Uint8Array): Snapshot {
  const value = decode(raw) as {
    v: number;
    scope: string;
    epoch: number;
    n: number;
    head: Uint8Array;
    org: [string, Uint8Array, { [key: string]: Value }][];
    entities: [Uint8Array, Uint8Array][];
    asides: Uint8Array[];
  };
  if (value.v !== 1) throw new CanonError("unsupported");
  const { scope, epoch, n, head, asides } = value;
  return {
    scope,
    epoch,
    n,
    head,
    org: value.org.map(([what, id, row]) => ({ what, id, row })),
    entities: value.entities.map(([entity, packed]) => ({ entity, packed })),
    asides,
  };
}

type Packed = [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  number,
  Uint8Array,
  number,
  number,
  string,
  string | null,
  string[],
  string | null,
  Uint8Array,
  [Uint8Array, string, number] | null,
];

/** The records of one incident. */
export function recordsIn(packed: Uint8Array): SetRecord[] {
  return (decode(packed) as unknown as Packed[]).map(
    ([set, user, chain, seq, eff, idx, atMs, decision, why, flags, number, ops, redaction]) => ({
      set,
      user,
      chain,
      seq,
      eff,
      idx,
      atMs,
      decision,
      why,
      flags,
      number,
      ops: decode(ops) as unknown as Op[],
      redaction: redaction && { by: redaction[0], ground: redaction[1], atMs: redaction[2] },
    }),
  );
}

/** The records of one incident without the words of one set (hex), which were taken away (SPEC RD3). */
export function without(packed: Uint8Array, set: string): Uint8Array {
  const records = decode(packed) as unknown as Packed[];
  return encode(records.filter(([id, ...said]) => toHex(id) !== set || said.at(-1) !== null) as unknown as Value);
}

/** The items of one record. */
export function itemsOfRecord(record: SetRecord): Item[] {
  const { set, ops, ...known } = record;
  return ops.map((fields, index) => item({ ...known, op: opId(set, index), t: fields.t, fields }));
}
