/**
 * A proxy that keeps answers it was told not to keep, and gives an old one in place of a new one: nothing follows from it, and
 * the phone asks again (EX11).
 */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DESK, NOON, ordered, Phone, SCOPE } from "./phone";

const INCIDENT = "11".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

/** The next such call is answered with what this one was answered with then. */
function replay(call: string, at = -1): void {
  const old = phone.centre.heard.get(call)?.at(at);
  if (!old) throw new Error(`nothing was ever said to ${call}`);
  phone.centre.replays.set(call, old);
}

/** The old answer comes, and then that of today: no chain was left, and everything is handed in. */
async function goesOn(call: string): Promise<void> {
  const { chain } = phone.writer;
  await phone.exchange();
  expect(phone.centre.replays.has(call)).toBe(false);
  expect(phone.status.trouble).toMatchObject({ kind: "garbled" });
  expect((phone.status.nextTryMs ?? 0) - phone.clock.ms).toBeLessThan(10_000); // asked again soon: nobody refused
  await phone.note(INCIDENT, "照常");
  await phone.exchange();
  expect(phone.status).toMatchObject({ reachable: true, trouble: null });
  expect(phone.writer.chain).toBe(chain);
  expect(phone.session).toMatchObject({ chain, token: `token of ${chain}` });
  expect(phone.session.needsCode).toBeUndefined();
  expect(phone.session.insteadOf).toBeUndefined();
  expect(await phone.vault.unsent()).toEqual([]);
}

/** As if a person had given a code: the chain in use is enrolled itself. */
function enrolled(): void {
  const { insteadOf: _place, needsCode: _code, ...rest } = phone.session;
  phone.session = { ...rest, token: `token of ${rest.chain}` };
}

test("a refusal of the chain that was left is not said of the one in use (EX11)", async () => {
  phone.centre.places.set(phone.writer.chain, "ee".repeat(16));
  await phone.exchange(); // the hello is refused
  await phone.exchange(); // and the place
  expect(phone.session.needsCode).toBe(true);
  enrolled();
  await phone.exchange();
  replay("hello", 0);
  await goesOn("hello");
});

test("an old refusal of a place asks nobody for a code", async () => {
  phone.centre.places.set(phone.writer.chain, "ee".repeat(16));
  await phone.exchange();
  await phone.exchange();
  enrolled();
  await phone.exchange();
  await phone.leaving.leave("storage");
  replay("rotate");
  await goesOn("rotate");
});

test("the token of the chain before is not taken for that of the next", async () => {
  await phone.leaving.leave("storage");
  await phone.exchange();
  await phone.leaving.leave("storage");
  replay("rotate");
  await goesOn("rotate");
});

test("a chain is not left for what was said of the one before", async () => {
  phone.centre.rotate.set(phone.writer.chain, "copied");
  await phone.exchange();
  replay("hello", 0);
  await goesOn("hello");
});

test("an old welcome brings no old token back, and no old time", async () => {
  await phone.exchange();
  await phone.exchange();
  phone.clock.pass(3_600_000);
  phone.centre.nowMs += 3_600_000;
  replay("hello", 0);
  await goesOn("hello");
  expect(phone.centre.greetings.at(-1)?.token).toBe("2".padStart(32, "0"));
  expect(Math.abs(phone.status.offsetMs ?? NOON)).toBeLessThan(10);
});

test("an answer to the same hello, repeated an hour later, does not tell the time of then", async () => {
  phone.centre.fault = "answer_lost";
  await phone.exchange();
  phone.clock.pass(3_600_000);
  phone.centre.fault = null;
  phone.centre.nowMs += 3_600_000;
  replay("hello");
  await goesOn("hello");
  const [first, second] = phone.centre.greetings;
  expect(second?.request).toBe(first?.request);
  expect(Math.abs(phone.status.offsetMs ?? NOON)).toBeLessThan(10);
});

test("a suspension of the chain before is not heard of the one in use", async () => {
  phone.centre.fault = "revoked";
  await phone.exchange();
  expect(phone.status.trouble?.code).toBe("device_revoked");
  phone.centre.fault = null;
  await phone.leaving.leave("storage");
  await phone.exchange();
  replay("hello", 0);
  await goesOn("hello");
});

test("an old page of a scope is no reason to fetch the scope again", async () => {
  await ordered(phone.centre, INCIDENT, "22".repeat(16));
  await phone.exchange();
  const first = phone.centre.heard.get("pull")?.length ?? 0;
  await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "一" }]);
  await phone.exchange();
  const [before, held] = [await phone.cache.cursor(SCOPE), await phone.cache.entriesOf(INCIDENT)];
  replay("pull", first - 1);
  await phone.exchange();
  expect(await phone.cache.cursor(SCOPE)).toEqual(before);
  expect(await phone.cache.entriesOf(INCIDENT)).toEqual(held);
});
