/** A phone as a witness of the centre's log: it asks now and then, and what does not only grow is told (TL9). */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { chipFacts } from "../../src/device/chip";
import { LogWatch } from "../../src/device/watch";
import { concat, fromHex, sha256 } from "../../src/sync/ids";
import { nodeHash } from "../../src/sync/merkle";
import { keyId, toBase64 } from "../../src/sync/note";
import { originOf } from "../../src/sync/witness";
import { Phone } from "./phone";

const SERVER = "00".repeat(16);
const INCIDENT = "11".repeat(16);
const A = new Uint8Array(32).fill(1);
const B = new Uint8Array(32).fill(2);
const C = new Uint8Array(32).fill(3);

let phone: Phone;
let key: CryptoKeyPair;
let pub: Uint8Array<ArrayBuffer>;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  key = (await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"])) as CryptoKeyPair;
  pub = new Uint8Array(await crypto.subtle.exportKey("raw", key.publicKey));
  await phone.centre.org("logs", SERVER, { alg: "Ed25519", pub, epoch: phone.centre.epoch });
});
afterEach(() => phone.close());

async function signed(size: number, root: Uint8Array): Promise<string> {
  const origin = originOf(fromHex(SERVER), phone.centre.epoch);
  const text = `${origin}\n${size}\n${toBase64(root)}\ntime 1\n`;
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", key.privateKey, new TextEncoder().encode(text)));
  return `${text}\n— ${origin} ${toBase64(concat(await keyId(origin, pub), signature))}\n`;
}

/** One exchange at least a minute after the one before. */
async function laterExchange(): Promise<void> {
  phone.clock.pass(61_000);
  await phone.exchange();
}

test("TL9: the highest checkpoint is kept, over restarts too, and the next is asked for from there", async () => {
  phone.centre.checkpoint = { note: await signed(1, A), proof: [] };
  await phone.exchange();
  expect(phone.status.alarm ?? null).toBeNull();
  phone.centre.checkpoint = { note: await signed(2, await nodeHash(A, B)), proof: [B] };
  await laterExchange();
  expect(phone.status.alarm ?? null).toBeNull();
  phone = await phone.again();
  await laterExchange();
  expect(phone.centre.asked).toEqual([0, 1, 2]);
  expect(phone.status.alarm ?? null).toBeNull();
});

test("TL9: it is asked for about once a minute, not with every pull", async () => {
  phone.centre.checkpoint = { note: await signed(1, A), proof: [] };
  await phone.exchange();
  await phone.exchange();
  await phone.exchange();
  expect(phone.centre.asked).toEqual([0]);
});

test.each([
  ["smaller", async () => ({ note: await signed(1, A), proof: [] })],
  ["split", async () => ({ note: await signed(2, C), proof: [] })],
  ["inconsistent", async () => ({ note: await signed(3, await nodeHash(await nodeHash(A, C), B)), proof: [B] })],
  ["bad_signature", async () => ({ note: (await signed(3, C)).replace("\n3\n", "\n4\n"), proof: [] })],
] as const)("TL9: a log that is %s is an alarm that stays, and work goes on", async (code, given) => {
  phone.centre.checkpoint = { note: await signed(2, await nodeHash(A, B)), proof: [] };
  await phone.exchange();
  phone.centre.checkpoint = await given();
  await laterExchange();
  expect(phone.status.alarm).toMatchObject({ code, note: phone.centre.checkpoint.note });
  expect(phone.status.alarm?.held).toContain("\n2\n");
  await phone.note(INCIDENT, "照常记录");
  await phone.exchange();
  expect(await phone.vault.unsent()).toHaveLength(0);
  const facts = {
    head: 2,
    acked: 2,
    kept: 0,
    refusals: 0,
    unkept: 0,
    suspended: false,
    reachable: true,
    lastContactMs: 0,
  };
  expect(chipFacts({ ...facts, sending: null, alarmed: true }, 0).refused).toBe(1);
  // The phone is opened again: the alarm is still there, and goes when the log adds up again.
  phone = await phone.again();
  phone.centre.checkpoint = { note: await signed(3, await nodeHash(await nodeHash(A, B), C)), proof: [C] };
  await laterExchange();
  expect(phone.status.alarm).toBeNull();
});

test("TL9: an answer to what was asked before another tab heard more is no alarm", async () => {
  phone.centre.checkpoint = { note: await signed(1, A), proof: [] };
  await phone.exchange();
  const other = await phone.again(false);
  const [slow, quick] = [phone, other].map(
    ({ vault, cache, clock }) => new LogWatch({ vault, org: () => cache.org(), clock }),
  );
  expect([await slow?.due(), await quick?.due()]).toEqual([1, 1]);
  const two = await nodeHash(A, B);
  await quick?.heard(fromHex(SERVER), { note: await signed(2, two), proof: [B] });
  expect(
    await slow?.heard(fromHex(SERVER), { note: await signed(3, await nodeHash(two, C)), proof: [B, C] }),
  ).toBeNull();
  expect(await slow?.alarm()).toBeNull();
  other.close();
});

test("TL9: before the row that names the log has come nothing is judged", async () => {
  phone.close();
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  phone.centre.checkpoint = { note: await signed(1, await sha256(new Uint8Array(0))), proof: [] };
  await phone.exchange();
  expect(phone.status.alarm ?? null).toBeNull();
});
