/** What the phone tells of its clocks: samples around what it writes, whatever the clocks, the page and the storage do (TM1-TM4). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clockOffMs } from "../../src/device/chip";
import { heard, stepped } from "../../src/device/offset";
import { type ChangeSet, type Op, readSet } from "../../src/sync/changeset";
import { toHex } from "../../src/sync/ids";
import { OBS } from "../../src/sync/samples";
import { NOON, Phone } from "./phone";

const INCIDENT = "11".repeat(16);
const MINUTE = 60_000;
/** By how much the phone's wall clock is wrong. */
const AHEAD = 40 * MINUTE;

let phone: Phone;
let trueMs = NOON;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  phone.clock.ms = NOON + AHEAD;
  trueMs = NOON;
});
afterEach(() => phone.close());

/** Time goes by for everybody. */
function pass(ms: number): void {
  phone.clock.pass(ms);
  trueMs += ms;
  phone.centre.nowMs = trueMs;
}

async function sets(): Promise<ChangeSet[]> {
  const found: ChangeSet[] = [];
  for (const { chain, seq } of await phone.vault.marks())
    found.push((await readSet((await phone.vault.own(chain, seq))?.raw as Uint8Array)) as ChangeSet);
  return found;
}
const observed = async (): Promise<Op[]> =>
  (await sets()).flatMap(({ body }) => body?.ops.filter(({ t }) => t === OBS) ?? []);
const notes = async (): Promise<number> => (await phone.vault.metas("time:")).size;

test("what is written offline by a clock forty minutes ahead stands between two samples that hold the truth", async () => {
  await phone.exchange();
  const [first] = await observed();
  expect(first).toMatchObject({ n: 1, fell: 0 }); // the opening of the chain
  expect(Number(first?.["wall"]) - NOON).toBeGreaterThanOrEqual(AHEAD);
  expect([first?.["lo"], first?.["hi"]].map(Number)).toEqual([expect.any(Number), NOON + 110]);

  pass(MINUTE);
  const writtenAtMs = trueMs;
  await phone.note(INCIDENT, "没信号时写的");
  for (let beats = 0; beats < 4; beats++) {
    pass(15_000);
    phone.keeper.beat();
  }
  await phone.exchange();
  const [, second, ...more] = await observed();
  expect(more).toEqual([]);
  const written = (await sets()).find(({ body }) => body?.kind === "incident")?.header.mono[1] ?? 0;
  expect(Number(first?.["m"])).toBeLessThan(written);
  expect(Number(second?.["m"])).toBeGreaterThan(written);
  expect(second).toMatchObject({ n: 5 }); // four heartbeats and the note
  const after = Number(second?.["m"]) - written;
  expect(Number(second?.["lo"]) - after).toBeLessThanOrEqual(writtenAtMs);
  expect(Number(second?.["hi"]) - after).toBeGreaterThanOrEqual(writtenAtMs);
  expect(await phone.vault.unsent()).toEqual([]);
  expect(await notes()).toBe(0);
});

test("every header names the newest beacon that was given, by a hello or a pull", async () => {
  phone.centre.beacon = new Uint8Array(16).fill(1);
  await phone.exchange();
  await phone.note(INCIDENT, "一");
  phone.centre.beacon = new Uint8Array(16).fill(2);
  await phone.exchange();
  await phone.note(INCIDENT, "二");
  phone.centre.beacon = null; // a centre that has none to give takes none away
  await phone.exchange();
  await phone.note(INCIDENT, "三");
  const named = (await sets()).filter(({ body }) => body?.kind === "incident").map(({ header }) => header.beacon?.[0]);
  expect(named).toEqual([1, 2, 2]);
});

test("an online phone does not write about its clocks each time", async () => {
  await phone.exchange();
  for (let n = 0; n < 6; n++) {
    pass(20_000);
    await phone.note(INCIDENT, `第 ${n}`);
    await phone.exchange();
  }
  expect(await observed()).toHaveLength(1);
  pass(4 * MINUTE);
  await phone.exchange();
  expect(await observed()).toHaveLength(1); // nothing waits to be sent
});

test("an exchange during which the page was out of sight, or the phone slept, says nothing of the clocks", async () => {
  const said = { now_ms: trueMs, uncertainty_ms: 50 };
  phone.hides = null;
  await phone.exchange();
  phone.hides = 1;
  const hidden = phone.keeper.read();
  phone.hides = 2;
  await phone.keeper.heard(hidden, said);
  const asleep = phone.keeper.read();
  phone.clock.sleep(2_000);
  await phone.keeper.heard(asleep, said);
  expect(phone.keeper.wantsSample).toBe(true);
  await phone.note(INCIDENT, "照样写，照样送");
  await phone.rounds.now();
  expect(await phone.vault.unsent()).toEqual([]);
  expect(await observed()).toHaveLength(1); // of the last exchange, which nothing was wrong with
});

test("a page that is gone leaves its sample to the next one, which writes it down once", async () => {
  await phone.exchange();
  const [first] = await observed();
  pass(10 * MINUTE);
  await phone.exchange(); // nothing waits: the sample is remembered
  pass(MINUTE);
  await phone.note(INCIDENT, "写完就没电了");
  expect(await notes()).toBe(1);

  phone.clock.restart();
  phone = await phone.again();
  pass(MINUTE);
  await phone.exchange();
  const [, ...later] = await observed();
  expect(later.map(({ s }) => toHex(s as Uint8Array))).toEqual(["07".repeat(8), "08".repeat(8)]);
  expect(Number(later[0]?.["m"]) - Number(first?.["m"])).toBeGreaterThanOrEqual(10 * MINUTE);
  expect(Number(later[0]?.["hi"])).toBe(NOON + 10 * MINUTE + 110);
  expect(await notes()).toBe(0);

  phone.clock.restart();
  phone = await phone.again();
  await phone.note(INCIDENT, "再写");
  await phone.exchange();
  expect(await observed()).toHaveLength(4);
});

test("a sample that stands after what waits outlives the page too", async () => {
  await phone.exchange();
  pass(6 * MINUTE);
  await phone.note(INCIDENT, "等着");
  pass(MINUTE);
  await phone.keeper.heard(phone.keeper.read(), { now_ms: trueMs, uncertainty_ms: 50 });
  phone.clock.restart();
  phone = await phone.again();
  await phone.exchange();
  const [, after] = await observed();
  expect(after).toMatchObject({ hi: NOON + 7 * MINUTE + 110 });
});

test("a phone that never met the centre writes as ever, and has nothing to say of its clocks", async () => {
  phone.centre.fault = "down";
  for (let page = 0; page < 3; page++) {
    await phone.note(INCIDENT, `第 ${page} 页`);
    await phone.exchange();
    phone.clock.restart();
    phone = await phone.again();
  }
  expect(await observed()).toEqual([]);
  expect(await phone.vault.unsent()).toHaveLength(4);
  phone.centre.fault = null;
  await phone.exchange();
  expect(await phone.vault.unsent()).toEqual([]);
  expect(await observed()).toHaveLength(1);
  expect(await notes()).toBe(0);
});

test("storage that is full holds up neither what is written nor what the clocks say of it", async () => {
  await phone.exchange();
  const { append } = phone.vault;
  phone.vault.append = () => Promise.reject(new Error("full"));
  pass(6 * MINUTE);
  await phone.note(INCIDENT, "只在内存里");
  pass(MINUTE);
  await phone.exchange();
  phone.vault.append = append;
  const held = [...phone.centre.held.values()];
  expect(held).toHaveLength(4); // the opening, a sample, the note, the samples around it
  expect(phone.replica.unkept).toEqual([]);
});

test("the offset holds on to what is known closely until something contradicts it", () => {
  const at = { sentMs: 0, serverMs: 60_000, uncertaintyMs: 50 };
  const close = heard(null, { ...at, tripMs: 100 });
  expect(close).toEqual({ offsetMs: 59_950, spreadMs: 100 });
  expect(heard(close, { ...at, tripMs: 8_000 })).toBe(close); // slow, and says nothing new
  expect(heard(close, { ...at, serverMs: 90_000, tripMs: 8_000 }).offsetMs).toBe(86_000); // the clock was set
  expect(heard(close, { ...at, tripMs: 20 })).toEqual({ offsetMs: 59_990, spreadMs: 60 });
  expect(stepped(close, -60_000).offsetMs).toBe(119_950);
});

test("the chip names an offset only when it is surely more than two seconds", () => {
  expect(clockOffMs({ offsetMs: null, spreadMs: null })).toBe(0);
  expect(clockOffMs({ offsetMs: -4_200, spreadMs: 200 })).toBe(4_200);
  expect(clockOffMs({ offsetMs: 3_000, spreadMs: 4_000 })).toBe(0);
  expect(clockOffMs({ offsetMs: 1_900, spreadMs: 50 })).toBe(0);
});

test("somebody who sets the clock right is believed without a network, a phone that slept is not", async () => {
  await phone.exchange();
  expect(clockOffMs(phone.status)).toBeGreaterThan(AHEAD - 1_000);
  phone.clock.sleep(-AHEAD); // set back
  phone.keeper.beat();
  expect(clockOffMs(phone.status)).toBe(0);
  phone.clock.sleep(AHEAD); // set ahead again, while somebody looks on
  phone.keeper.beat();
  expect(clockOffMs(phone.status)).toBeGreaterThan(AHEAD - 1_000);
  phone.hides = 1;
  phone.clock.sleep(30 * MINUTE); // dark in between: it slept
  phone.keeper.beat();
  expect(Math.abs(clockOffMs(phone.status) - AHEAD)).toBeLessThan(1_000);
});
