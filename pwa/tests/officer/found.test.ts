/** What the centre found of an officer's own clocks, on the officer's phone (SPEC VD7, VD8). */
import { expect, test } from "vitest";
import { foundLines } from "../../src/desks/officer/found";
import { jobOf } from "../../src/desks/officer/model";
import type { Found } from "../../src/sync/evidence/found";
import { fromHex } from "../../src/sync/ids";
import { claimed, created, DESK, issued, ME, ORDER, told, UNIT } from "./told";

const me = { person: ME, station: null, unit: UNIT, vehicles: [] };
const other = "44".repeat(16);
const one = (clock: string, result: string, more: Partial<Found> = {}): Found => ({
  ...{ idx: 1, atMs: 0, clock, round: 0, result, order: ORDER, grade: 0, within: 1, lo: 0, hi: 1, sets: [], why: [] },
  ...more,
});
const seen = (lines: ReturnType<typeof foundLines>) =>
  lines.map(({ what, state, beside }) => [what, state, beside?.state ?? null]);

test("the steps of my own order and of the incident, by the road; nobody's fault and others' orders are left out", async () => {
  const { incident } = await told([created(), issued(), claimed("signed", 1)]);
  const found = [
    one("C7", "unproven", { order: "" }),
    one("C5", "missed"),
    one("C2", "met"),
    one("C3", "void"),
    one("C1", "missed"),
    one("C2", "missed", { order: other }),
    one("C2", "missed", { round: 1 }),
    one("C8", "missed", { order: "" }),
  ];
  expect(seen(foundLines(jobOf(incident, me), found))).toEqual([
    ["签收", "met", null],
    ["到场", "missed", null],
    ["结果反馈", "undetermined", null],
  ]);
  expect(foundLines(jobOf(incident, me), [one("C2", "not_delivered"), one("C5", "not_delivered")])).toEqual([]);
});

test("what a person found stands beside, by name and with the reason; the last one", async () => {
  const override = (min: number, result: string, why: string) => ({
    ...{ by: DESK, min },
    ops: [{ t: "verdict.override", clock: "C5", order: fromHex(ORDER), round: 0, result, why }],
  });
  const { incident } = await told([created(), issued(), override(2, "missed", "误按"), override(3, "met", "现场监控")]);
  const lines = foundLines(jobOf(incident, me), [one("C5", "undetermined"), one("C2", "met")]);
  expect(seen(lines)).toEqual([
    ["签收", "met", null],
    ["到场", "undetermined", "met"],
  ]);
  expect(lines[1]?.beside).toEqual({ state: "met", by: DESK, why: "现场监控" });
});
