/** An incident that moves to another station leaves the phones of the old one, but for what they wrote themselves (SC6). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { toHex } from "../../src/sync/ids";
import { claimOf, DESK, ordered, Phone, SCOPE, stored } from "./phone";

const [INCIDENT, ORDER, OTHER, AWAY] = ["11", "22", "33", "77"].map((two) => two.repeat(16)) as [
  string,
  string,
  string,
  string,
];
const SECRET = "线人巴图住在三队";
const spoken = toHex(new TextEncoder().encode(SECRET));

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  phone.onDuty = false;
  await ordered(phone.centre, OTHER, "44".repeat(16));
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: SECRET }]);
});
afterEach(() => phone.close());

const shown = () => [...phone.replica.incidents.keys()];
const moved = () => [...phone.replica.moved.values()];
const words = async () => (await stored()).includes(spoken);

/** What was read comes once more, as a snapshot. */
async function begun(): Promise<void> {
  await phone.cache.forgetScope(SCOPE);
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  phone.centre.snapshots.clear();
}

test.each(["entries", "snapshot"])("what came by %s goes from every store, and from what is shown", async (how) => {
  await phone.exchange();
  if (how === "snapshot") await begun();
  expect(shown()).toContain(INCIDENT);
  expect(await words()).toBe(true);
  await phone.centre.move(INCIDENT, AWAY);
  await phone.exchange();
  expect(shown()).toEqual([OTHER]);
  expect(await words()).toBe(false);
  expect((await phone.cache.cursor(SCOPE))?.n).toBe(phone.centre.scopes.get(SCOPE)?.lines.length);
  expect(moved()).toMatchObject([{ id: INCIDENT, number: "260312-0002", to: AWAY }]);
  phone = await phone.again();
  expect(shown()).toEqual([OTHER]);
  expect(moved()).toMatchObject([{ id: INCIDENT, number: "260312-0002", to: AWAY }]);

  // Back again, all of it comes anew.
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  expect(shown()).toContain(INCIDENT);
  expect(moved()).toEqual([]);
  expect((await phone.again(false)).replica.moved.size).toBe(0);
});

test("whoever looks at it in another tab is told where it went", async () => {
  await phone.exchange();
  const other = await phone.again(false);
  await phone.centre.move(INCIDENT, AWAY);
  await phone.exchange();
  for (const ids of phone.changes) await other.replica.refresh(ids, true);
  expect(other.replica.incidents.has(INCIDENT)).toBe(false);
  expect(other.replica.moved.get(INCIDENT)?.to).toBe(AWAY);
  other.close();
});

test("a phone that was away meanwhile begins with a snapshot that has it no more", async () => {
  await phone.exchange();
  await phone.centre.move(INCIDENT, AWAY);
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  expect(shown()).toEqual([OTHER]);
  expect(await words()).toBe(false);
  expect(moved()).toMatchObject([{ id: INCIDENT, to: AWAY }]);
});

test("what this phone wrote itself stays, is shown to its author, and is sent; in the vault and nowhere else (SC5)", async () => {
  await phone.exchange();
  phone.centre.fault = "down";
  const { set } = await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  await phone.exchange();
  phone.centre.fault = null;
  await phone.centre.move(INCIDENT, AWAY);
  phone.centre.rule = () => ({ d: "held", why: "authority_straddles" }); // listed for its author alone
  await phone.exchange();
  expect(await words()).toBe(false);
  expect(moved()).toMatchObject([{ id: INCIDENT, to: AWAY }]);
  expect(phone.centre.held.has(set.id)).toBe(true);
  expect(await phone.vault.unsent()).toHaveLength(0);
  expect(phone.replica.incidents.get(INCIDENT)?.orders ?? []).toEqual([]);
  expect((await phone.replica.story(INCIDENT)).map(({ op }) => toHex(op).slice(0, 32))).toEqual([set.id.slice(0, 32)]);
});

test("what a station lists beside a month goes with it, and comes no more from a station that has not heard (HB3)", async () => {
  await phone.exchange();
  const hub = `hub:${"ab".repeat(16)}:${SCOPE}`;
  phone.centre.scopes.set(hub, { epoch: 1, lines: [], heads: [] });
  await phone.centre.beside(hub, INCIDENT);
  await phone.exchange();
  const held = async () => (await phone.cache.entriesOf(INCIDENT)).filter(({ raw }) => raw).map(({ scope }) => scope);
  expect(await held()).toContain(hub);
  await phone.centre.move(INCIDENT, AWAY);
  await phone.exchange();
  expect(await held()).toEqual([]);
  await phone.centre.beside(hub, INCIDENT);
  await phone.exchange();
  expect(await held()).toEqual([]);
  expect(await words()).toBe(false);
});

test("what came from beside a month goes with a snapshot that says so too, and an incident that nothing tells of is shown no more", async () => {
  await phone.exchange();
  const hub = `hub:${"ab".repeat(16)}:${SCOPE}`;
  phone.centre.scopes.set(hub, { epoch: 1, lines: [], heads: [] });
  await phone.centre.beside(hub, INCIDENT);
  await phone.exchange();
  await phone.centre.move(INCIDENT, AWAY);
  await phone.centre.publish(SCOPE);
  await phone.exchange();
  expect((await phone.cache.entriesOf(INCIDENT)).filter(({ raw }) => raw)).toEqual([]);
  expect(shown()).toEqual([OTHER]);
});
