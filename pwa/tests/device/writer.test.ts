/** Writing is never refused, never forks, and is loud when the storage gives way. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Vault, VaultRefused } from "../../src/device/vault";
import { type ChangeSet, FLAG_HLC_RESET, readSet } from "../../src/sync/changeset";
import { toHex } from "../../src/sync/ids";
import { NOON, Phone } from "./phone";

const INCIDENT = "11".repeat(16);
const DAY_MS = 86_400_000;

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

async function chainOf(vault: Vault): Promise<ChangeSet[]> {
  const sets: ChangeSet[] = [];
  const marks = await vault.marks();
  for (const { chain, seq } of marks)
    sets.push((await readSet((await vault.own(chain, seq))?.raw as Uint8Array)) as ChangeSet);
  return sets;
}

function expectOneChain(sets: ChangeSet[]): void {
  sets.forEach((set, seq) => {
    expect(set.header.seq).toBe(seq);
    expect(set.header.prev && toHex(set.header.prev)).toBe(
      seq === 0 ? null : toHex(sets[seq - 1]?.setId as Uint8Array),
    );
  });
}

test("four tabs writing at once, without any lock, make one chain", async () => {
  const tabs = [phone, await phone.again(false), await phone.again(false), await phone.again(false)];
  await Promise.all(
    tabs.flatMap((tab, who) => Array.from({ length: 10 }, (_, n) => tab.note(INCIDENT, `${who}.${n}`))),
  );
  const sets = await chainOf(phone.vault);
  expect(sets).toHaveLength(41);
  expectOneChain(sets);
  expect(tabs.flatMap((tab) => [...tab.replica.unkept])).toEqual([]);
  for (const tab of tabs.slice(1)) tab.close();
});

test("a clock three days ahead and set back again: every write is kept, the reset is flagged", async () => {
  phone.clock.ms = NOON + 3 * DAY_MS;
  await phone.note(INCIDENT, "ahead");
  phone.clock.ms = NOON;
  for (let n = 0; n < 20; n++) await phone.note(INCIDENT, `back ${n}`);
  const sets = await chainOf(phone.vault);
  expect(sets).toHaveLength(22);
  expect(sets.map((set) => set.header.flags & FLAG_HLC_RESET).filter(Boolean)).toHaveLength(1);
  expect((sets[2] as ChangeSet).header.flags & FLAG_HLC_RESET).toBe(FLAG_HLC_RESET);
});

/** From here on the vault refuses appends, as full storage does. */
function refuseAppends(): () => void {
  const append = Vault.prototype.append;
  Vault.prototype.append = async () => {
    throw new VaultRefused("QuotaExceededError");
  };
  return () => {
    Vault.prototype.append = append;
  };
}

test("full storage: the write is shown, loud, sent from memory, and kept once there is room", async () => {
  const relent = refuseAppends();
  const written = (await phone.note(INCIDENT, "no room")) as { kept: boolean; id: string };
  await phone.note(INCIDENT, "still none");
  expect(written.kept).toBe(false);
  expect(phone.replica.unkept).toHaveLength(2);
  expect(await phone.replica.owed()).toMatchObject({ head: 2, pending: 3 });

  await phone.exchange();
  expect(phone.centre.held.has(written.id)).toBe(true);
  expect(phone.replica.unkept).toHaveLength(0);

  relent();
  await phone.note(INCIDENT, "room again");
  expect(phone.replica.unkept).toHaveLength(0);
});

test("what memory held goes into the vault by itself, in order, before anything newer", async () => {
  const relent = refuseAppends();
  await phone.note(INCIDENT, "first");
  await phone.note(INCIDENT, "second");
  relent();
  await phone.note(INCIDENT, "third");
  const sets = await chainOf(phone.vault);
  expectOneChain(sets);
  expect(sets.map((set) => set.body?.ops[0]?.["text"])).toEqual([undefined, "first", "second", "third"]);
});

test("another tab took the number meanwhile: what only memory held is signed again on the new head", async () => {
  const other = await phone.again(false);
  const relent = refuseAppends();
  await phone.note(INCIDENT, "held");
  relent();
  await other.note(INCIDENT, "other tab");
  await phone.note(INCIDENT, "later");
  const sets = await chainOf(phone.vault);
  expectOneChain(sets);
  expect(sets.map((set) => set.body?.ops[0]?.["text"])).toEqual([undefined, "other tab", "held", "later"]);
  other.close();
});

test("a newest set that does not read back as written stops the chain instead of growing on rot", async () => {
  await phone.note(INCIDENT, "sound");
  const tab = await phone.again();
  const head = Vault.prototype.head;
  Vault.prototype.head = async function (chain) {
    const set = await head.call(this, chain);
    if (set) set.raw = set.raw.map((byte, at) => (at === set.raw.length - 1 ? byte ^ 1 : byte));
    return set;
  };
  await expect(tab.note(INCIDENT, "on rot")).rejects.toThrow(/of/);
  Vault.prototype.head = head;
  phone = tab;
});
