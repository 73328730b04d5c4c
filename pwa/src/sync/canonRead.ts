/**
 * Canonical bytes into values (SPEC CB1 to CB8): one pass from the left, which stops at the first fault and names it.
 *
 *     decode(fromHex("cc05"))   // throws CanonError not_shortest at byte 0
 */
import { CanonError, compareBytes, DEPTH_MAX, TEXT_BYTES_MAX, type Value } from "./canonValue";

const utf8In = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where each form, by its power of two bytes, becomes the shortest one. */
const UNSIGNED_FROM = [128, 2 ** 8, 2 ** 16, 2 ** 32];
const SIGNED_FROM = [-32, -(2 ** 7), -(2 ** 15), -(2 ** 31)];

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
      const lead = this.data[at] as number;
      const bytes = this.data.subarray(at + (lead <= 0xbf ? 1 : lead === 0xd9 ? 2 : 3), this.at);
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
