/** What the panel of clocks says of a verdict: only what is proved, and why nobody can say more. */
import { afterEach, expect, it } from "vitest";
import { explain, isFound, verdictOn } from "../../src/desks/command/timeline/verdicts";
import type { ShownVerdict } from "../../src/desks/command/types";
import { language } from "../../src/words/language";
import { causeWord, clockWord, resultWord } from "../../src/words/verdicts";

afterEach(() => {
  language.value = "zh-CN";
});

const verdict = (part: Partial<ShownVerdict>): ShownVerdict => ({
  clock: "C2",
  order: "o1",
  round: 0,
  result: "met",
  grade: 0,
  within_ms: 30_000,
  lo_ms: 9_900,
  hi_ms: 10_100,
  slack_ms: 19_900,
  why: [],
  start: null,
  end: null,
  policy: { row: null, idx: 0, name: "" },
  tier: null,
  judges: true,
  ruled: null,
  override: null,
  ...part,
});

it("tells how long it took for certain, against which limit, and on what that rests", () => {
  expect(explain(verdict({}))).toEqual(["用时 9.9 秒到 10 秒，限 30 秒，至少早 19 秒", "依据 0 凭证", "按默认规定"]);
  const late = verdict({
    result: "missed",
    grade: 1,
    lo_ms: 93_900,
    hi_ms: 94_100,
    within_ms: 60_000,
    slack_ms: 33_900,
  });
  expect(explain(late)[0]).toBe("用时 1 分 33 秒到 1 分 34 秒，限 1 分，至少晚 33 秒");
  language.value = "en";
  expect(explain(verdict({ policy: { row: "r1", idx: 7, name: "Winter" } }))).toEqual([
    "Took 9.9 s to 10 s, limit 30 s, at least 19 s early",
    "Rests on 0 Receipt",
    "By the policy “Winter”",
  ]);
});

it("says why nobody can tell, and never more than is proved", () => {
  const open = verdict({ result: "undetermined", grade: null, lo_ms: null, hi_ms: 70_000, slack_ms: null });
  expect(explain({ ...open, why: ["no_sample_after", "slept"] })).toEqual([
    "最多 1 分 10 秒，限 30 秒",
    "之后还没对过时；其间手机休眠过",
    "按默认规定",
  ]);
  expect(explain({ ...open, lo_ms: 31_000, hi_ms: null, why: ["of a later version"] })[0]).toBe("至少 31 秒，限 30 秒");
  const away = verdict({ result: "not_delivered", grade: null, lo_ms: null, hi_ms: null, slack_ms: null });
  expect(explain(away)).toEqual(["限 30 秒", "联系不上，不怪任何人。值班台改用电话或电台。", "按默认规定"]);
});

it("takes what runs for no finding", () => {
  expect(["pending", "overdue", "no_limit"].filter((result) => isFound(verdict({ result })))).toEqual([]);
  expect(
    ["met", "missed", "undetermined", "unproven", "not_delivered"].every((result) => isFound(verdict({ result }))),
  ).toBe(true);
});

it("finds the verdict of a clock by its order and round", () => {
  const all = [verdict({}), verdict({ order: "o2" }), verdict({ clock: "C6", order: null, round: 1 })];
  expect(verdictOn(all, "C2", "o2", 0)).toBe(all[1]);
  expect(verdictOn(all, "C6", null, 1)).toBe(all[2]);
  expect(verdictOn(all, "C6", null, 0)).toBeNull();
});

it("shows codes of a newer version as they came", () => {
  expect([resultWord("met"), resultWord("unproven"), resultWord("strange")]).toEqual(["达标", "没有凭据", "strange"]);
  expect([causeWord("near_limit"), causeWord("strange")]).toEqual(["两头都准，限时正好在误差里", "strange"]);
  expect([clockWord("C5"), clockWord("C99")]).toEqual(["到场，自派出", "C99"]);
});
