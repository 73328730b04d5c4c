/**
 * The stories of the incident's meaning, as `tests/vectors` tells them (SPEC CE, ST, IN, DL); Python runs the same.
 */
import { describe, expect, it } from "vitest";
import { encode } from "../../../src/sync/canon";
import { effectiveStamp, item } from "../../../src/sync/fold";
import { fromHex, toHex } from "../../../src/sync/ids";
import { remarksOn } from "../../../src/sync/incident/consistency";
import { deadlinesOf, stateOf as stateAt } from "../../../src/sync/incident/deadlines";
import { AT_CENTRE, ON_PHONE, stepsOf } from "../../../src/sync/incident/escalation";
import { standingOf } from "../../../src/sync/incident/feedback";
import { movesOfOrder } from "../../../src/sync/incident/moves";
import { PolicyBook } from "../../../src/sync/incident/policy";
import { problem } from "../../../src/sync/incident/shapes";
import { IncidentState } from "../../../src/sync/incident/state";
import { timeline } from "../../../src/sync/incident/timeline";
import { cases, eff, expand, INCIDENT, itemOf, part, stateOf, type Told, vectors } from "./labels";

const bytesOf = (value: unknown): string => toHex(encode(value as never));
const STORIES = [...cases("cells", "cases"), ...cases("status", "cases")];

describe("an incident", () => {
  it.each(STORIES)("shows what its story says: $story", (told: Told) => {
    const wanted = expand(told.expect);
    expect(part(stateOf(told.items).view(), wanted)).toEqual(wanted);
  });

  it.each(STORIES)("shows the same when told backwards, twice, and looked at between: $story", (told: Told) => {
    const state = new IncidentState(INCIDENT);
    for (const one of [...told.items.toReversed(), ...told.items]) {
      state.add([itemOf(one)]);
      state.view();
    }
    expect(bytesOf(state.view())).toBe(bytesOf(stateOf(told.items).view()));
  });
});

it("IN9: the view has these keys and no others", () => {
  const told = vectors("status").whole;
  expect(stateOf(told.items).view()).toEqual(expand(told.view));
  expect(bytesOf(stateOf(told.items).view())).toBe(bytesOf(expand(told.view)));
});

it.each(cases("fold", "times"))("an item knows when it happened: $story", (told: Told) => {
  const known = item({
    op: new Uint8Array(17),
    t: "entry.add",
    fields: { t: "entry.add", ...(told.at === null ? {} : { at: told.at }) },
    user: new Uint8Array(16),
    chain: new Uint8Array(16),
    seq: 1,
    eff: eff(told.eff, 3),
    idx: told.received === null ? null : 1,
    atMs: told.received,
    decision: told.received === null ? null : "accepted",
    why: null,
    flags: [],
    number: null,
    redaction: null,
  });
  expect([known.occurredAtMs, known.lateByMs, known.isLateEntry]).toEqual([
    told.occurred,
    told.late_by,
    told.late_entry,
  ]);
});

it.each(cases("fold", "stamps"))("a ruling gives an honest stamp: $story", (told: Told) => {
  const floor = told.floor === undefined ? null : fromHex(told.floor, 8);
  expect(toHex(effectiveStamp(fromHex(told.hlc, 8), told.received, floor))).toBe(told.eff);
});

it.each(cases("shapes", "cases"))("an op has its shape or says what is wrong: $story", (told: Told) => {
  expect(problem(expand(told.op))).toBe(told.problem);
});

it.each(cases("moves", "cases"))("a screen offers what comes next: $story", (told: Told) => {
  expect(movesOfOrder(told.order)).toEqual(told.moves);
});

/** The policy of a story, in force from the beginning. */
const bookOf = (told: Told) => new PolicyBook([["00", 1, { from_ms: 0, ...told.policy }]]);

it.each(cases("deadlines", "cases"))("countdowns run from what happened: $story", (told: Told) => {
  const found = deadlinesOf(stateOf(told.items).view(), bookOf(told));
  const shown = found.filter(({ id }) => !told.pick || told.pick.includes(id));
  expect(shown.map(({ id, order, startMs, dueMs, doneMs }) => [id, order, startMs, dueMs, doneMs])).toEqual(
    expand(told.deadlines),
  );
  for (const [name, nowMs, state] of told.states) {
    const deadline = found.find(({ id }) => id === name);
    expect(deadline && stateAt(deadline, nowMs)).toBe(state);
  }
});

it.each(cases("escalation", "cases"))("who is told what, and when to look again: $story", (told: Told) => {
  const view = stateOf(told.items).view();
  for (const { where, now, due, next } of told.looks) {
    const found = stepsOf(view, bookOf(told), now, where === "phone" ? ON_PHONE : AT_CENTRE);
    expect(found.due.map((s) => [s.clock, s.order, s.round, s.channel, s.step, s.to, s.atMs])).toEqual(expand(due));
    expect(found.nextMs).toBe(next);
  }
});

it.each(cases("feedback", "cases"))("feedback stands where its story says: $story", (told: Told) => {
  const view = stateOf(told.items).view();
  const { state, waiting, returned, passed } = standingOf(view);
  expect(state).toBe(told.state);
  const current = [...waiting, ...returned, ...passed].map(({ op }) => toHex(op)).sort();
  expect(current).toEqual(told.current.map((op: string) => toHex(expand(op))));
  const clocks = new Map(deadlinesOf(view, new PolicyBook()).map((one) => [one.id, one]));
  expect([clocks.get("C7r")?.startMs, clocks.get("C7r")?.dueMs]).toEqual(told.c7r);
  const review = clocks.get("C8");
  expect([review?.startMs, review?.dueMs, review?.doneMs]).toEqual(told.c8);
  const found = remarksOn(view, new PolicyBook()).map(({ code, order, about, words }) => [code, order, about, words]);
  expect(found).toEqual(expand(told.remarks));
});

/** `receivedAt` as the vectors write it: `received_at`. */
const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

it.each(cases("timeline", "cases"))("the timeline leaves nothing out: $story", (told: Told) => {
  const state = stateOf(told.items);
  const shown = timeline(state.items, state.view()).map((entry) =>
    Object.fromEntries(Object.entries(entry).map(([name, value]) => [snake(name), value])),
  );
  const wanted = expand(told.expect);
  expect(part(shown, wanted)).toEqual(wanted);
});
