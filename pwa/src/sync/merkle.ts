/**
 * The Merkle tree over the rulings log, as far as a reader needs it: checking proofs (SPEC TL1 to TL3). Mirrors
 * `sync/merkle.py`, which also makes them. Indices and sizes may pass 2^32, so they are halved, never shifted.
 *
 *     equalBytes(await rootFromInclusion(3, 5, leaf, proof), root)   // leaf 3 is in the tree of five
 */
import { type Bytes, concat, equalBytes, fromHex, sha256 } from "./ids";

export const HASH_BYTES = 32;
/** The root of a log without entries. */
export const EMPTY_ROOT: Bytes = fromHex(
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  HASH_BYTES,
);

/** 32 bytes over two neighbours (TL1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(1), left, right));
}

interface Climb {
  whole: Uint8Array;
  before: Uint8Array;
}

const half = (value: number): number => Math.floor(value / 2);

/** From subtree `from` of one level, of which `end` is the last, to two roots: over all, and up to and with it. */
async function climb(from: number, end: number, start: Uint8Array, path: readonly Uint8Array[]): Promise<Climb | null> {
  if (!(from >= 0 && from <= end)) return null;
  let at = from;
  let last = end;
  let whole = start;
  let before = start;
  for (const sibling of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      whole = await nodeHash(sibling, whole);
      before = await nodeHash(sibling, before);
      while (at % 2 === 0 && at > 0) {
        at = half(at);
        last = half(last);
      }
    } else {
      whole = await nodeHash(whole, sibling);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 ? { whole, before } : null;
}

/** The root that an inclusion proof leads to, null when its length cannot be right. Source: RFC 9162 section 2.1.3.2. */
export async function rootFromInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Promise<Uint8Array | null> {
  return (await climb(index, size - 1, leaf, proof))?.whole ?? null;
}

/** The root of the first `index + 1` leaves alone, read off the same proof: its left siblings cover what is before. */
export async function rootBefore(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Promise<Uint8Array | null> {
  return (await climb(index, size - 1, leaf, proof))?.before ?? null;
}

const isPowerOfTwo = (value: number): boolean => {
  let rest = value;
  while (rest > 1 && rest % 2 === 0) rest /= 2;
  return rest === 1;
};

/** Whether the log of `size` entries under `root` is the log of `first` under `firstRoot`, grown (TL3). */
export async function isConsistent(
  first: number,
  firstRoot: Uint8Array,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): Promise<boolean> {
  if (!(first >= 0 && first <= size)) return false;
  if (first === 0)
    return proof.length === 0 && equalBytes(firstRoot, EMPTY_ROOT) && (size > 0 || equalBytes(root, EMPTY_ROOT));
  if (first === size) return proof.length === 0 && equalBytes(firstRoot, root);
  const [start, ...path] = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof;
  if (!start) return false;
  let at = first - 1;
  let last = size - 1;
  while (at % 2 === 1) {
    at = half(at);
    last = half(last);
  }
  const found = await climb(at, last, start, path);
  return found !== null && equalBytes(found.before, firstRoot) && equalBytes(found.whole, root);
}
