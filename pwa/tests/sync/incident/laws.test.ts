/**
 * The laws of the fold on this side: any order, any grouping, any repetition of the same items gives one state (CE6), and
 * a ruling replaces the author's own word whichever comes first. Histories are generated and shrink to a few items.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode } from "../../../src/sync/canon";
import type { Item } from "../../../src/sync/fold";
import { toHex } from "../../../src/sync/ids";
import { standing } from "../../../src/sync/incident/ladder";
import { PolicyBook } from "../../../src/sync/incident/policy";
import { IncidentState } from "../../../src/sync/incident/state";
import { timeline } from "../../../src/sync/incident/timeline";
import { INCIDENT, itemOf, type Told } from "./labels";

const people = fc.constantFrom("@su", "@li", "@wu");
const orders = fc.constantFrom("@o", "@p", "@q");
const rounds = fc.integer({ min: 0, max: 2 });
const ops = fc.constantFrom(..."abcdefghijklmnopqrst".split("").map((letter) => `#${letter}`));
const preds = fc.array(ops, { maxLength: 3 });
const texts = fc.constantFrom("", "到了", "ᠮᠣᠩᠭᠣᠯ", "𠮷野家");
const steps = fc.constantFrom("delivered", "signed", "departed", "arrived", "cleared", "landed");
const just = fc.constant;
const target = fc.tuple(fc.constantFrom("unit", "person"), people);

const says = fc.oneof(
  fc.record({ t: just("incident.create"), source: just("self"), station: people, tag: texts }),
  fc.record({ t: just("fact.set"), f: fc.constantFrom("title", "place", "weather"), v: texts, p: preds }),
  fc.record({ t: just("fact.set"), f: fc.constantFrom("tier", "level"), v: fc.integer({ min: -1, max: 5 }), p: preds }),
  fc.record({ t: just("set.add"), f: just("tags"), v: texts }),
  fc.record({ t: just("set.remove"), f: just("tags"), p: preds }),
  fc.record({ t: just("latest.set"), f: just("colour"), v: texts }),
  fc.record({ t: just("entry.add"), kind: fc.constantFrom("note", "song"), text: texts }),
  fc.record({ t: just("entry.correct"), entry: ops, text: texts }),
  fc.record({ t: just("milestone.claim"), kind: steps, round: rounds, via: just("self"), order: orders }),
  fc.record({ t: just("milestone.claim"), kind: steps, round: rounds, via: just("radio"), by: people }),
  fc.record({
    t: just("milestone.claim"),
    kind: just("feedback"),
    round: rounds,
    via: just("self"),
    data: fc.record({ final: fc.boolean() }),
  }),
  fc.record({
    t: just("feedback.review"),
    claim: ops,
    verdict: fc.constantFrom("pass", "return"),
    faults: fc.constantFrom(["result_missing"], []),
  }),
  fc.record({ t: just("nature.rule"), nature: texts, why: texts }),
  fc.record({ t: just("delay.answer"), entry: ops, reply: fc.constantFrom("accepted", "told_caller") }),
  fc.record({ t: just("milestone.withdraw"), claim: ops, why: texts }),
  fc.record({ t: just("callback.withdraw"), attempt: ops, why: texts }),
  fc.record({ t: just("milestone.dispute"), claim: ops, why: texts }),
  fc.record({ t: just("order.issue"), order: orders, to: target, kind: just("dispatch"), round: rounds }),
  fc.record({ t: just("order.withdraw"), order: orders, why: texts }),
  fc.record({ t: just("order.reassign"), order: orders, new: orders, to: target }),
  fc.record({ t: just("order.return_request"), order: orders, why: texts }),
  fc.record({ t: just("order.return_review"), order: orders, ok: fc.boolean() }),
  fc.record({ t: just("incident.link"), to: people, kind: just("duplicate_call") }),
  fc.record({ t: just("incident.unlink"), p: preds }),
  fc.record({ t: just("incident.withdraw"), why: texts }),
  fc.record({ t: just("incident.transfer"), station: people, why: texts }),
  fc.record({ t: just("incident.close"), round: rounds }),
  fc.record({ t: just("incident.reopen"), round: rounds, why: texts }),
  fc.record({ t: just("callback.attempt"), round: rounds, outcome: fc.constantFrom("no_answer", "no_phone", "sang") }),
  fc.record({ t: just("callback.attempt"), round: rounds, outcome: just("reached"), score: just(3) }),
  fc.record({ t: just("callback.attempt"), round: rounds, outcome: just("reached"), score: just(3), rectify: ops }),
  fc.record({ t: just("rectify.order"), attempt: ops, station: people, kind: just("ordinary"), text: texts }),
  fc.record({ t: just("rectify.done"), rectify: ops, station: people, text: texts }),
  fc.record({ t: just("supervise.open"), attempt: ops, text: texts }),
  fc.record({ t: just("supervise.close"), supervise: ops, result: just("resolved"), text: texts }),
  fc.record({ t: just("drone.launch") }),
);
const told = fc.record({
  op: ops,
  by: people,
  ms: fc.integer({ min: 1_000_000, max: 1_000_020 }),
  received: fc.integer({ min: 1_000_000, max: 1_200_000 }),
  ruled: fc.constantFrom("accepted", "accepted_late", "held", "rejected", null),
  number: fc.constantFrom(null, "261124-0001", "261124-0002"),
  says,
});
const histories = fc.uniqueArray(told, { maxLength: 20, selector: ({ op }) => op }) as fc.Arbitrary<Told[]>;
/** A history, and the same items in some other order, some of them twice. */
const shuffled = histories.chain((history) => {
  const doubled = [...history, ...history];
  return fc.tuple(just(history), fc.shuffledSubarray(doubled, { minLength: doubled.length }));
});

function fold(groups: readonly (readonly Item[])[]): IncidentState {
  const state = new IncidentState(INCIDENT);
  for (const items of groups) state.add(items);
  return state;
}

const seen = (state: IncidentState): string => toHex(encode(state.view() as never));
const items = (history: Told[]): Item[] => history.map(itemOf);

describe("CE6", () => {
  it("any order and any repetition give the same bytes", () => {
    fc.assert(fc.property(shuffled, ([one, other]) => seen(fold([items(one)])) === seen(fold([items(other)]))));
  });

  it("any grouping gives the same bytes, also when looked at between", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const state = new IncidentState(INCIDENT);
        for (const item of items(history)) {
          state.add([item]);
          state.view();
        }
        return seen(state) === seen(fold([items(history)]));
      }),
    );
  });

  it("a ruling may come before or after the author's own copy of what it rules on", () => {
    fc.assert(
      fc.property(shuffled, ([history, other]) => {
        const own = items(other.map((one) => ({ ...one, ruled: null })));
        const ruled = items(history);
        return seen(fold([own, ruled])) === seen(fold([ruled, own]));
      }),
    );
  });
});

describe("CK", () => {
  const stands = (state: IncidentState) => standing(state.view(), new PolicyBook());

  it("callback and ladder stand the same in any order and however often they are told", () => {
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(stands(fold([items(other)]))).toEqual(stands(fold([items(one)])));
      }),
    );
  });

  it("an open step always keeps the file from being finished", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { complaints, step, finished } = stands(fold([items(history)]));
        return step === null ? complaints.every((one) => one.step === null) : !finished;
      }),
    );
  });
});

it("RL4: what is held or rejected changes no view, and stands in the timeline", () => {
  fc.assert(
    fc.property(histories, (history) => {
      const state = fold([items(history)]);
      const counting = items(history).filter(({ counts }) => counts);
      expect(seen(fold([counting]))).toBe(seen(state));
      expect(timeline(state.items, state.view())).toHaveLength(history.length);
    }),
  );
});
