/**
 * How the forged vector files write bytes and values; `tests/vectors/README.md` tells the same in words.
 *
 *     dataOf("da4001 61*16385")   // three bytes and 16 385 times the letter a
 */
import { CanonError, type Value } from "../../src/sync/canon";
import { type Bytes, fromHex } from "../../src/sync/ids";

/** The bytes of plain hex, of any length. */
export const hex = (digits: string): Bytes => fromHex(digits, digits.length / 2);

/** The bytes of `hex hex*count …`. */
export function dataOf(written: string): Bytes {
  const parts = written.split(" ").map((part) => {
    const [digits = "", count = "1"] = part.split("*");
    return Buffer.alloc((digits.length / 2) * Number(count), digits, "hex");
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** The value that a vector's JSON stands for, including those that have no canonical bytes. */
export function valueFrom(written: unknown): Value {
  if (Array.isArray(written)) return written.map(valueFrom);
  if (typeof written !== "object" || written === null) return written as Value;
  const [[form, told] = ["", null]] = Object.entries(written);
  if (form === "$bin") return hex(told);
  if (form === "$float" || form === "$int") return Number(told);
  if (form === "$units") return String.fromCharCode(...told);
  if (form === "$times") return told[0].repeat(told[1]);
  if (form === "$nested") return nested(told);
  const pairs = Object.entries(written).map(([key, item]) => [key, valueFrom(item)] as const);
  return Object.fromEntries(pairs);
}

function nested(depth: number): Value {
  let value: Value[] = [];
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

/** The code and the place of what `read` throws. */
export function faultOf(read: () => unknown): [string, number] | null {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof CanonError) return [error.code, error.offset];
    throw error;
  }
}
