/**
 * Canonical bytes: the strict MessagePack profile under every hash and signature (SPEC CB).
 *
 * Responsible for turning plain values into the one byte string that stands for them, and for refusing every other
 * byte string. Mirrors `sync/canon.py`; the vectors in `tests/vectors/canon.json` decide.
 *
 *     toHex(encode({ b: 1, a: [true, null] }))   // "82a16192c3c0a16201"
 *     decode(fromHex("cc05"))                    // throws CanonError not_shortest at byte 0
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

const utf8Out = new TextEncoder();
const utf8In = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Ascending order of bytes, a shorter prefix first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

class Sink {
  private bytes = new Uint8Array(512);
  private length = 0;

  private room(size: number): number {
    const at = this.length;
    if (at + size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, at + size));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.length = at + size;
    return at;
  }

  /** A lead byte and an unsigned number of `size` bytes, big-endian. */
  lead(byte: number, size = 0, value = 0): void {
    let at = this.room(1 + size);
    this.bytes[at++] = byte;
    for (let shift = size - 1; shift >= 0; shift--) this.bytes[at++] = Math.floor(value / 256 ** shift) % 256;
  }

  raw(data: Uint8Array): void {
    const at = this.room(data.length); // before `this.bytes` is read: it may be replaced by a larger one
    this.bytes.set(data, at);
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}

/** A length in the shortest form: `fix` is `[limit, lead]` of the one-byte form, `forms` are `[lead, bytes]`. */
function sized(sink: Sink, length: number, fix: [number, number] | null, forms: readonly [number, number][]): void {
  const form = forms.find(([, size]) => length < 256 ** size);
  if (fix && length < fix[0]) sink.lead(fix[1] | length);
  else if (form) sink.lead(form[0], form[1], length);
  else throw new CanonError("unsupported");
}

/** The forms of integers, shortest first: `[holds, lead, bytes]`. */
const NATURAL_FORMS = [
  [2 ** 8, 0xcc, 1],
  [2 ** 16, 0xcd, 2],
  [2 ** 32, 0xce, 4],
  [2 ** 53, 0xcf, 8],
] as const;
const NEGATIVE_FORMS = [
  [2 ** 7, 0xd0, 1],
  [2 ** 15, 0xd1, 2],
  [2 ** 31, 0xd2, 4],
] as const;

/** Where each form, by its power of two bytes, becomes the shortest one. */
const UNSIGNED_FROM = [128, 2 ** 8, 2 ** 16, 2 ** 32];
const SIGNED_FROM = [-32, -(2 ** 7), -(2 ** 15), -(2 ** 31)];

function integer(sink: Sink, value: number): void {
  if (!Number.isInteger(value)) throw new CanonError("float");
  if (!Number.isSafeInteger(value)) throw new CanonError("integer_range");
  if (value >= -32 && value < 128) sink.lead(value & 255);
  else if (value > 0) {
    const [, lead, size] = NATURAL_FORMS.find(([limit]) => value < limit) ?? NATURAL_FORMS[3];
    sink.lead(lead, size, value);
  } else negative(sink, value);
}

function negative(sink: Sink, value: number): void {
  const form = NEGATIVE_FORMS.find(([limit]) => value >= -limit);
  if (form) {
    sink.lead(form[1], form[2], 256 ** form[2] + value);
    return;
  }
  // A double cannot hold 2^64 − n exactly, so the two halves are written apart.
  const high = Math.floor(value / 2 ** 32);
  const low = value - high * 2 ** 32;
  sink.lead(0xd3, 4, 2 ** 32 + high);
  sink.raw(Uint8Array.of(low / 2 ** 24, (low / 2 ** 16) & 255, (low / 2 ** 8) & 255, low & 255));
}

function utf8(text: string): Uint8Array {
  // TextEncoder would silently turn a lone surrogate into U+FFFD.
  if (!wellFormed(text)) throw new CanonError("utf8");
  const bytes = utf8Out.encode(text);
  if (bytes.length > TEXT_BYTES_MAX) throw new CanonError("text_too_long");
  return bytes;
}

function wellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false;
    i++;
  }
  return true;
}

function writeText(sink: Sink, bytes: Uint8Array): void {
  sized(
    sink,
    bytes.length,
    [32, 0xa0],
    [
      [0xd9, 1],
      [0xda, 2],
    ],
  );
  sink.raw(bytes);
}

function write(sink: Sink, value: Value, depth: number): void {
  if (value === null) sink.lead(0xc0);
  else if (typeof value === "boolean") sink.lead(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") integer(sink, value);
  else if (typeof value === "string") writeText(sink, utf8(value));
  else if (value instanceof Uint8Array) writeBytes(sink, value);
  else if (typeof value !== "object") throw new CanonError("unsupported");
  else if (depth >= DEPTH_MAX) throw new CanonError("depth");
  else if (Array.isArray(value)) writeArray(sink, value, depth);
  else writeMap(sink, value, depth);
}

function writeBytes(sink: Sink, value: Uint8Array): void {
  sized(sink, value.length, null, [
    [0xc4, 1],
    [0xc5, 2],
    [0xc6, 4],
  ]);
  sink.raw(value);
}

function writeArray(sink: Sink, value: readonly Value[], depth: number): void {
  sized(
    sink,
    value.length,
    [16, 0x90],
    [
      [0xdc, 2],
      [0xdd, 4],
    ],
  );
  for (const item of value) write(sink, item, depth + 1);
}

function writeMap(sink: Sink, value: { [key: string]: Value }, depth: number): void {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new CanonError("unsupported");
  const pairs = Object.entries(value).map(([key, item]) => [utf8(key), item] as const);
  pairs.sort(([a], [b]) => compareBytes(a, b));
  sized(
    sink,
    pairs.length,
    [16, 0x80],
    [
      [0xde, 2],
      [0xdf, 4],
    ],
  );
  for (const [key, item] of pairs) {
    writeText(sink, key);
    write(sink, item, depth + 1);
  }
}

/** The canonical bytes of `value`. Throws `CanonError` when the value has no form under CB1. */
export function encode(value: Value): Uint8Array<ArrayBuffer> {
  const sink = new Sink();
  write(sink, value, 0);
  return sink.done();
}

class Source {
  at = 0;
  readonly data: Uint8Array;
  readonly keysInOrder: boolean;
  constructor(data: Uint8Array, keysInOrder: boolean) {
    this.data = data;
    this.keysInOrder = keysInOrder;
  }

  take(size: number): Uint8Array {
    if (this.at + size > this.data.length) throw new CanonError("truncated", this.data.length);
    this.at += size;
    return this.data.subarray(this.at - size, this.at);
  }

  uint(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }

  /** A length field that must not fit the next smaller form (CB2). */
  sized(start: number, size: number, floor: number): number {
    const length = this.uint(size);
    if (length < floor) throw new CanonError("not_shortest", start);
    return length;
  }

  value(depth: number): Value {
    const start = this.at;
    const lead = this.uint(1);
    if (lead <= 0x7f) return lead;
    if (lead >= 0xe0) return lead - 256;
    if (lead <= 0x8f) return this.map(lead & 15, start, depth);
    if (lead <= 0x9f) return this.array(lead & 15, start, depth);
    if (lead <= 0xbf) return this.text(lead & 31);
    return this.wide(lead, start, depth);
  }

  private wide(lead: number, start: number, depth: number): Value {
    if (lead === 0xc0) return null;
    if (lead === 0xc2 || lead === 0xc3) return lead === 0xc3;
    if (lead === 0xc1) throw new CanonError("reserved", start);
    if (lead === 0xca || lead === 0xcb) throw new CanonError("float", start);
    if ((lead >= 0xc7 && lead <= 0xc9) || (lead >= 0xd4 && lead <= 0xd8)) throw new CanonError("extension", start);
    if (lead >= 0xcc && lead <= 0xd3) return this.integer(lead, start);
    const power = lead <= 0xc6 ? lead - 0xc4 : lead - 0xd9;
    if (lead <= 0xc6) return this.take(this.sized(start, 2 ** power, [0, 2 ** 8, 2 ** 16][power] as number)).slice();
    if (lead <= 0xdb) return this.text(this.sized(start, 2 ** power, [32, 2 ** 8, 2 ** 16][power] as number));
    const wide = lead === 0xdd || lead === 0xdf;
    const length = this.sized(start, wide ? 4 : 2, wide ? 2 ** 16 : 16);
    return lead <= 0xdd ? this.array(length, start, depth) : this.map(length, start, depth);
  }

  private integer(lead: number, start: number): number {
    const signed = lead >= 0xd0;
    const power = lead - (signed ? 0xd0 : 0xcc);
    const value = this.number(power, signed);
    const shortest = signed ? value < (SIGNED_FROM[power] as number) : value >= (UNSIGNED_FROM[power] as number);
    if (!shortest) throw new CanonError("not_shortest", start);
    if (!Number.isSafeInteger(value)) throw new CanonError("integer_range", start);
    return value;
  }

  private number(power: number, signed: boolean): number {
    const bytes = this.take(2 ** power);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (power === 0) return signed ? view.getInt8(0) : view.getUint8(0);
    if (power === 1) return signed ? view.getInt16(0) : view.getUint16(0);
    if (power === 2) return signed ? view.getInt32(0) : view.getUint32(0);
    // Up to 2^53 the sum is exact; what lies beyond is rounded, stays beyond, and is refused.
    return (signed ? view.getInt32(0) : view.getUint32(0)) * 2 ** 32 + view.getUint32(4);
  }

  private text(length: number): string {
    const at = this.at;
    const bytes = this.take(length);
    let text: string;
    try {
      text = utf8In.decode(bytes);
    } catch {
      throw new CanonError("utf8", at + badUtf8(bytes));
    }
    if (length > TEXT_BYTES_MAX) throw new CanonError("text_too_long", at);
    return text;
  }

  private array(length: number, start: number, depth: number): Value[] {
    if (depth >= DEPTH_MAX) throw new CanonError("depth", start);
    const items: Value[] = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth + 1));
    return items;
  }

  private map(length: number, start: number, depth: number): { [key: string]: Value } {
    if (depth >= DEPTH_MAX) throw new CanonError("depth", start);
    const found: { [key: string]: Value } = {};
    let previous: Uint8Array | null = null;
    for (let i = 0; i < length; i++) {
      const at = this.at;
      const key = this.value(depth + 1);
      if (typeof key !== "string") throw new CanonError("key_type", at);
      const bytes = utf8Out.encode(key);
      const order = previous === null || !this.keysInOrder ? 1 : compareBytes(bytes, previous);
      if (order <= 0) throw new CanonError(order === 0 ? "duplicate_key" : "key_order", at);
      previous = bytes;
      // A key such as __proto__ is data here, never a prototype.
      Object.defineProperty(found, key, {
        value: this.value(depth + 1),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return found;
  }
}

/** Where the first byte stands that ends the longest well-formed beginning; character by character, so in linear time. */
function badUtf8(bytes: Uint8Array): number {
  let at = 0;
  try {
    while (at < bytes.length) {
      const lead = bytes[at] as number;
      const size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      if (lead >= 0x80) utf8In.decode(bytes.subarray(at, at + size));
      at += size;
    }
  } catch {
    // here it is
  }
  return at;
}

/** The value whose canonical bytes are `data`. Throws `CanonError` naming the first fault for any other bytes. */
export function decode(data: Uint8Array): Value {
  return whole(new Source(data, true));
}

/** A message of the exchange: the same types and forms, but nobody signs it, so its keys may come in any order. */
export function decodeMessage(data: Uint8Array): Value {
  return whole(new Source(data, false));
}

function whole(source: Source): Value {
  const value = source.value(0);
  if (source.at !== source.data.length) throw new CanonError("trailing_bytes", source.at);
  return value;
}
