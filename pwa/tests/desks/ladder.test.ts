import { describe, expect, it } from "vitest";
import { type Act, actsOf, EMPTY, inOrder, lackOf, moveOf, roadOf } from "../../src/desks/callback/ladder";
import type { Complaint, Told } from "../../src/desks/callback/types";
import { id } from "./fixtures";

const told = (op: string, at: number): Told => ({ op, at, by_name: "吕芳", text: "上门说明", result: null });
const asked = (done: Told | null = null) => ({
  ordered: told("0b", 2),
  station: id("angsu"),
  station_name: "昂素所",
  unit: null,
  unit_name: "",
  kind: "ordinary" as const,
  done,
});
const complaint = (part: Partial<Complaint>): Complaint => ({
  incident: id("甲"),
  number: null,
  title: "甲",
  place: "",
  station: id("angsu"),
  exercise: false,
  attempt: "0a",
  said_at: 1,
  said_to: "吕芳",
  reason: "slow",
  text: null,
  again: false,
  step: "to_rectify",
  mine: false,
  due_ms: null,
  rectified_at: null,
  rectification: null,
  called_at: null,
  listed: null,
  ended: null,
  ...part,
});
const STEPS = {
  to_rectify: complaint({}),
  rectifying: complaint({ step: "rectifying", rectification: asked() }),
  to_call_again: complaint({ step: "to_call_again", rectification: asked(told("0c", 3)) }),
  to_supervise: complaint({ step: "to_supervise", again: true }),
  supervised: complaint({ step: "supervised", again: true, listed: told("0d", 5) }),
  over: complaint({ step: null, again: true, listed: told("0d", 5), ended: told("0e", 6) }),
} as const;

describe("who takes the next step", () => {
  it.each([
    ["callback", null, ["rectify"], ["rectify"], ["call", "rectify"], [], [], []],
    ["dispatcher", null, ["rectify"], ["rectified", "rectify"], ["call", "rectify"], [], [], []],
    ["station", "angsu", [], ["rectified"], [], [], [], []],
    ["station", "chengchuan", [], [], [], [], [], []],
    ["supervisor", null, ["supervise"], ["supervise"], ["supervise"], ["supervise"], ["end"], []],
    ["reviewer", null, [], [], [], [], [], []],
  ] as [string, string | null, ...Act[][]][])("%s %s", (role, station, ...wanted) => {
    const seat = { roles: [role], station: station && id(station) };
    expect(Object.values(STEPS).map((one) => actsOf(one, seat))).toEqual(wanted);
  });
});

it("a step is not taken without its words, its station or its result", () => {
  const said = { ...EMPTY, text: "请上门" };
  expect(lackOf("rectify", EMPTY, STEPS.to_rectify)).toBe("text");
  expect(lackOf("rectify", said, complaint({ station: null }))).toBe("station");
  expect(lackOf("rectify", said, STEPS.to_rectify)).toBeNull();
  expect(lackOf("end", said, STEPS.supervised)).toBe("result");
  expect(lackOf("call", EMPTY, STEPS.to_call_again)).toBeNull();
});

it("each step names what it is about", () => {
  const said = { ...EMPTY, text: " 请上门 ", result: "resolved" as const };
  expect(moveOf("rectify", said, STEPS.to_rectify)).toEqual({
    move: "rectify",
    attempt: "0a",
    order: { station: id("angsu"), kind: "ordinary", text: "请上门" },
  });
  expect(moveOf("rectified", said, STEPS.rectifying)).toEqual({ move: "rectified", rectify: "0b", text: "请上门" });
  expect(moveOf("supervise", said, STEPS.to_supervise)).toEqual({ move: "supervise", attempt: "0a", text: "请上门" });
  expect(moveOf("end", said, STEPS.supervised)).toEqual({
    move: "end_supervision",
    supervise: "0d",
    result: "resolved",
    text: "请上门",
  });
});

it("the road shows what was done, what is awaited, and what would follow", () => {
  const road = (one: Complaint) => roadOf(one).map(({ post, state }) => `${post} ${state}`);
  expect(road(STEPS.rectifying)).toEqual(["said done", "ordered done", "rectified now", "called todo"]);
  expect(road(STEPS.to_supervise)).toEqual(["still done", "listed now", "ended todo"]);
  expect(road({ ...STEPS.over, rectification: asked(told("0c", 3)) })).toEqual([
    "ordered done",
    "rectified done",
    "still done",
    "listed done",
    "ended done",
  ]);
});

it("what a station is asked itself stands on top, and the order stays otherwise", () => {
  const mine = complaint({ attempt: "02", mine: true, step: "rectifying" });
  const over = complaint({ attempt: "03", mine: true, step: null });
  expect(inOrder([complaint({ attempt: "01" }), over, mine]).map(({ attempt }) => attempt)).toEqual(["02", "01", "03"]);
});
