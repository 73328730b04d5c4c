import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import {
  asked,
  askedZone,
  beneath,
  cornersOf,
  differing,
  extentM,
  following,
  fromMs,
  GROUPS,
  geojsonOf,
  listed,
  localOf,
  minutesOf,
  parted,
  standing,
  timesOf,
  together,
  wrongIn,
  wrongInZone,
  zoneDraft,
} from "../../src/desks/policies/model";
import { datesWord, fieldWord, lasting } from "../../src/desks/policies/say";
import type { Corner, Policies, VersionRow, ZoneRow } from "../../src/desks/policies/types";
import { LIMITS } from "../../src/sync/incident/versions";
import { language } from "../../src/words/language";
import { id, NOW } from "./fixtures";

afterEach(() => {
  language.value = "zh-CN";
});

const version = (name: string, part: Partial<VersionRow> = {}): VersionRow => ({
  id: id(name),
  idx: 1,
  name,
  from_ms: NOW - 1,
  until_ms: null,
  written_at: NOW,
  by_name: "管理员",
  note: "",
  zone: null,
  mode: null,
  state: "in_force",
  limits: {},
  ...part,
});
const zone = (name: string, part: Partial<ZoneRow> = {}): ZoneRow => ({
  id: id(name),
  zone: id(name),
  name,
  station: id("station"),
  tier: 3,
  polygon: null,
  from_ms: 0,
  ended: false,
  by_name: "",
  note: "",
  state: "in_force",
  ...part,
});

it("has a place on screen for every limit there is", () => {
  expect((Object.values(GROUPS).flat() as string[]).sort()).toEqual(Object.keys(LIMITS).sort());
});

it("says a duration in the largest unit that says it whole, and reads what it says", () => {
  expect([90_000, 60_000, 86_400_000, 3 * 86_400_000, 0].map(parted)).toEqual([
    { count: "90", unit: "s" },
    { count: "1", unit: "min" },
    { count: "24", unit: "h" },
    { count: "3", unit: "d" },
    { count: "0", unit: "s" },
  ]);
  fc.assert(fc.property(fc.integer({ min: 0, max: 31_622_400_000 }), (ms) => together(parted(ms)) === ms));
  expect(together({ count: "1,5", unit: "min" })).toBe(90_000);
  for (const count of ["", "a", "1 2", "1e3", "--1"]) expect(together({ count, unit: "s" })).toBeNaN();
});

it("reads times of day and days as they are written, and keeps what cannot be read as wrong", () => {
  expect(minutesOf("08:00 12:30，18：00")).toEqual([480, 750, 1080]);
  expect(timesOf([480, 750])).toBe("08:00 12:30");
  expect(minutesOf("8 25:99")).toEqual([Number.NaN, Number.NaN]);
});

it("takes a local time for one of Shanghai, wherever the browser stands", () => {
  expect(fromMs("2026-03-12T14:50")).toBe(Date.parse("2026-03-12T06:50:00Z"));
  expect(fromMs("")).toBeNull();
  expect(fromMs("2026")).toBeNaN();
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60_000_000 }),
      (minute) => fromMs(localOf(minute * 60_000)) === minute * 60_000,
    ),
  );
});

it("a draft follows the version before it, is told its faults field by field, and becomes a request without them", () => {
  const before = version("冬季", { zone: id("town"), limits: { sign_within_ms: 45_000 } });
  const draft = following(before);
  expect(wrongIn(draft, NOW)).toEqual({ name: "out_of_range", note: "missing" });
  draft.limits["sign_within_ms"] = 5;
  draft.limits["buckets"] = { C2: [3, 2] };
  draft.from = localOf(NOW - 120_000);
  expect(wrongIn(draft, NOW)).toMatchObject({
    sign_within_ms: "out_of_range",
    buckets: "not_ascending",
    from_ms: "past",
  });
  expect(before.limits).toEqual({ sign_within_ms: 45_000 });
  const good = { ...draft, name: " 开春 ", note: "路好走", from: "", limits: { sign_within_ms: 30_000 } };
  expect(wrongIn(good, NOW)).toEqual({});
  expect(asked(good)).toEqual({ name: "开春", note: "路好走", zone: id("town"), limits: { sign_within_ms: 30_000 } });
});

it("shows beneath a narrow version what holds for everything, and beneath that one the defaults", () => {
  const policies = {
    now_ms: NOW,
    defaults: { sign_within_ms: 30_000, review_within_ms: 86_400_000 },
    versions: [
      version("开春", { state: "to_come", limits: { sign_within_ms: 1_000 } }),
      version("冬季", { limits: { sign_within_ms: 45_000 } }),
      version("镇区", { zone: id("town") }),
    ],
    modes: [],
    mode: "normal",
  } satisfies Policies;
  expect(beneath({ zone: null, mode: null }, policies)["sign_within_ms"]).toBe(30_000);
  expect(beneath({ zone: id("town"), mode: null }, policies)).toEqual({
    sign_within_ms: 45_000,
    review_within_ms: 86_400_000,
  });
  expect(listed(policies.versions).map(({ name }) => name)).toEqual(["开春", "冬季", "镇区"]);
  expect(differing({ sign_within_ms: 1, plans: { "": [] } }, { plans: { "": [] } })).toEqual(["sign_within_ms"]);
});

const RING: Corner[] = [
  [382_500_000, 1_078_400_000],
  [382_500_000, 1_079_000_000],
  [382_900_000, 1_078_700_000],
];

it("reads borders however GeoJSON wraps them, longitude first, and the corners come back the same", () => {
  const polygon = geojsonOf(RING) as { coordinates: unknown[] };
  const forms = [
    polygon,
    { type: "Feature", geometry: polygon },
    { type: "FeatureCollection", features: [{ type: "Feature", geometry: polygon }] },
    { type: "MultiPolygon", coordinates: [polygon.coordinates] },
    polygon.coordinates,
    polygon.coordinates[0],
  ];
  for (const form of forms) expect(cornersOf(JSON.stringify(form))).toEqual({ corners: RING });
});

it("says what is wrong with borders that cannot stand", () => {
  const told = (value: unknown) => cornersOf(typeof value === "string" ? value : JSON.stringify(value));
  const [a, b, c] = [
    [107, 38],
    [108, 38],
    [107, 39],
  ];
  expect(told("38.2, 107.8")).toEqual({ fault: "not_json" });
  expect(told({ type: "Point", coordinates: a })).toEqual({ fault: "not_polygon" });
  expect(
    told([
      [a, b, c, a],
      [a, b, c, a],
    ]),
  ).toEqual({ fault: "holes" });
  expect(told([[382_500_000, 1_078_400_000], b, c])).toEqual({ fault: "not_degrees" });
  expect(
    told([
      [38, 107],
      [38, 108],
      [39, 107],
    ]),
  ).toEqual({ fault: "not_degrees" });
  expect(told([a, b, a])).toEqual({ fault: "too_few" });
});

it("measures how far a zone reaches", () => {
  const [ns, ew] = extentM(RING);
  expect(ns).toBe(4_453);
  expect(Math.round(ew / 100)).toBe(52);
});

it("a zone has a tier and a place, and says which is missing", () => {
  const draft = { ...zoneDraft(null), name: "镇区" };
  expect(wrongInZone(draft, NOW)).toEqual({ tier: "missing", station: "missing", note: "missing" });
  const next = { ...zoneDraft(zone("镇区", { polygon: RING })), note: "改了边界", tier: "5" };
  expect(wrongInZone(next, NOW)).toEqual({});
  expect(askedZone(next)).toEqual({
    name: "镇区",
    note: "改了边界",
    tier: 5,
    zone: id("镇区"),
    station: id("station"),
    polygon: RING,
  });
  expect(wrongInZone({ ...next, tier: "1441", borders: "{" }, NOW)).toEqual({
    tier: "out_of_range",
    polygon: "not_json",
  });
});

it("lists the zones that stand or are to come, and none that ended", () => {
  const zones = [
    zone("a", { tier: 5 }),
    zone("b", { zone: id("a"), state: "past" }),
    zone("c", { state: "past" }),
    zone("d", { zone: id("c"), ended: true }),
    zone("e", { state: "to_come" }),
  ];
  expect(standing(zones).map(({ name }) => name)).toEqual(["a", "e"]);
});

it("says limits and dates in both languages", () => {
  expect(fieldWord("arrive_within_ms", { "1": 60_000, "3": 200_000 }, null)).toBe("1 分档 1 分，3 分档 200 秒");
  expect(fieldWord("turnout_within_ms", undefined, null)).toBe("不设限");
  expect(datesWord(0, null, NOW)).toBe("从一开始");
  expect(lasting(12_000, 12_400)).toBe("12 秒");
  expect(lasting(null, 12_400)).toBe("… – 12 秒");
  language.value = "en";
  expect(fieldWord("sign_basis", "issued", null)).toBe("issue");
  expect(fieldWord("missed_max_grade", 1, null)).toBe("1 synced");
});

it("takes the moment of the screen, which has fractions, for a whole one", () => {
  const draft = { ...following(null), name: "冬季", note: "路滑", limits: { sign_within_ms: 45_000 } };
  expect(wrongIn(draft, NOW + 0.25)).toEqual({});
});
