import { describe, expect, it } from "vitest";
import {
  candidates,
  type Device,
  type DeviceEvent,
  isEmpty,
  joining,
  needOf,
  ordered,
  ownRoad,
  picture,
  reachedOf,
  roads,
  tally,
} from "../../src/desks/devices/model";
import { clockNote, missing } from "../../src/desks/login/model";
import { id, NOW } from "./fixtures";

const device = (name: string, part: Partial<Device> = {}): Device => ({
  chain: id(name),
  person: id(name),
  name,
  station: null,
  label: `${name}手机`,
  alg: "Ed25519",
  app: "0.1.0",
  enrolled_at: 0,
  revoked_at: null,
  revoked_why: null,
  last_contact_ms: NOW - 5_000,
  have: 3,
  head: 3,
  pending: 0,
  oldest_ms: null,
  clock_offset_ms: 100,
  storage: 31,
  kept: 0,
  forked_at: null,
  continues: null,
  continued_by: null,
  events: [],
  ...part,
});
const silent = device("silent", { last_contact_ms: NOW - 26 * 3_600_000, pending: 0 });
const never = device("never", { last_contact_ms: null, pending: null, clock_offset_ms: null });
const waiting = device("waiting", { pending: 3 });
const fast = device("fast", { clock_offset_ms: -4_200 });
const gone = device("gone", { revoked_at: NOW, revoked_why: "丢了" });
const fine = device("fine");

describe("devices", () => {
  it("stand in the order in which they need somebody", () => {
    const longer = device("longer", { last_contact_ms: NOW - 50 * 3_600_000 });
    expect(ordered([fine, gone, fast, never, waiting, silent, longer], "", NOW).map(({ name }) => name)).toEqual([
      "longer",
      "silent",
      "waiting",
      "fast",
      "never",
      "fine",
      "gone",
    ]);
    expect(ordered([fine, waiting], "FINE 手机", NOW).map(({ name }) => name)).toEqual(["fine"]);
  });
  it("is known to be empty only while it is heard, says so, and everything it wrote came", () => {
    expect([fine, silent, never, waiting, device("behind", { head: 4 })].map((one) => isEmpty(one, NOW))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
  it("a silent device is never said to have confirmed everything, whatever it last said", () => {
    expect([needOf(silent, NOW), reachedOf(silent, NOW)]).toEqual(["silent", "phone"]);
    expect([needOf(fine, NOW), reachedOf(fine, NOW)]).toEqual(["fine", "centre"]);
    expect(reachedOf(never, NOW)).toBeNull();
  });
  it("whose records all lie at a station are told apart from those that hold them still", () => {
    const there = device("there", { pending: 3, kept: 3 });
    const half = device("half", { pending: 3, kept: 2 });
    const lost = device("lost", { pending: 3, kept: 3, last_contact_ms: silent.last_contact_ms });
    expect([there, half, lost].map((one) => [needOf(one, NOW), reachedOf(one, NOW)])).toEqual([
      ["atStation", "station"],
      ["waiting", "phone"],
      ["silent", "phone"],
    ]);
  });
  it("that can soon store nothing more stand before those that only wait", () => {
    const full = device("full", { storage: 90 });
    const unsaid = device("unsaid", { storage: null });
    expect([full, unsaid].map((one) => needOf(one, NOW))).toEqual(["full", "fine"]);
    expect(ordered([waiting, full, silent], "", NOW).map(({ name }) => name)).toEqual(["silent", "full", "waiting"]);
  });
  it("have a road for each station with a server, those that nobody hears first", () => {
    const stations = ["昂素所", "城川所", "上海庙所", "没有服务器的所"].map((name) => ({ id: id(name), name }));
    const server = (name: string, part: Partial<Device> = {}) =>
      device(name, { chain: id(`${name}的服务器`), person: null, station: id(name), ...part });
    const all = [
      server("昂素所", { chain: id("烧了的"), revoked_at: NOW - 9 }),
      server("昂素所"),
      server("城川所", { pending: 14, oldest_ms: NOW - 9_000 }),
      server("上海庙所", { last_contact_ms: NOW - 3_600_000, pending: 2 }),
      device("一", { station: id("昂素所") }),
      device("二", { station: id("昂素所"), revoked_at: NOW }),
    ];
    expect(
      roads(stations, all, NOW).map(({ station, state, phones, pending }) => [station, state, phones, pending]),
    ).toEqual([
      ["上海庙所", "away", 0, 2],
      ["城川所", "behind", 0, 14],
      ["昂素所", "clear", 1, 0],
    ]);
  });
  it("at a station have its own road, by what it hears of its centre itself", () => {
    const upstream = { linked_since_ms: null, heard_at_ms: NOW - 60_000, waiting: 2, oldest_ms: NOW - 90_000 };
    const told = [upstream, { ...upstream, linked_since_ms: NOW }, { ...upstream, linked_since_ms: NOW, waiting: 0 }];
    expect(told.map((one) => ownRoad("昂素所", [fine, gone], one).state)).toEqual(["away", "behind", "clear"]);
    expect(ownRoad("昂素所", [fine, gone], upstream)).toMatchObject({ phones: 1, heardMs: NOW - 60_000, pending: 2 });
  });
  it("whose storage was copied, set back or forked stand first, a waiting officer before all", () => {
    const befell = (kind: DeviceEvent["kind"], last_at = NOW): DeviceEvent[] => [
      { kind, first_at: last_at, last_at, count: 1, proof: {} },
    ];
    const copied = device("copied", { events: befell("copied") });
    const back = device("back", { events: befell("rolled_back") });
    const forked = device("forked", { forked_at: 3, events: befell("forked") });
    const twice = device("twice", { continued_by: id("next"), events: befell("needs_login", NOW - 1_000) });
    const replaced = device("replaced", { continued_by: id("next"), events: befell("rotated") });
    const all = [fine, replaced, back, copied, forked, silent, twice];
    expect(ordered(all, "", NOW).map(({ name }) => name)).toEqual([
      "twice",
      "forked",
      "copied",
      "back",
      "silent",
      "fine",
      "replaced",
    ]);
    // Once that officer's second phone is enrolled, nobody has to act any more.
    const again = device("again", { person: twice.person, enrolled_at: NOW });
    expect([needOf(twice, NOW, all), needOf(twice, NOW, [...all, again])]).toEqual(["twice", "replaced"]);
    expect(tally([twice, replaced, again], NOW).total).toBe(1);
  });
  it("that somebody lied to stand before the silent ones for a week", () => {
    const told = (daysAgo: number): DeviceEvent => {
      const at = NOW - daysAgo * 86_400_000;
      return { kind: "contradicted", first_at: at, last_at: at, count: 1, proof: { sets: 2 } };
    };
    const lied = device("lied", { events: [told(6)] });
    const longAgo = device("long ago", { events: [told(8)] });
    expect(ordered([fine, longAgo, silent, lied], "", NOW).map((one) => needOf(one, NOW))).toEqual([
      "lied",
      "silent",
      "fine",
      "fine",
    ]);
  });
  it("are counted without the suspended ones, and what is not known is counted as not known", () => {
    expect(tally([fine, waiting, silent, never, gone], NOW)).toEqual({ total: 4, online: 2, pending: 3, unknown: 2 });
  });
  it("a code is offered first to people in the field who have none", () => {
    const person = (name: string, role: string) => ({ id: id(name), name, role, station: null });
    const people = [person("desk", "dispatcher"), person("fine", "officer"), person("new", "officer")];
    const stations = [
      { id: id("first"), name: "first" },
      { id: id("second"), name: "second" },
    ];
    const server = device("server", { person: null, station: id("first") });
    const phone = device("phone", { person: id("other"), station: id("first") });
    const offered = candidates(people, stations, [fine, gone, server, phone], "");
    expect(offered.map(({ of, name, has }) => [of, name, has])).toEqual([
      ["person", "new", 0],
      ["person", "fine", 1],
      ["person", "desk", 0],
      ["station", "second", 0],
      ["station", "first", 1],
    ]);
  });
  it("a station is told what to type at its machine", () => {
    expect(joining("https://centre.example:8443/enrol#7KQ2M-9XR4T", "7KQ2M-9XR4T")).toBe(
      "ortoo station join --upstream https://centre.example:8443 --code 7KQ2M-9XR4T",
    );
  });
  it("shows the code's picture as an image, in which nothing can run", () => {
    const source = picture('<svg width="10"><script>alert(1)</script></svg>');
    expect(source.startsWith("data:image/svg+xml;charset=utf-8,%3Csvg%20xmlns")).toBe(true);
    expect(source).not.toContain("<");
  });
});

describe("the log-in", () => {
  it("names the field that keeps it from being sent", () => {
    expect([missing("", ""), missing("  ", "x"), missing("1506", ""), missing("1506", "x")]).toEqual([
      "login",
      "login",
      "password",
      null,
    ]);
  });
  it("speaks of this machine's clock only when somebody could notice", () => {
    expect([clockNote(900).side, clockNote(-4_200), clockNote(4_200).side]).toEqual([
      "right",
      { side: "fast", ms: 4_200 },
      "slow",
    ]);
  });
});
