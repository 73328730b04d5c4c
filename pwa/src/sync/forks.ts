/**
 * Damaged storage: what can still be read of a set, and its ops written again (SPEC FK7). Mirrors `sync/forks.py`.
 *
 *     const left = await legible(raw);
 *     if (left) ops = again(left.ops, { chain, seq, set, hlc: left.hlc }, { happenedMs, renamed });
 */
import { decode, type Value } from "./canon";
import type { Op } from "./changeset";
import { type Bytes, bodyHash, equalBytes, toHex } from "./ids";

const OP_ID_BYTES = 17;
const HASH_BYTES = 32;

/** What can be read with certainty of a set whose bytes are no longer what was signed. */
export interface Legible {
  readonly kind: string;
  readonly entity: Uint8Array;
  readonly ops: readonly Op[];
  /** Null where the header is lost. */
  readonly scope: string | null;
  readonly hlc: Uint8Array | null;
}

/** Its ops, if the hash of its body still stands in its header; null when its words cannot be trusted. */
export async function legible(raw: Uint8Array): Promise<Legible | null> {
  const parts = decoded(raw);
  const [header, , body] = Array.isArray(parts) ? parts : [];
  if (!(header instanceof Uint8Array) || !(body instanceof Uint8Array)) return null;
  if (!holds(header, await bodyHash(body))) return null;
  const said = decoded(body);
  if (!Array.isArray(said) || said.length !== 4) return null;
  const [, kind, entity, ops] = said as [Value, string, Uint8Array, Op[]];
  return { kind, entity, ops, ...headingOf(header) };
}

function decoded(bytes: Uint8Array): Value | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

function holds(header: Uint8Array, hash: Bytes): boolean {
  for (let at = 0; at + HASH_BYTES <= header.length; at++) {
    if (equalBytes(header.subarray(at, at + HASH_BYTES), hash)) return true;
  }
  return false;
}

function headingOf(bytes: Uint8Array): Pick<Legible, "scope" | "hlc"> {
  const header = decoded(bytes);
  const [hlc, scope] = Array.isArray(header) ? [header[4], header[10]] : [];
  const isWhole = hlc instanceof Uint8Array && hlc.length === 8 && typeof scope === "string";
  return isWhole ? { scope, hlc } : { scope: null, hlc: null };
}

/** What a set was before it was written again. */
export interface Orig {
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly set: Uint8Array;
  readonly hlc?: Uint8Array | null;
}

/**
 * The ops of a damaged set, to be written once more on another chain. Each keeps when it happened as `at`, says under
 * `orig` what it was, and names by their new op ids (hex to bytes in `renamed`) what was written again before it. An op
 * that opens a chain is left out.
 */
export function again(
  ops: readonly Op[],
  orig: Orig,
  given: { happenedMs: number; renamed: ReadonlyMap<string, Uint8Array> },
): Op[] {
  const { chain, seq, set, hlc } = orig;
  const was: { [key: string]: Value } = hlc ? { chain, seq, set, hlc } : { chain, seq, set };
  return ops
    .filter((op) => op.t !== "chain.open")
    .map((op) => ({ at: given.happenedMs, orig: was, ...(renamedIn(op as Value, given.renamed) as Op) }));
}

function renamedIn(value: Value, renamed: ReadonlyMap<string, Uint8Array>): Value {
  if (value instanceof Uint8Array) return value.length === OP_ID_BYTES ? (renamed.get(toHex(value)) ?? value) : value;
  if (Array.isArray(value)) return value.map((one) => renamedIn(one, renamed));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renamedIn(one as Value, renamed)]));
}
