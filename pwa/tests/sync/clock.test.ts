/** The clock of a chain: the vectors that Python runs too, and its laws (HL). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareBytes } from "../../src/sync/canon";
import { aheadMs, compareStamps, pack, physicalMs, receive, type Stamp, send, unpack } from "../../src/sync/clock";
import { toHex } from "../../src/sync/ids";
import { hex } from "./forms";
import { cases, type Told } from "./incident/labels";

const stampOf = (digits: string): Stamp => unpack(hex(digits));

describe("the clock", () => {
  it.each(cases("clock", "packed"))("a stamp is eight bytes: $story", ({ ms, counter, stamp }: Told) => {
    expect(toHex(pack({ ms, counter }))).toBe(stamp);
    expect(stampOf(stamp)).toEqual({ ms, counter });
  });

  it.each(cases("clock", "sends"))("$rule: $story", ({ last, wall_ms, offset_ms, stamp, reset }: Told) => {
    const sent = send(stampOf(last), wall_ms, offset_ms);
    expect([toHex(pack(sent.stamp)), sent.reset]).toEqual([stamp, reset]);
  });

  it.each(cases("clock", "receives"))("$rule: $story", ({ last, wall_ms, offset_ms, remotes, stamp, ahead }: Told) => {
    const after = receive(stampOf(last), wall_ms, offset_ms, remotes.map(stampOf));
    expect([toHex(pack(after.stamp)), after.ahead]).toEqual([stamp, ahead]);
  });
});

const counters = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 65_533, max: 65_535 }));
const times = fc.oneof(fc.integer({ min: 0, max: 2_000_000 }), fc.integer({ min: 0, max: 2 ** 48 - 2 }));
const stamps: fc.Arbitrary<Stamp> = fc.record({ ms: times, counter: counters });
const walls = fc.oneof(times, fc.integer({ min: -(2 ** 50), max: 2 ** 50 }));
const offsets = fc.option(fc.integer({ min: -700_000, max: 700_000 }));

describe("the laws of the clock", () => {
  it("stamps sort as their bytes", () => {
    fc.assert(
      fc.property(stamps, stamps, (a, b) => {
        expect(Math.sign(compareStamps(a, b))).toBe(Math.sign(compareBytes(pack(a), pack(b))));
        expect(unpack(pack(a))).toEqual(a);
      }),
    );
  });

  it("HL1: a stamp is later than the last one, or says that the clock was reset", () => {
    fc.assert(
      fc.property(stamps, walls, offsets, (last, wall, offset) => {
        const { stamp, reset } = send(last, wall, offset);
        expect(reset).toBe(last.ms - physicalMs(wall, offset) > aheadMs(offset));
        expect(compareStamps(stamp, last) > 0).toBe(!reset);
        expect(unpack(pack(stamp))).toEqual(stamp);
      }),
    );
  });

  it("HL2, HL3: the clock ends at the greatest stamp it believes, in whatever order they came", () => {
    fc.assert(
      fc.property(stamps, walls, offsets, fc.array(stamps, { maxLength: 8 }), (last, wall, offset, remotes) => {
        const { stamp, ahead } = receive(last, wall, offset, remotes);
        const limit = physicalMs(wall, offset) + aheadMs(offset);
        expect(ahead.map((at) => remotes[at])).toEqual(remotes.filter(({ ms }) => ms > limit));
        const believed = [last, ...remotes.filter(({ ms }) => ms <= limit)];
        expect(believed.every((one) => compareStamps(one, stamp) <= 0)).toBe(true);
        expect(believed).toContainEqual(stamp);
        expect(receive(last, wall, offset, remotes.toReversed()).stamp).toEqual(stamp);
      }),
    );
  });
});
