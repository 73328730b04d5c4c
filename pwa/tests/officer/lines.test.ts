/** Sets and timelines in plain words, in both languages, and nothing hidden. */
import { afterEach, expect, test } from "vitest";
import { kindTiles, resultTiles, sceneNotes } from "../../src/desks/officer/catalog";
import { cureOf, headingOf, lineOf, REASONS, statusWord, storyLines } from "../../src/desks/officer/lines";
import { jobOf } from "../../src/desks/officer/model";
import type { Officer } from "../../src/desks/officer/officer";
import { type OrgSnapshot, orgOf } from "../../src/device/org";
import type { OwnSet } from "../../src/device/vault";
import { encode, type Value } from "../../src/sync/canon";
import { fromHex } from "../../src/sync/ids";
import { language } from "../../src/words/language";
import { claimed, created, DESK, INCIDENT, issued, MATE, ME, NOON, told, UNIT } from "./told";

const snapshot: OrgSnapshot = {
  people: [
    { id: ME, name: "苏和" },
    { id: MATE, name: "白音" },
    { id: DESK, name: "娜日苏" },
  ],
  units: [{ id: UNIT, name: "快反二组" }],
  categories: [
    { code: "livestock", zh: "走失牲畜", en: "Stray livestock" },
    { code: "other", zh: "其他", en: "Other" },
    { code: "dispute", zh: "纠纷", en: "Dispute" },
    { code: "poaching", zh: "盗猎", en: "Poaching" },
  ],
  results: [
    { code: "other", zh: "其他", en: "Other" },
    { code: "mediated", zh: "现场调解", en: "Settled on scene" },
  ],
};
const org = orgOf(snapshot, []);
const officer = {
  device: { org: { value: org } },
  person: (id: string) => org.people.get(id)?.name ?? "同事",
} as unknown as Officer;

afterEach(() => {
  language.value = "zh-CN";
});

const own = (ops: object[]): OwnSet => {
  const body = encode([new Uint8Array(16), "incident", fromHex(INCIDENT), ops as Value]);
  const raw = encode([Uint8Array.of(1), Uint8Array.of(2), body]);
  return { chain: "", seq: 1, id: "", entity: INCIDENT, kind: "incident", lane: 0, wroteAtMs: NOON + 32_000, raw };
};

test("a record whose words were taken away says so, and a step is still a step", async () => {
  const gone = { ...own([]), raw: encode([Uint8Array.of(1), Uint8Array.of(2), null]) };
  expect(lineOf(gone)?.text).toBe("原文已依法删去");
  const { items } = await told([created(), issued(), claimed("arrived", 5)]);
  const redacted = { by: fromHex(DESK), ground: "minor", atMs: NOON };
  const words = storyLines(
    items.map((item) => ({ ...item, redacted, text: "" })),
    officer,
  );
  expect(words.map(({ text, details }) => [text, details[0]?.text ?? ""])).toEqual([
    ["接警建单", "原文已依法删去"],
    ["派警", "原文已依法删去"],
    ["到场", ""],
  ]);
});

test("a set is named by its weightiest op, a step with its time, a note with its words", () => {
  const step = (kind: string) => lineOf(own([{ t: "milestone.claim", kind, round: 0, via: "self" }]))?.text;
  expect(step("arrived")).toBe("到场 12:00:32");
  expect(step("feedback")).toBe("反馈");
  expect(
    lineOf(
      own([
        { t: "fact.set", f: "place", v: "x", p: [] },
        { t: "incident.create", source: "self" },
      ]),
    )?.text,
  ).toBe("自接警建单");
  expect(lineOf(own([{ t: "entry.add", kind: "note", text: "分开双方" }]))?.text).toBe("记一笔 分开双方");
  expect(lineOf(own([{ t: "fact.set", f: "casualties", v: 2, p: [] }]))?.text).toBe("填写受伤人数 2");
  expect(lineOf(own([{ t: "drone.launch" }]))?.text).toBe("其他记录");
  expect(lineOf({ ...own([]), raw: Uint8Array.of(0xc1) })).toBeNull();
});

test("refusals are reasons in words; a code nobody has words for is shown as it came", () => {
  const answer = { r: "rejected", why: "no_authority", idx: 1, atMs: 1, d: "rejected", no: null };
  expect(headingOf(answer)).toBe("这个动作要值班台来做，中心没收");
  expect(headingOf({ ...answer, r: "too_large", why: null })).toBe("这一条太大，中心没收");
  expect(headingOf({ ...answer, why: "new_rule" })).toBe("new_rule，中心没收");
  expect(headingOf({ ...answer, r: "fork", d: "held", why: null })).toBe("本机记录出现两份，中心先存着");
  expect(headingOf({ ...answer, r: "stored", d: "accepted", why: null })).toBe("已收下，值班台问一句");
});

test("a heading says once what became of the record, in a sentence without a second colon", () => {
  const answer = { r: "rejected", idx: 1, atMs: 1, no: null };
  for (const speech of ["zh-CN", "en"] as const) {
    language.value = speech;
    for (const d of ["rejected", "held"]) {
      for (const why of Object.keys(REASONS)) {
        const heading = headingOf({ ...answer, d, why });
        expect(heading.match(/[:：;；]/g)?.length ?? 0, heading).toBeLessThanOrEqual(1);
        expect(heading.match(/没收|没有收下|先存着|都留着|not take|kept|keeps/g), heading).toHaveLength(1);
        expect(heading.length, heading).toBeLessThanOrEqual(speech === "en" ? 64 : 22);
      }
    }
  }
});

test("a record that broke on the phone is not said to have been at the centre", () => {
  const answer = { r: "damaged", why: null, idx: null, atMs: 1, d: null, no: null };
  expect(headingOf(answer)).toBe("在本机存储里坏了，没有上传");
  expect(cureOf(answer)).toBe("读不准了，可以导出。请再写一遍。");
  language.value = "en";
  expect(headingOf(answer)).toBe("Damaged in this phone's storage, not sent");
});

test("one action is one line; callers' numbers are masked; refused and undone things stay, marked", async () => {
  const facts = [
    { t: "fact.set", f: "title", v: "草场纠纷", p: [] },
    { t: "fact.set", f: "caller_phone", v: "13812342046", p: [] },
    { t: "fact.set", f: "tier", v: 0, p: [] },
  ];
  const acts = [created(facts), issued(undefined, undefined, 0.5), claimed("signed", 1), claimed("arrived", 30)];
  const { ops } = await told(acts);
  const undo = {
    by: ME,
    min: 31,
    ops: [{ t: "milestone.withdraw", claim: fromHex(ops[3]?.[0] ?? "", 17), why: "undo" }],
  };
  const refused = {
    by: ME,
    min: 32,
    ops: [{ t: "incident.close", round: 0 }],
    decision: "rejected",
    why: "no_authority",
  };
  const waiting = { by: ME, min: 33, ops: [{ t: "entry.add", kind: "note", text: "在等" }], ruled: false };
  const lines = storyLines((await told([...acts, undo, refused, waiting])).items, officer);

  expect(lines.map((line) => line.text)).toEqual(["接警建单", "派警", "签收", "到场", "撤销到场", "结案", "记一笔"]);
  expect(lines[0]?.details).toEqual([
    { label: "案由", text: "草场纠纷" },
    { label: "报警电话", text: "138\u00a0****\u00a02046" },
    { label: "到场档", text: "尽快" },
  ]);
  expect(lines[1]).toMatchObject({ details: [{ label: "", text: "快反二组" }], who: "娜日苏" });
  expect(lines[3]).toMatchObject({ struck: true, mark: "已撤销" });
  expect(lines[5]).toMatchObject({ refused: true, mark: "中心没收" });
  expect(lines[6]).toMatchObject({ pending: true, mark: "待传", details: [{ label: "", text: "在等" }] });
});

test("HB3, HB4: what only a station knows waits for the centre, and what it thinks is no refusal", async () => {
  const note = (min: number, over: object = {}) => ({ by: ME, min, ops: [{ t: "entry.add", kind: "note" }], ...over });
  const { items } = await told([created(), note(1), note(2, { ruled: false }), note(3, { decision: "held" }), note(4)]);
  const reached = ["phone", "station", "station", "centre"] as const;
  const sets = items.filter(({ t }) => t === "entry.add").map(({ key }) => key.slice(0, 32));
  const come = new Map(sets.map((set, at) => [set, reached[at] ?? "centre"]));
  const lines = storyLines(items, officer, come);
  expect(lines.map(({ mark, refused, reached: at }) => [at, mark, refused])).toEqual([
    [null, null, false],
    ["phone", null, false],
    ["station", "到所，等中心", false],
    ["station", "到所，等中心", false],
    ["centre", null, false],
  ]);
  expect(lines.map(({ pending }) => pending)).toEqual([false, false, true, true, false]);
});

test("who said it and who wrote it stand apart", async () => {
  const radio = { t: "milestone.claim", kind: "arrived", round: 0, via: "radio", by: fromHex(MATE) };
  const { items } = await told([created(), { by: DESK, min: 5, ops: [radio] }]);
  expect(storyLines(items, officer)[1]?.who).toBe("白音口述，娜日苏录入 电台");
});

test("a job's word is its order's own status", async () => {
  const me = { person: ME, station: null, unit: UNIT, vehicles: [] };
  const job = async (...acts: Parameters<typeof told>[0]) =>
    jobOf((await told([created(), issued(), ...acts])).incident, me);
  expect(statusWord(await job())).toBe("已派");
  expect(statusWord(await job(claimed("departed", 1)))).toBe("出警中");
  expect(statusWord(await job(claimed("cleared", 1), claimed("feedback", 2, { data: { final: true } })))).toBe(
    "已反馈",
  );
  language.value = "en";
  expect(statusWord(await job(claimed("arrived", 1)))).toBe("On scene");
});

test("tiles come from the organisation, the unknown among them, the catch-all last", () => {
  expect(kindTiles(org).map((tile) => [tile.code, tile.label, tile.icon])).toEqual([
    ["dispute", "纠纷", "dispute"],
    ["livestock", "牲畜", "livestock"],
    ["poaching", "盗猎", "other"],
    ["other", "其他", "other"],
  ]);
  expect(kindTiles(orgOf(null, [])).length).toBe(9);
  expect(resultTiles(org).map((tile) => tile.code)).toEqual(["mediated", "other"]);
  expect(sceneNotes("unheard_of")).toHaveLength(4);
});

test("names follow the rulings: changed, added and removed rows", () => {
  const rows = [
    { what: "people", id: MATE, row: { name: "白音巴特尔", unit: fromHex(UNIT) } },
    { what: "units", id: UNIT, row: null },
    { what: "policies", id: "00", row: { from_ms: 1_000, sign_within_ms: 45_000 } },
    { what: "policies", id: "01", row: null },
  ];
  const next = orgOf(snapshot, rows);
  expect(next.people.get(MATE)).toMatchObject({ name: "白音巴特尔", unit: UNIT });
  expect(next.units.has(UNIT)).toBe(false);
  expect([next.book.at(999), next.book.at(1_000)].map(({ sign_within_ms }) => sign_within_ms)).toEqual([
    30_000, 45_000,
  ]);
  expect(next.people.get(ME)?.name).toBe("苏和");
});
