/**
 * The vault on a real IndexedDB implementation: what is written stays, in one piece, once.
 */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Mark, type OwnSet, SeqTaken, Vault, VaultRefused } from "../../src/device/vault";

const CHAIN = "aa".repeat(16);

function set(seq: number, over: Partial<OwnSet> = {}): OwnSet {
  const id = over.id ?? seq.toString(16).padStart(64, "0");
  return {
    chain: CHAIN,
    seq,
    id,
    entity: "ee".repeat(16),
    kind: "incident",
    lane: 0,
    wroteAtMs: 1_000 + seq,
    raw: Uint8Array.of(seq),
    ...over,
  };
}

let vault: Vault;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  vault = new Vault();
});
afterEach(() => vault.close());

test("a set, its number and its mark are written together and survive a new page", async () => {
  await vault.append(set(0));
  await vault.append(set(1, { lane: 1 }));
  vault.close();

  const later = new Vault();
  expect((await later.head(CHAIN))?.seq).toBe(1);
  expect((await later.unsent()).map((mark) => [mark.seq, mark.lane, mark.bytes])).toEqual([
    [0, 0, 1],
    [1, 1, 1],
  ]);
  expect((await later.ownOf("ee".repeat(16))).map((own) => own.seq)).toEqual([0, 1]);
  later.close();
});

test("a set and the notes that go with it are written together or not at all", async () => {
  await vault.setMeta("time:old", 1);
  await vault.append(set(0), { "time:new": 2, "time:old": null });
  expect([...(await vault.metas("time:"))]).toEqual([["time:new", 2]]);
  await expect(vault.append(set(1), { "time:new": () => 3 })).rejects.toBeInstanceOf(VaultRefused); // cannot be stored
  await expect(vault.append(set(0), { "time:new": 4 })).rejects.toBeInstanceOf(SeqTaken);
  expect([...(await vault.metas("time:"))]).toEqual([["time:new", 2]]);
  expect((await vault.head(CHAIN))?.seq).toBe(0);
});

test("two tabs that sign the same number: one is kept, the other is told, nothing is half written", async () => {
  const other = new Vault();
  await vault.append(set(0));
  const [first, second] = await Promise.allSettled([
    vault.append(set(1, { id: "01".repeat(32) })),
    other.append(set(1, { id: "02".repeat(32) })),
  ]);
  expect([first.status, second.status].sort()).toEqual(["fulfilled", "rejected"]);
  const lost = [first, second].find((one) => one.status === "rejected") as PromiseRejectedResult;
  expect(lost.reason).toBeInstanceOf(SeqTaken);
  expect(await vault.unsent()).toHaveLength(2);
  expect((await other.head(CHAIN))?.seq).toBe(1);
  other.close();
});

test("the same set id under another number is refused too: an append is never an overwrite", async () => {
  await vault.append(set(0));
  await expect(vault.append(set(1, { id: set(0).id }))).rejects.toBeInstanceOf(SeqTaken);
  expect(await vault.unsent()).toHaveLength(1);
});

test("a commit that the storage aborts is an error to the writer, and leaves nothing behind", async () => {
  await vault.append(set(0));
  const real = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof real>) {
    const tx = real.apply(this, args);
    if (args[1] === "readwrite") queueMicrotask(() => tx.abort());
    return tx;
  };
  await expect(vault.append(set(1))).rejects.toBeInstanceOf(VaultRefused);
  IDBDatabase.prototype.transaction = real;
  expect((await vault.head(CHAIN))?.seq).toBe(0);
  expect(await vault.unsent()).toHaveLength(1);
});

test("every write asks for strict durability", async () => {
  const asked: (string | undefined)[] = [];
  const real = IDBDatabase.prototype.transaction;
  IDBDatabase.prototype.transaction = function (this: IDBDatabase, ...args: Parameters<typeof real>) {
    if (args[1] === "readwrite") asked.push(args[2]?.durability);
    return real.apply(this, args);
  };
  await vault.append(set(0));
  await vault.setMeta("duty", { on: true });
  await vault.putMarks((await vault.unsent()).map((mark) => ({ ...mark, answeredAtMs: 5 })));
  IDBDatabase.prototype.transaction = real;
  expect(asked).toEqual(["strict", "strict", "strict"]);
});

test("an answered mark leaves the unsent list only when its writer says so; the set stays in any case", async () => {
  await vault.append(set(0));
  await vault.append(set(1));
  const [one, two] = (await vault.unsent()) as [Mark, Mark];
  const { unsent: _gone, ...confirmed } = one;
  const answer = { r: "stored", why: null, idx: 7, atMs: 50, d: "accepted", no: null };
  await vault.putMarks([
    { ...confirmed, answer, answeredAtMs: 50 },
    { ...two, answer: { ...answer, r: "too_large", idx: null, d: null }, answeredAtMs: 51 },
  ]);
  expect((await vault.unsent()).map((mark) => mark.seq)).toEqual([1]);
  expect((await vault.answered(10)).map((mark) => mark.seq)).toEqual([1, 0]);
  expect((await vault.own(CHAIN, 0))?.raw).toEqual(Uint8Array.of(0));
});

test("a non-extractable key comes back able to sign and still cannot be exported", async () => {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  await vault.enrol(
    { chain: CHAIN, alg: "Ed25519", privateKey: pair.privateKey, publicKey, nonce: new Uint8Array(16), createdAtMs: 1 },
    { session: { name: "苏和" } },
  );
  const key = await vault.key(CHAIN);
  if (!key) throw new Error("the key is gone");
  const signature = await crypto.subtle.sign("Ed25519", key.privateKey, Uint8Array.of(1, 2, 3));
  expect(await crypto.subtle.verify("Ed25519", pair.publicKey, signature, Uint8Array.of(1, 2, 3))).toBe(true);
  await expect(crypto.subtle.exportKey("pkcs8", key.privateKey)).rejects.toThrow();
  expect(await vault.meta("session")).toEqual({ name: "苏和" });
});
