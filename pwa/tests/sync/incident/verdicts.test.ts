/** Verdicts as `tests/vectors/verdict.json` tells them (SPEC VD); Python runs the same. */
import { describe, expect, it } from "vitest";
import { keyOf } from "../../../src/sync/fold";
import { clocksOf } from "../../../src/sync/incident/clocks";
import { byBook, judged } from "../../../src/sync/incident/judging";
import { PolicyBook } from "../../../src/sync/incident/policy";
import type { View } from "../../../src/sync/incident/state";
import type { Timed } from "../../../src/sync/time";
import { judge, type Limit, type Mark, RULES, within } from "../../../src/sync/verdict";
import { cases, expand, stateOf, type Told } from "./labels";

const boundsOf = (layer: [number | null, number | null] | null) => layer && { loMs: layer[0], hiMs: layer[1] };

function timedOf([zero, one, two]: Told, why: string[]): Timed {
  const first = boundsOf(zero) ?? { loMs: null, hiMs: null };
  return { claimedMs: zero[1], layers: [first, boundsOf(one), boundsOf(two)], why };
}

const markOf = ([op, layers, why, tick]: Told): Mark => {
  const place = tick ? { chain: new Uint8Array(16), session: expand(tick[0]), m: tick[1] } : null;
  return { op: expand(op), timed: { ...timedOf(layers, why), place } };
};

const [DAY_MS, OFFSET_MS] = [86_400_000, 28_800_000];
const NEXT_DAY: Limit = {
  due: (at) => (Math.floor((at + OFFSET_MS) / DAY_MS) + 2) * DAY_MS - OFFSET_MS - 1,
  withinMs: null,
};
const limitOf = (told: "day" | number | null): Limit | null =>
  told === "day" ? NEXT_DAY : told === null ? null : within(told);

describe("a clock is judged as its story says", () => {
  it.each(cases("verdict", "judge"))("$story", (told: Told) => {
    const rules = { ...RULES, metMaxGrade: told.rules?.met_max_grade ?? RULES.metMaxGrade };
    const found = judge(told.starts.map(markOf), told.ends.map(markOf), limitOf(told.limit), rules, told.now);
    const shown: Record<string, unknown> = {
      result: found.result,
      grade: found.grade,
      within: found.withinMs,
      elapsed: [found.elapsed.loMs, found.elapsed.hiMs],
      slack: found.slackMs,
      start: found.start?.op,
      end: found.end?.op,
      why: found.why,
      turns: found.turnsMs,
    };
    const wanted = expand(told.expect);
    expect(Object.fromEntries(Object.keys(wanted).map((name) => [name, shown[name]]))).toEqual(wanted);
  });
});

/** Every statement proved to the ms, but for those that the story says otherwise of. */
function marksOf(view: View, told: Told): Map<string, Mark> {
  const said = [
    ...view.orders.map(({ op, issued_at }) => ({ op, at: issued_at })),
    ...view.rectifications.flatMap(({ done }) => done ?? []),
    ...view.feedback.flatMap(({ review }) => review ?? []),
    ...[...view.claims, ...view.closes, ...view.callbacks],
  ];
  const known = (at: number): Timed => timedOf([[at, at], null, null], []);
  const marks = new Map(said.map(({ op, at }): [string, Mark] => [keyOf(op), { op, timed: known(at) }]));
  for (const [op, [layers, why]] of Object.entries<Told>(told)) marks.set(keyOf(expand(op)), markOf([op, layers, why]));
  return marks;
}

describe("the clocks of an incident are judged as its story says", () => {
  it.each(cases("verdict", "incidents"))("$story", (told: Told) => {
    const view = stateOf(told.items).view();
    const marks = marksOf(view, told.marks);
    const book = new PolicyBook();
    const found = judged(clocksOf(view, book), {
      mark: (op) => marks.get(keyOf(op)) as Mark,
      forceAt: byBook(view, book),
      nowLoMs: told.now,
    });
    const shown = found
      .filter(({ clock }) => !told.pick || told.pick.includes(clock))
      .map(({ clock, order, verdict: { result, grade, elapsed, why } }) => [
        clock,
        order,
        result,
        grade,
        elapsed.loMs,
        elapsed.hiMs,
        why,
      ]);
    const wanted: unknown[][] = expand(told.verdicts);
    expect(shown.map((one, at) => one.slice(0, wanted[at]?.length))).toEqual(wanted);
  });
});
