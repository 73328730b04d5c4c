/** Canonical bytes: the vectors that Python runs too, and the laws, where chance looks for what nobody thought of (CB). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes, decode, encode, type Value } from "../../src/sync/canon";
import { toHex } from "../../src/sync/ids";
import { dataOf, faultOf, valueFrom } from "./forms";
import { cases, type Told } from "./incident/labels";

describe("canonical bytes", () => {
  it.each(cases("canon", "values"))("$rule: $story", ({ value, hex }: Told) => {
    expect(toHex(encode(valueFrom(value)))).toBe(hex);
    expect(decode(dataOf(hex))).toEqual(valueFrom(value));
  });

  it.each(cases("canon", "accepted"))("$rule: at the limit: $story", ({ hex }: Told) => {
    expect(compareBytes(encode(decode(dataOf(hex))), dataOf(hex))).toBe(0);
  });

  it.each(cases("canon", "refused"))("$rule: refused: $story", ({ hex, code, offset }: Told) => {
    expect(faultOf(() => decode(dataOf(hex)))).toEqual([code, offset]);
  });

  it.each(cases("canon", "unwritable"))("$rule: never written: $story", ({ value, code }: Told) => {
    expect(faultOf(() => encode(valueFrom(value)))).toEqual([code, 0]);
  });

  it.each([undefined, 1n, Symbol("a"), () => 1, new Map(), new Date(0), new Uint16Array(1), { a: undefined }])(
    "CB8: what only JavaScript has is never written: %s",
    (value) => {
      expect(faultOf(() => encode(value as unknown as Value))).toEqual(["unsupported", 0]);
    },
  );
});

const texts = fc.string({ unit: "grapheme", maxLength: 12 });
const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -200, max: 300 }),
  fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -1, max: 1 })).map(([power, by]) => 2 ** power + by),
  fc.tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -1, max: 1 })).map(([power, by]) => by - 2 ** power),
);
const values: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom(null, true, false),
    integers,
    texts,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 18 }),
    fc.dictionary(texts, tie("value"), { maxKeys: 18, noNullPrototype: true }),
  ),
})).value;

describe("the laws of canonical bytes", () => {
  it("CB6: what is written is read back", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );
  });

  it("CB3: the order in which a map was filled leaves no trace", () => {
    fc.assert(
      fc.property(fc.uniqueArray(texts, { maxLength: 20 }), (keys) => {
        const filled = (order: string[]) => encode(Object.fromEntries(order.map((key) => [key, key.length])));
        expect(compareBytes(filled(keys), filled(keys.toReversed()))).toBe(0);
      }),
    );
  });

  it("CB6: any bytes are refused by name or are their own re-encoding", () => {
    const leads = fc.constantFrom(
      0x80,
      0x81,
      0x90,
      0x91,
      0x92,
      0xa1,
      0xc0,
      0xc4,
      0xca,
      0xcc,
      0xcf,
      0xd0,
      0xd3,
      0xd9,
      0xdc,
    );
    const byte = fc.oneof(leads, fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 24 }), (bytes) => {
        const data = Uint8Array.from(bytes);
        const fault = faultOf(() => decode(data));
        if (fault === null) expect(toHex(encode(decode(data)))).toBe(toHex(data));
        else expect(fault[1]).toBeLessThanOrEqual(data.length);
      }),
      { numRuns: 500 },
    );
  });

  it("CB4: a text is written exactly when it is well formed", () => {
    const units = fc.array(fc.constantFrom(0x41, 0x6c34, 0xd842, 0xdfb7), { maxLength: 6 });
    fc.assert(
      fc.property(units, (codes) => {
        const text = String.fromCharCode(...codes);
        const wellFormed = text === new TextDecoder().decode(new TextEncoder().encode(text));
        expect(faultOf(() => encode(text))).toEqual(wellFormed ? null : ["utf8", 0]);
      }),
    );
  });
});
