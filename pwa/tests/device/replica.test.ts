/** The one door: what is pressed shows at once, what is pulled is checked, and nothing of it depends on the cache. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { deleteDB } from "idb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CACHE_NAME } from "../../src/device/cache";
import { type Mark, type OwnSet, VAULT_NAME } from "../../src/device/vault";
import { homeScope } from "../../src/device/views";
import { encode, type Value } from "../../src/sync/canon";
import { type ChangeSet, isRefusal, readSet } from "../../src/sync/changeset";
import { toHex } from "../../src/sync/ids";
import { claimOf, DESK, NOON, newKey, ordered, PERSON, Phone, SCOPE, STATION, VEHICLE } from "./phone";

const INCIDENT = "11".repeat(16);
const ORDER = "22".repeat(16);
const OTHER = "44".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

const incident = () => phone.replica.incidents.get(INCIDENT);
const bytes = () => toHex(encode(incident()?.view as unknown as Value));

test("a press shows before anything leaves the phone", async () => {
  phone.centre.fault = "down";
  await ordered(phone.centre, INCIDENT, ORDER);
  phone.centre.fault = null;
  await phone.exchange();
  phone.centre.fault = "down";
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  expect(incident()?.status).toBe("signed");
  expect(incident()?.orders[0]?.milestones.signed?.by).toBe(PERSON);
  expect((await phone.vault.unsent()).length).toBe(1);
});

test("an order that reaches this device is delivered once, by the device itself", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  expect(incident()?.orders[0]?.status).toBe("delivered");
  await phone.exchange();
  await (await phone.again()).exchange();
  const claims = incident()?.claims.filter((claim) => claim.kind === "delivered");
  expect(claims).toHaveLength(1);
  expect(incident()?.milestones.delivered?.via).toBe("system");
});

test("another tab that has not heard of it yet does not deliver an order once more", async () => {
  phone.onDuty = false;
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  const other = await phone.again(false);
  phone.onDuty = true;
  await phone.replica.deliverDue();
  const written = (await phone.vault.ownOf(INCIDENT)).length;
  await other.replica.deliverDue();
  expect((await phone.vault.ownOf(INCIDENT)).length).toBe(written);
  other.close();
});

test("enrolled anew, a phone asks for what became of what it wrote before (FK6)", async () => {
  const before = phone.key.chain;
  const { chain } = await newKey(phone.vault);
  const scopes: [string, number, number][] = [
    ["org", 1, 7],
    [`device:${chain}`, 1, 0],
  ];
  const following = await phone.replica.following({ role: "centre", scopes });
  expect(following).toEqual([
    ["org", 1, 7],
    [`device:${chain}`, 1, 0],
    [`device:${before}`, 0, 0],
  ]);
});

test("an order for my unit's vehicle is mine; one for another unit is not", async () => {
  await ordered(phone.centre, INCIDENT, ORDER, ["vehicle", VEHICLE]);
  await ordered(phone.centre, "33".repeat(16), "44".repeat(16), ["unit", "99".repeat(16)]);
  await phone.exchange();
  expect([...phone.replica.incidents.keys()]).toEqual([INCIDENT]);
});

test.each([
  [Date.UTC(2026, 10, 30, 15, 59, 59, 999), "2026-11"],
  [Date.UTC(2026, 10, 30, 16), "2026-12"],
  [Date.UTC(2026, 11, 31, 16), "2027-01"],
])("a month ends at midnight in Asia/Shanghai: %i is in %s (SC1)", (createdAtMs, month) => {
  expect(homeScope("e5".repeat(16), createdAtMs)).toBe(`station:${"e5".repeat(16)}:${month}`);
});

test("off duty nothing is claimed as delivered; back on duty it is", async () => {
  phone.onDuty = false;
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  expect(incident()?.orders[0]?.status).toBe("issued");
  phone.onDuty = true;
  await phone.replica.deliverDue();
  expect(incident()?.orders[0]?.status).toBe("delivered");
});

test("closed and opened again without a network, everything is there", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  phone.centre.fault = "down";
  for (const kind of ["signed", "departed", "arrived"]) await phone.replica.record(claimOf(INCIDENT, ORDER, kind));
  const before = bytes();
  phone = await phone.again();
  expect(bytes()).toBe(before);
  expect(incident()?.status).toBe("arrived");
  expect((await phone.vault.unsent()).length).toBe(3);
});

test("with the cache gone, vault and pull give the same incident, byte for byte", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  await phone.exchange();
  phone.centre.refuse = () => "too_large"; // from here on nothing of ours gets through
  await phone.note(INCIDENT, "还没传");
  const before = bytes();

  phone.close();
  await deleteDB(CACHE_NAME);
  phone = await phone.again();
  await phone.exchange();
  expect(incident()?.entries.map((entry) => entry.text)).toEqual(["还没传"]);
  expect(bytes()).toBe(before);
});

test("a refused set stays, is shown as refused, counts for nothing and blocks nothing (RL4)", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  phone.centre.rule = (set) =>
    set.body?.ops[0]?.t === "order.withdraw" ? { d: "rejected", why: "no_authority" } : { d: "accepted", why: null };
  const command = { t: "order.withdraw", order: Uint8Array.from({ length: 16 }, () => 0x22), why: "no" };
  await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 1, ops: [command] });
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  expect(incident()?.orders[0]?.withdrawn).toBe(true); // mine, not yet ruled
  await phone.exchange();

  expect(incident()?.orders[0]?.withdrawn).toBe(false);
  expect(incident()?.status).toBe("signed");
  expect(await phone.outbox.counts()).toEqual({ head: 5, acked: 5, kept: 0, refusals: 1 });
  const story = await phone.replica.story(INCIDENT);
  expect(story.find((entry) => entry.t === "order.withdraw")).toMatchObject({
    decision: "rejected",
    why: "no_authority",
  });

  const [mark] = await phone.vault.attention();
  if (mark) await phone.outbox.read(mark);
  expect((await phone.outbox.counts()).refusals).toBe(0);
  expect(await phone.vault.ownOf(INCIDENT)).toHaveLength(3);
});

test("lines that do not add up are not believed: nothing of the page is kept, the scope is fetched afresh (EX4)", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  const scope = phone.centre.scopes.get(SCOPE);
  const truth = scope?.heads[0] as Uint8Array;
  if (scope) scope.heads[0] = truth.map((byte) => byte ^ 1);
  await phone.exchange();
  expect(incident()).toBeUndefined();
  expect(await phone.cache.cursor(SCOPE)).toBeNull();
  if (scope) scope.heads[0] = truth;
  await phone.exchange();
  expect(incident()?.status).toBe("delivered");
});

test("a line left out on the way is noticed", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "走北线" }]);
  const lines = phone.centre.scopes.get(SCOPE)?.lines;
  const left = lines?.shift();
  await phone.exchange();
  expect(await phone.cache.cursor(SCOPE)).toBeNull();
  if (left) lines?.unshift(left);
});

test("a new epoch drops the scope's lines and fetches them again; own work stays (EX5)", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  await phone.note(INCIDENT, "在路上");
  phone.centre.renew(SCOPE);
  await phone.exchange();
  expect(await phone.cache.cursor(SCOPE)).toMatchObject({ epoch: 2 });
  expect(incident()?.entries.map((entry) => entry.text)).toEqual(["在路上"]);
});

test("resets without end stop after a few, and lose nothing", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  for (let n = 0; n < 3; n++) {
    phone.centre.renew(SCOPE);
    await phone.exchange();
  }
  expect(phone.status.reachable).toBe(true);
  phone.centre.renew(SCOPE);
  await phone.exchange();
  expect(phone.status.trouble?.kind).toBe("garbled");
  await phone.note(INCIDENT, "照常写");
  expect(incident()?.entries.at(-1)?.text).toBe("照常写");
  phone.clock.ms = NOON + 700_000;
  await phone.exchange();
  expect(phone.status.trouble).toBeNull();
});

test("own sets the storage lost come back from the centre, and the chain goes on behind them", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  await phone.exchange();
  const key = phone.key;
  phone.close();
  await deleteDB(VAULT_NAME);
  await deleteDB(CACHE_NAME);

  phone = await phone.again(false);
  await phone.vault.enrol(key, {});
  await phone.exchange();
  expect((await phone.vault.head(key.chain))?.seq).toBe(3);
  await phone.note(INCIDENT, "接着写");
  expect((await phone.vault.head(key.chain))?.seq).toBe(4);
});

test("a refused set that comes back after a loss still tells its author why", async () => {
  phone.centre.rule = (set) =>
    set.body?.kind === "chain" ? { d: "accepted", why: null } : { d: "rejected", why: "bad_op" };
  await phone.note(INCIDENT, "一");
  await phone.exchange();
  const key = phone.key;
  phone.close();
  await deleteDB(VAULT_NAME);
  await deleteDB(CACHE_NAME);

  phone = await phone.again(false);
  await phone.vault.enrol(key, {});
  await phone.exchange();
  const [mark] = await phone.vault.attention();
  expect(mark?.answer).toMatchObject({ d: "rejected", why: "bad_op" });
});

test("what was refused counts for nothing, also where the ruling itself cannot be read any more", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  phone.centre.rule = () => ({ d: "rejected", why: "no_authority" });
  const command = { t: "order.withdraw", order: Uint8Array.from({ length: 16 }, () => 0x22), why: "no" };
  await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 1, ops: [command] });
  await phone.exchange();
  // Enrolled anew, a phone no longer reads the scope of its old chain.
  phone.centre.scopes.delete(`device:${phone.key.chain}`);
  phone.close();
  await deleteDB(CACHE_NAME);

  phone = await phone.again(false);
  await phone.exchange();
  expect(incident()?.orders[0]?.withdrawn).toBe(false);
  const story = await phone.replica.story(INCIDENT);
  expect(story.find((entry) => entry.t === "order.withdraw")).toMatchObject({
    decision: "rejected",
    why: "no_authority",
  });
});

test("SC5: what was dropped right before the page was killed is signed at its next start, once", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  const { cache } = phone;
  const forget = cache.forgetScope.bind(cache);
  cache.forgetScope = async (scope, word) => {
    await forget(scope, word);
    throw new Error("killed here");
  };
  phone.centre.scopes.delete(SCOPE);
  await phone.exchange();
  phone = await phone.again();
  await phone.exchange();
  await phone.exchange();
  const chain = await phone.vault.ownOf(phone.key.chain);
  const ops = await Promise.all(chain.map(async ({ raw }) => ((await readSet(raw)) as ChangeSet).body?.ops ?? []));
  expect(ops.flat().filter(({ t }) => t === "scope.purged")).toMatchObject([{ scope: SCOPE }]);
});

test("SC5: of a station that is not ours any more nothing stays but what was written here, and that is signed", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await ordered(phone.centre, OTHER, "33".repeat(16));
  await phone.exchange();
  await phone.note(INCIDENT, "我去过");
  await phone.exchange();
  expect([...phone.replica.incidents.keys()].sort()).toEqual([INCIDENT, OTHER].sort());
  const before = await phone.cache.cursor(SCOPE);

  const lost = phone.centre.scopes.get(SCOPE);
  phone.centre.scopes.delete(SCOPE);
  await phone.exchange();
  expect(phone.replica.incidents.has(OTHER)).toBe(false);
  expect((await phone.cache.incidents()).map(({ id }) => id)).not.toContain(OTHER);
  expect(await phone.cache.entriesOf(OTHER)).toEqual([]);
  expect(await phone.cache.cursor(SCOPE)).toBeNull();
  expect((await phone.replica.story(INCIDENT)).map(({ t }) => t)).toContain("entry.add");
  const head = await phone.vault.head(phone.key.chain);
  const said = await readSet((await phone.vault.own(phone.key.chain, head?.seq ?? -1))?.raw as Uint8Array);
  expect(!isRefusal(said) && said.body?.ops).toEqual([
    { t: "scope.purged", scope: SCOPE, epoch: before?.epoch, n: before?.n },
  ]);

  // Told to follow it again, it begins at the beginning.
  if (lost) phone.centre.scopes.set(SCOPE, lost);
  await phone.exchange();
  expect(await phone.cache.cursor(SCOPE)).toEqual(before);
  expect(phone.replica.incidents.has(OTHER)).toBe(true);
});

test("another log at the centre: what the old one had confirmed is owed again, and all scopes are read anew (TL11, EX5)", async () => {
  for (const month of ["2025-12", "2026-01", "2026-02"])
    phone.centre.scopes.set(`station:${STATION}:${month}`, { epoch: 1, lines: [], heads: [] });
  await ordered(phone.centre, INCIDENT, ORDER);
  for (const scope of phone.centre.scopes.keys()) await phone.centre.listAgain(scope);
  await phone.note(INCIDENT, "在路上");
  await phone.exchange();
  expect(await phone.vault.unsent()).toHaveLength(0);

  // Yesterday's copy was put back: it has another epoch, every scope begins anew, and the note is gone.
  phone.centre.epoch = Uint8Array.from({ length: 8 }, () => 9);
  phone.centre.held.clear();
  for (const scope of phone.centre.scopes.keys()) phone.centre.renew(scope);
  await phone.exchange();
  expect(phone.status.trouble).toBeNull();
  expect(phone.centre.pushes.slice(-2)).toEqual([[0, 2, 3, 1], [1]]); // its own, then the desk's order (TL12)
  expect(await phone.vault.unsent()).toHaveLength(0);
  for (const scope of phone.centre.scopes.keys()) expect(await phone.cache.cursor(scope)).toMatchObject({ epoch: 2 });

  // What is damaged here was never safe anywhere and is not offered again.
  const own = await phone.vault.own(phone.key.chain, 1);
  const [mark] = (await phone.vault.marks()).filter(({ id }) => id === own?.id);
  await phone.vault.putMarks([{ ...mark, answer: { r: "damaged" } } as Mark]);
  await phone.outbox.oweEverything();
  expect((await phone.vault.unsent()).map(({ seq }) => seq).sort()).toEqual([0, 2, 3]);
});

test("what the centre lost is not offered to it without the words that it had taken away (TL11)", async () => {
  const kept = Math.max(0, ...phone.centre.held.values());
  await phone.note(INCIDENT, "路口有人");
  const [{ id, seq }] = (await phone.vault.ownOf(INCIDENT)) as unknown as [OwnSet];
  await phone.note(INCIDENT, "已离开");
  await phone.exchange();
  await phone.centre.redact(id, DESK);
  await phone.exchange();

  const before = phone.centre.pushes.length;
  phone.centre.putBack(kept);
  await phone.exchange();
  await phone.exchange();
  const offered = phone.centre.pushes.slice(before).flat();
  expect(offered).toContain(seq + 1);
  expect(offered).not.toContain(seq);
  expect(offered.length).toBe(new Set(offered).size); // and nothing again because of what is missing
  expect((await phone.vault.marks()).filter(({ unsent, attention }) => unsent || attention)).toEqual([]);
  expect(phone.status.trouble).toBeNull();
});

test("what a desk ordered comes back from the phone it was ordered to, before that forgets it (TL12)", async () => {
  await ordered(phone.centre, "33".repeat(16), "44".repeat(16));
  await phone.exchange();
  const kept = Math.max(...phone.centre.held.values());
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  await phone.note(INCIDENT, "在路上");
  await phone.exchange();
  const before = bytes();
  const all = new Set(phone.centre.held.keys());

  phone.centre.putBack(kept);
  expect(phone.centre.held.size).toBeLessThan(all.size);
  phone.centre.fault = "full"; // it can be greeted, and takes nothing yet
  await phone.exchange();
  expect(bytes()).toBe(before);
  const tried = phone.centre.pushes.length;
  phone.centre.fault = null;
  await phone.exchange();
  expect(new Set(phone.centre.held.keys())).toEqual(all);
  expect(incident()?.orders).toHaveLength(1);
  expect(incident()?.entries.map(({ text }) => text)).toEqual(["在路上"]);
  // The desk's first set was in the copy: it was not offered. The second is the desk's third seq.
  expect(phone.centre.pushes.slice(tried).filter((seqs) => seqs.length > 0)).toEqual([expect.any(Array), [2]]);
  const pushes = phone.centre.pushes.length;
  await phone.exchange();
  expect(phone.centre.pushes.slice(pushes).flat()).toEqual([]);
});

test("the other tab hears what changed and folds it from the same storage", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.exchange();
  const tab = await phone.again(false);
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  expect(phone.changes.at(-1)).toEqual([INCIDENT]);
  await tab.replica.refresh([INCIDENT], true);
  expect(tab.replica.incidents.get(INCIDENT)?.status).toBe("signed");
  expect(tab.changes).toEqual([]);
  tab.close();
});
