/** Talking to the centre through networks that are not there, not ours, or too slow. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { keptSession } from "../../src/device/session";
import { DESK, NOON, Phone } from "./phone";

const INCIDENT = "11".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => {
  vi.useRealTimers();
  phone.close();
});

test("one refusal to serve, then silence: the outbox empties by itself, without another write", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  phone.centre.fault = "busy";
  await phone.note(INCIDENT, "一");
  await phone.exchange();
  expect(phone.status.reachable).toBe(false);
  expect(await phone.vault.unsent()).toHaveLength(2);
  phone.centre.fault = null;
  await vi.advanceTimersToNextTimerAsync();
  await vi.waitFor(async () => expect(await phone.vault.unsent()).toHaveLength(0));
});

test("trouble again and again is asked about less and less often, but never less than every half minute", async () => {
  phone.centre.fault = "down";
  const waits: number[] = [];
  for (let n = 0; n < 8; n++) {
    await phone.exchange();
    waits.push((phone.status.nextTryMs ?? 0) - phone.clock.ms);
  }
  expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 20_000, 20_000, 20_000, 20_000]);
  phone.centre.fault = null;
  await phone.exchange();
  expect((phone.status.nextTryMs ?? 0) - phone.clock.ms).toBe(15_000);
});

test.each([
  ["down", "offline"],
  ["portal", "portal"],
  ["busy", "busy"],
] as const)("%s is known as %s; nothing is marked, nothing is lost", async (fault, kind) => {
  await phone.note(INCIDENT, "一");
  phone.centre.fault = fault;
  await phone.exchange();
  expect(phone.status).toMatchObject({ reachable: false, trouble: { kind }, lastContactMs: null, sending: null });
  expect(await phone.vault.unsent()).toHaveLength(2);
});

test("a suspended device hands over what it holds and gets nothing (EX9)", async () => {
  await phone.note(INCIDENT, "一");
  phone.centre.fault = "revoked";
  await phone.exchange();
  expect(phone.status).toMatchObject({ reachable: false, trouble: { kind: "refused", code: "device_revoked" } });
  expect(await phone.vault.unsent()).toHaveLength(0);
  expect(phone.centre.calls).not.toContain("pull");
  expect((phone.status.nextTryMs ?? 0) - phone.clock.ms).toBe(60_000);
});

test("a hello says how full the storage is, and nothing where the browser does not tell (EX13)", async () => {
  const says = async (estimate?: () => Promise<StorageEstimate>) => {
    vi.stubGlobal("navigator", estimate ? { storage: { estimate } } : {});
    await phone.exchange();
    phone.clock.ms += 3_600_000;
    return phone.centre.storage.at(-1);
  };
  expect(await says()).toBeUndefined();
  expect(await says(async () => ({ usage: 301, quota: 1_000 }))).toBe(31);
  expect(await says(async () => ({ usage: 9, quota: 0 }))).toBeUndefined();
  expect(await says(() => Promise.reject(new Error("no")))).toBeUndefined();
  vi.unstubAllGlobals();
});

describe("a suspended phone is cleared (EX12)", () => {
  beforeEach(async () => {
    await phone.note(INCIDENT, "一");
    await phone.exchange();
    expect(await phone.cache.cursors()).not.toEqual([]);
    await phone.note(INCIDENT, "二");
    phone.centre.fault = "revoked";
  });

  test("once it owes nothing, and never before the centre has written that down", async () => {
    phone.centre.wipe = "empty";
    phone.centre.notes = false;
    await phone.exchange();
    expect(phone.centre.wiping).toEqual([0]);
    expect(await phone.cache.cursors()).toEqual([]); // what it was given goes at once
    expect(await phone.cache.entriesOf(INCIDENT)).toEqual([]);
    expect(await phone.vault.ownOf(INCIDENT)).toHaveLength(2); // what it wrote itself stays
    expect(phone.cleared).toBe(false);

    phone.centre.notes = true;
    await phone.exchange();
    expect(phone.cleared).toBe(true);
    expect(await phone.vault.ownOf(INCIDENT)).toEqual([]);
    expect(await phone.vault.key(phone.session.chain)).toBeNull();
    expect(await keptSession(phone.vault)).toBeNull();
  });

  test("what it owes is handed over first, however long that takes", async () => {
    phone.centre.wipe = "empty";
    phone.centre.silent = "push";
    await phone.exchange();
    expect(await phone.vault.unsent()).toHaveLength(1);
    expect(phone.centre.wiping).toEqual([]);
    expect(phone.cleared).toBe(false);
    phone.centre.silent = null;
    await phone.exchange();
    expect(phone.centre.wiping).toEqual([0]);
    expect(phone.cleared).toBe(true);
  });

  test("what the centre had and has no more, since it was put back, is handed over first", async () => {
    phone.centre.wipe = "empty";
    phone.centre.putBack(0);
    phone.centre.silent = "push";
    await phone.exchange();
    const wrote = (await phone.vault.marks()).map(({ id }) => id);
    expect((await phone.vault.unsent()).map(({ id }) => id)).toEqual(wrote);
    expect(phone.cleared).toBe(false);
    phone.centre.silent = null;
    await phone.exchange();
    expect(phone.centre.pushes.at(-1)).toHaveLength(wrote.length);
    expect(phone.cleared).toBe(true);
  });

  test("what is written while the centre takes note of it is handed over too", async () => {
    phone.centre.wipe = "empty";
    phone.centre.meanwhile = async () => {
      phone.centre.meanwhile = null;
      await phone.note(INCIDENT, "三");
    };
    await phone.exchange();
    expect(phone.centre.wiping).toEqual([0]);
    expect(phone.cleared).toBe(false);
    expect(await phone.vault.unsent()).toHaveLength(1);
    await phone.exchange();
    expect(phone.centre.pushes.at(-1)).toHaveLength(1);
    expect(phone.cleared).toBe(true);
  });

  test("in other hands it is cleared at once, whatever it could hand over", async () => {
    phone.centre.wipe = "now";
    phone.centre.silent = "push";
    phone.centre.notes = false;
    await phone.exchange();
    expect(phone.centre.wiping).toEqual([1]);
    expect(phone.cleared).toBe(true);
    expect(await phone.vault.ownOf(INCIDENT)).toEqual([]);
  });

  test("a server that does not say so clears nothing", async () => {
    await phone.exchange();
    expect(phone.centre.wiping).toEqual([]);
    expect(await phone.cache.entriesOf(INCIDENT)).not.toEqual([]);
    expect(phone.cleared).toBe(false);
  });
});

test("the clock's offset is learnt, and times of later writes stand in the centre's time", async () => {
  phone.centre.nowMs = NOON + 120_000; // this phone is two minutes slow
  await phone.exchange();
  expect(phone.status.offsetMs).toBeGreaterThan(119_000);
  expect(phone.status.lastContactMs).toBe(NOON + (phone.status.offsetMs ?? 0));
  const { set } = await phone.replica.record({
    entity: INCIDENT,
    scope: "x",
    lane: 0,
    ops: [{ t: "entry.add", kind: "note", text: "三" }],
  });
  expect(set.wroteAtMs).toBeGreaterThan(NOON + 119_000);
});

test("a link that breaks is asked for less at a time", async () => {
  phone.centre.fault = "down";
  for (let n = 0; n < 3; n++) await phone.exchange();
  phone.centre.fault = null;
  for (let n = 0; n < 60; n++) await phone.note(INCIDENT, "x".repeat(400));
  await phone.exchange();
  expect(phone.centre.pushes[0]?.length).toBeLessThan(40); // 131 072 bytes, halved three times
  expect(await phone.vault.unsent()).toHaveLength(0);
});

test("the least budget brings a whole scope, page by page, each from where the last one ended (EX8)", async () => {
  phone.centre.fault = "down";
  for (let n = 0; n < 8; n++) await phone.exchange();
  phone.centre.fault = null;
  for (let n = 0; n < 40; n++) {
    await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: `${n} ${"x".repeat(400)}` }]);
  }
  await phone.exchange();
  expect(phone.centre.calls.filter((call) => call === "pull").length).toBeGreaterThan(2); // 8 192 bytes at a time
  const told = (await phone.replica.story(INCIDENT)).map(({ text }) => Number(text?.split(" ")[0]));
  expect(told.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n));
});

test("what is written while a long history comes down goes out between two pages", async () => {
  phone.centre.fault = "down";
  for (let n = 0; n < 8; n++) await phone.exchange();
  phone.centre.fault = null;
  for (let n = 0; n < 40; n++) {
    await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: `${n} ${"x".repeat(400)}` }]);
  }
  const { centre } = phone;
  let hasWritten = false;
  phone.server = {
    fetch: async (input, init) => {
      if (!hasWritten && String(input).endsWith("/pull")) {
        hasWritten = true;
        await phone.note(INCIDENT, "签收", 1);
        phone.rounds.kick();
      }
      return centre.fetch(input, init);
    },
  };
  await phone.exchange();
  const first = centre.calls.indexOf("pull");
  expect(centre.calls.slice(first, first + 3)).toEqual(["pull", "push", "pull"]);
});

test("a centre that speaks another version is asked again later; nothing is sent and nothing is lost (EX10)", async () => {
  await phone.note(INCIDENT, "一");
  phone.centre.fault = "unspoken";
  await phone.exchange();
  expect(phone.status).toMatchObject({ reachable: false, trouble: { kind: "refused", code: "unspoken_version" } });
  expect(phone.centre.calls).toEqual(["hello"]);
  expect((phone.status.nextTryMs ?? 0) - phone.clock.ms).toBe(60_000);
  expect(await phone.vault.unsent()).toHaveLength(2);
  phone.centre.fault = null; // one of the two was updated
  await phone.exchange();
  expect(await phone.vault.unsent()).toHaveLength(0);
});

test("a centre without room for anything is read all the same, and nothing is forgotten for want of a token (FK3)", async () => {
  await phone.exchange();
  const { chain } = phone.writer;
  await phone.note(INCIDENT, "一");
  await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "台上写的" }]);
  phone.centre.fault = "full";
  await phone.exchange();
  await phone.exchange();
  expect((await phone.replica.story(INCIDENT)).map(({ text }) => text)).toContain("台上写的");
  expect(await phone.vault.unsent()).toHaveLength(1);
  expect(phone.status).toMatchObject({ reachable: false, trouble: { kind: "busy", code: "not_stored" } });
  expect((phone.status.nextTryMs ?? 0) - phone.clock.ms).toBe(5_000);
  phone.centre.fault = null;
  await phone.exchange();
  expect(await phone.vault.unsent()).toHaveLength(0);
  expect(phone.writer.chain).toBe(chain);
  const [, ...later] = phone.centre.greetings;
  expect(new Set(later.map(({ request }) => request)).size).toBe(1);
  expect(new Set(later.map(({ token }) => token))).toEqual(new Set(["1".padStart(32, "0")]));
});

test("writes while a round is running are not forgotten", async () => {
  await phone.note(INCIDENT, "一");
  const round = phone.exchange();
  await phone.note(INCIDENT, "二");
  phone.rounds.kick();
  await round;
  await vi.waitFor(async () => expect(await phone.vault.unsent()).toHaveLength(0));
});
