import { describe, expect, it } from "vitest";
import { draftOf, forget } from "../../src/desks/callback/drafts";
import {
  BLANK,
  begun,
  compare,
  exclusions,
  lacks,
  missed,
  next,
  ordered,
  reached,
  road,
} from "../../src/desks/callback/model";
import type { Call, Card, Recorded } from "../../src/desks/callback/types";
import { at, id, NOW } from "./fixtures";

const call = (name: string, part: Partial<Call> = {}): Call => ({
  incident: id(name),
  number: null,
  tag: "",
  title: name,
  place: "",
  station: null,
  since: at("09:00:00"),
  attempts: 0,
  last_outcome: null,
  last_at: null,
  due_ms: NOW + 1,
  state: "due",
  again_at: null,
  score: null,
  reason: null,
  rectify: null,
  ...part,
});

describe("one call", () => {
  it("is saved with a score, a reason when it is a 3, and minutes only when they are minutes", () => {
    expect(lacks(BLANK)).toBe("score");
    expect(lacks({ ...BLANK, score: 3 })).toBe("reason");
    expect(lacks({ ...BLANK, score: 1, minutes: "half an hour" })).toBe("minutes");
    expect(lacks({ ...BLANK, score: 2, minutes: "35" })).toBeNull();
    const first = { again: null, station: "5a" };
    expect(
      reached({ ...BLANK, score: 2, minutes: "35", reason: "slow", text: " 丈量那天希望民警也在场 " }, first, "到场慢"),
    ).toEqual({
      move: "callback",
      outcome: "reached",
      score: 2,
      minutes: 35,
      text: "丈量那天希望民警也在场",
    });
    const order = { station: "5a", kind: "ordinary", text: "到场慢" };
    expect(reached({ ...BLANK, score: 3, reason: "slow" }, first, "到场慢")).toMatchObject({
      score: 3,
      reason: "slow",
      order,
    });
    expect(
      reached({ ...BLANK, score: 3, reason: "slow", text: "上门", station: "6b", kind: "complex" }, first, "到场慢"),
    ).toMatchObject({ order: { station: "6b", kind: "complex", text: "上门" } });
    const again = { again: { rectify: "0d" } as Card["again"], station: "5a" };
    expect(reached({ ...BLANK, score: 3, reason: "slow" }, again, "到场慢")).toEqual({
      move: "callback",
      outcome: "reached",
      score: 3,
      reason: "slow",
      rectify: "0d",
    });
  });

  it("that was not answered carries its outcome and never a score", () => {
    expect(missed("no_answer", "", null)).toEqual({ move: "callback", outcome: "no_answer" });
    expect(missed("refused", " 忙 ", null)).toEqual({ move: "callback", outcome: "refused", text: "忙" });
  });

  it("compares what the caller remembers with the record, as a hint", () => {
    const recorded: Recorded = { minutes: 25, tolerance: 5, grade: 3, lo: null, hi: null };
    expect(compare(recorded, 35)).toEqual({ recorded: 25, said: 35, apart: 10 });
    expect(compare(recorded, 30)).toEqual({ recorded: 25, said: 30, apart: null });
    expect([compare(null, 35), compare(recorded, null)]).toEqual([null, null]);
    const proved: Recorded = { ...recorded, grade: 0, lo: 20, hi: 41 };
    expect(compare(proved, 45)?.apart, "the record proves no less").toBeNull();
    expect(compare(proved, 50)?.apart).toBe(9);
    expect(compare(proved, 12)?.apart).toBe(8);
  });

  it("shows the road with what was never recorded left open, and the call itself as the step now", () => {
    const card = {
      steps: [
        { kind: "reported", at: 1 },
        { kind: "arrived", at: 3 },
        { kind: "closed", at: 9 },
      ],
    } as unknown as Card;
    expect(road(card).map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      "reported done",
      "signed skipped",
      "arrived done",
      "cleared skipped",
      "callback now",
    ]);
  });

  it("shows a call that is done as the last post of the road, at its own time", () => {
    const attempts = [
      { round: 0, at: 20, rectify: null },
      { round: 0, at: 25, rectify: "0d" },
      { round: 1, at: 30, rectify: null },
    ];
    const card = { steps: [], state: "done", round: 0, again: null, attempts } as unknown as Card;
    expect(road(card).at(-1)).toEqual({ kind: "callback", at: 20, state: "done" });
  });

  it("keeps what was typed while another call is looked at, and forgets it when it is saved", () => {
    draftOf("a").value = { ...BLANK, text: "想要回执" };
    expect([draftOf("a").value.text, begun(draftOf("b").value)]).toEqual(["想要回执", false]);
    forget("a");
    expect(draftOf("a").value).toBe(BLANK);
    for (let n = 0; n < 200; n += 1) draftOf(`many-${n}`);
    expect(draftOf("a").value).toBe(BLANK); // bounded: the oldest went, nothing else changed
  });
});

describe("the list", () => {
  const calls = [
    call("done", { state: "done", score: 1 }),
    call("tried", { attempts: 1, state: "trying" }),
    call("fresh-late", { since: at("11:00:00") }),
    call("fresh"),
    call("past", { due_ms: NOW - 1, since: at("13:00:00") }),
    call("put off"),
  ];
  it("begins with those past their day, then the untried, the tried, the put off, the done", () => {
    const titles = ordered(calls, [id("put off")], NOW).map(({ title }) => title);
    expect(titles).toEqual(["past", "fresh", "fresh-late", "tried", "put off", "done"]);
  });
  it("goes on with the next one that is still to be made, from the top when it was the last, and ends", () => {
    const all = ordered(calls, [], NOW);
    expect(next(all, null)).toBe(id("past"));
    expect(next(all, id("past"))).toBe(all[1]?.incident);
    expect(next(all, id("tried"))).toBe(id("past"));
    expect(next([call("only")], id("only"))).toBeNull();
    expect(next([call("d", { state: "done" })], null)).toBeNull();
  });
  it("counts what is left out by reason", () => {
    expect(exclusions([{ why: "no_phone" }, { why: "exercise" }, { why: "no_phone" }])).toEqual([
      { why: "no_phone", n: 2 },
      { why: "exercise", n: 1 },
    ]);
  });
});
