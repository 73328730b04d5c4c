/** What an incident asks of the officer, and in which order. */
import { expect, test } from "vitest";
import { statusWord } from "../../src/desks/officer/lines";
import {
  delayAnswer,
  factText,
  jobOf,
  jobsOf,
  lastWord,
  lateUnexplained,
  loudness,
  missingTimes,
  myNotes,
  nextTag,
  pointOf,
  postsOf,
  returnedFeedback,
  ringing,
} from "../../src/desks/officer/model";
import type { Me } from "../../src/device/views";
import { fromHex } from "../../src/sync/ids";
import { stepsOf } from "../../src/sync/incident/escalation";
import { PolicyBook } from "../../src/sync/incident/policy";
import { claimed, created, DESK, issued, MATE, ME, NOON, ORDER, told, UNIT } from "./told";

const me: Me = { person: ME, station: null, unit: UNIT, vehicles: [] };
const job = async (...acts: Parameters<typeof told>[0]) =>
  jobOf((await told([created(), issued(), ...acts])).incident, me);

test("each step leads to the next screen, and final feedback ends it", async () => {
  const steps = [
    claimed("delivered", 1),
    claimed("signed", 2),
    claimed("departed", 3),
    claimed("arrived", 9),
    claimed("cleared", 20),
  ];
  const stages: string[] = [];
  for (let n = 0; n <= steps.length; n++) stages.push((await job(...steps.slice(0, n))).stage);
  expect(stages).toEqual(["sign", "sign", "road", "road", "scene", "report"]);
  const interim = await job(...steps, claimed("feedback", 21, { data: { final: false } }));
  expect(interim.stage).toBe("report");
  const final = await job(...steps, claimed("feedback", 22, { data: { final: true } }));
  expect(final.stage).toBe("done");
});

test("feedback that was returned asks again, with what is wrong, also after the closing; a later one answers it", async () => {
  const { incident, ops } = await told([
    created(),
    issued(),
    claimed("cleared", 20),
    claimed("feedback", 22, { data: { final: true, text: "好了" } }),
  ]);
  const first = incident.feedback[0]?.op ?? "";
  expect(ops.at(-1)).toEqual([first]);
  const review = (verdict: string, min: number): Parameters<typeof told>[0][number] => ({
    by: DESK,
    min,
    ops: [{ t: "feedback.review", claim: fromHex(first, 17), verdict, faults: ["result_missing"], text: "补上结果" }],
  });
  const close = { by: DESK, min: 25, ops: [{ t: "incident.close", round: 0 }] };
  const done = [claimed("cleared", 20), claimed("feedback", 22, { data: { final: true, text: "好了" } })];
  const back = await job(...done, review("return", 24), close);
  expect(back.stage).toBe("report");
  expect(returnedFeedback(back)?.review).toMatchObject({ faults: ["result_missing"], text: "补上结果" });
  expect(statusWord(back)).toBe("反馈退回");
  const corrected = claimed("feedback", 30, { data: { final: true, result: "mediated" }, ruled: false });
  const again = await job(...done, review("return", 24), close, corrected);
  expect([again.stage, returnedFeedback(again)]).toEqual(["done", null]);
  expect((await job(...done, review("pass", 24))).stage).toBe("done");
  const withdrawn = { by: DESK, min: 26, ops: [{ t: "incident.withdraw", why: "撤警" }] };
  expect((await job(...done, review("return", 24), withdrawn)).stage).toBe("done");
});

test("who came late is asked why once, and reads what the desk says to it", async () => {
  const late = [claimed("departed", 1), claimed("arrived", 9)];
  const reason = (min: number): Parameters<typeof told>[0][number] => ({
    by: ME,
    min,
    ops: [{ t: "entry.add", kind: "delay_reason", text: "涉水绕行", data: { order: fromHex(ORDER) } }],
  });
  const dueMs = NOON + 5 * 60_000;
  expect(lateUnexplained(await job(...late), dueMs)).toBe(true);
  expect(lateUnexplained(await job(...late), NOON + 9 * 60_000)).toBe(false);
  expect(lateUnexplained(await job(...late, reason(8)), dueMs)).toBe(false);
  const { incident, ops } = await told([created(), issued(), ...late, reason(8)]);
  expect(delayAnswer(incident, me)).toBeNull();
  const entry = fromHex(ops.at(-1)?.[0] ?? "", 17);
  const said = await job(...late, reason(8), {
    by: DESK,
    min: 10,
    ops: [{ t: "delay.answer", entry, reply: "sent_others", text: "二组去" }],
  });
  expect(delayAnswer(said.incident, me)).toMatchObject({ reply: "sent_others", text: "二组去" });
});

test("an order rings until it is signed by anyone, asked to be returned, or taken back", async () => {
  const rings = async (...acts: Parameters<typeof told>[0]) => ringing([await job(...acts)]).length;
  expect(await rings(claimed("delivered", 1))).toBe(1);
  expect(await rings(claimed("signed", 1, { by: MATE }))).toBe(0);
  expect(
    await rings({ by: ME, min: 1, ops: [{ t: "order.return_request", order: fromHex(ORDER), why: "车动不了" }] }),
  ).toBe(0);
  const withdrawn = { by: DESK, min: 1, ops: [{ t: "order.withdraw", order: fromHex(ORDER), why: "撤" }] };
  expect(await rings(withdrawn)).toBe(0);
  expect((await job(withdrawn)).stage).toBe("done");
});

test("the phone alone: it rings three times, louder each, until it is signed; the desk's step is left to the centre", async () => {
  const { incident } = await told([created(), issued(), claimed("delivered", 1)]);
  const job = jobOf(incident, me);
  const [rings] = ringing([job]);
  if (!rings) throw new Error("it does not ring");
  const delivered = NOON + 60_000;
  const at = (seconds: number) => loudness(rings, new PolicyBook(), delivered + seconds * 1000);
  expect([-1, 0, 14, 15, 29, 30, 3_600].map(at)).toEqual([0, 1, 1, 2, 2, 3, 3]);
  expect(at(24 * 3_600 + 31)).toBe(0);
  // What the centre would do meanwhile is not this phone's to do.
  const centre = stepsOf(incident.view, new PolicyBook(), delivered + 30_000);
  expect(centre.due.map(({ channel }) => channel)).toEqual(["push", "desk"]);
  const signed = jobOf((await told([created(), issued(), claimed("delivered", 1), claimed("signed", 2)])).incident, me);
  expect(ringing([signed])).toEqual([]);
  expect(loudness({ ...rings, incident: signed.incident }, new PolicyBook(), delivered + 90_000)).toBe(0);
});

test("what the centre wrote itself is nobody's word", async () => {
  const centre = {
    by: "00".repeat(16),
    min: 3,
    ops: [{ t: "entry.add", kind: "nudge", text: "", data: { clock: "C2" } }],
  };
  const desk = { by: DESK, min: 2, ops: [{ t: "entry.add", kind: "nudge", text: "快" }] };
  const { incident } = await told([created(), issued(), desk, centre]);
  expect(lastWord(incident, me)?.text).toBe("快");
});

test("an undone step steps back", async () => {
  const { ops } = await told([created(), issued(), claimed("signed", 1), claimed("arrived", 2)]);
  const undone = {
    by: ME,
    min: 3,
    ops: [{ t: "milestone.withdraw", claim: fromHex(ops[3]?.[0] ?? "", 17), why: "undo" }],
  };
  expect((await job(claimed("signed", 1), claimed("arrived", 2), undone)).stage).toBe("road");
});

test("the most urgent first, the longest waiting before it, done ones last", async () => {
  const at = async (id: string, min: number, ...acts: Parameters<typeof told>[0]) =>
    (await told([created(), issued(["person", ME], ORDER, min), ...acts], id.repeat(16))).incident;
  const all = [
    await at(
      "01",
      1,
      claimed("signed", 2),
      claimed("arrived", 3),
      claimed("cleared", 4),
      claimed("feedback", 5, { data: { final: true } }),
    ),
    await at("02", 9),
    await at("03", 3, claimed("signed", 4)),
    await at("04", 2),
    (await told([created(), issued(["unit", "99".repeat(16)])], "05".repeat(16))).incident,
  ];
  expect(jobsOf(all, me).map((one) => one.incident.id.slice(0, 2))).toEqual(["04", "02", "03", "01"]);
});

test("the road shows what was passed, what was never recorded, and one next step", async () => {
  const posts = postsOf(await job(claimed("signed", 1), claimed("arrived", 5)));
  expect(posts.map((post) => post.state)).toEqual(["skipped", "done", "skipped", "done", "now"]);
  expect(missingTimes(await job(claimed("cleared", 5)))).toEqual(["arrived"]);
});

test("a self-received incident is a job of its own, with tags that count on", async () => {
  const self = (
    await told([
      {
        ...created([], "self", ME),
        ops: [{ t: "incident.create", source: "self", station: fromHex("e5".repeat(16)), tag: "苏和-07" }],
      },
    ])
  ).incident;
  expect(jobOf(self, me)).toMatchObject({ order: null, stage: "road" });
  expect(nextTag("苏和", [self], me)).toBe("苏和-08");
  expect(nextTag("苏和", [], me)).toBe("苏和-01");
});

test("two statements of one fact are both shown and marked", async () => {
  const place = (v: string) => ({ t: "fact.set", f: "place", v, p: [] });
  const { incident } = await told([created([place("二社")]), { by: ME, min: 1, ops: [place("四社")] }]);
  expect(factText(incident, "place")).toEqual({ text: "二社 / 四社", conflict: true });
  expect(factText(incident, "title")).toEqual({ text: "", conflict: false });
});

test("positions are read only when they are positions", async () => {
  const { incident } = await told([created([{ t: "fact.set", f: "point", v: [382_700_000, 1_078_700_000], p: [] }])]);
  expect(pointOf(incident)).toEqual([382_700_000, 1_078_700_000]);
  expect(pointOf((await told([created()])).incident)).toBeNull();
});

test("what I noted and what the desk said last are told apart", async () => {
  const note = (by: string, min: number, text: string) => ({ by, min, ops: [{ t: "entry.add", kind: "note", text }] });
  const { incident } = await told([
    created(),
    note(DESK, 1, "走北线"),
    note(ME, 2, "已分开双方"),
    note(DESK, 3, "带上尺子"),
  ]);
  expect(lastWord(incident, me)?.text).toBe("带上尺子");
  expect(myNotes(incident, me).map((one) => one.text)).toEqual(["已分开双方"]);
  const removed = { ...incident, entries: incident.entries.map((entry) => ({ ...entry, text: "" })) };
  expect(myNotes(removed, me), "a note whose words were taken away is no words of mine").toEqual([]);
});
