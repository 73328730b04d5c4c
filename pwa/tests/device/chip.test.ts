/** The chip is always there and always true: one state, by rank, and 已确认 only for everything. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chipFacts, type SyncState } from "../../src/device/chip";
import { chipOf, reachedOf } from "../../src/ui/sync-chip";
import { NOON, Phone } from "./phone";
import { Station } from "./station";

const calm: SyncState = {
  head: 5,
  acked: 5,
  kept: 0,
  refusals: 0,
  unkept: 0,
  suspended: false,
  reachable: true,
  sending: null,
  lastContactMs: 1_000,
};
const chip = (over: Partial<SyncState>, nowMs = 61_000) => chipOf(chipFacts({ ...calm, ...over }, nowMs));

test("confirmed means acked = head and nothing refused", () => {
  expect(chip({})).toEqual({ state: "confirmed" });
  expect(chip({ acked: 4 })).toEqual({ state: "pending", n: 1, atStation: 0 });
  expect(chip({ acked: 2, kept: 2 })).toEqual({ state: "pending", n: 3, atStation: 2 });
  expect(chip({ refusals: 1 })).toEqual({ state: "attention", n: 1 });
});

test("one state at a time: needs you > offline > sending > waiting > confirmed", () => {
  const all = { acked: 2, kept: 1, refusals: 1, reachable: false, sending: { done: 1, all: 3 } };
  expect(chip(all).state).toBe("attention");
  expect(chip({ ...all, refusals: 0 })).toEqual({ state: "offline", sinceMs: 1_000, waiting: 3 });
  expect(chip({ ...all, refusals: 0, reachable: true })).toEqual({ state: "uploading", done: 1, all: 3 });
  expect(chip({ ...all, refusals: 0, reachable: true, sending: null })).toEqual({
    state: "pending",
    n: 3,
    atStation: 1,
  });
});

test("a set that only memory holds is louder than anything else", () => {
  expect(chip({ unkept: 1, reachable: false })).toEqual({ state: "attention", n: 1 });
});

test("a device the centre refuses needs somebody, it is not just offline", () => {
  expect(chip({ suspended: true, reachable: false })).toEqual({ state: "attention", n: 1 });
});

test("offline without any contact ever, or with a clock set back, does not invent a silence", () => {
  expect(chip({ reachable: false, lastContactMs: null }, 9_000)).toEqual({
    state: "offline",
    sinceMs: 9_000,
    waiting: 0,
  });
  expect(chip({ reachable: false, lastContactMs: 10_000 }, 9_000)).toEqual({
    state: "offline",
    sinceMs: 9_000,
    waiting: 0,
  });
});

describe("HB4: whoever answers, and however far the sets have come", () => {
  let phone: Phone;
  let station: Station;
  beforeEach(async () => {
    globalThis.indexedDB = new IDBFactory();
    phone = await Phone.enrol();
    station = new Station(phone.centre, 1);
    await station.inTouch();
  });
  afterEach(() => phone.close());

  const page = (status: number, type: string, body = "") => ({
    fetch: async () => new Response(body, { status, headers: { "content-type": type } }),
  });
  const problem = (status: number, code: string) => page(status, "application/problem+json", JSON.stringify({ code }));
  /** Who answers after the sets came where they are, and what the chip then says: its state, and whether it needs somebody. */
  const servers = {
    "the centre without room": [problem(503, "not_stored"), "offline", "busy"],
    "the centre in trouble": [page(500, "text/plain"), "offline", "busy"],
    "a gateway without a centre": [page(502, "text/html"), "offline", "busy"],
    "somebody who wants fewer questions": [problem(429, "too_many"), "offline", "busy"],
    "a captive portal with its page": [page(200, "text/html", "<html>log in</html>"), "offline", "portal"],
    "a captive portal that wants a log-in": [page(511, "text/html", "<html>"), "offline", "portal"],
    "a portal in the words of ours": [page(200, "application/msgpack", "<html>"), "offline", "garbled"],
    "a server that knows no such call": [page(404, "text/html"), "offline", "portal"],
    "the centre, which does not know the token": [problem(401, "not_signed_in"), "attention", "refused"],
    "the centre, which speaks another version": [problem(400, "unspoken_version"), "attention", "refused"],
    nobody: [{ fetch: async () => Promise.reject(new TypeError("Failed to fetch")) }, "offline", "offline"],
  } as const;

  const facts = async () => {
    const { reachable, sending, lastContactMs, trouble } = phone.status;
    const sync = { unkept: 0, suspended: trouble?.kind === "refused", reachable, sending, lastContactMs };
    return chipFacts({ ...(await phone.outbox.counts()), ...sync }, NOON);
  };

  test.each(Object.entries(servers))("%s", async (_who, [server, state, kind]) => {
    const met = async () => {
      phone.server = server;
      await phone.exchange();
      expect(phone.status.trouble?.kind).toBe(kind);
      return facts();
    };
    await phone.note("11".repeat(16), "一");
    let is = await met();
    expect([chipOf(is).state, is.waiting, is.atStation, reachedOf(is)]).toEqual([state, 2, 0, "phone"]);
    phone.server = station;
    await phone.exchange();
    is = await facts();
    expect([chipOf(is), reachedOf(is)]).toEqual([{ state: "pending", n: 3, atStation: 3 }, "station"]);
    is = await met();
    expect([chipOf(is).state, is.waiting, is.atStation, reachedOf(is)]).toEqual([state, 3, 3, "station"]);
    phone.server = phone.centre;
    await phone.exchange();
    is = await facts();
    expect([chipOf(is), reachedOf(is)]).toEqual([{ state: "confirmed" }, "centre"]);
    is = await met();
    expect([chipOf(is).state, is.waiting, is.atStation, reachedOf(is)]).toEqual([state, 0, 0, "phone"]);
  });
});
