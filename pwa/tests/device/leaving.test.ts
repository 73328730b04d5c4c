/** Storage that was copied, set back or damaged: the phone leaves its chain, goes on writing, and loses nothing (FK3-FK7). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { enrol, openingDraft, waitingAttempt } from "../../src/device/enrol";
import { DAMAGED, type Vault, VaultRefused } from "../../src/device/vault";
import { type ChangeSet, FLAG_RESTORED_STORAGE, readSet } from "../../src/sync/changeset";
import { fromHex, opId, toHex } from "../../src/sync/ids";
import { NOON, newKey, Phone } from "./phone";
import { Station } from "./station";

const INCIDENT = "11".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

async function setsOf(vault: Vault, chain: string): Promise<ChangeSet[]> {
  const sets: ChangeSet[] = [];
  for (const { seq } of (await vault.marks()).filter((mark) => mark.chain === chain))
    sets.push((await readSet((await vault.own(chain, seq))?.raw as Uint8Array)) as ChangeSet);
  return sets;
}

const textsHeld = (): Set<string> => new Set(phone.centre.held.keys());
const unsent = async (): Promise<string[]> => (await phone.vault.unsent()).map(({ id }) => id);

test("a hello shows the token of the last one under a new name (FK3)", async () => {
  await phone.exchange();
  phone = await phone.again();
  await phone.exchange();
  const [first, second] = phone.centre.greetings;
  expect(first?.token).toBeNull();
  expect(second?.token).toBe("1".padStart(32, "0"));
  expect(second?.request).not.toBe(first?.request);
});

test("a hello whose answer was lost is repeated by name, also by the next page and by another tab", async () => {
  phone.centre.fault = "answer_lost";
  await phone.exchange();
  phone = await phone.again();
  await phone.exchange();
  phone.centre.fault = null;
  await phone.exchange();
  const names = new Set(phone.centre.greetings.map(({ request }) => request));
  expect([names.size, phone.centre.greetings.length]).toEqual([1, 3]);
  await phone.exchange();
  expect(phone.centre.greetings.at(-1)?.request).not.toBe([...names][0]);
});

test.each(["copied", "forked", "rolled_back"])(
  "told %s, the phone leaves its chain and hands in what waited there",
  async (why) => {
    const { chain } = phone.writer;
    await phone.exchange();
    await phone.note(INCIDENT, "写在旧链上");
    phone.centre.rotate.set(chain, why);
    phone.centre.have = 7;
    await phone.exchange();
    expect(phone.writer.chain).not.toBe(chain);
    expect(phone.session).toMatchObject({ chain: phone.writer.chain, token: `token of ${phone.writer.chain}` });
    expect(phone.session.insteadOf).toBeUndefined();
    const [opening] = await setsOf(phone.vault, phone.writer.chain);
    const [old, seq, last, reason] = opening?.header.continues ?? [];
    expect([old && toHex(old), seq, reason]).toEqual([chain, 2, why]);
    expect(last && toHex(last)).toBe((await phone.vault.own(chain, 2))?.id);
    expect((opening?.header.flags ?? 0) & FLAG_RESTORED_STORAGE).toBe(FLAG_RESTORED_STORAGE);
    await phone.note(INCIDENT, "写在新链上");
    await phone.exchange();
    expect(await unsent()).toEqual([]);
    expect((await setsOf(phone.vault, chain)).length).toBe(3); // the opening, the clocks, the note
  },
);

test("a head that has caught up meanwhile is no reason to leave", async () => {
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "另一页刚写的");
  phone.centre.rotate.set(chain, "rolled_back");
  phone.centre.have = 1;
  await phone.exchange();
  expect(phone.writer.chain).toBe(chain);
});

test("nothing is written onto the old chain any more, in no tab and without a network", async () => {
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "之前");
  const other = await phone.again(false);
  phone.centre.fault = "down";
  await phone.leaving.leave("copied");
  await Promise.all([phone.note(INCIDENT, "甲"), other.note(INCIDENT, "乙"), other.note(INCIDENT, "丙")]);
  expect(other.writer.chain).toBe(phone.writer.chain);
  expect((await setsOf(phone.vault, chain)).length).toBe(2);
  const now = await setsOf(phone.vault, phone.writer.chain);
  expect(now.map((set) => set.header.seq)).toEqual([0, 1, 2, 3]);
  expect(other.replica.unkept).toEqual([]);
  other.close();
});

test("two tabs that are told at once open one new chain", async () => {
  const other = await phone.again(false);
  await Promise.all([phone.leaving.leave("copied"), other.leaving.leave("copied")]);
  expect(phone.session.chain).toBe(other.session.chain);
  expect(await phone.vault.chains()).toHaveLength(2);
  other.close();
});

test("the place is asked for again until it is given, with the same set, after a restart too", async () => {
  const { chain } = phone.writer;
  phone.centre.rotate.set(chain, "copied");
  await phone.leaving.leave("copied");
  const next = phone.writer.chain;
  await phone.note(INCIDENT, "在等位置");
  phone.centre.fault = "down";
  await phone.exchange();
  phone = await phone.again();
  phone.centre.fault = "answer_lost";
  await phone.exchange();
  expect(phone.centre.places.get(chain)).toBe(next);
  phone.centre.fault = null;
  await phone.exchange();
  expect(phone.session).toMatchObject({ chain: next, token: `token of ${next}` });
  expect(await unsent()).toEqual([]);
});

test("whose place is taken hands in the old chain's sets, keeps writing, and goes on with a code", async () => {
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "副本写的");
  phone.centre.places.set(chain, "ee".repeat(16));
  await phone.exchange();
  expect(phone.status.trouble).toMatchObject({ kind: "refused", code: "rotation_needs_login" });
  expect(await unsent()).toHaveLength(1); // the opening of a chain that has no place yet
  await phone.exchange();
  expect(phone.session.needsCode).toBe(true);
  const asked = phone.centre.calls.filter((call) => call === "rotate").length;
  await phone.note(INCIDENT, "等登记码时写的");
  phone = await phone.again();
  await phone.exchange();
  expect(phone.centre.calls.filter((call) => call === "rotate")).toHaveLength(asked); // no alarm over and over
  expect(phone.status.trouble?.code).toBe("rotation_needs_login");
  const attempt = await waitingAttempt(phone.vault);
  if (!attempt) throw new Error("no key waits");
  const person = phone.session.person;
  globalThis.fetch = async () =>
    Response.json({
      token: "fresh",
      chain: phone.writer.chain,
      person,
      server: phone.session.server,
      org: {},
      now_ms: NOON,
    });
  phone.session = await enrol(
    attempt,
    { code: "7KQ2M9XR4T", label: "再登记" },
    { vault: phone.vault, clock: phone.clock, app: "test" },
  );
  expect(phone.session.insteadOf).toBeUndefined();
  await phone.note(INCIDENT, "登记之后写的");
  await phone.exchange();
  expect(await unsent()).toEqual([]);
  expect(textsHeld().size).toBe((await phone.vault.marks()).length);
});

test("a browser used before keeps its vault when it is enrolled again, and what waited is handed in by the new one", async () => {
  const before = phone.writer.chain;
  await phone.note(INCIDENT, "前任写的");
  const { newAttempt, keyFor } = await import("../../src/device/enrol");
  const attempt = await newAttempt();
  const { chain } = await keyFor(attempt, phone.clock);
  const person = { ...phone.session.person, id: "f6".repeat(16), name: "后任" };
  globalThis.fetch = async () =>
    Response.json({ token: "fresh", chain, person, server: phone.session.server, org: {}, now_ms: NOON });
  await enrol(
    attempt,
    { code: "7KQ2M9XR4T", label: "再登记" },
    { vault: phone.vault, clock: phone.clock, app: "test" },
  );
  phone = await phone.again();
  phone.writer.moveTo((await phone.vault.key(chain)) as never);
  await phone.writer.open(openingDraft(phone.writer.key, "test"));
  phone.centre.scopes.set(`device:${chain}`, { epoch: 1, lines: [], heads: [] });
  await phone.exchange();
  expect((await setsOf(phone.vault, before)).length).toBe(2);
  expect(await unsent()).toEqual([]);
});

/** Change one byte of a stored set, as a failing card does. */
async function flip(seq: number, find: Uint8Array, offset: number): Promise<string> {
  const set = await phone.vault.own(phone.writer.chain, seq);
  if (!set) throw new Error("no such set");
  const raw = set.raw.slice();
  // The signature stands behind the header, whose hashes may hold the same two bytes.
  const [, kind, high = 0, low = 0] = raw;
  const header = kind === 0xc4 ? 3 + high : 4 + ((high << 8) | low);
  const behind = find === SIGNATURE ? header : 0;
  const at = raw.findIndex((_, i) => i >= behind && find.every((byte, j) => raw[i + j] === byte)) + offset;
  raw[at] = (raw[at] as number) ^ 1;
  await new Promise<void>((resolve, reject) => {
    const asked = indexedDB.open("ortoo-vault");
    asked.onsuccess = () => {
      const tx = asked.result.transaction("own", "readwrite");
      tx.objectStore("own").put({ ...set, raw });
      tx.oncomplete = () => {
        asked.result.close();
        resolve();
      };
      tx.onabort = () => reject(tx.error);
    };
  });
  return set.id;
}
const SIGNATURE = Uint8Array.of(0xc4, 0x40);

test("damaged sets end the chain; what can be read is written again with its origin, the rest is shown (FK7)", async () => {
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "完好");
  await phone.note(INCIDENT, "签名坏了");
  await phone.note(INCIDENT, "正文坏了");
  await phone.note(INCIDENT, "最后");
  const wroteAtMs = (await phone.vault.own(chain, 2))?.wroteAtMs;
  const second = await flip(2, SIGNATURE, 5);
  await flip(3, new TextEncoder().encode("正文"), 2);
  const entry = opId(fromHex(second, 32), 0);
  await phone.replica.record({
    entity: INCIDENT,
    scope: "org",
    lane: 0,
    ops: [{ t: "entry.correct", entry, text: "更正" }],
  });
  phone.clock.ms += 60_000;

  expect(await phone.leaving.mend()).toBe(true);
  expect(await phone.leaving.mend()).toBe(false);
  expect(phone.writer.chain).not.toBe(chain);
  const [opening, again, last, correction, ...more] = await setsOf(phone.vault, phone.writer.chain);
  expect(more).toEqual([]);
  expect(opening?.header.continues?.[1]).toBe(1);
  const op = again?.body?.ops[0];
  expect(op).toMatchObject({ text: "签名坏了", at: wroteAtMs });
  expect(op?.["orig"]).toMatchObject({ seq: 2 });
  expect(op?.["orig"]).toMatchObject({ set: fromHex(second, 32) });
  expect(last?.body?.ops[0]).toMatchObject({ text: "最后" });
  expect(correction?.body?.ops[0]?.["entry"]).toEqual(opId((again as ChangeSet).setId, 0));
  const told = (await phone.replica.story(INCIDENT)).map(({ text }) => text);
  expect(told.filter((text) => text === "最后")).toHaveLength(1);

  await phone.exchange();
  const shown = await phone.vault.attention();
  expect(shown.map(({ answer }) => answer?.r)).toEqual([DAMAGED]);
  expect((await phone.vault.unsent()).map(({ id }) => id)).toEqual(shown.map(({ id }) => id));
  expect(await phone.outbox.next({ sets: 200, bytes: 1_000_000 })).toEqual([]);
  await phone.outbox.read(shown[0] as never);
  expect((await phone.outbox.counts()).refusals).toBe(0);
  expect(await phone.vault.own(chain, 3)).not.toBeNull(); // its bytes stay
});

test("what a damaged chain says of its clocks is no concern of the author's, and is not written again", async () => {
  await phone.note(INCIDENT, "签名坏了");
  phone.centre.fault = "full"; // greeted, and nothing is stored
  await phone.exchange();
  expect((await phone.vault.unsent()).map(({ seq }) => seq)).toEqual([0, 1, 2]);
  await flip(1, SIGNATURE, 5);
  expect(await phone.leaving.mend()).toBe(true);
  expect(await phone.vault.attention()).toEqual([]);
  const ops = (await setsOf(phone.vault, phone.writer.chain)).flatMap(({ body }) => body?.ops.map(({ t }) => t));
  expect(ops).toEqual(["chain.open", "entry.add"]);
});

test("the centre says a set cannot be read: it is looked at here, and what is sound is not written twice", async () => {
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "坏在路上了吗");
  phone.centre.refuse = (set) => (set.header.seq === 1 ? "malformed" : null);
  await phone.exchange();
  expect(phone.writer.chain).toBe(chain);
  phone.centre.refuse = () => null;
  await phone.note(INCIDENT, "真坏了");
  await flip(3, SIGNATURE, 5);
  phone.centre.refuse = (set) => (set.header.chain && toHex(set.header.chain) === chain ? "bad_signature" : null);
  await phone.exchange();
  await phone.exchange();
  expect(phone.writer.chain).not.toBe(chain);
  const now = await setsOf(phone.vault, phone.writer.chain);
  expect(now.flatMap((set) => set.body?.ops.map((op) => op["text"]) ?? [])).toContain("真坏了");
});

test("FK7: a set that a station keeps is not written again for being damaged here: what was signed is on its way", async () => {
  const station = new Station(phone.centre, 1);
  await station.inTouch();
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "正文坏了");
  phone.server = station;
  await phone.exchange();
  const id = await flip(1, new TextEncoder().encode("正文"), 2);
  phone = await phone.again();
  expect(await phone.leaving.mend()).toBe(false);
  await phone.exchange(); // the centre cannot read it from here
  expect((await phone.vault.attention()).map(({ answer }) => answer?.r)).toEqual(["malformed"]);
  await station.inTouch();
  await phone.exchange();
  expect(phone.writer.chain).toBe(chain);
  expect(await phone.vault.attention()).toEqual([]);
  expect(await phone.vault.unsent()).toEqual([]);
  expect(phone.centre.held.has(id)).toBe(true);
});

test("a phone starts though the first set of its chain, not yet sent, is damaged", async () => {
  const { chain } = phone.writer;
  await flip(0, SIGNATURE, 5);
  expect(await phone.leaving.mend()).toBe(true);
  expect(phone.writer.chain).not.toBe(chain);
  await phone.note(INCIDENT, "照样能写");
  expect((await setsOf(phone.vault, phone.writer.chain)).length).toBe(2);
});

test("a damaged set of a chain that was left is not sent for ever: its author is told", async () => {
  await phone.note(INCIDENT, "没传");
  await flip(1, new TextEncoder().encode("station:"), 0);
  await phone.leaving.leave("copied");
  await phone.exchange();
  const sent = phone.centre.pushes.length;
  await phone.exchange();
  expect(phone.centre.pushes.length).toBe(sent);
  expect((await phone.vault.attention()).map(({ seq, answer }) => [seq, answer?.r])).toEqual([[1, DAMAGED]]);
});

test("when the storage takes no other chain the phone says so and still sends what it has", async () => {
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "之前");
  phone.centre.rotate.set(chain, "copied");
  phone.vault.turn = () => Promise.reject(new VaultRefused("full"));
  phone.vault.append = () => Promise.reject(new VaultRefused("full"));
  await phone.note(INCIDENT, "满了之后");
  expect(phone.replica.unkept).toHaveLength(1); // shown as what only memory holds, and not as saved
  await phone.exchange();
  expect(phone.writer.chain).toBe(chain);
  expect(textsHeld().size).toBe(4); // with what the clocks said
  expect(phone.replica.unkept).toEqual([]); // it is safe there, and came back with the pull
});

test("a tab that nobody told goes on with what another tab was enrolled as", async () => {
  const other = await phone.again(false);
  const key = await newKey(other.vault);
  other.close();
  phone.centre.fault = "revoked";
  await phone.exchange();
  expect(phone.session.chain).toBe(key.chain);
});

test("a hello that comes after a later one of another tab is no copy's", async () => {
  const { chain } = phone.writer;
  await phone.exchange();
  const { rotate, greetings } = phone.centre;
  // While this hello is on its way another tab has the same one answered, and greets on.
  rotate.get = () => {
    rotate.get = Map.prototype.get;
    const { request } = greetings.at(-1) as { request: string };
    void phone.vault.greeted(fromHex(request), new Uint8Array(16));
    return "copied";
  };
  await phone.exchange();
  expect(phone.writer.chain).toBe(chain);
  expect(phone.centre.calls.filter((call) => call === "hello")).toHaveLength(3);
});
