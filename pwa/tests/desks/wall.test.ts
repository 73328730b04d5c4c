import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WallDone, WallItem } from "../../src/desks/command/types";
import {
  type Choice,
  chosenRow,
  firstOf,
  keyOf,
  orderRow,
  type Place,
  sidestep,
  step,
  toRule,
  wallAt,
  whereNow,
} from "../../src/desks/command/wall/model";
import {
  doneText,
  mayBeWritten,
  nextText,
  rowText,
  silenceText,
  todayText,
  urged,
} from "../../src/desks/command/wall/row";
import { at, column, id, NOW, row, wall } from "./fixtures";

const did = (part: Partial<WallDone>): WallDone => ({
  incident: id("x"),
  title: "家畜走失",
  person: "",
  at: NOW,
  result: "met",
  elapsed_lo_ms: null,
  elapsed_hi_ms: null,
  override: null,
  score: null,
  ...part,
});
const c1 = (name: string, dueMs: number) =>
  row(name, { deadline: { id: "C1", start_ms: dueMs - 10_000, due_ms: dueMs } });
const c2 = (name: string, dueMs: number, part = {}) =>
  row(name, { ...part, deadline: { id: "C2", start_ms: dueMs - 30_000, due_ms: dueMs } });

describe("the wall at a moment", () => {
  it("sorts by time to breach, whatever order the rows came in, and counts the overdue by its own clock", () => {
    const shown = wallAt(
      wall({ signing: column([c2("late", NOW + 9_000), c2("soon", NOW + 2_000), c2("past", NOW - 14_000)]) }),
      NOW,
    );
    expect(shown.signing.rows.map(({ title }) => title)).toEqual(["past", "soon", "late"]);
    expect(shown.signing).toMatchObject({ count: 3, overdue: 1, nextDueMs: NOW + 2_000 });
    const later = wallAt(wall({ signing: column([c2("soon", NOW + 2_000)]) }), NOW + 2_001);
    expect(later.signing).toMatchObject({ overdue: 1, nextDueMs: null });
  });

  it("of rows that fall due together the one that has waited longest comes first", () => {
    const closed = (name: string, agoMs: number) =>
      row(name, { deadline: { id: "C9", start_ms: NOW - agoMs, due_ms: NOW + 50_000_000 } });
    const shown = wallAt(
      wall({ callback: column([closed("noon", 1_000), closed("morning", 9_000), closed("later", 500)]) }),
      NOW,
    );
    expect(shown.callback.rows.map(({ title }) => title)).toEqual(["morning", "noon", "later"]);
  });

  it("an order that does not reach its phone in time leaves the signing column: a task for the desk, nobody's breach", () => {
    const fresh = wall({ signing: column([c1("sent", NOW + 1_000), c2("other", NOW + 20_000)]) });
    expect(wallAt(fresh, NOW).undelivered).toEqual([]);
    const shown = wallAt(fresh, NOW + 1_001);
    expect(shown.undelivered.map(({ title }) => title)).toEqual(["sent"]);
    expect(shown.signing).toMatchObject({ count: 1, overdue: 0 });
  });

  it("says an order once when the server already counts it as undelivered", () => {
    const lost = c1("sent", NOW - 1);
    expect(wallAt(wall({ signing: column([lost]), undelivered: [lost] }), NOW).undelivered).toHaveLength(1);
  });

  it("exercises stand on the wall and in no count", () => {
    const shown = wallAt(wall({ signing: column([c2("drill", NOW - 5_000, { exercise: true })]) }), NOW);
    expect(shown.signing).toMatchObject({ count: 1, overdue: 0, nextDueMs: null });
  });

  it("rows that the server left out can be overdue too", () => {
    expect(wallAt(wall({ signing: column([c2("a", NOW + 1)], { more: 60, overdue: 12 }) }), NOW).signing).toMatchObject(
      { count: 61, overdue: 12 },
    );
  });

  it("one report that ends two clocks is told once, without a span that would be neither's", () => {
    const recent = [
      did({ elapsed_lo_ms: 1_980_000, elapsed_hi_ms: 1_980_200 }),
      did({ elapsed_lo_ms: 420_000, elapsed_hi_ms: 420_200 }),
      did({ result: "missed", elapsed_lo_ms: 7_000_000 }),
      did({ at: NOW - 1, elapsed_hi_ms: 5 }),
    ];
    const shown = wallAt(wall({ feedback: column([], { recent }) }), NOW).feedback.recent;
    expect(shown.map((one) => [one.result, one.elapsed_lo_ms ?? one.elapsed_hi_ms])).toEqual([
      ["met", null],
      ["missed", 7_000_000],
      ["met", 5],
    ]);
  });

  it("every row stands in exactly one place at every moment", () => {
    const rows = fc.array(fc.tuple(fc.constantFrom("C1", "C2"), fc.integer({ min: -60_000, max: 60_000 })), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 120_000 }), (made, laterMs) => {
        const items = made.map(([clock, dueIn], n) => (clock === "C1" ? c1 : c2)(`r${n}`, NOW + dueIn));
        const shown = wallAt(wall({ signing: column(items) }), NOW + laterMs);
        const keys = [...shown.signing.rows, ...shown.undelivered].map(keyOf);
        expect(keys.sort()).toEqual(items.map(keyOf).sort());
      }),
    );
  });
});

describe("the keyboard on the wall", () => {
  const shown = wallAt(
    wall({
      signing: column([c2("s1", NOW + 1_000), c2("s2", NOW + 2_000), c2("s3", NOW + 3_000)]),
      callback: column([row("k1", { order: null, target: null, deadline: { id: "C9", due_ms: NOW + 50_000_000 } })]),
      undelivered: [c1("u1", NOW - 60_000)],
    }),
    NOW,
  );
  const at2 = (place: Place, name: string): Choice => ({
    place,
    key: keyOf(
      [...shown.signing.rows, ...shown.callback.rows, ...shown.undelivered].find(({ title }) => title === name) ??
        c2(name, 0),
    ),
  });

  it("arrows walk a column and stop at its ends; from nowhere they begin with the most urgent row", () => {
    expect(step(shown, null, 1)).toEqual(at2("signing", "s1"));
    expect(step(shown, at2("signing", "s1"), 1)).toEqual(at2("signing", "s2"));
    expect(step(shown, at2("signing", "s3"), 1)).toEqual(at2("signing", "s3"));
    expect(step(shown, at2("signing", "s1"), -1)).toEqual(at2("signing", "s1"));
  });

  it("a row that has gone gives its place to the one that moved up", () => {
    expect(step(shown, at2("signing", "gone"), 1, 1)).toEqual(at2("signing", "s2"));
    expect(step(shown, at2("signing", "gone"), 1, 9)).toEqual(at2("signing", "s3"));
    expect(step(shown, { place: "feedback", key: "gone" }, 1)).toEqual(at2("signing", "s1"));
  });

  it("left and right keep the height and pass over empty columns", () => {
    expect(sidestep(shown, at2("signing", "s2"), 1)).toEqual(at2("callback", "k1"));
    expect(sidestep(shown, at2("callback", "k1"), 1)).toEqual(at2("undelivered", "u1"));
    expect(sidestep(shown, at2("undelivered", "u1"), 1)).toEqual(at2("undelivered", "u1"));
    expect(sidestep(shown, at2("callback", "k1"), -1)).toEqual(at2("signing", "s1"));
    expect(firstOf(shown, "feedback")).toBeNull();
  });

  it("an order that turns out undelivered takes the choice along; one that is gone leaves it where it was", () => {
    const chosen = at2("undelivered", "u1");
    expect(whereNow(shown, { place: "signing", key: chosen.key })).toEqual(chosen);
    expect(whereNow(shown, chosen)).toBe(chosen);
    const gone = { place: "signing", key: "gone" } as const;
    expect(whereNow(shown, gone)).toBe(gone);
  });

  it("R and G act on the chosen order, or on the oldest undelivered one", () => {
    expect(orderRow(shown, at2("signing", "s2"))?.title).toBe("s2");
    expect(orderRow(shown, at2("callback", "k1"))?.title).toBe("u1");
    expect(orderRow(shown, null)?.title).toBe("u1");
    expect(chosenRow(shown, { place: "signing", key: "gone" })).toBeNull();
  });
});

describe("what a row says", () => {
  it("when the next one falls due: a span while near, a moment when far, 24:00 for the end of a day", () => {
    expect(nextText(NOW + 7_000, NOW)).toBe("下一起 7 秒后到时");
    expect(nextText(NOW + 6_001, NOW)).toBe("下一起 7 秒后到时"); // its row counts 0:07 as well
    expect(nextText(at("23:59:59.999"), NOW)).toBe("下一起 今天 24:00 到时");
    expect(nextText(at("23:59:59.999", "2026-03-13"), NOW)).toBe("下一起 明天 24:00 到时");
    expect(nextText(at("18:20:00"), NOW)).toBe("下一起 今天 18:20 到时");
  });

  it("feedback awaited from a phone that was silent before its deadline may be written already, and nobody is blamed", () => {
    const deadline = { id: "C6", start_ms: NOW - 7_200_000, due_ms: NOW - 5_400_000 };
    const away = row("theft", { device_last_contact_ms: NOW - 6_000_000, deadline });
    expect(mayBeWritten(away)).toBe(true);
    expect(rowText(away, "feedback", "昂素所", NOW)).toMatchObject({
      state: "undetermined",
      word: "等补到",
      timeText: "2 小时",
    });
    const heard = row("noise", { device_last_contact_ms: NOW - 1_000, deadline });
    expect(rowText(heard, "feedback", "昂素所", NOW).state).toBeUndefined();
    expect(mayBeWritten(row("unknown", { device_last_contact_ms: null, deadline }))).toBe(false);
  });

  it("a callback row tells when it was closed and how often it was tried", () => {
    const tried = row("k", {
      attempts: 2,
      reason: "no_answer",
      deadline: { id: "C9", start_ms: at("09:20:00"), due_ms: NOW + 1 },
    });
    expect(rowText(tried, "callback", "昂素所", NOW).facts).toEqual(["今天 09:20 办结", "拨过 2 次", "没人接"]);
  });

  it("a silent phone is told by how long, an unheard one as unheard", () => {
    expect(silenceText(row("a", { device_last_contact_ms: NOW - 720_000, deadline: { id: "C1" } }), NOW)).toBe(
      "手机 12 分没回音",
    );
    expect(silenceText(row("a", { device_last_contact_ms: null, deadline: { id: "C1" } }), NOW)).toBe("手机从没回音");
  });
});

it("what waits for a ruling is counted as things said in two ways and records in doubt", () => {
  const waits = toRule(
    wall({ waiting: { held: 1, rejected: 2, opaque: 3, compromised: 4 }, conflicts: { facts: 5, steps: 6 } }),
  );
  expect(waits).toEqual({ said: 11, records: 10 });
});

describe("what was done about a row", () => {
  const tried = (reached: boolean | null, channel = "radio") => ({
    nudged: { at: NOW - 60_000, by_name: "娜日苏", channel, reached, count: 2 },
  });

  it("says who, by which channel and whether anybody was reached; else who has it by the plan", () => {
    expect(urged(c2("none", NOW), NOW)).toBe("");
    expect(urged(c2("told", NOW, { told: "station" }), NOW)).toBe("已报派出所");
    expect(urged(c2("missed", NOW, { told: "desk", ...tried(false) }), NOW)).toBe("1 分钟前 娜日苏电台没叫应");
    expect(urged(c2("reached", NOW, tried(true, "phone")), NOW)).toBe("1 分钟前 娜日苏电话打通");
    expect(urged(c2("sent", NOW, tried(null, "message")), NOW)).toBe("1 分钟前 娜日苏发过消息");
    expect(urged(c2("strange", NOW, tried(null, "pigeon")), NOW)).toBe("");
  });

  it("tells of an order that was signed and goes nowhere, and of one that somebody asks to give back", () => {
    const stuck = row("stuck", { deadline: { id: "C3", start_ms: NOW - 200_000, due_ms: NOW - 20_000 }, told: "desk" });
    expect(rowText(stuck, "signing", "昂素所", NOW).facts).toEqual([
      stuck.target?.name,
      "签收后没动静",
      "已列给值班台",
    ]);
    const asked = rowText({ ...stuck, return_requested: true }, "signing", "昂素所", NOW);
    expect(asked).toMatchObject({ word: "请求退回" });
    expect(asked.facts).toContain("等你答复");
  });
});

describe("what was done", () => {
  it("is told with what was found and what is proved of how long it took", () => {
    const said = (part: Partial<WallDone>) => {
      const { state, value, word } = doneText(did(part));
      return [state, value, word];
    };
    expect(said({ elapsed_lo_ms: 8_900, elapsed_hi_ms: 9_100 })).toEqual(["met", "9 秒", "达标"]);
    expect(said({ elapsed_lo_ms: -4_100, elapsed_hi_ms: 22_000 })).toEqual(["met", "至多 22 秒", "达标"]);
    expect(said({ result: "missed", elapsed_lo_ms: 41_000 })).toEqual(["missed", "至少 41 秒", "超时"]);
    expect(said({ result: "undetermined", elapsed_lo_ms: 1, elapsed_hi_ms: 90_000 })).toEqual([
      "undetermined",
      "",
      "无法判定",
    ]);
    expect(said({ result: "pending" })).toEqual([null, "", "还没判"]);
    expect(said({ score: 1, result: "missed" })).toEqual([null, "", "满意"]);
    expect(doneText(did({ result: "undetermined", override: "met" })).override).toBe("裁定达标");
  });

  it("adds up to the day, without what there was none of", () => {
    expect(todayText({ met: 32, missed: 1, undetermined: 1, others: 0 })).toBe("32 达标，1 超时，1 无法判定");
    expect(todayText({ met: 0, missed: 0, undetermined: 0, others: 2 })).toBe("2 没判");
  });
});

describe("after feedback and after a complaint", () => {
  it("rows say what is owed by whom", () => {
    const facts = (clock: string, part: Partial<WallItem> = {}) =>
      rowText(row("r", { ...part, deadline: { id: clock } }), clock < "C9" ? "feedback" : "callback", "昂素所", NOW);
    expect(facts("C7r").facts[0]).toBe("退回待改");
    expect(facts("C8").facts[0]).toBe("审核到时");
    const complaint = facts("C9r", { step: "to_call_again" });
    expect([complaint.title, complaint.facts[0]]).toEqual(["r", "整改后再回访"]);
    const wrong = rowText(
      row("r", { reason: "slow", step: "rectifying", deadline: { id: "C10", due_ms: at("12:26:00") } }),
      "callback",
      "昂素所",
      NOW,
    );
    expect([wrong.title, ...wrong.facts]).toEqual(["不满意：到场慢", "r", "整改中", "期限 今天 12:26"]);
    const late = row("r", { device_last_contact_ms: NOW - 1e7, deadline: { id: "C8", due_ms: NOW - 1 } });
    expect(mayBeWritten(late), "a review waits for a desk, not for a phone").toBe(false);
  });
});
