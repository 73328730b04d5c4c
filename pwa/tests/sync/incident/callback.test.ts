/** The callback and the ladder after it (SPEC CK): the stories of `tests/vectors/callback.json`, which Python tells too. */
import { expect, it } from "vitest";
import { type Called, callAgainMs } from "../../../src/sync/incident/callback";
import { type Complaint, standing } from "../../../src/sync/incident/ladder";
import { PolicyBook } from "../../../src/sync/incident/policy";
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
