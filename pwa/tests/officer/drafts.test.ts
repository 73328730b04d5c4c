/** Every press writes ops that the centre's own rules find well formed, in one action, on the right lane. */
import { expect, test } from "vitest";
import { askReturn, claim, entry, facts, feedback, selfReport, takeBack } from "../../src/desks/officer/drafts";
import { jobOf } from "../../src/desks/officer/model";
import type { Me } from "../../src/device/views";
import { encode, type Value } from "../../src/sync/canon";
import { fromHex } from "../../src/sync/ids";
import { problem } from "../../src/sync/incident/shapes";
import { claimed, created, DESK, issued, ME, NOON, ORDER, STATION, told, UNIT } from "./told";

const me: Me = { person: ME, station: null, unit: UNIT, vehicles: [] };
const at = { me, position: [382_812_000, 1_078_521_000, 12] as [number, number, number] };

const wellFormed = (draft: { ops: readonly { readonly t: string }[] }) => {
  for (const op of draft.ops) {
    expect(problem(op as never), op.t).toBeNull();
    expect(() => encode(op as unknown as Value)).not.toThrow();
  }
};

test("steps carry order, round, unit and a fresh position, and go first", async () => {
  const { incident } = await told([created(), issued()]);
  const draft = claim(jobOf(incident, me), "arrived", at);
  wellFormed(draft);
  expect(draft).toMatchObject({ lane: 1, scope: `station:${STATION}:2026-03`, entity: incident.id });
  expect(draft.ops).toEqual([
    {
      t: "milestone.claim",
      kind: "arrived",
      round: 0,
      via: "self",
      order: fromHex(ORDER),
      unit: fromHex(UNIT),
      pos: at.position,
    },
  ]);
  const bare = claim(jobOf(incident, { ...me, unit: null }), "signed", { me: { ...me, unit: null }, position: null });
  expect(Object.keys(bare.ops[0] ?? {}).sort()).toEqual(["kind", "round", "t", "via"]); // optional fields are left out
});

test("undo names the claim it takes back", async () => {
  const { incident, ops } = await told([created(), issued(), claimed("signed", 1)]);
  const claimOp = ops[2]?.[0] ?? "";
  const draft = takeBack(incident, claimOp, "按错了");
  wellFormed(draft);
  expect(draft.ops[0]).toMatchObject({ claim: fromHex(claimOp, 17) });
});

test("notes wait, reasons and requests go first", async () => {
  const { incident } = await told([created(), issued()]);
  const drafts = [
    entry(incident, "note", "拍了照"),
    entry(incident, "note", "请求增援", { ask: "backup" }),
    entry(incident, "delay_reason", "道路翻浆", { order: ORDER }),
    entry(incident, "handover", "移交卫生院"),
  ];
  drafts.forEach(wellFormed);
  expect(drafts.map((draft) => draft.lane)).toEqual([0, 1, 1, 1]);
  const job = jobOf(incident, me);
  if (!job.order) throw new Error("no order");
  wellFormed(askReturn({ ...job, order: job.order }, "不在辖区"));
});

test("a corrected fact names what it replaces", async () => {
  const { incident, ops } = await told([created([{ t: "fact.set", f: "casualties", v: 1, p: [] }])]);
  const draft = facts(incident, { casualties: 2, rescued: 1 });
  wellFormed(draft);
  expect(draft.ops).toMatchObject([
    { f: "casualties", v: 2, p: [fromHex(ops[0]?.[1] ?? "", 17)] },
    { f: "rescued", v: 1, p: [] },
  ]);
});

test("feedback is one action: result, nature and the claim; without them only the claim", async () => {
  const { incident } = await told([created(), issued(), claimed("cleared", 9)]);
  const job = jobOf(incident, me);
  const full = feedback(
    job,
    { final: true, result: "mediated", nature: "civil", text: "已调解", counts: { casualties: 1 } },
    at,
  );
  wellFormed(full);
  expect(full.ops.map((op) => op.t)).toEqual(["fact.set", "fact.set", "fact.set", "milestone.claim"]);
  expect(full.ops[2]).toMatchObject({ f: "casualties", v: 1 });
  expect(full.ops[3]?.["data"]).toEqual({ final: true, result: "mediated", text: "已调解" });
  const bare = feedback(job, { final: false, result: null, nature: null, text: "", counts: {} }, at);
  wellFormed(bare);
  expect(bare.ops).toHaveLength(1);
  expect(bare.ops[0]?.["data"]).toEqual({ final: false });
});

test("a self-report is one action that stands by itself: incident, facts, order to myself, delivered and signed", async () => {
  const said = {
    incident: "33".repeat(16),
    order: "44".repeat(16),
    station: STATION,
    tag: "苏和-03",
    title: "走失",
    category: "missing",
    place: "大沟湾村以北",
    story: "",
    callerName: "",
    callerPhone: "13812342046",
    point: [382_812_000, 1_078_521_000] as [number, number],
    nowMs: NOON,
  };
  const draft = selfReport(said, at);
  wellFormed(draft);
  expect(draft.ops.length).toBeLessThanOrEqual(20);
  expect(draft.ops.map((op) => op["f"]).filter(Boolean)).toEqual([
    "title",
    "category",
    "place",
    "point",
    "caller_phone",
  ]);
  const { incident } = await told([{ by: ME, min: 0, ops: draft.ops, ruled: false }], said.incident);
  expect(incident).toMatchObject({ status: "signed", tag: "苏和-03", source: "self", createdBy: ME });
  expect(jobOf(incident, me).stage).toBe("road");
  expect(incident.scope).toBe(draft.scope);
  expect(incident.createdBy).not.toBe(DESK);
});
