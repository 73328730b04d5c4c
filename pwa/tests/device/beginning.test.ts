/** A phone that is new or was away long begins with one file, and words that were taken away leave every store (SN3, RD3). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Entry } from "../../src/device/cache";
import { encode, type Value } from "../../src/sync/canon";
import { type ChangeSet, readSet } from "../../src/sync/changeset";
import { fromHex, toHex } from "../../src/sync/ids";
import { recordsIn } from "../../src/sync/snapshot";
import { claimOf, DESK, ordered, PERSON, Phone, SCOPE, stored } from "./phone";

const INCIDENT = "11".repeat(16);
const OTHER = "33".repeat(16);
const ORDER = "22".repeat(16);
const SECRET = "线人巴图住在三队";

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

const incident = () => phone.replica.incidents.get(INCIDENT);
const bytes = () => toHex(encode(incident()?.view as unknown as Value));
const note = (text: string) => ({ t: "entry.add", kind: "note", text });
const cursor = () => phone.cache.cursor(SCOPE);

async function history(): Promise<void> {
  await ordered(phone.centre, INCIDENT, ORDER);
  await ordered(phone.centre, OTHER, "44".repeat(16), ["unit", "99".repeat(16)]);
  for (const text of ["一", "二", "三"]) await phone.centre.desk(INCIDENT, DESK, [note(text)]);
}

test("a new phone shows the same bytes from a snapshot and the rest as from every entry (SN3)", async () => {
  phone.onDuty = false;
  await history();
  await phone.exchange();
  const whole = bytes();
  await phone.cache.forgetScope(SCOPE);
  await phone.centre.publish(SCOPE);
  const { n } = [...phone.centre.snapshots.values()][0] ?? { n: 0 };
  await phone.exchange();
  expect(bytes()).toBe(whole);
  expect([...phone.replica.incidents.keys()]).toEqual([INCIDENT]);
  const lines = (await phone.cache.entriesOf(INCIDENT)).filter(({ scope }) => scope === SCOPE);
  expect(lines.filter((line) => line.n <= n)).toEqual([]);
  expect((await phone.cache.recordsOf(INCIDENT)).length).toBe(1);
  expect((await cursor())?.awaiting).toBeUndefined();
  // Closed and opened again without a network, and then with the next entry.
  phone = await phone.again();
  expect(bytes()).toBe(whole);
  await phone.centre.desk(INCIDENT, DESK, [note("四")]);
  await phone.exchange();
  expect((incident()?.view as { entries?: unknown[] } | undefined)?.entries).toHaveLength(4);
});

test("own work that was not sent yet stands beside the snapshot, is sent, and is counted once", async () => {
  await history();
  await phone.exchange();
  phone.centre.fault = "down";
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  await phone.cache.forgetScope(SCOPE);
  phone.centre.fault = null;
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  expect(incident()?.status).toBe("signed");
  expect((await phone.vault.unsent()).length).toBe(0);
  expect(incident()?.claims.filter(({ kind }) => kind === "signed")).toHaveLength(1);
});

test("a link that breaks goes on where it stopped", async () => {
  phone.onDuty = false;
  await history();
  await phone.centre.publish(SCOPE);
  phone.centre.breakAfter = 150;
  for (let tries = 0; tries < 40 && !incident(); tries++) {
    phone.centre.fault = null;
    await phone.exchange();
  }
  expect(incident()?.status).toBe("assigned");
  const { packed } = [...phone.centre.snapshots.values()][0] ?? { packed: new Uint8Array() };
  expect(phone.centre.pieces).toEqual(Array.from({ length: Math.ceil(packed.byteLength / 150) }, (_, at) => at * 150));
});

test("a snapshot that comes late, when another tab has read further, sets nothing back", async () => {
  await history();
  await phone.centre.publish(SCOPE);
  const [offer] = phone.centre.snapshots.values();
  if (!offer) throw new Error("nothing was published");
  await phone.exchange();
  const before = await cursor();
  expect(before?.n).toBeGreaterThan(offer.n);
  const { hash, n, packed } = offer;
  const page = { scope: SCOPE, epoch: 1, from: 1, to: 0, n: before?.n ?? 0, head: new Uint8Array(16), entries: [] };
  expect(await phone.replica.begin({ ...page, snapshot: { hash, n, size: packed.byteLength } }, packed)).toBe(false);
  expect(await cursor()).toEqual(before);
});

test("a snapshot that is not the one offered is not believed", async () => {
  await history();
  await phone.centre.publish(SCOPE);
  for (const { packed } of phone.centre.snapshots.values()) packed[packed.length - 5] = (packed.at(-5) ?? 0) ^ 1;
  await phone.exchange();
  expect(await cursor()).toBeNull();
  expect(incident()).toBeUndefined();
});

test("a snapshot that no ruling names is dropped again", async () => {
  await history();
  await phone.centre.publish(SCOPE, false);
  await phone.exchange();
  phone.centre.snapshots.clear();
  await phone.exchange();
  const { n } = (await cursor()) ?? { n: 0 };
  expect(n).toBe(phone.centre.scopes.get(SCOPE)?.lines.length);
  expect(await phone.cache.recordsOf(INCIDENT)).toEqual([]);
  expect(incident()?.orders).toHaveLength(1);
});

const spoken = toHex(new TextEncoder().encode(SECRET));

test.each(["entries", "snapshot"])(
  "taken-away words leave the cache that came by %s, and the vault (RD3)",
  async (how) => {
    phone.onDuty = false;
    await history();
    const theirs = await phone.centre.desk(INCIDENT, DESK, [note(SECRET)]);
    await phone.exchange();
    const own = await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 0, ops: [note(SECRET) as never] });
    await phone.exchange();
    if (how === "snapshot") {
      await phone.cache.forgetScope(SCOPE);
      await phone.centre.publish(SCOPE);
      await phone.exchange();
      phone.centre.snapshots.clear();
    }
    expect(await stored()).toContain(spoken);
    for (const id of [theirs, own.set.id]) await phone.centre.redact(id, DESK);
    await phone.exchange();
    const left = await stored();
    expect(left).not.toContain(spoken);
    expect(left).not.toContain(SECRET);
    const view = incident()?.view as unknown as { entries: { text: string }[]; redacted: { by: Uint8Array }[] };
    expect(view.entries.map(({ text }) => text).filter((text) => text === "")).toHaveLength(2);
    expect(view.redacted.map(({ by }) => by)).toEqual([fromHex(DESK), fromHex(DESK)]);
    const story = await phone.replica.story(INCIDENT);
    expect(story.filter(({ redacted }) => redacted?.ground === "minor")).toHaveLength(2);
    // The chain goes on, and nothing is owed.
    await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
    await phone.exchange();
    expect((await phone.vault.unsent()).length).toBe(0);
    expect(incident()?.claims.at(-1)?.by).toBe(PERSON);
  },
);

test("words that were taken away while a phone was away leave its vault and its other scopes with the snapshot (RD3)", async () => {
  phone.onDuty = false;
  await history();
  const own = await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 0, ops: [note(SECRET) as never] });
  await phone.exchange();
  const line = (await phone.cache.entriesOf(INCIDENT)).find(({ set }) => set === own.set.id) as Entry;
  const before = SCOPE.replace("-03", "-02");
  const page = { scope: before, epoch: 1, after: 0, to: 1, head: new Uint8Array(16), reset: false, awaiting: null };
  await phone.cache.apply({ ...page, entries: [{ ...line, scope: before, n: 1 }] }, { org: [], incidents: [] });
  expect(await stored()).toContain(spoken);
  await phone.centre.redact(own.set.id, DESK);
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  expect((await phone.cache.recordsOf(INCIDENT)).length).toBe(1);
  expect(await stored()).not.toContain(spoken);
  expect(incident()?.view as unknown).toMatchObject({ redacted: [{ by: fromHex(DESK) }] });
});

test("rows of the organisation that went while a phone was away are gone with the snapshot, and with a new epoch", async () => {
  const [going, staying] = ["55".repeat(16), "66".repeat(16)];
  const vehicles = async () => (await phone.cache.org()).filter((one) => one.what === "vehicles").map(({ id }) => id);
  for (const id of [going, staying]) await phone.centre.org("vehicles", id, { name: "车" });
  await phone.exchange();
  expect(await vehicles()).toEqual([going, staying]);
  await phone.centre.org("vehicles", going, null);
  await phone.centre.publish("org");
  await phone.exchange();
  expect(await vehicles()).toEqual([staying]);
});

test("a phone that began with a snapshot writes later than all that it says (HL2)", async () => {
  phone.onDuty = false;
  await history();
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  const { set } = await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  const { header } = (await readSet(set.raw)) as ChangeSet;
  const records = (await phone.cache.recordsOf(INCIDENT)).flatMap(({ packed }) => recordsIn(packed));
  expect(records).toHaveLength(4);
  for (const { eff } of records) expect(toHex(header.hlc) > toHex(eff)).toBe(true);
});

const verdict = (clock: string, result: string, order: string | null = ORDER) => ({
  ...{ clock, round: 0, result, order: order && fromHex(order), because: null, why: [] },
  ...{ grade: 0, within: 30_000, lo: 18_000, hi: 25_000, start: null, end: null },
});

test("what was found of clocks comes with pages and with a snapshot, and what is not known changes nothing (SN1, XP7)", async () => {
  phone.onDuty = false;
  await history();
  await phone.exchange();
  const plain = bytes();
  await phone.centre.tell("verdict", INCIDENT, verdict("C2", "undetermined"));
  await phone.centre.tell("verdict", INCIDENT, verdict("C6", "missed", null));
  await phone.centre.tell("verdict", INCIDENT, { clock: 2 }); // not one that this version can read
  await phone.centre.tell("omen", INCIDENT, { of: "a later version" });
  await phone.exchange();
  await phone.centre.tell("verdict", INCIDENT, verdict("C2", "met"));
  await phone.exchange();
  const told = async () =>
    (await phone.replica.found(INCIDENT)).map(({ clock, order, result }) => [clock, order, result]);
  const expected = [
    ["C6", "", "missed"],
    ["C2", ORDER, "met"],
  ];
  expect(await told()).toEqual(expected);
  expect(bytes()).toBe(plain);
  const at = (await cursor())?.n;
  await phone.cache.forgetScope(SCOPE);
  expect(await told()).toEqual([]);
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  expect(await told()).toEqual(expected);
  expect(bytes()).toBe(plain);
  expect((await cursor())?.n).toBe((at ?? 0) + 1);
  phone = await phone.again();
  expect(await told()).toEqual(expected);
});
