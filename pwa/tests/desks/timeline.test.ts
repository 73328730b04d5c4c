import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { valueWord } from "../../src/centre/facts";
import { clocks } from "../../src/desks/command/timeline/clocks";
import { factRows, typed } from "../../src/desks/command/timeline/facts";
import type { EntryLine, Line } from "../../src/desks/command/timeline/lines";
import { proofOf } from "../../src/desks/command/timeline/proof";
import { lines, sources, writers } from "../../src/desks/command/timeline/reading";
import { notCounted, say } from "../../src/desks/command/timeline/say";
import type { Entry, Incident } from "../../src/desks/command/types";
import { at, claim, entry, id, incident, milestone, NOW, op, order, org } from "./fixtures";

const EVENT = { by: "event", of: null } as const;
const entries = (all: readonly Line[]): EntryLine[] => all.filter((line): line is EntryLine => line.type === "entry");
const told = (line: EntryLine | undefined, of: Incident) => {
  if (!line) throw new Error("no such line");
  return say(line, { org, view: of.view, nowMs: NOW });
};
const standing = (name: string, kind: string, clock: string) => ({
  ...milestone(name, clock),
  kind,
  round: 0,
  order: id("o1"),
  standing: true,
  counts: true,
});

describe("what stands on one line", () => {
  it("the facts of a set are told with what began it", () => {
    const set = "aa".repeat(32);
    const of = incident([
      entry("create", "incident.create", "14:32:00", { set, by_name: "娜日苏", value: { source: "desk" } }),
      entry("f1", "fact.set", "14:32:00", { set, field: "title", value: "草场纠纷" }),
      entry("f2", "fact.set", "14:32:00", { set, field: "caller_phone", value: "13812342046" }),
      entry("issue", "order.issue", "14:32:00", {
        set,
        kind: "dispatch",
        order: id("o1"),
        value: { to: ["person", id("suhe")] },
      }),
    ]);
    const shown = entries(lines(of, EVENT));
    expect(shown.map(({ entry: { t } }) => t)).toEqual(["incident.create", "order.issue"]);
    expect(told(shown[0], of)).toMatchObject({ title: "指挥席接警", text: "草场纠纷" });
    expect(told(shown[0], of).note).toContain("138 **** 2046");
    expect(told(shown[1], of)).toMatchObject({ title: "派出", text: "苏和" });
  });

  it("a record whose words were taken away says what was done, who took them and on what ground", () => {
    const redacted = { by_name: "乌恩", ground: "informant", at: at("16:00:00") };
    const of = incident([
      entry("note", "entry.add", "14:40:00", { kind: "note", text: "", redacted }),
      entry("place", "fact.set", "14:41:00", { field: "place", value: null, redacted }),
      entry("arrived", "milestone.claim", "14:50:00", { kind: "arrived", redacted }),
    ]);
    const shown = entries(lines(of, EVENT));
    expect(shown.map(({ variant }) => variant)).toEqual(["redacted", "redacted", "redacted"]);
    expect(told(shown[0], of)).toMatchObject({ title: "记事", text: "原文已依法删去" });
    expect(told(shown[0], of).note).toBe("线人、举报人，乌恩 16:00:00 删减，凭证仍可核验");
    expect(told(shown[1], of).text).toBe("原文已依法删去");
    expect(told(shown[2], of)).toMatchObject({ title: "到场", text: "苏和" });
  });

  it("a fact in dispute stands by itself, boxed, for somebody to settle", () => {
    const set = "bb".repeat(32);
    const values = [
      { op: op("p1"), by: id("naren"), at: at("14:32:00"), v: "二社" },
      { op: op("p2"), by: id("suhe"), at: at("14:57:00"), v: "三社" },
    ];
    const of = incident(
      [
        entry("create", "incident.create", "14:32:00", { set, value: { source: "desk" } }),
        entry("p1", "fact.set", "14:32:00", { set, field: "place", value: "二社" }),
        entry("p2", "fact.set", "14:57:00", { field: "place", value: "三社" }),
      ],
      { fields: { place: values } },
    );
    expect(entries(lines(of, EVENT)).map(({ variant }) => variant)).toEqual(["plain", "conflict", "conflict"]);
    expect(factRows(of.view)).toMatchObject([{ field: "place", conflict: true }]);
  });

  it("late is boxed with by how much, a proxy names who said it and who wrote it", () => {
    const of = incident([
      claim("arrived", "arrived", "14:57:32", { received_at: at("15:19:40"), late_by: 1_328_000 }),
      claim("proxy", "departed", "14:34:50", {
        via: "radio",
        by: id("naren"),
        by_name: "娜日苏",
        said_by: id("suhe"),
        said_by_name: "苏和",
      }),
    ]);
    const [proxy, late] = entries(lines(of, EVENT));
    expect([proxy?.variant, late?.variant]).toEqual(["proxy", "late"]);
    expect(told(proxy, of).note).toBe("电台，娜日苏代苏和记");
    expect(told(late, of).note).toBe("补到，晚 22 分");
  });

  it("another system's call stands by its own clock: it says how late it came, and is not boxed as a late phone", () => {
    const value = { source: "import" };
    const of = incident([
      entry("call", "incident.create", "14:31:08", { value, received_at: at("14:32:09"), late_by: 61_000 }),
    ]);
    const [call] = entries(lines(of, EVENT));
    expect(call?.variant).toBe("outside");
    expect(told(call, of).note).toContain("补到，晚 1 分");
  });

  it("a call that was taken back stays, struck; the one that counts is not", () => {
    const stamp = { op: op("second"), by: id("lv"), at: at("16:30:00") };
    const called = (op: string, clock: string) =>
      entry(op, "callback.attempt", clock, { value: { outcome: "reached", score: 1 } });
    const of = incident(
      [
        called("first", "16:20:00"),
        entry("back", "callback.withdraw", "16:20:05", { about: op("first"), why: "按错了" }),
        called("second", "16:30:00"),
      ],
      { callbacks: [stamp] },
    );
    const shown = entries(lines(of, EVENT));
    expect(shown.map(({ struck }) => struck)).toEqual([true, false, false]);
    expect(told(shown[1], of)).toMatchObject({ title: "撤回一次回访", text: "按错了" });
  });

  it("a corrected note stays, struck, with what stands beside it", () => {
    const of = incident(
      [
        entry("n", "entry.add", "14:59:00", { kind: "note", text: "在场 6 人" }),
        entry("c", "entry.correct", "15:06:10", { about: op("n"), text: "在场 4 人" }),
      ],
      {
        entries: [
          {
            op: op("n"),
            by: id("suhe"),
            at: at("14:59:00"),
            kind: "note",
            text: "在场 6 人",
            correction: { op: op("c"), by: id("suhe"), at: at("15:06:10"), text: "在场 4 人" },
            answer: null,
          },
        ],
      },
    );
    const [note, correction] = entries(lines(of, EVENT));
    expect(note).toMatchObject({ struck: true, corrected: { text: "在场 4 人" } });
    expect(told(note, of).note).toContain("已更正为：在场 4 人");
    expect(correction?.variant).toBe("correction");
  });

  it("what does not count stands there with the reason, and is no late entry", () => {
    const refused = entry("r", "fact.set", "15:00:00", {
      field: "level",
      value: 1,
      decision: "rejected",
      why: "no_authority",
      late_by: 600_000,
    });
    const [line] = entries(lines(incident([refused]), EVENT));
    expect(line?.variant).toBe("provisional");
    expect(notCounted(refused)).toBe("中心没收，没有这项权限");
    expect(notCounted(entry("ok", "entry.add", "15:00:00"))).toBeNull();
    expect(told(line, incident([refused])).text).toBe("一级");
  });

  it("a flag that says no more than the reason is not said beside it", () => {
    const flags = ["gap", "rights_uncertain"];
    const held = entry("h", "order.issue", "15:00:00", { decision: "held", why: "revoked_straddle", flags });
    const counted = entry("n", "entry.add", "15:01:00", { flags });
    const of = incident([held, counted]);
    const [command, note] = entries(lines(of, EVENT));
    expect(notCounted(held)).toContain("说不准是停用前还是停用后写的");
    expect(told(command, of).note).toContain("入库时前面的还没到");
    expect(told(command, of).note).not.toContain("说不准");
    expect(told(note, of).note).toContain("说不准是停用前还是停用后写的");
  });

  it("two statements about one step: the earliest counts, the other says so, and is boxed when they are a minute apart", () => {
    const road = { arrived: milestone("radio", "14:57:00"), signed: milestone("phone-s", "14:32:26") };
    const of = incident(
      [
        claim("radio", "arrived", "14:57:00"),
        claim("phone", "arrived", "15:02:00"),
        claim("phone-s", "signed", "14:32:26"),
        claim("radio-s", "signed", "14:32:50"),
      ],
      {
        orders: [order({ milestones: road })],
        claims: [
          standing("radio", "arrived", "14:57:00"),
          standing("phone", "arrived", "15:02:00"),
          standing("phone-s", "signed", "14:32:26"),
          standing("radio-s", "signed", "14:32:50"),
        ],
      },
    );
    const by = new Map(entries(lines(of, EVENT)).map((line) => [line.key, line]));
    expect(by.get(op("phone"))).toMatchObject({ variant: "conflict", rival: { op: op("radio") } });
    expect(by.get(op("radio-s"))?.variant).toBe("plain");
    expect(told(by.get(op("radio-s")), of).note).toContain("同一步另有 14:32:26 的说法");
    expect(by.get(op("radio"))?.rival).toBeNull();
  });

  it("of a unit's order everybody has a road of their own: four who sign do not contradict each other", () => {
    const by = (name: string, who: string, clock: string) => ({ ...standing(name, "signed", clock), by: id(who) });
    const of = incident(
      [
        claim("a", "signed", "14:32:26"),
        claim("b", "signed", "14:35:00", { by: id("baiyin") }),
        claim("again", "signed", "14:40:00"),
      ],
      {
        orders: [order({ to: ["unit", id("u1")], milestones: { signed: milestone("a", "14:32:26") } })],
        claims: [by("a", "suhe", "14:32:26"), by("b", "baiyin", "14:35:00"), by("again", "suhe", "14:40:00")],
      },
    );
    expect(entries(lines(of, EVENT)).map(({ variant, rival }) => [variant, rival?.op ?? null])).toEqual([
      ["plain", null],
      ["plain", null],
      ["conflict", op("a")],
    ]);
  });

  it("steps at the same moment stand in the order of the road", () => {
    const of = incident([claim("x", "signed", "14:32:26"), claim("y", "delivered", "14:32:26", { via: "system" })]);
    expect(entries(lines(of, EVENT)).map(({ entry: { kind } }) => kind)).toEqual(["delivered", "signed"]);
  });

  it("steps tell how long they took, from where the rules measure them", () => {
    const milestones = {
      delivered: milestone("d", "14:32:11"),
      signed: milestone("s", "14:32:26"),
      arrived: milestone("a", "14:57:32"),
    };
    const of = incident(
      [
        claim("d", "delivered", "14:32:11", { via: "system" }),
        claim("s", "signed", "14:32:26"),
        claim("a", "arrived", "14:57:32"),
      ],
      {
        orders: [order({ milestones })],
      },
    );
    expect(entries(lines(of, EVENT)).map(({ after }) => after)).toEqual([
      { from: "issued", ms: 4_000 },
      { from: "delivered", ms: 15_000 },
      { from: "issued", ms: 1_525_000 },
    ]);
  });
});

describe("what stands between the lines", () => {
  const late = claim("arrived", "arrived", "14:57:32", {
    received_at: at("15:19:40"),
    late_by: 1_328_000,
  });
  const silence = {
    chain: id("phone-suhe"),
    device: "苏和手机",
    person: id("suhe"),
    name: "苏和",
    since: at("14:41:00"),
    until: at("15:19:40"),
  };

  it("a silence where contact was lost, and a step nobody recorded", () => {
    const told = incident([claim("s", "signed", "14:32:26"), late], {
      orders: [
        order({
          gaps: ["departed"],
          milestones: { signed: milestone("s", "14:32:26"), arrived: milestone("arrived", "14:57:32") },
        }),
      ],
    });
    const of = { ...told, silences: [silence] };
    expect(lines(of, EVENT).map(({ type }) => type)).toEqual(["entry", "silence", "missing", "entry"]);
    expect(lines(of, EVENT)[2]).toMatchObject({ kinds: ["departed"], order: id("o1") });
  });

  it("a rule where a day or a round begins", () => {
    const next = at("08:00:00", "2026-03-13");
    const of = incident([
      entry("a", "entry.add", "14:00:00", { kind: "note" }),
      entry("b", "incident.reopen", "14:00:00", { at: next, received_at: next, why: "又打起来了" }),
    ]);
    expect(lines(of, EVENT).map(({ type }) => type)).toEqual(["entry", "day", "round", "entry"]);
  });

  it("received order is the order in which the centre learnt it", () => {
    const of = incident([late, entry("n", "entry.add", "15:00:00", { kind: "note", text: "x" })]);
    expect(entries(lines(of, EVENT)).map(({ key }) => key)).toEqual([op("arrived"), op("n")]);
    expect(entries(lines(of, { by: "received", of: null })).map(({ key }) => key)).toEqual([op("n"), op("arrived")]);
  });

  it("narrows to what one person wrote or said, and counts who wrote", () => {
    const of = incident([
      claim("p", "signed", "14:33:00", {
        via: "radio",
        by: id("naren"),
        by_name: "娜日苏",
        chain: id("desk"),
        said_by: id("suhe"),
        said_by_name: "苏和",
      }),
      entry("n", "entry.add", "14:34:00", { kind: "note", by: id("naren"), by_name: "娜日苏", chain: id("desk") }),
      claim("a", "arrived", "14:50:00"),
    ]);
    expect(entries(lines(of, { by: "event", of: { person: id("suhe") } })).map(({ key }) => key)).toEqual([
      op("p"),
      op("a"),
    ]);
    expect(entries(lines(of, { by: "event", of: { order: id("o1") } }))).toHaveLength(2);
    expect(sources(of).map(({ name }) => name)).toEqual(["娜日苏", "苏和"]);
    expect(writers(of)).toBe(2);
  });

  it("leaves nothing out and repeats nothing, in any order the entries come", () => {
    const kinds = fc.constantFrom("entry.add", "fact.set", "milestone.claim", "order.issue", "somebody.else");
    const made = fc.array(
      fc.tuple(
        kinds,
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom("accepted", "accepted_late", "held", "rejected", "opaque"),
      ),
      { maxLength: 25 },
    );
    fc.assert(
      fc.property(made, fc.boolean(), (some, received) => {
        const all: Entry[] = some.map(([t, set, decision], n) =>
          entry(`e${n}`, t, `14:${String(10 + n)}:00`, {
            set: String(set).repeat(64),
            decision,
            field: t === "fact.set" ? "place" : null,
          }),
        );
        const of = incident([...all].reverse());
        const shown = entries(lines(of, { by: received ? "received" : "event", of: null }));
        const ops = shown.flatMap((line) => [line.entry.op, ...line.facts.map(({ op: one }) => one)]);
        expect(ops.sort()).toEqual(all.map(({ op: one }) => one).sort());
        for (const line of shown) expect(say(line, { org, view: of.view, nowMs: NOW }).title).not.toBe("");
      }),
    );
  });
});

describe("clocks and facts of the panel", () => {
  const deadline = (
    name: string,
    start: string | null,
    due: string | null,
    done: string | null,
    of: string | null = id("o1"),
  ) => ({
    id: name,
    order: of,
    start_ms: start && at(start),
    due_ms: due && at(due),
    done_ms: done && at(done),
    state: "",
  });

  it("says how long it took, how long is left, how long past; never whether anybody met anything", () => {
    const all = [
      deadline("C1", "14:36:00", "14:36:10", "14:36:04"),
      deadline("C2", "14:36:04", "14:36:34", null),
      deadline("C3", "14:36:00", null, null),
      deadline("C4", null, null, null),
      deadline("C5", "14:30:00", "14:35:00", null),
      deadline("C9", null, null, null, null),
      deadline("C1", "14:00:00", null, null, id("other")),
    ] as never;
    expect(clocks(all, id("o1"), NOW)).toEqual([
      { id: "C1", state: "done", ms: 4_000 },
      { id: "C2", state: "running", ms: 16_000 },
      { id: "C3", state: "counting", ms: 18_000 },
      { id: "C4", state: "waiting", ms: null },
      { id: "C5", state: "overdue", ms: 78_000 },
      { id: "C9", state: "waiting", ms: null },
    ]);
  });

  it("a start that nobody knows gives no span, and a withdrawn incident runs no clock", () => {
    expect(clocks([deadline("C2", null, null, "14:36:00")] as never, id("o1"), NOW)).toEqual([
      { id: "C2", state: "unknown", ms: null },
    ]);
    expect(clocks([deadline("C5", "14:00:00", "14:05:00", null)] as never, id("o1"), NOW, true)).toEqual([
      { id: "C5", state: "waiting", ms: null },
    ]);
  });

  it("takes what was typed as the field wants it, or not at all", () => {
    expect([
      typed("level", "2"),
      typed("level", "5"),
      typed("casualties", "0"),
      typed("casualties", "two"),
      typed("place", " 昂素 "),
      typed("place", " "),
    ]).toEqual([2, null, 0, null, "昂素", null]);
  });

  it("reads codes, levels, positions and numbers as people do, and masks a caller", () => {
    const word = (field: string, value: unknown) => valueWord(field, value, org, NOW);
    expect([word("nature", "civil"), word("nature", "unheard_of")]).toEqual(["民间纠纷", "unheard_of"]);
    expect([
      word("category", "dispute"),
      word("level", 2),
      word("tier", 0),
      word("point", [381234567, 1061234567]),
      word("caller_phone", "138****2046"),
    ]).toEqual(["纠纷", "二级", "尽快到场", "38.12346, 106.12346", "138****2046"]);
  });
});

describe("what stands behind a time", () => {
  const at = Date.UTC(2025, 10, 25, 6, 57, 30);

  it("an interval with its grade, and how wide where that is worth knowing", () => {
    expect(proofOf({ grade: 0, lo_ms: at, hi_ms: at + 1_000, why: [] })).toEqual({
      grade: 0,
      interval: { fromMs: at, toMs: at + 1_000 },
    });
    expect(proofOf({ grade: 1, lo_ms: at, hi_ms: at + 4_000, why: [] }).uncertaintyMs).toBe(2_000);
    const slept = proofOf({ grade: 1, lo_ms: at, hi_ms: at + 94_000, why: ["no_sample_before", "slept"] });
    expect([slept.uncertaintyMs, slept.reason]).toEqual([47_000, "之前没对过时；其间手机休眠过"]);
  });

  it("what somebody only says has no interval, and an end where there is one", () => {
    const told = proofOf({ grade: 3, lo_ms: null, hi_ms: at, why: ["written_later"] });
    expect(told).toEqual({ grade: 3, reason: "不晚于 14:57:30；事后补记，先后只是自述" });
    expect(proofOf({ grade: 3, lo_ms: null, hi_ms: null, why: [] }).reason).toBeUndefined();
  });
});
