/** Clock hygiene on a phone: a wrong clock, its own or another's, spoils nothing beyond itself (SPEC HL, ST1). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ChangeSet, type Op, readSet } from "../../src/sync/changeset";
import { unpack } from "../../src/sync/clock";
import { DESK, NOON, ordered, Phone, SCOPE } from "./phone";

const INCIDENT = "11".repeat(16);
const ORDER = "22".repeat(16);
const MONTH_MS = 30 * 86_400_000;

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
});
afterEach(() => phone.close());

const note: Op = { t: "entry.add", kind: "note", text: "走北线" };
const colour = (v: string): Op => ({ t: "latest.set", f: "colour", v });
const shown = () => phone.replica.incidents.get(INCIDENT)?.view.latest["colour"];

/** The stamp of what the phone writes now. */
async function stampNow(): Promise<number> {
  const { set } = await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 0, ops: [note] });
  return unpack(((await readSet(set.raw)) as ChangeSet).header.hlc).ms;
}

test("HL2: a colleague thirty days ahead infects nobody", async () => {
  await phone.centre.desk(INCIDENT, DESK, [note], MONTH_MS);
  await phone.exchange();
  expect((await phone.replica.story(INCIDENT)).some(({ t }) => t === "entry.add")).toBe(true);
  expect(await stampNow()).toBeLessThan(NOON + 60_000);
});

test("HL3: a page that does not add up leaves the clock as it was", async () => {
  await phone.centre.desk(INCIDENT, DESK, [note], 30_000);
  const scope = phone.centre.scopes.get(SCOPE);
  const truth = scope?.heads.at(-1) as Uint8Array;
  scope?.heads.splice(
    -1,
    1,
    truth.map((byte) => byte ^ 1),
  );
  await phone.exchange();
  expect(await stampNow()).toBeLessThan(NOON + 30_000);
  scope?.heads.splice(-1, 1, truth);
  await phone.exchange();
  expect(await stampNow()).toBeGreaterThanOrEqual(NOON + 30_000);
});

test("ST1: a phone thirty days ahead owns a field until it is heard, and loses it to the next honest write", async () => {
  phone.clock.ms += MONTH_MS;
  await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 0, ops: [colour("red")] });
  expect(shown()).toBe("red");
  await phone.exchange();
  expect(shown()).toBe("red");
  phone.centre.nowMs += 1_000;
  await phone.centre.desk(INCIDENT, DESK, [colour("green")]);
  await phone.exchange();
  expect(shown()).toBe("green");
});
