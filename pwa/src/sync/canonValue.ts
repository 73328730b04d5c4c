/**
 * What canonical bytes can stand for, the limits of it, and the one error (SPEC CB). Knows neither writing nor reading.
 *
 *     new CanonError("float", 3).message   // "float at byte 3"
 */

export type Value = null | boolean | number | string | Uint8Array | Value[] | { [key: string]: Value };

export const DEPTH_MAX = 8;
export const TEXT_BYTES_MAX = 16_384;

export type CanonCode =
  | "float"
  | "extension"
  | "integer_range"
  | "not_shortest"
  | "key_order"
  | "key_type"
  | "duplicate_key"
  | "utf8"
  | "depth"
  | "text_too_long"
  | "truncated"
  | "trailing_bytes"
  | "reserved"
  | "unsupported";

/** Bytes or a value outside the profile; `offset` is the byte where it shows (0 when encoding). */
export class CanonError extends Error {
  readonly code: CanonCode;
  readonly offset: number;
  constructor(code: CanonCode, offset = 0) {
    super(`${code} at byte ${offset}`);
    this.name = "CanonError";
    this.code = code;
    this.offset = offset;
  }
}

/** Ascending order of bytes, a shorter prefix first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
