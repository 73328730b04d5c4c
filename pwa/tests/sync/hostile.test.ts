/**
 * Bytes made to hurt: a reader answers with a code, and spends what came, not what was claimed (CB5, CB8, CS2, CS7).
 *
 * Nothing here is timed. Work is counted in bytes handed to the platform's text decoder, memory by what the process holds.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { decode, decodeMessage, encode } from "../../src/sync/canon";
import { isRefusal, readSet } from "../../src/sync/changeset";
import { bodyHash } from "../../src/sync/ids";
import { readRuling } from "../../src/sync/rulings";
import { dataOf, faultOf } from "./forms";
import { cases, type Told } from "./incident/labels";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("CB8: hostile bytes", () => {
  it.each(cases("hostile", "bytes"))("get their code: $story", ({ hex, code, offset }: Told) => {
    expect(faultOf(() => decode(dataOf(hex)))).toEqual([code, offset]);
    expect(faultOf(() => readRuling(dataOf(hex)))).toEqual([code, offset]);
  });

  it.each(cases("hostile", "bytes"))("in a message do no more harm: $story", ({ hex, code }: Told) => {
    // Nobody signs a message, so its keys may come in any order, and a bomb of them is one bomb less.
    const fault = faultOf(() => decodeMessage(dataOf(hex)));
    expect(fault?.[0] ?? "duplicate_key").toBe(code);
  });

  it.each(cases("hostile", "bytes"))("are looked at a fixed number of times: $story", ({ hex }: Told) => {
    const bytes = dataOf(hex);
    const platform = TextDecoder.prototype.decode;
    let looked = 0;
    vi.spyOn(TextDecoder.prototype, "decode").mockImplementation(function (this: TextDecoder, input, options) {
      looked += (input as Uint8Array).byteLength;
      return platform.call(this, input, options);
    });
    faultOf(() => decode(bytes));
    expect(looked).toBeLessThanOrEqual(2 * bytes.length);
  });

  it("that promise thousands of millions are given no room for them", () => {
    const promises = cases("hostile", "bytes").filter(({ hex }) => dataOf(hex).length < 100);
    expect(promises.length).toBeGreaterThan(5);
    const held = (): number => process.memoryUsage().rss;
    const before = held();
    for (const { hex } of promises) faultOf(() => decode(dataOf(hex)));
    // One of the promises kept would be thousands of MiB.
    expect(held() - before).toBeLessThan(256 * 2 ** 20);
  });
});

const outcome = async (raw: Uint8Array): Promise<string | null> => {
  const read = await readSet(raw);
  return isRefusal(read) ? read.refused : null;
};

it.each(cases("hostile", "envelopes"))("CS7: an envelope made to hurt: $story", async ({ hex, refused }: Told) => {
  expect(await outcome(dataOf(hex))).toBe(refused);
});

it.each(cases("hostile", "bodies"))("CS2: a body made to hurt, under a good header: $story", async (told: Told) => {
  const body = dataOf(told.hex);
  const id = new Uint8Array(16);
  const stamp = new Uint8Array(8);
  const hash = await bodyHash(body);
  const header = [1, id, 1, new Uint8Array(32), stamp, 0, [stamp, 0], id, null, null, "org", 0, [1, 1], 0, hash, null];
  expect(await outcome(encode([encode(header), new Uint8Array(64), body]))).toBe(told.refused);
});
