/**
 * Values into canonical bytes (SPEC CB1 to CB5). Strict: what has no form is refused, never mended.
 *
 *     toHex(encode({ b: 1, a: [true, null] }))   // "82a16192c3c0a16201"
 */
import { CanonError, compareBytes, DEPTH_MAX, TEXT_BYTES_MAX, type Value } from "./canonValue";

const utf8Out = new TextEncoder();

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

/** How a length is written: below `short` in the lead byte itself, else behind the first `lead` that has room for it. */
interface Forms {
  readonly short: number;
  readonly fix: number;
  readonly leads: readonly (readonly [lead: number, size: number])[];
}
const pair = (first: number): Forms["leads"] => [
  [first, 2],
  [first + 1, 4],
];
const TEXT: Forms = { short: 32, fix: 0xa0, leads: [[0xd9, 1], ...pair(0xda)] };
const BYTES: Forms = { short: 0, fix: 0, leads: [[0xc4, 1], ...pair(0xc5)] };
const ARRAY: Forms = { short: 16, fix: 0x90, leads: pair(0xdc) };
const MAP: Forms = { short: 16, fix: 0x80, leads: pair(0xde) };

function sized(sink: Sink, length: number, { short, fix, leads }: Forms): void {
  const form = leads.find(([, size]) => length < 256 ** size);
  if (length < short) sink.lead(fix | length);
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
  sized(sink, bytes.length, TEXT);
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
  sized(sink, value.length, BYTES);
  sink.raw(value);
}

function writeArray(sink: Sink, value: readonly Value[], depth: number): void {
  sized(sink, value.length, ARRAY);
  for (const item of value) write(sink, item, depth + 1);
}

function writeMap(sink: Sink, value: { [key: string]: Value }, depth: number): void {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw new CanonError("unsupported");
  const pairs = Object.entries(value).map(([key, item]) => [utf8(key), item] as const);
  pairs.sort(([a], [b]) => compareBytes(a, b));
  sized(sink, pairs.length, MAP);
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
