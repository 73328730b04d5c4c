/** What somebody carries for a phone: everything unsent, for the centre alone; and back what the centre's log proves, and no more (BU). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CourierParts, pack, takeIn } from "../../src/device/courier";
import type { OwnSet } from "../../src/device/vault";
import { LogWatch } from "../../src/device/watch";
import { signWith } from "../../src/device/writer";
import { type BundleRecord, BundleWriter, inPieces, readBundle } from "../../src/sync/bundle";
import type { Value } from "../../src/sync/canon";
import { write } from "../../src/sync/changeset";
import { concat, fromHex, sha256 } from "../../src/sync/ids";
import { nodeHash } from "../../src/sync/merkle";
import { keyId, toBase64 } from "../../src/sync/note";
import { encodeRuling, leafHash } from "../../src/sync/rulings";
import { freshReader, opened, type Reader } from "../../src/sync/sealed";
import { verify } from "../../src/sync/verify";
import { originOf } from "../../src/sync/witness";
import { Phone } from "./phone";
import { Station } from "./station";

const SERVER = "00".repeat(16);
const INCIDENT = "11".repeat(16);

let phone: Phone;
let log: CryptoKeyPair;
let centre: Reader;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  log = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
  centre = await freshReader();
});
afterEach(() => phone.close());

const raw = async ({ publicKey }: CryptoKeyPair) => new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));

/** In touch once: the organisation, and with it the log's key, is known. Then a note without a network. */
async function away(seal = true): Promise<OwnSet[]> {
  const row = { alg: "Ed25519", pub: await raw(log), epoch: phone.centre.epoch, ...(seal ? { seal: centre.pub } : {}) };
  await phone.centre.org("logs", SERVER, row as Value);
  await phone.exchange();
  phone.centre.fault = "down";
  await phone.note(INCIDENT, "一");
  await phone.note(INCIDENT, "二");
  return Promise.all(
    (await phone.vault.unsent()).map(async ({ chain, seq }) => (await phone.vault.own(chain, seq)) as OwnSet),
  );
}

function parts(unkept: OwnSet[] = []): CourierParts {
  const { vault, cache, outbox, session, key, clock } = phone;
  const watch = new LogWatch({ vault, org: () => cache.org(), clock });
  const { station } = session.person;
  return { vault, cache, outbox, watch, session, station, key, unkept, app: "test", nowMs: clock.nowMs() };
}

async function recordsIn(source: AsyncIterable<Uint8Array>): Promise<BundleRecord[]> {
  const records: BundleRecord[] = [];
  for await (const record of readBundle(source, verify)) records.push(record);
  return records;
}
const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());

test("HB4: what a station keeps is carried all the same: nobody at the centre has answered for it", async () => {
  const sets = await away(false);
  const station = new Station(phone.centre, 1);
  await station.inTouch();
  phone.server = station;
  await phone.exchange();
  expect((await phone.outbox.counts()).kept).toBeGreaterThanOrEqual(sets.length);
  const handed = await pack(parts(), true);
  expect(handed?.sets).toBe((await phone.outbox.counts()).kept);
});

interface Told {
  key?: CryptoKeyPair;
  d?: string;
  idx?: number;
  kind?: string;
  /** Something is done to the rulings after they were signed for. */
  change?: (ruling: Uint8Array) => Uint8Array;
}

/** An answer: one ruling on each set, in a log of as many entries, from `idx` on. */
async function answerTo(
  sets: readonly OwnSet[],
  { key = log, d = "accepted", idx = 1, kind = "set", change }: Told = {},
) {
  const before = Array.from({ length: idx - 1 }, (_, at) =>
    encodeRuling({ idx: at + 1, atMs: 1, kind: "scope", payload: {} }),
  );
  const rulings = [
    ...before,
    ...sets.map(({ id, chain, seq, entity }, at) => {
      const of = {
        set: fromHex(id, 32),
        chain: fromHex(chain),
        seq,
        e: fromHex(entity),
        d,
        why: null,
        eff: new Uint8Array(8),
      };
      const more: Record<string, Value> =
        kind === "redact" ? { ground: "minor", text: "", ops: [], by: new Uint8Array(16), at: 1 } : {};
      return encodeRuling({
        idx: idx + at,
        atMs: phone.clock.nowMs(),
        kind,
        payload: { ...of, flags: [], no: null, ...more },
      });
    }),
  ];
  const leaves = await Promise.all(rulings.map(leafHash));
  const [root, paths] = await tree(leaves);
  const origin = originOf(fromHex(SERVER), phone.centre.epoch);
  const text = `${origin}\n${leaves.length}\n${toBase64(root)}\ntime 1\n`;
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", key.privateKey, new TextEncoder().encode(text)));
  const note = `${text}\n— ${origin} ${toBase64(concat(await keyId(origin, await raw(log)), signature))}\n`;
  const writer = new BundleWriter();
  const { chain, alg, publicKey: pub, nonce } = phone.key;
  const pieces = [await writer.begin({ by: "test", at_ms: 1, chain: fromHex(chain), alg, pub, nonce })];
  pieces.push(await writer.add("checkpoint", [note, 0, []]));
  for (let at = idx - 1; at < rulings.length; at++) {
    const ruling = rulings[at] as Uint8Array;
    pieces.push(await writer.add("ruling", [change?.(ruling) ?? ruling, paths[at] as Uint8Array[]]));
  }
  pieces.push(await writer.end((message) => signWith(phone.key, message)));
  return concat(...pieces);
}

/** The root over leaves and the proof of each (RFC 6962 section 2.1). */
async function tree(leaves: Uint8Array[]): Promise<[Uint8Array, Uint8Array[][]]> {
  if (leaves.length === 1) return [leaves[0] as Uint8Array, [[]]];
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  const [left, leftPaths] = await tree(leaves.slice(0, half));
  const [right, rightPaths] = await tree(leaves.slice(half));
  const paths = [...leftPaths.map((path) => [...path, right]), ...rightPaths.map((path) => [...path, left])];
  return [await nodeHash(left, right), paths];
}

const unsent = async () => (await phone.vault.unsent()).length;
const take = async (bytes: Uint8Array<ArrayBuffer>) => takeIn(parts(), new Blob([bytes]));

test("everything unsent goes into a file that the centre alone can read, also what only memory holds", async () => {
  const sets = await away();
  const extra = { ...(sets[0] as OwnSet), id: "memory" };
  const handed = await pack(parts([extra]), false);
  expect(handed).toMatchObject({ sets: sets.length + 1, sealed: "centre" });
  expect(handed?.file.name).toMatch(/^ortoo-[0-9a-f]{8}\.bundle$/);
  const file = await bytesOf(handed?.file as File);
  expect(Buffer.from(file).includes(Buffer.from("一"))).toBe(false);
  const records = await recordsIn(opened(inPieces(file, 1_000), centre));
  expect(records.map(({ kind, code }) => code || kind)).toEqual(["manifest", "set", "set", "set", "end"]);
  expect(records.flatMap(({ kind, value }) => (kind === "set" ? [value] : []))).toEqual(
    [...sets, extra].map((set) => set.raw),
  );
  expect(await unsent()).toBe(sets.length); // still here
});

test("BU9: whoever serves its own station reads it too, but no other station, and none that was shut out", async () => {
  const [own, gone, foreign] = [await freshReader(), await freshReader(), await freshReader()];
  const township = fromHex(phone.session.person.station as string);
  const server = { alg: "Ed25519", pub: new Uint8Array(32), label: "server" };
  await phone.centre.org("devices", "a1".repeat(16), { ...server, station: township, seal: own.pub });
  await phone.centre.org("devices", "a2".repeat(16), {
    ...server,
    station: township,
    seal: gone.pub,
    revoked_at_ms: 1,
  });
  await phone.centre.org("devices", "a3".repeat(16), { ...server, station: new Uint8Array(16), seal: foreign.pub });
  await away();
  const handed = await pack(parts(), false);
  expect(handed?.sealed).toBe("both");
  const file = await bytesOf(handed?.file as File);
  for (const reader of [centre, own]) {
    const records = await recordsIn(opened(inPieces(file, 1_000), reader));
    expect(records.at(-1)).toMatchObject({ kind: "end", code: "" });
  }
  for (const reader of [gone, foreign])
    await expect(recordsIn(opened(inPieces(file, 1_000), reader))).rejects.toThrow("sealed_to_others");
});

test("a phone that knows no key of the centre's makes no file in the clear before somebody says so", async () => {
  const sets = await away(false);
  expect(await pack(parts(), false)).toBeNull();
  const handed = await pack(parts(), true);
  expect(handed?.sealed).toBeNull();
  const records = await recordsIn(inPieces(await bytesOf(handed?.file as File), 100));
  expect(records.filter(({ kind }) => kind === "set")).toHaveLength(sets.length);
  expect(records.at(-1)).toMatchObject({ kind: "end", code: "" });
});

test("BU6: what the log proves is safe, without a network; the same answer again changes nothing", async () => {
  const sets = await away();
  const answer = await answerTo(sets);
  const heard = await take(answer);
  expect(heard).toMatchObject({ own: 2, others: 0, code: null });
  expect([...heard.confirmed].sort()).toEqual(sets.map(({ id }) => id).sort());
  expect(await unsent()).toBe(0);
  expect((await phone.outbox.counts()).refusals).toBe(0);
  const marks = await phone.vault.marks();
  expect((await take(answer)).confirmed.size).toBe(0);
  expect(await phone.vault.marks()).toEqual(marks);
});

test.each<[string, Told, string]>([
  ["signed by another key", { key: "another" as never }, "bad_signature"],
  [
    "with a ruling that was changed on the way",
    { change: (one) => one.map((byte, at) => (at === one.length - 30 ? byte ^ 1 : byte)) },
    "bad_",
  ],
  ["with no ruling at all", { change: () => Uint8Array.of(0xc0) }, "bad_ruling"],
])("BU6: an answer %s confirms nothing", async (_story, told, code) => {
  const sets = await away();
  const other = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
  const heard = await take(await answerTo(sets, told.key ? { ...told, key: other } : told));
  expect(heard.confirmed.size).toBe(0);
  expect(heard.code).toMatch(new RegExp(`^(${code}|not_in_log)`));
  expect(await unsent()).toBe(sets.length);
});

test("BU6: an answer of a log that is no longer the centre's confirms nothing", async () => {
  const sets = await away();
  const answer = await answerTo(sets);
  await phone.vault.setMeta("log", { origin: "another", epoch: "ff".repeat(8) });
  expect(await take(answer)).toMatchObject({ code: "log_unknown", own: 0 });
  expect(await unsent()).toBe(sets.length);
});

test("BU6: a later decision is heard, an earlier one does not come back, and words that were taken away go here too", async () => {
  const sets = await away();
  await take(await answerTo(sets, { d: "rejected", idx: 9 }));
  expect((await phone.outbox.counts()).refusals).toBe(sets.length);
  await take(await answerTo(sets, { d: "accepted", idx: 2 }));
  expect((await phone.outbox.counts()).refusals).toBe(sets.length);
  await take(await answerTo(sets, { d: "accepted_late", idx: 20, kind: "redact" }));
  expect((await phone.outbox.counts()).refusals).toBe(0);
  expect(await parts().watch.alarm()).toBeNull(); // an older checkpoint that was carried here is none
  for (const { chain, seq } of sets) {
    const left = await phone.vault.own(chain, seq);
    expect(Buffer.from(left?.raw ?? []).includes(Buffer.from(seq === 2 ? "一" : "二"))).toBe(false);
  }
});

/** What a station of that key and chain says it keeps, as an answer of its own. */
async function wordOf(keys: CryptoKeyPair, chain: Uint8Array, sets: readonly OwnSet[]) {
  const writer = { chain, seq: 5, prev: new Uint8Array(32), stamp: { ms: 1, counter: 0 } };
  const words = sets.map(({ id, chain, seq }) => [fromHex(id, 32), fromHex(chain), seq, 7_000, 60]);
  const draft = { user: new Uint8Array(16), scope: "org", kind: "chain", entity: chain, lane: 1 } as const;
  const { raw } = await write(
    writer,
    { ...draft, ops: [{ t: "hub.kept", sets: words }] },
    {
      wallMs: 9_000,
      offsetMs: 0,
      mono: [new Uint8Array(8), 0],
      salt: new Uint8Array(16),
      sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", keys.privateKey, message)),
    },
  );
  const bundled = new BundleWriter();
  const { alg, publicKey: pub, nonce, chain: own } = phone.key;
  const made = { by: "test", at_ms: 1, chain: fromHex(own), alg, pub, nonce };
  return concat(
    await bundled.begin(made),
    await bundled.add("set", raw),
    await bundled.end((message) => signWith(phone.key, message)),
  );
}

test("BU6: a station's signed word is a second tick, and no one else's is", async () => {
  const generate = () =>
    crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
  const [station, other] = [await generate(), await generate()];
  const [theirs, gone, officers] = [1, 2, 3].map((one) => new Uint8Array(16).fill(one)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const row = { alg: "Ed25519", pub: await raw(station), label: "server", station: new Uint8Array(16) };
  await phone.centre.org("devices", Buffer.from(theirs).toString("hex"), row);
  await phone.centre.org("devices", Buffer.from(gone).toString("hex"), { ...row, revoked_at_ms: 1 });
  await phone.centre.org("devices", Buffer.from(officers).toString("hex"), { ...row, station: null, person: theirs });
  const sets = await away();
  for (const [keys, chain, code] of [
    [station, gone, "station_unknown"],
    [station, officers, "station_unknown"],
    [station, new Uint8Array(16).fill(9), "station_unknown"],
    [other, theirs, "bad_signature"],
  ] as const) {
    expect(await take(await wordOf(keys, chain, sets))).toMatchObject({ own: 0, kept: 0, code });
    expect((await phone.outbox.counts()).kept).toBe(0);
  }
  const word = await wordOf(station, theirs, sets);
  expect(await take(word)).toMatchObject({ own: sets.length, kept: sets.length, code: null, confirmed: new Set() });
  expect((await phone.outbox.counts()).kept).toBe(sets.length);
  expect(await unsent()).toBe(sets.length);
  await take(await answerTo(sets));
  expect(await take(word)).toMatchObject({ own: 0, kept: 0 });
  expect(await unsent()).toBe(0);
});

test("BU6: what only a station called safe is safe by proof once an answer proves it", async () => {
  const sets = await away();
  const marks = async () => new Map((await phone.vault.marks()).map((mark) => [mark.id, mark]));
  const before = await marks();
  const parcels = sets.map((set) => ({ set, mark: before.get(set.id) ?? null }));
  const said = sets.map(({ id }) => ({ id: fromHex(id, 32), r: "stored" as const, idx: 4, at_ms: 1, d: "accepted" }));
  await phone.outbox.answered(parcels, said, phone.clock.nowMs(), "ab".repeat(16));
  expect((await take(await answerTo(sets, { idx: 2 }))).borneOut).toEqual([]); // rulings 2 and 3: an older word
  const heard = await take(await answerTo(sets, { idx: 4 }));
  expect(heard.borneOut.map(({ id }) => id)).toEqual(sets.map(({ id }) => id));
  const after = await marks();
  for (const { id } of sets) expect(after.get(id)).toMatchObject({ answer: { r: "duplicate", d: "accepted" } });
  expect([...after.values()].filter(({ wordOf }) => wordOf)).toEqual([]);
});

test("an answer about other phones, and a file that is none, are told apart", async () => {
  const [set] = await away();
  const other = { ...(set as OwnSet), id: Buffer.from(await sha256(Uint8Array.of(1))).toString("hex") };
  expect(await take(await answerTo([other]))).toMatchObject({ own: 0, others: 1 });
  expect(await take(Uint8Array.of(1, 2, 3))).toMatchObject({ own: 0, code: "not_a_bundle" });
  const sealed = await pack(parts(), false);
  expect(await takeIn(parts(), sealed?.file as File)).toMatchObject({ code: "sealed_to_others" });
});
