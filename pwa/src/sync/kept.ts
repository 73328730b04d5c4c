/**
 * A station's word on when it had a set: the op that carries it (SPEC TM13). Mirrors `sync/kept.py`.
 *
 * Responsible for reading the op. Refuses to know when a station gives its word, and whose counts.
 *
 *     wordsIn({ t: "hub.kept", sets: [[id, chain, 7, 90_000, 60]] })    // [{ set: id, chain, seq: 7, atMs: 90_000, unsureMs: 60 }]
 */
import type { Value } from "./canon";
import type { Op } from "./changeset";
import { MS_MAX } from "./clock";

export const KEPT_OP = "hub.kept";
export const WORDS_MAX = 200;
const UNSURE_MS_MAX = 2 ** 36;

/** That a set, at its place in its chain, was kept at `atMs`, by a clock that was off by at most `unsureMs`. */
export interface Word {
  readonly set: Uint8Array;
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly atMs: number;
  readonly unsureMs: number;
}

/** The words of an op; null where it is none, or of another shape. */
export function wordsIn({ t, sets }: Op): Word[] | null {
  if (t !== KEPT_OP || !Array.isArray(sets) || sets.length < 1 || sets.length > WORDS_MAX) return null;
  const words = sets.map(wordIn);
  return words.every((word) => word !== null) ? words : null;
}

function wordIn(one: Value): Word | null {
  if (!Array.isArray(one) || one.length !== 5) return null;
  const [set, chain, seq, atMs, unsureMs] = one;
  if (!(set instanceof Uint8Array && set.length === 32)) return null;
  if (!(chain instanceof Uint8Array && chain.length === 16)) return null;
  if (!isWithin(seq, MS_MAX) || !isWithin(atMs, MS_MAX) || !isWithin(unsureMs, UNSURE_MS_MAX)) return null;
  return { set, chain, seq, atMs, unsureMs };
}

const isWithin = (value: Value | undefined, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
