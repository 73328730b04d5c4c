/** Which limit holds for what (SPEC PO), as `tests/vectors/policy.json` tells it; Python runs the same. */
import { expect, it } from "vitest";
import { toHex } from "../../../src/sync/ids";
import { DEFAULT_POLICY, PolicyBook, tierFor, withinMs } from "../../../src/sync/incident/policy";
import { faults, LIMITS } from "../../../src/sync/incident/versions";
import { contains, type Zone, Zones } from "../../../src/sync/incident/zones";
import { cases, expand, type Told } from "./labels";

const hex = (value: unknown): unknown => (value instanceof Uint8Array ? toHex(value) : value);
/** Labels as this side names ids: in hex. */
const id = (label: unknown): string | null => hex(expand(label)) as string | null;
const rowsOf = (told: [string, ...unknown[]][]) => told.map(([label, ...rest]) => [id(label), ...rest.map(expand)]);

it.each(cases("policy", "faults"))("each field is good or says what is wrong: $story", (told: Told) => {
  expect(faults(expand(told.row))).toEqual(told.faults);
});

it("knows the limits of the policy and no others", () => {
  expect([...Object.keys(LIMITS), "idx", "row"].sort()).toEqual(Object.keys(DEFAULT_POLICY).sort());
});

it.each(cases("policy", "force"))("the version in force is the one that had begun: $story", (told: Told) => {
  for (const turned of [told.policies, told.policies.toReversed()]) {
    const book = new PolicyBook(rowsOf(turned) as never, [], rowsOf((told.modes ?? []).toReversed()) as never);
    for (const [ms, zone, mode, wanted] of told.asked) {
      const found = book.at(ms, id(zone), mode) as unknown as Record<string, unknown>;
      for (const [name, value] of Object.entries(wanted)) expect([name, found[name]]).toEqual([name, id(value)]);
    }
    for (const [ms, mode] of told.mode_at ?? []) expect(book.modeAt(ms)).toBe(mode);
  }
});

it.each(cases("policy", "within"))("a clock may run as long as the policy says: $story", (told: Told) => {
  const policy = new PolicyBook([["00", 1, { from_ms: 0, ...told.policy }]]).at(0);
  for (const [clock, startMs, about, wanted] of told.asked)
    expect([clock, startMs, about, withinMs(policy, clock, startMs, about)]).toEqual([clock, startMs, about, wanted]);
});

it.each(cases("policy", "inside"))("a point is inside or not, and the edge is inside: $story", (told: Told) => {
  for (const turned of [told.ring, told.ring.toReversed(), [...told.ring.slice(2), ...told.ring.slice(0, 2)]])
    for (const [point, inside] of told.points) expect([point, contains(turned, point)]).toEqual([point, inside]);
});

it.each(cases("policy", "zones"))("an incident lies in a zone or in none: $story", (told: Told) => {
  for (const turned of [told.rows, told.rows.toReversed()]) {
    const zones = new Zones(rowsOf(turned) as never);
    for (const [ms, point, station, wanted] of told.asked) {
      const view = { fields: point ? { point: [{ v: point }] } : {}, station: expand(station) };
      expect([ms, point, zones.of(view as never, ms)?.id ?? null]).toEqual([ms, point, id(wanted)]);
    }
  }
});

it.each(cases("policy", "tiers"))("the tier is stated or follows: $story", (told: Told) => {
  const policy = new PolicyBook([["00", 1, { from_ms: 0, ...told.policy }]]).at(0);
  const facts = Object.entries(told.facts as Record<string, unknown[]>);
  const fields = Object.fromEntries(facts.map(([name, values]) => [name, values.map((v) => ({ v }))]));
  const zone = told.zone === null ? null : ({ tier: told.zone } as Zone);
  expect(tierFor({ fields } as never, zone, policy, expand(told.target))).toBe(told.tier);
});
