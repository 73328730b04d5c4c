/**
 * The laws of nudging on this side (SPEC NU): each step is told once and at its moment, and whoever has signed is left
 * alone, the phone's own bell included. Histories are generated; time is walked through by `nextMs` alone.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Value } from "../../../src/sync/canon";
import { ON_PHONE, type Step, stepKey, stepsOf, type Watched } from "../../../src/sync/incident/escalation";
import { PolicyBook } from "../../../src/sync/incident/policy";
import { stateOf, type Told } from "./labels";

const BOOK = new PolicyBook();
const orders = fc.constantFrom("@o", "@p");
const at = fc.integer({ min: 1_000_000, max: 1_300_000 });
const says = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      t: fc.constant("order.issue"),
      order: orders,
      to: fc.constant(["unit", "@u"]),
      kind: fc.constant("dispatch"),
      round: fc.constant(0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      t: fc.constant("milestone.claim"),
      kind: fc.constantFrom("delivered", "signed", "departed", "arrived", "cleared"),
      round: fc.constant(0),
      order: orders,
      via: fc.constant("self"),
    }),
  },
  fc.record({ t: fc.constant("order.return_request"), order: orders, why: fc.constant("x") }),
  fc.record({ t: fc.constant("order.return_review"), order: orders, ok: fc.boolean() }),
  fc.record({ t: fc.constant("order.withdraw"), order: orders, why: fc.constant("x") }),
  fc.record({ t: fc.constant("incident.close"), round: fc.constant(0) }),
);
const histories = fc
  .array(fc.record({ by: fc.constant("@su"), ms: at, says }), { minLength: 1, maxLength: 10 })
  .map((told) => told.map((one, place) => ({ ...one, op: `#${place}` }) as Told));

const taken = ({ clock, order, round, channel, step }: Step): Watched["entries"][number] => ({
  by: new Uint8Array(16),
  kind: "nudge",
  data: { clock, order, round, channel, step } as Record<string, Value>,
});

it("NU4: each step is told once, at its moment, and nothing falls due between two looks", () => {
  fc.assert(
    fc.property(histories, at, (history, begin) => {
      const view: Watched = { ...stateOf(history).view(), entries: [] };
      const entries = view.entries as Watched["entries"][number][];
      const told = new Set<string>();
      for (let now: number | null = begin; now !== null; ) {
        const { due, nextMs } = stepsOf(view, BOOK, now);
        for (const step of due) {
          expect(told.has(stepKey(step))).toBe(false);
          expect(step.atMs).toBeLessThanOrEqual(now);
          told.add(stepKey(step));
          entries.push(taken(step));
        }
        expect(stepsOf(view, BOOK, now)).toEqual({ due: [], nextMs });
        if (nextMs !== null) {
          expect(stepsOf(view, BOOK, nextMs - 1).due).toEqual([]);
          expect(stepsOf(view, BOOK, nextMs).due).not.toEqual([]);
        }
        now = nextMs;
      }
    }),
  );
});

it("NU3 NU5: an order that was signed rings on no phone, at no time", () => {
  const signed = {
    op: "#z",
    by: "@li",
    ms: 1_300_001,
    says: { t: "milestone.claim", kind: "signed", round: 0, order: "@o", via: "radio" },
  };
  fc.assert(
    fc.property(histories, fc.integer({ min: 1_000_000, max: 90_000_000 }), (history, now) => {
      const view = stateOf([...history, signed]).view();
      const rings = stepsOf(view, BOOK, now, ON_PHONE).due.map(({ order }) => order?.[0]);
      expect(rings).not.toContain("o".charCodeAt(0));
    }),
  );
});
