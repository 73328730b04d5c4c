import { describe, expect, it } from "vitest";
import { remarkLines } from "../../src/centre/remarks";
import {
  BLANK,
  checks,
  type Draft,
  itemsOf,
  lacks,
  moveOf,
  promptsOf,
  stay,
  toggled,
  toReview,
} from "../../src/desks/review/model";
import { folded } from "../../src/desks/review/say";
import type { Feedback, Incident, Late, Queue, ReviewRow } from "../../src/desks/review/types";
import { REMARKS } from "../../src/sync/incident/consistency";
import { FAULTS } from "../../src/sync/incident/kinds";
import { faultWord, replyWord } from "../../src/words/feedback";
import { language } from "../../src/words/language";
import { at, entry, id, NOW, op } from "./fixtures";

const row = (name: string, part: Partial<ReviewRow> = {}): ReviewRow => ({
  incident: id(name),
  number: null,
  tag: name,
  title: name,
  category: "dispute",
  place: "",
  station: null,
  status: "cleared",
  exercise: false,
  since_ms: NOW,
  due_ms: NOW + 1,
  delays: 0,
  ...part,
});
const late: Late = {
  ...row("late"),
  round: 0,
  clock: "C7",
  start_ms: NOW - 2,
  due_ms: NOW - 1,
  sent: ["昂素一组"],
  delays: [{ op: op("d"), by_name: "苏和", at: NOW, received_at: NOW, text: "没有信号", reply: null }],
};
const queue = (part: Partial<Queue> = {}): Queue => ({
  now_ms: NOW,
  waiting: [],
  waiting_more: 0,
  returned: [],
  returned_more: 0,
  overdue: [],
  delays: [],
  today: { passed: 0, returned: 0, scored: 0, mean: null },
  ...part,
});
const feedback = (name: string, part: Partial<Feedback> = {}): Feedback => ({
  op: op(name),
  by: id("suhe"),
  at: at("15:00:00"),
  order: null,
  round: 0,
  final: true,
  result: "mediated",
  text: "双方和解",
  received_at: at("15:00:01"),
  current: true,
  review: null,
  ...part,
});
const incident = (part: Partial<Incident["view"]> = {}, remarks: Incident["remarks"] = []): Incident => ({
  now_ms: NOW,
  summary: {
    id: id("i"),
    number: null,
    tag: "i",
    title: "",
    category: "dispute",
    place: "",
    station: null,
    status: "cleared",
    exercise: false,
  },
  view: {
    round: 0,
    fields: {},
    feedback: [],
    nature: { intake: null, ruled: null },
    orders: [],
    milestones: {},
    ...part,
  },
  deadlines: [],
  remarks,
  timeline: [],
  people: {},
});

describe("the queue", () => {
  it("stands section by section as the centre ordered it, drills apart, an overdue one with what was said of it", () => {
    const items = itemsOf(
      queue({ waiting: [row("drill", { exercise: true }), row("a"), row("b")], returned: [row("c")], overdue: [late] }),
    );
    expect(items.map(({ section, title }) => [section, title])).toEqual([
      ["waiting", "a"],
      ["waiting", "b"],
      ["returned", "c"],
      ["overdue", "late"],
      ["drills", "drill"],
    ]);
    expect(items[3]).toMatchObject({ clock: "C7", reason: "没有信号" });
  });

  it("keeps the line that has the keyboard, and goes to the one in its place when it leaves", () => {
    const [a, b, c] = itemsOf(queue({ waiting: [row("a"), row("b"), row("c")] })).map(({ key }) => key);
    const left = itemsOf(queue({ waiting: [row("a"), row("c")] }));
    expect(stay(left, a ?? "", 0)).toBe(a);
    expect(stay(left, b ?? "", 1)).toBe(c);
    expect(stay(left.slice(0, 1), b ?? "", 1)).toBe(a);
    expect(stay([], b ?? "", 1)).toBeNull();
  });

  it("puts that feedback to the reviewer which waits, not one of another round or one that was replaced", () => {
    const reviewed = {
      ...feedback("r"),
      review: { op: op("x"), by: id("rev"), at: NOW, verdict: "return", faults: [], score: null, text: null },
    };
    const given = [feedback("old", { round: 1 }), feedback("gone", { current: false }), reviewed, feedback("waits")];
    expect(toReview(incident({ feedback: given }))?.op).toBe(op("waits"));
    expect(toReview(incident({ feedback: given.slice(0, 3) }))?.op).toBe(op("r"));
    expect(toReview(incident({ feedback: given.slice(0, 2) }))).toBeNull();
  });
});

describe("a review", () => {
  const draft = (part: Partial<Draft>): Draft => ({ ...BLANK, ...part });

  it("says first what it lacks", () => {
    expect(lacks(BLANK)).toBe("verdict");
    expect(lacks(draft({ verdict: "return" }))).toBe("faults");
    expect(lacks(draft({ verdict: "return", faults: ["other"] }))).toBe("text");
    expect(lacks(draft({ verdict: "pass", score: "101" }))).toBe("score");
    expect(lacks(draft({ verdict: "pass", score: "ten" }))).toBe("score");
    expect(lacks(draft({ verdict: "pass", nature: "civil" }))).toBe("natureWhy");
    expect(lacks(draft({ verdict: "pass" }))).toBeNull();
  });

  it("is one move, with the nature in it when one was ruled", () => {
    const full = draft({
      verdict: "return",
      faults: ["step_missing"],
      score: "60",
      text: " 补上到场 ",
      nature: "civil",
      natureWhy: " 自愿 ",
    });
    expect(moveOf(full, op("f"))).toEqual({
      move: "review_feedback",
      claim: op("f"),
      verdict: "return",
      faults: ["step_missing"],
      score: 60,
      text: "补上到场",
      nature: "civil",
      nature_why: "自愿",
    });
    expect(moveOf(draft({ verdict: "pass" }), op("f"))).toEqual({
      move: "review_feedback",
      claim: op("f"),
      verdict: "pass",
      faults: [],
    });
  });

  it("names its faults in the order of the checklist, whatever order they were pressed in", () => {
    const pressed = toggled(toggled([], "other", FAULTS), "result_missing", FAULTS);
    expect(pressed).toEqual(["result_missing", "other"]);
    expect(toggled(pressed, "other", FAULTS)).toEqual(["result_missing"]);
  });

  it("tells from the record what it can, and asks the reader for the rest by category", () => {
    const bare = checks(incident(), feedback("f", { result: null, text: " " }));
    expect(bare.filter(({ ok }) => ok).map(({ check }) => check)).toEqual(["fits"]);
    const fields = {
      casualties: [{ op: op("c"), by: id("suhe"), at: NOW, v: 0 }],
      nature: [{ op: op("n"), by: id("suhe"), at: NOW, v: "civil" }],
    };
    const whole = checks(incident({ fields, milestones: { arrived: { at: NOW } } }), feedback("f"));
    expect(whole.every(({ ok }) => ok)).toBe(true);
    const remarks = [{ code: "step_before", order: null, about: [], words: ["arrived", "departed"] }];
    expect(checks(incident({}, remarks), feedback("f")).find(({ check }) => check === "fits")?.ok).toBe(false);
    expect(promptsOf("traffic_truck")).toContain("plates");
    expect(promptsOf("unheard_of")).toEqual(["parties", "helped"]);
  });
});

it("the timeline folds the facts of one action under it, and keeps what stands alone", () => {
  const set = "ab".repeat(16);
  const timeline = [
    entry("x", "incident.create", "14:00:00", { op: `${set}00`, value: { source: "import" } }),
    entry("y", "fact.set", "14:00:00", { op: `${set}01`, field: "place", value: "二社" }),
    entry("z", "fact.set", "14:00:00", { op: `${set}02`, field: "caller_phone", value: "138" }),
    entry("w", "fact.set", "14:05:00", { field: "place", value: "三社" }),
  ];
  const lines = folded({ timeline }, null, NOW);
  expect(lines.map(({ title, text, note }) => [title, text, note])).toEqual([
    ["接报", "苏和", "地点 二社"],
    ["地点", "三社，苏和", ""],
  ]);
});

it("every fault, every answer to a delay and every remark has words in both languages", () => {
  for (const speaks of ["zh-CN", "en"] as const) {
    language.value = speaks;
    for (const code of FAULTS) expect(faultWord(code)).not.toBe(code);
    for (const code of ["accepted", "not_accepted", "sent_others", "told_caller"])
      expect(replyWord(code)).not.toBe(code);
    const said = REMARKS.map(
      (code) =>
        remarkLines([{ code, order: null, about: [], words: ["arrived", "departed"] }], () => "")[0]?.text ?? "",
    );
    expect(said.filter((text, n) => text === "" || text.toLowerCase() === REMARKS[n] || text.includes("_"))).toEqual(
      [],
    );
    expect(new Set(said).size).toBe(REMARKS.length);
  }
  language.value = "zh-CN";
  const twice = ["a", "b"].map((name) => ({
    code: "step_before",
    order: "o",
    about: [name],
    words: ["arrived", "departed"],
  }));
  expect(remarkLines(twice, () => "昂素一组")).toEqual([{ text: "昂素一组：到场早于出发", about: ["a", "b"] }]);
});
