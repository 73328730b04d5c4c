/** What waits for a ruling, which choices there are, what each sends and what it would change. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { axis, effects, metres } from "../../src/desks/rulings/effects";
import {
  askedPeople,
  choices,
  conflictsOf,
  decide,
  falling,
  recordsOf,
  type SetItem,
  type StepItem,
  stay,
} from "../../src/desks/rulings/model";
import { aboutText, basisOf, mainOp, opText, whyText } from "../../src/desks/rulings/say";
import type {
  Claim,
  Conflicts,
  Fact,
  Incident,
  Queue,
  QueuedSet,
  Said,
  Step,
  Summary,
} from "../../src/desks/rulings/types";
import { navOf } from "../../src/nav";
import { at, id, NOW, op, org } from "./fixtures";

const said = (name: string, clock: string, part: Partial<Said> = {}): Said => ({
  op: op(`${name}${clock}`),
  by: id(name),
  by_name: name,
  device: `${name}手机`,
  chain: id(`c-${name}`),
  seq: 7,
  at: at(clock),
  received_at: at(clock) + 1_000,
  late_by: null,
  late_entry: false,
  flags: [],
  ...part,
});
const claim = (name: string, clock: string, part: Partial<Claim> = {}): Claim => ({
  said: said(name, clock),
  via: "self",
  said_by: null,
  said_by_name: null,
  position: null,
  standing: true,
  effective: false,
  disputes: [],
  withdrawn: null,
  ...part,
});
const incident = (name: string): Summary => ({
  id: id(name),
  number: "260312-0021",
  tag: "",
  title: name,
  place: "昂素镇",
  station: id("angsu"),
  status: "arrived",
  updated_at: NOW,
  exercise: false,
});
const step = (part: Partial<Step> = {}): Step => ({
  kind: "arrived",
  round: 0,
  order: id("o1"),
  why: "contradictory",
  claims: [claim("suhe", "14:20:00", { effective: true }), claim("li", "14:40:00")],
  asked: [],
  ...part,
});
const fact = (f: string, ...clocks: string[]): Fact => ({
  f,
  values: clocks.map((clock, n) => ({ value: `${f} ${n}`, said: said(n % 2 ? "li" : "suhe", clock) })),
  preds: clocks.map((clock, n) => op(`${n % 2 ? "li" : "suhe"}${clock}`)),
  asked: [],
});
const item = (part: Partial<Step> = {}): StepItem => ({
  type: "step",
  key: "k",
  incident: incident("a"),
  step: step(part),
});
const conflicts = (facts: Fact[], steps: Step[]): Conflicts => ({
  now_ms: NOW,
  incidents: [{ incident: incident("a"), facts, steps }],
  open: { incidents: 1, facts: facts.length, steps: steps.length },
  next: null,
});
const record = (part: Partial<QueuedSet> = {}): QueuedSet => ({
  set: id("set").padEnd(64, "0"),
  idx: 3,
  seq: 12,
  kind: "held",
  open: true,
  decision: "held",
  why: "revoked_straddle",
  flags: ["rights_uncertain"],
  author: {
    person: id("suhe"),
    name: "苏和",
    station: null,
    device: id("c"),
    label: "苏和手机",
    revoked_at: null,
    revoked_why: null,
    compromised_since: null,
  },
  written_at: NOW,
  made_after: NOW - 60_000,
  received_at: NOW,
  entity: id("a"),
  incident: incident("a"),
  ops: [],
  redacted: false,
  remarks: [],
  may: ["admit", "reject", "ask"],
  ...part,
});
const asItem = (set: QueuedSet): SetItem => ({ type: "set", key: set.set, incident: set.incident, set });
const commander = { id: id("wuen"), roles: ["commander"] };
const dispatcher = { id: id("naren"), roles: ["dispatcher"] };

test("what a clock hangs on comes first, what only stands disputed last; newest first among equals", () => {
  const facts = [
    fact("place", "14:01:00", "14:02:00"),
    fact("tier", "13:00:00", "13:01:00"),
    fact("seized", "14:09:00", "14:10:00"),
  ];
  const steps = [step({ kind: "cleared", why: "disputed" }), step()];
  const names = (order: "effect" | "newest") =>
    conflictsOf(conflicts(facts, steps), order).map((one) => (one.type === "fact" ? one.fact.f : one.step.kind));
  expect(names("effect")).toEqual(["arrived", "tier", "seized", "place", "cleared"]);
  expect(names("newest")).toEqual(["arrived", "cleared", "seized", "place", "tier"]);
});

test("held commands come before what waits for nothing", () => {
  const sets = (["rejected", "opaque", "held", "compromised"] as const).map((kind) => record({ kind, set: kind }));
  const queue: Queue = { now_ms: NOW, sets, waiting: { held: 1, rejected: 1, opaque: 1, compromised: 1 }, next: null };
  expect(recordsOf(queue, "effect").map(({ set }) => set.kind)).toEqual(["held", "compromised", "opaque", "rejected"]);
});

test("the selection stays; when its line has gone, the one in its place is next", () => {
  const [a, b, c] = ["a", "b", "c"].map((set) => asItem(record({ set })));
  if (!a || !b || !c) throw new Error("three lines");
  expect(stay([a, b, c], "b", 1)).toBe("b");
  expect(stay([a, c], "b", 1)).toBe("c");
  expect(stay([a], "b", 1)).toBe("a");
  expect(stay([], "b", 1)).toBeNull();
});

test("a fact is ruled in one request that names every value shown, with the reason", () => {
  const [place] = conflictsOf(conflicts([fact("place", "14:01:00", "14:02:00")], []), "effect");
  if (place?.type !== "fact") throw new Error("a fact");
  const [first, second, keep, ask] = choices(place, dispatcher);
  expect([first, second, keep, ask].map((one) => one?.barred)).toEqual([null, null, null, null]);
  if (!second || !keep || !ask) throw new Error("four choices");
  const path = `/api/incidents/${id("a")}/moves`;
  expect(decide(place, second, "乙在现场", dispatcher)).toEqual([
    { path, body: { move: "resolve", f: "place", v: "place 1", preds: place.fact.preds, why: "乙在现场" } },
  ]);
  expect(decide(place, keep, "两处", dispatcher)).toEqual([
    { path, body: { move: "keep_both", about: place.fact.preds, why: "两处" } },
  ]);
  expect(decide(place, ask, "哪边？", dispatcher)).toEqual([
    { path, body: { move: "ask_about", about: place.fact.preds, text: "哪边？" } },
  ]);
  expect(askedPeople(place, { id: id("suhe"), roles: ["station"] })).toEqual(["li"]);
});

test("a step is ruled by saying which claims do not stand, and only who may dispute can", () => {
  const two = item();
  const [first, second] = choices(two, commander);
  if (!first || !second) throw new Error("two sides");
  expect(decide(two, first, "车载定位", commander).map(({ body }) => body)).toEqual([
    { move: "dispute", claim: op("li14:40:00"), why: "车载定位" },
  ]);
  expect(decide(two, second, "x", commander).map(({ body }) => body)).toEqual([
    { move: "dispute", claim: op("suhe14:20:00"), why: "x" },
  ]);
  expect(choices(two, dispatcher).map(({ barred }) => barred)).toEqual(["authority", "authority", null, null]);
  // What one wrote down oneself one may take back.
  const mine = item({
    claims: [claim("suhe", "14:20:00", { effective: true }), { ...claim("naren", "14:40:00"), said_by: id("suhe") }],
  });
  const [keepSuhe] = choices(mine, dispatcher);
  expect(keepSuhe?.barred).toBeNull();
  expect(
    askedPeople(
      {
        ...mine,
        step: {
          ...mine.step,
          claims: mine.step.claims.map((one) => ({ ...one, said_by_name: one.said_by && "苏和" })),
        },
      },
      dispatcher,
    ),
  ).toEqual(["suhe", "苏和"]);
  expect(keepSuhe && decide(mine, keepSuhe, "x", dispatcher)[0]?.body).toMatchObject({ move: "withdraw_claim" });
});

test("who agrees with the preferred side goes on standing, unless it would count in its place", () => {
  const claims = [claim("a", "14:00:00"), claim("b", "14:20:00"), claim("c", "14:22:00"), claim("d", "14:50:00")];
  const fallen = falling(step({ claims }), 2).map(({ said: { by_name } }) => by_name);
  expect(fallen).toEqual(["a", "b", "d"]);
  expect(falling(step({ claims }), 1).map(({ said: { by_name } }) => by_name)).toEqual(["a", "d"]);
});

test("after any preference the preferred claim is the earliest that stands", () => {
  const clock = fc.integer({ min: 0, max: 7_200_000 });
  fc.assert(
    fc.property(fc.array(clock, { minLength: 2, maxLength: 6 }), fc.nat(5), (times, pick) => {
      const claims = times.map((ms, n) =>
        claim(`p${n}`, "14:00:00", { said: { ...said(`p${n}`, "14:00:00"), at: NOW + ms, op: op(`x${n}`) } }),
      );
      const chosen = pick % claims.length;
      const gone = new Set(falling(step({ claims }), chosen).map((one) => one.said.op));
      const left = claims.filter((one) => !gone.has(one.said.op)).map((one) => one.said.at);
      expect(Math.min(...left)).toBe(claims[chosen]?.said.at);
    }),
  );
});

test("what already counts, what stands no more and what cannot be read is said to be so", () => {
  const settled = item({
    why: "disputed",
    claims: [claim("suhe", "14:20:00", { standing: false }), claim("li", "14:40:00", { effective: true })],
  });
  expect(choices(settled, commander).map(({ barred }) => barred)).toEqual(["struck", "holds", "holds", null]);
  expect(
    choices(asItem(record({ kind: "opaque", decision: "opaque", may: ["reject"] })), commander).map(
      ({ barred }) => barred,
    ),
  ).toEqual(["unreadable", null, "unreadable"]);
  const written = { op: id("o"), t: "entry.add", at: NOW, fields: {} };
  const stranger = record({
    kind: "held",
    decision: "held",
    why: "unenrolled",
    may: ["reject", "ask"],
    ops: [written],
  });
  expect(choices(asItem(stranger), commander).map(({ barred }) => barred)).toEqual(["unsigned", null, null]);
  const confirmed = choices(asItem(record({ kind: "compromised", decision: "accepted", may: ["admit"] })), commander);
  expect(confirmed.map(({ name, barred }) => [name, barred])).toEqual([
    ["confirm", null],
    ["reject", "counts"],
    ["ask", "counts"],
  ]);
});

test("a record is decided by its id", () => {
  const one = asItem(record());
  const [admit, , ask] = choices(one, dispatcher);
  if (!admit || !ask) throw new Error("three choices");
  expect(decide(one, admit, "核实过", dispatcher)).toEqual([
    { path: `/api/rulings/${one.set.set}/admit`, body: { text: "核实过" } },
  ]);
  expect(decide(one, ask, "是您吗？", dispatcher)[0]?.path.endsWith("/ask")).toBe(true);
});

test("the clocks a ruling would change are told before it is signed", () => {
  const arrived = at("14:20:00");
  const view = { fields: {}, station: null };
  const told: Incident = {
    view,
    deadlines: [
      { id: "C5", order: id("o1"), start_ms: at("14:18:00"), due_ms: at("14:23:00"), done_ms: arrived },
      { id: "C6", order: null, start_ms: arrived, due_ms: at("14:50:00"), done_ms: at("14:45:00") },
      { id: "C5", order: id("o2"), start_ms: at("14:18:00"), due_ms: null, done_ms: null },
    ],
  };
  const second = { name: "prefer", at: 1, barred: null } as const;
  expect(effects(item(), second, told)).toEqual([
    { id: "C5", fromMs: 120_000, toMs: 1_320_000, limitMs: 300_000 },
    { id: "C6", fromMs: 1_500_000, toMs: 300_000, limitMs: 1_800_000 },
  ]);
  expect(effects(item(), { ...second, name: "keep" }, told)).toEqual([]);
});

test("every moment lies on its axis, with few marks", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 * 86_400_000 }), { minLength: 1, maxLength: 8 }), (moments) => {
      const { fromMs, toMs, marksMs } = axis(moments);
      expect(Math.min(...moments)).toBeGreaterThanOrEqual(fromMs);
      expect(Math.max(...moments)).toBeLessThanOrEqual(toMs);
      expect(marksMs.length).toBeLessThanOrEqual(10);
      expect(marksMs.length).toBeGreaterThan(1);
    }),
  );
});

test("distances are right within a metre or two", () => {
  expect(metres([382_812_000, 1_078_521_000], [382_812_000, 1_078_521_000])).toBe(0);
  expect(metres([380_000_000, 1_070_000_000], [380_100_000, 1_070_000_000])).toBe(1112);
  expect(Math.abs(metres([380_000_000, 1_070_000_000], [380_000_000, 1_070_100_000]) - 876)).toBeLessThan(2);
});

test("ops, ways and reasons are said in plain words", () => {
  const written = (t: string, fields: Record<string, unknown>) => ({ op: op(t), t, at: NOW, fields });
  const issue = written("order.issue", { to: ["unit", id("u1")] });
  expect(opText(issue, org, NOW).title).toBe("派给昂素快反");
  expect(opText(written("fact.set", { f: "category", v: "theft" }), org, NOW)).toEqual({ title: "类别", text: "盗窃" });
  expect(opText(written("tomorrow.op", {}), org, NOW).title).toBe("不认识的一步 tomorrow.op");
  expect(mainOp(record({ ops: [written("entry.add", { kind: "note", text: "到了" }), issue] }), org, NOW)?.title).toBe(
    "派给昂素快反",
  );
  expect(
    basisOf({
      said: said("naren", "14:00:00"),
      value: null,
      claim: { ...claim("naren", "14:00:00"), via: "radio", said_by: id("suhe") },
    }),
  ).toBe("电台里说的，naren代记");
  expect(
    basisOf({ said: said("li", "14:00:00", { late_entry: true, flags: ["clock_ahead"] }), value: "x", claim: null }),
  ).toBe("本人在手机上写的，事后补写，终端的钟快");
  const own = [written("incident.create", { source: "self" }), written("fact.set", { f: "title", v: "走失牲畜" })];
  expect(opText(own[0] as (typeof own)[0], org, NOW)).toEqual({ title: "建单", text: "自接警" });
  expect(aboutText(record({ incident: null, ops: own }))).toBe("走失牲畜");
  expect(aboutText(record())).toBe("260312-0021 a");
  // What else was written about it counts already, so that there is an incident; its title waits with this record.
  const unnamed = { ...incident("a"), number: null, title: "" };
  expect(aboutText(record({ incident: unnamed, ops: own }))).toBe("走失牲畜");
  expect(whyText(record({ why: "stale_lease" }))).toContain("离线太久");
  expect(whyText(record({ kind: "compromised", decision: "accepted", why: null }))).toContain("已经算数");
  expect(whyText(record({ why: "from_tomorrow" }))).toContain("from_tomorrow");
});

test("those who rule have the desk on 4, and nobody else", () => {
  const has = (role: string) => navOf(role).some(({ digit, place }) => digit === "4" && place.name === "rulings");
  expect(["dispatcher", "commander", "station"].map(has)).toEqual([true, true, true]);
  expect(["supervisor", "reviewer", "callback", "admin", "officer"].some(has)).toBe(false);
});
