import { describe, expect, it } from "vitest";
import { candidates, type Device, needOf, ordered, picture, reachedOf, tally } from "../../src/desks/devices/model";
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
  pending: 0,
  oldest_ms: null,
  clock_offset_ms: 100,
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
  it("a silent device is never said to have confirmed everything, whatever it last said", () => {
    expect([needOf(silent, NOW), reachedOf(silent, NOW)]).toEqual(["silent", "phone"]);
    expect([needOf(fine, NOW), reachedOf(fine, NOW)]).toEqual(["fine", "centre"]);
    expect(reachedOf(never, NOW)).toBeNull();
  });
  it("are counted without the suspended ones, and what is not known is counted as not known", () => {
    expect(tally([fine, waiting, silent, never, gone], NOW)).toEqual({ total: 4, online: 2, pending: 3, unknown: 2 });
  });
  it("a code is offered first to people in the field who have none", () => {
    const person = (name: string, role: string) => ({ id: id(name), name, role, station: null });
    const people = [person("desk", "dispatcher"), person("fine", "officer"), person("new", "officer")];
    expect(candidates(people, [fine, gone], "").map(({ name, has }) => [name, has])).toEqual([
      ["new", 0],
      ["fine", 1],
      ["desk", 0],
    ]);
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
