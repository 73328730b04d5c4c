/** A newer app among older ones, seen from this phone: what it cannot read it keeps, shows as unknown, and passes on (CE6, CS7). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { signWith } from "../../src/device/writer";
import { decode, encode, type Value } from "../../src/sync/canon";
import { isRefusal, type Op, readSet, signingBytes } from "../../src/sync/changeset";
import { setId, toHex } from "../../src/sync/ids";
import { DESK, ordered, Phone, SCOPE } from "./phone";

const INCIDENT = "11".repeat(16);
const SIGHTING: Op = { t: "drone.sighting", what: "smoke", bearing: 270 };

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

/** Write as a later app would on this very vault: another schema in the header, signed by the same key. */
async function writtenByNewer(ops: Op[], reader: number): Promise<string> {
  const written = await phone.replica.record({ entity: INCIDENT, scope: SCOPE, lane: 0, ops });
  const [header, , body] = decode(written.set.raw) as [Uint8Array, Uint8Array, Uint8Array];
  const items = decode(header) as Value[];
  items[12] = [2, reader];
  const changed = encode(items);
  const id = await setId(changed);
  const raw = encode([changed, await signWith(phone.writer.key, signingBytes(id)), body]);
  const { chain, seq } = written.set;
  const before = await phone.vault.marks();
  await new Promise<void>((resolve, reject) => {
    const asked = indexedDB.open("ortoo-vault");
    asked.onsuccess = () => {
      const tx = asked.result.transaction(["own", "outbox"], "readwrite");
      tx.objectStore("own").put({ ...written.set, id: toHex(id), raw });
      const mark = before.find((one) => one.chain === chain && one.seq === seq);
      tx.objectStore("outbox").put({ ...mark, id: toHex(id) });
      tx.oncomplete = () => {
        asked.result.close();
        resolve();
      };
      tx.onabort = () => reject(tx.error);
    };
  });
  phone = await phone.again();
  return toHex(id);
}

test("a vault that a newer app wrote on is no damage: the chain goes on, and its sets are sent as they are", async () => {
  const { chain } = phone.writer;
  const newer = await writtenByNewer([SIGHTING], 2);
  const raw = (await phone.vault.own(chain, 1))?.raw as Uint8Array;
  expect(isRefusal(await readSet(raw))).toBe(true);
  expect(await phone.leaving.mend()).toBe(false);
  await phone.note(INCIDENT, "旧版接着写");
  const next = await readSet((await phone.vault.own(chain, 2))?.raw as Uint8Array);
  expect(!isRefusal(next) && next.header.prev && toHex(next.header.prev)).toBe(newer);
  expect((await phone.outbox.next({ sets: 200, bytes: 1_000_000 })).map(({ set }) => set.raw)).toContainEqual(raw);
  expect((await phone.replica.story(INCIDENT)).map(({ t }) => t)).toEqual(["entry.add"]);

  await phone.exchange();
  expect(phone.status.trouble).toBeNull();
  const mark = (await phone.vault.marks()).find(({ id }) => id === newer);
  expect([mark?.answer?.r, mark?.unsent, mark?.attention]).toEqual(["opaque", undefined, undefined]);
  // It comes back with a pull, in a line that is kept like any other and says nothing here.
  const held = await phone.centre.scopes.get(`device:${chain}`)?.lines.at(-1);
  expect(held?.raw).toEqual(raw);
  expect((await phone.cache.cursor(`device:${chain}`))?.n).toBe(
    phone.centre.scopes.get(`device:${chain}`)?.lines.length,
  );
  expect((await phone.replica.story(INCIDENT)).map(({ t }) => t)).toEqual(["entry.add"]);
});

test("unknown ops and fields of a newer app are kept in the vault byte by byte, and shown as unknown", async () => {
  const field: Op = { t: "entry.add", kind: "note", text: "无人机看到烟", mood: 3 };
  const newer = await writtenByNewer([field, SIGHTING], 1);
  const raw = (await phone.vault.own(phone.writer.chain, 1))?.raw;
  await phone.note(INCIDENT, "旧版也在记");
  await phone.exchange();
  expect(phone.centre.held.has(newer)).toBe(true);
  expect((await phone.vault.own(phone.writer.chain, 1))?.raw).toEqual(raw);
  const [pulled] = (await phone.cache.entriesOf(INCIDENT)).filter(({ set }) => set === newer);
  expect(pulled?.raw).toEqual(raw);
  const story = await phone.replica.story(INCIDENT);
  expect(story.filter(({ t }) => t === "entry.add")).toHaveLength(2);
});

test("what a newer desk says comes through the cache byte by byte, and is shown as unknown", async () => {
  await ordered(phone.centre, INCIDENT, "0d".repeat(16));
  await phone.centre.desk(INCIDENT, DESK, [SIGHTING]);
  const said = phone.centre.scopes.get(SCOPE)?.lines.at(-1)?.raw as Uint8Array;
  await phone.exchange();
  const unknown = phone.replica.incidents.get(INCIDENT)?.view["unknown"] as { t: string }[];
  expect(unknown.map(({ t }) => t)).toEqual(["drone.sighting"]);
  expect((await phone.cache.entriesOf(INCIDENT)).map(({ raw }) => raw && toHex(raw))).toContain(toHex(said));
});
