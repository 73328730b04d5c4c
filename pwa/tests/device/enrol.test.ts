/** Becoming a device: the key never leaves, an answer lost on the way can be asked for again, and old records stay. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Attempt, enrol, newAttempt, openingDraft } from "../../src/device/enrol";
import { enrolled, forgetSession, keptSession } from "../../src/device/session";
import { Vault } from "../../src/device/vault";
import { ChainWriter, signWith } from "../../src/device/writer";
import { isRefusal, readSet } from "../../src/sync/changeset";
import { chainId, toHex } from "../../src/sync/ids";
import { HeldClock, PERSON } from "./phone";

const said = { code: "7K4Q2-M9D3X", label: "执勤手机" };
let vault: Vault;
beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  vault = new Vault();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vault.close();
});

/** The server's side of enrolment, as far as a phone sees it. */
async function answerTo(attempt: Attempt, over: object = {}): Promise<Response> {
  const chain = toHex(await chainId(attempt.publicKey, attempt.nonce));
  const person = { id: PERSON, name: "苏和", role: "officer", station: null, unit: null };
  const server = { id: "00".repeat(16), name: "指挥中心", role: "centre" };
  return Response.json(
    { token: "t", chain, person, server, org: { people: [person] }, now_ms: 1, ...over },
    { status: 201 },
  );
}
const device = () => ({ vault, clock: new HeldClock(), app: "test" });

test("a browser without Ed25519 gets a P-256 key, as closed as the other, and its chain opens by the same rules", async () => {
  const generate = crypto.subtle.generateKey.bind(crypto.subtle);
  const only = vi.spyOn(crypto.subtle, "generateKey").mockImplementation(((
    algorithm: { name: string },
    ...rest: never[]
  ) => {
    if (algorithm.name === "Ed25519") return Promise.reject(new DOMException("unrecognised", "NotSupportedError"));
    return (generate as (...args: unknown[]) => unknown)(algorithm, ...rest);
  }) as never);
  const attempt = await newAttempt();
  only.mockRestore();
  expect(attempt.alg).toBe("ES256");
  expect(attempt.publicKey).toHaveLength(65);
  await expect(crypto.subtle.exportKey("pkcs8", attempt.privateKey)).rejects.toThrow();

  const chain = toHex(await chainId(attempt.publicKey, attempt.nonce));
  const key = { chain, ...attempt, createdAtMs: 1 };
  await vault.enrol(key, {});
  const parts = {
    vault,
    key,
    person: PERSON,
    clock: new HeldClock(),
    offsetMs: () => null,
    seen: () => null,
    beacon: () => null,
  };
  await new ChainWriter(parts).open(openingDraft(key, "test"));
  const set = await readSet((await vault.head(chain))?.raw as Uint8Array);
  if (isRefusal(set)) throw new Error(set.detail);
  expect(set.signature).toHaveLength(64);
  expect(set.body?.ops[0]).toMatchObject({ t: "chain.open", alg: "ES256" });
  const message = new TextEncoder().encode("x");
  const ecdsa = { name: "ECDSA", namedCurve: "P-256" };
  const open = await crypto.subtle.importKey("raw", attempt.publicKey as Uint8Array<ArrayBuffer>, ecdsa, true, [
    "verify",
  ]);
  const signature = (await signWith(key, message)) as Uint8Array<ArrayBuffer>;
  expect(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, open, signature, message)).toBe(true);
});

test("the answer got lost: nothing was written, and the same key asks again with the same code (EX7)", async () => {
  const attempt = await newAttempt();
  const asked: unknown[] = [];
  const fetch = vi.fn(async (_path: string, init: RequestInit) => {
    asked.push(JSON.parse(String(init.body)));
    if (asked.length === 1) throw new TypeError("Failed to fetch");
    return answerTo(attempt);
  });
  vi.stubGlobal("fetch", fetch);
  await expect(enrol(attempt, said, device())).rejects.toMatchObject({ code: "no_answer" });
  expect(await enrolled()).toBe(false);
  const session = await enrol(attempt, said, device());
  expect(asked[1]).toEqual(asked[0]);
  expect(session.person.name).toBe("苏和");
  expect(await enrolled()).toBe(true);
});

test("a refusal keeps its code; an answer for another chain is not believed", async () => {
  const attempt = await newAttempt();
  vi.stubGlobal("fetch", async () => Response.json({ code: "wrong_code" }, { status: 401 }));
  await expect(enrol(attempt, said, device())).rejects.toMatchObject({ code: "wrong_code" });
  vi.stubGlobal("fetch", () => answerTo(attempt, { chain: "ff".repeat(16) }));
  await expect(enrol(attempt, said, device())).rejects.toMatchObject({ code: "other_chain" });
  vi.stubGlobal("fetch", async () => new Response("<html>", { headers: { "content-type": "text/html" } }));
  await expect(enrol(attempt, said, device())).rejects.toMatchObject({ code: "no_answer" });
  expect(await enrolled()).toBe(false);
});

test("enrolled again: the earlier chain, its key and its unsent sets are still here", async () => {
  const first = await newAttempt();
  vi.stubGlobal("fetch", () => answerTo(first));
  const before = await enrol(first, said, device());
  const raw = Uint8Array.of(1);
  await vault.append({
    chain: before.chain,
    seq: 0,
    id: "aa",
    entity: "bb",
    kind: "incident",
    lane: 0,
    wroteAtMs: 1,
    raw,
  });
  await forgetSession(vault);
  expect(await enrolled()).toBe(false);

  const second = await newAttempt();
  vi.stubGlobal("fetch", () => answerTo(second));
  const after = await enrol(second, said, device());
  expect(after.chain).not.toBe(before.chain);
  expect((await keptSession(vault))?.chain).toBe(after.chain);
  expect(await vault.key(before.chain)).not.toBeNull();
  expect(await vault.unsent()).toHaveLength(1);
});
