/** The callback and the ladder after it (SPEC CK): the stories of `tests/vectors/callback.json`, which Python tells too. */
import { expect, it } from "vitest";
import { keyOf } from "../../../src/sync/fold";
import { type Called, callAgainMs } from "../../../src/sync/incident/callback";
import { clocksOf } from "../../../src/sync/incident/clocks";
import { byBook, judged } from "../../../src/sync/incident/judging";
import { type Complaint, standing } from "../../../src/sync/incident/ladder";
import { PolicyBook } from "../../../src/sync/incident/policy";
import { atCentre } from "../../../src/sync/time";
import { cases, expand, stateOf, type Told } from "./labels";

const plain = (found: Called | null) =>
  found && {
    state: found.state,
    attempts: found.attempts,
    exempt: found.exempt,
    settled_ms: found.settledMs,
    score: found.score,
    reason: found.reason,
  };
const told = (one: Complaint) => ({
  attempt: one.attempt.op,
  again: one.again,
  rectification: one.rectification?.op ?? null,
  supervision: one.supervision?.op ?? null,
  call: plain(one.call),
  step: one.step,
  countdown: [one.startMs, one.dueMs, one.doneMs],
});

it.each(cases("callback", "cases"))("callback and ladder stand where the story says: $story", (story: Told) => {
  const book = new PolicyBook([["00", 1, { from_ms: 0, ...story.policy }]]);
  for (const items of [story.items, [...story.items.toReversed(), ...story.items]]) {
    const view = stateOf(items).view();
    const wanted = expand(story.expect);
    const found = standing(view, book);
    expect(plain(found.callback)).toEqual(wanted.callback);
    expect(found.complaints.map(told)).toEqual(wanted.complaints);
    expect([found.step, found.finished]).toEqual([wanted.step, wanted.finished]);
    if ("call_again_ms" in wanted) expect(callAgainMs(view.callbacks, book.at(0))).toBe(wanted.call_again_ms);
  }
});

it.each(cases("callback", "verdicts"))("the clocks are judged by the book: $story", (story: Told) => {
  const state = stateOf(story.items);
  const view = state.view();
  const at = new Map(state.items.map(({ key, occurredAtMs }) => [key, occurredAtMs]));
  const found = judged(clocksOf(view, new PolicyBook()), {
    mark: (op) => ({ op, timed: atCentre(at.get(keyOf(op)) ?? 0, at.get(keyOf(op)) ?? 0) }),
    forceAt: byBook(view, new PolicyBook()),
    nowLoMs: story.now,
  });
  expect(found.map(({ clock, round, verdict }) => [clock, round, verdict.result])).toEqual(story.verdicts);
});
