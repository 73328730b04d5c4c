/** Trusted time: the vectors that Python runs too, and the laws of what is kept and of clocks that agree (TM). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreed, uncertaintyMs } from "../../src/sync/hubs";
import { fromHex } from "../../src/sync/ids";
import { beat, begun, type Clocks, keep, opOf, placed, problem, sample, toPlace, wrote } from "../../src/sync/samples";
import { atCentre, type Bounds, elapsedAtLeastMs, gradeOf, proved, type Timed, timed, told } from "../../src/sync/time";
import { cases, expand, type Told, vectors } from "./incident/labels";

const SESSION = fromHex("0102030405060708", 8);
const CHAIN = new Uint8Array(16).fill(99);

const bounds = (pair: [number | null, number | null] | null): Bounds | null => pair && { loMs: pair[0], hiMs: pair[1] };
const plain = ({ layers }: Timed) => layers.map((one) => one && [one.loMs, one.hiMs]);

describe("samples", () => {
  it.each(cases("time", "samples"))("$story", ({ exchange: one, is }: Told) => {
    const { m1, wall1, server, u, m4, wall4, hidden } = one;
    const found = sample({ m1, wall1Ms: wall1, serverMs: server, uncertaintyMs: u, m4, wall4Ms: wall4, hidden });
    expect(typeof found === "string" ? found : [found.m, found.loMs, found.hiMs, found.wallMs]).toEqual(is);
  });

  it.each(cases("time", "clocks"))("$story", ({ steps }: Told) => {
    let clocks: Clocks = begun(SESSION);
    for (const [act, ...said] of steps) {
      if (act === "beat") clocks = beat(clocks, said[0], said[1]);
      else if (act === "wrote") clocks = wrote(clocks, said[0], said[1]);
      else if (act === "keep") clocks = keep(clocks, { m: said[0], loMs: said[1], hiMs: said[2], wallMs: said[3] });
      else {
        const due = toPlace(clocks, said[0], said[1]);
        expect(due.map(({ sample: { m }, beats: { n, fell, rose, gap } }) => [m, n, fell, rose, gap])).toEqual(said[2]);
        expect(due.map((one) => problem(opOf(SESSION, one)))).toEqual(due.map(() => null));
        if (due.length > 0) clocks = placed(clocks);
      }
    }
  });

  it.each(cases("time", "shapes"))("$story", ({ op, problem: wrong }: Told) => {
    const session = "s" in op ? { s: fromHex(op.s, op.s.length / 2) } : {};
    expect(problem({ t: "clock.obs", ...op, ...session })).toBe(wrong);
  });

  it("TM4: whatever a session does, at most 20 are placed, in order, and none twice", () => {
    const steps = fc.array(
      fc.record({ act: fc.constantFrom("beat", "wrote", "keep", "place"), on: fc.integer({ min: 1, max: 400_000 }) }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, (told) => {
        let [clocks, m, last] = [begun(SESSION), 0, -1];
        for (const { act, on } of told) {
          m += on;
          if (act === "beat") clocks = beat(clocks, m, m + (on % 7));
          else if (act === "wrote") clocks = wrote(clocks, m, m);
          else if (act === "keep") clocks = keep(clocks, { m, loMs: m, hiMs: m + (on % 997), wallMs: m });
          else {
            const due = toPlace(clocks, m, clocks.oldestM);
            expect(due.length).toBeLessThanOrEqual(20);
            for (const one of due) {
              expect(one.sample.m).toBeGreaterThan(last);
              last = one.sample.m;
            }
            if (due.length > 0) clocks = placed(clocks);
          }
          expect(clocks.waiting.length).toBeLessThanOrEqual(40);
        }
      }),
    );
  });
});

describe("intervals", () => {
  it.each(cases("time", "signings"))("$story", ({ set, observed, layers, why, grade }: Told) => {
    const found = timed(
      {
        claimedMs: set.claimed,
        seq: set.seq,
        place: { chain: CHAIN, session: SESSION, m: set.m },
        wallMs: set.wall,
        loMs: set.lo,
        hiMs: set.hi,
        beforeM: set.before ?? null,
        afterM: set.after ?? null,
        isForked: set.forked ?? false,
        isCompromised: set.compromised ?? false,
        saidMs: set.said ?? [],
        own: set.own ? { loMs: set.own[0], hiMs: set.own[1] } : null,
      },
      observed.map(([seq, m, loMs, hiMs, wallMs, n, fell, gap]: number[]) => {
        return { seq, m, loMs, hiMs, wallMs, n, fell, gap };
      }),
      50,
    );
    expect([plain(found), found.why, gradeOf(found)]).toEqual([layers, why, grade]);
  });

  it("TM5: what the centre writes was written then", () => {
    const found = atCentre(900, 1000);
    expect([plain(found), found.why, gradeOf(found)]).toEqual([[[950, 1050], null, null], [], 0]);
  });

  it.each(cases("time", "told"))("$story", ({ op, by, claimed, layers, why, grade }: Told) => {
    const { signed } = vectors("time");
    const [zero, first, second] = signed.layers.map(bounds);
    const set: Timed = { claimedMs: signed.claimed, layers: [zero, first, second], why: signed.why, place: null };
    const found = told(set, expand(op), expand(by));
    expect([found.claimedMs, plain(found), found.why, gradeOf(found)]).toEqual([claimed, layers, why, grade]);
  });

  it("TM10: the least grade that gives the narrowest interval", () => {
    const [wide, narrow] = [bounds([0, 100]) as Bounds, bounds([40, 60]) as Bounds];
    const of = (...layers: Timed["layers"]) => gradeOf({ claimedMs: 0, layers, why: [], place: null });
    expect([of(narrow, narrow, narrow), of(wide, narrow, narrow), of(wide, null, narrow)]).toEqual([0, 1, 2]);
    expect(of({ loMs: null, hiMs: 5 }, { loMs: null, hiMs: 4 }, null)).toBe(3);
    expect(proved({ claimedMs: 0, layers: [wide, null, narrow], why: [] }, 1)).toBe(wide);
  });

  it.each(cases("time", "elapsed"))("$story", ({ start, end, least }: Told) => {
    const at = ([chain, session, m]: [string, string, number]): Timed => ({
      claimedMs: 0,
      layers: [{ loMs: null, hiMs: null }, null, null],
      why: [],
      place: { chain: expand(chain), session: fromHex(session, 8), m },
    });
    expect(elapsedAtLeastMs(at(start), at(end))).toBe(least);
  });
});

describe("several clocks", () => {
  it.each(cases("time", "hubs"))("$story", ({ said, lo, hi, odd, agreed: isAgreed }: Told) => {
    expect(agreed(said)).toEqual({ loMs: lo, hiMs: hi, odd, isAgreed });
  });

  it.each(cases("time", "alone"))("$story", ({ known, alone, rebooted, u }: Told) => {
    expect(uncertaintyMs(known, alone, rebooted)).toBe(u);
  });

  it("TM11: while more than half are right the truth is inside, and none of the right ones is named", () => {
    const around = fc.tuple(fc.nat(50), fc.nat(50)).map(([lo, hi]): [number, number] => [1000 - lo, 1000 + hi]);
    const wrong = fc
      .tuple(fc.integer({ min: 900, max: 1100 }), fc.nat(50))
      .map(([at, on]): [number, number] => [at, at + on]);
    fc.assert(
      fc.property(
        fc.array(around, { minLength: 1, maxLength: 5 }),
        fc.array(wrong, { maxLength: 4 }),
        (right, others) => {
          const said = [...right, ...others.slice(0, right.length - 1)];
          const { loMs, hiMs, odd, isAgreed } = agreed(said);
          expect(isAgreed && loMs <= 1000 && 1000 <= hiMs).toBe(true);
          expect(odd.every((at) => at >= right.length)).toBe(true);
        },
      ),
    );
  });
});
