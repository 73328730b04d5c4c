/**
 * A version of a policy while somebody writes it: limits in plain units, what each field is at fault for, what differs from
 * what holds, and the request it becomes. Pure.
 *
 *     parted(90_000)                     // { count: "90", unit: "s" }
 *     together({ count: "1.5", unit: "min" })   // 90000
 */
import { DAY_MS, dayOf, startOfDay } from "../../sync/incident/calendar";
import type { PlanStep } from "../../sync/incident/plans";
import { type Fault, faults, LIMITS, type Mode } from "../../sync/incident/versions";
import { ringFault } from "../../sync/incident/zones";
import type { Corner, Limits, Policies, VersionRow, ZoneRow } from "./types";

export const UNITS = { s: 1_000, min: 60_000, h: 3_600_000, d: DAY_MS } as const;
export type Unit = keyof typeof UNITS;
export interface Span {
  readonly count: string;
  readonly unit: Unit;
}

/** How the fields are grouped on screen, and as what each is written. */
export const GROUPS = {
  signing: ["deliver_within_ms", "sign_within_ms", "sign_basis"],
  arrival: [
    "turnout_within_ms",
    "travel_within_ms",
    "arrive_within_ms",
    "tier_basis",
    "tiers_by_level",
    "tiers_by_force",
  ],
  feedback: [
    "first_feedback_within_ms",
    "first_feedback_by_category",
    "final_feedback_within_ms",
    "final_feedback_by_category",
    "review_within_ms",
  ],
  callback: [
    "callback_days",
    "callback_tries",
    "callback_times_of_day",
    "callback_tolerance_ms",
    "satisfaction",
    "rectify_within_ms",
    "rectify_complex_days",
    "rest_days",
    "work_days",
  ],
  verdicts: ["missed_max_grade", "met_max_grade", "late_window_ms"],
  reports: ["buckets"],
  nudges: ["plans"],
} as const;
export type Group = keyof typeof GROUPS;
export type Field = (typeof GROUPS)[Group][number];
export const CHOICES: Partial<Record<Field, readonly (string | number)[]>> = {
  sign_basis: ["delivered", "issued"],
  tier_basis: ["place", "force", "urgency"],
  satisfaction: ["basically", "half", "satisfied"],
  missed_max_grade: [0, 1, 2],
  met_max_grade: [0, 1, 2, 3],
};
export const COUNTS: Partial<Record<Field, "days" | "times">> = {
  callback_days: "days",
  callback_tries: "times",
  rectify_complex_days: "days",
};
export const TIERS = ["1", "3", "5", "8"] as const;

/** A duration in the largest unit that says it whole. */
export function parted(ms: number): Span {
  const whole = (["d", "h", "min"] as const).find((unit) => ms !== 0 && ms % UNITS[unit] === 0);
  // A day is said as 24 hours: “1 day” would be read as the end of tomorrow.
  const unit = whole === "d" && ms < 3 * DAY_MS ? "h" : (whole ?? "s");
  return { count: String(ms / UNITS[unit]), unit };
}

/** The ms of what was typed; NaN, which no limit can be, when it is no number. */
export function together({ count, unit }: Span): number {
  const typed = count.trim().replace(",", ".");
  return /^-?\d+(\.\d+)?$/.test(typed) ? Math.round(Number(typed) * UNITS[unit]) : Number.NaN;
}

/** `08:00 12:00` as minutes of the day; what is no time of day becomes NaN. */
export function minutesOf(text: string): number[] {
  return wordsOf(text).map((word) => {
    const found = /^(\d{1,2})[:：](\d{2})$/.exec(word);
    return found && Number(found[2]) < 60 ? Number(found[1]) * 60 + Number(found[2]) : Number.NaN;
  });
}
export const timesOf = (minutes: readonly number[]): string =>
  minutes.map((at) => `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`).join(" ");

export const wordsOf = (text: string): string[] => text.split(/[\s,，、;；]+/).filter((word) => word !== "");

/** Numbers in a unit, `30 60 120`, as ms. */
export const bucketsOf = (text: string, unit: Unit): number[] =>
  wordsOf(text).map((word) => together({ count: word, unit }));
export const bucketsText = (edges: readonly number[], unit: Unit): string =>
  edges.map((ms) => String(ms / UNITS[unit])).join(" ");
export const bucketUnit = (edges: readonly number[]): Unit =>
  edges.every((ms) => ms % UNITS.min === 0) && edges[0] !== UNITS.min ? "min" : "s";

export interface Draft {
  name: string;
  note: string;
  /** `YYYY-MM-DDTHH:MM` in Shanghai, empty for as soon as it is signed. */
  from: string;
  zone: string | null;
  mode: Mode | null;
  limits: Limits;
}

/** A draft that follows a version: for the same, with what it says. */
export function following(version: VersionRow | null): Draft {
  return {
    name: "",
    note: "",
    from: "",
    zone: version?.zone ?? null,
    mode: version?.mode ?? null,
    limits: structuredClone(version?.limits ?? {}) as Limits,
  };
}

/** The ms of a local time of Shanghai, null when it is empty, NaN when it cannot be read. */
export function fromMs(text: string): number | null {
  if (text === "") return null;
  const found = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})/.exec(text);
  const day = found ? Date.parse(`${found[1]}T00:00:00Z`) : Number.NaN;
  return startOfDay(day / DAY_MS) + Number(found?.[2]) * UNITS.h + Number(found?.[3]) * UNITS.min;
}
export function localOf(ms: number): string {
  const at = new Date(ms - startOfDay(0));
  return at.toISOString().slice(0, 16);
}
/** Midnight of the day after, as it stands in the field. */
export const tomorrow = (nowMs: number): string => localOf(startOfDay(dayOf(nowMs) + 1));

/** What is wrong with each field of a draft, as the centre would say it. */
export function wrongIn(draft: Draft, nowMs: number): Partial<Record<string, Fault | "past">> {
  const row = rowOf(draft, nowMs);
  const found: Partial<Record<string, Fault | "past">> = Object.fromEntries(faults(row));
  const begins = fromMs(draft.from);
  if (begins !== null && begins < nowMs - 60_000) found["from_ms"] = "past";
  if (Number.isNaN(begins)) found["from_ms"] = "wrong_type";
  if (draft.note.trim() === "") found["note"] = "missing";
  return found;
}

function rowOf({ name, note, from, zone, mode, limits }: Draft, nowMs: number): Record<string, unknown> {
  const scope = { ...(zone !== null && { zone }), ...(mode !== null && { mode }) };
  return {
    ...limits,
    ...scope,
    name: name.trim(),
    note: note.trim(),
    by: "0".repeat(32),
    from_ms: fromMs(from) ?? Math.floor(nowMs),
  };
}

/** The request a draft becomes. */
export function asked(draft: Draft): Record<string, unknown> {
  const { name, note, from, zone, mode, limits } = draft;
  const begins = fromMs(from);
  return {
    name: name.trim(),
    note: note.trim(),
    limits,
    ...(begins !== null && { from_ms: begins }),
    ...(zone !== null && { zone }),
    ...(mode !== null && { mode }),
  };
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(
    Object.entries(value)
      .sort()
      .map(([name, part]) => [name, sorted(part)]),
  );
}

/** What a field is when a version does not say it: what holds for everything, else the default. */
export function beneath(of: { zone: string | null; mode: Mode | null }, policies: Policies): Limits {
  const wider =
    of.zone === null && of.mode === null
      ? undefined
      : policies.versions.find(({ zone, mode, state }) => zone === null && mode === null && state === "in_force");
  return { ...policies.defaults, ...wider?.limits };
}

/** Fields in which two versions say something else. */
export function differing(limits: Limits, other: Limits): Field[] {
  return (Object.keys(LIMITS) as Field[]).filter((field) => !same(limits[field], other[field]));
}

/** Versions in the order of the list: to come, in force, past; within each the newest first. */
export function listed(versions: readonly VersionRow[]): VersionRow[] {
  const ORDER = { to_come: 0, in_force: 1, past: 2 };
  return [...versions].sort((a, b) => ORDER[a.state] - ORDER[b.state] || b.from_ms - a.from_ms);
}

export const emptyStep = (): PlanStep => ({ clock: "C2", at_ms: 0, after: "due", channel: "desk", to: "desk" });

// ---- zones --------------------------------------------------------------------------------------

export interface ZoneDraft {
  zone: string | null;
  name: string;
  note: string;
  from: string;
  station: string;
  tier: string;
  /** GeoJSON or pairs, as it was pasted; empty: without borders. */
  borders: string;
}

export const zoneDraft = (zone: ZoneRow | null): ZoneDraft => ({
  zone: zone?.zone ?? null,
  name: zone?.name ?? "",
  note: "",
  from: "",
  station: zone?.station ?? "",
  tier: zone?.tier == null ? "" : String(zone.tier),
  borders: zone?.polygon ? JSON.stringify(geojsonOf(zone.polygon)) : "",
});

/** Corners as GeoJSON has them: longitude first, in degrees, the first repeated at the end. */
export function geojsonOf(corners: readonly Corner[]): unknown {
  const ring = corners.map(([lat, lon]) => [lon / 1e7, lat / 1e7]);
  return { type: "Polygon", coordinates: [[...ring, ring[0]]] };
}

export type BordersFault = "not_json" | "not_polygon" | "holes" | "not_degrees" | Fault | "too_few" | "crosses_itself";

/**
 * The corners of pasted GeoJSON: a Polygon, a Feature or collection of one, a ring, or the coordinates alone. Longitude
 * first, as GeoJSON says; the repeated end is left out.
 */
export function cornersOf(text: string): { corners: Corner[] } | { fault: BordersFault } {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return { fault: "not_json" };
  }
  const rings = ringsIn(read);
  if (rings === null) return { fault: "not_polygon" };
  if (rings.length !== 1) return { fault: "holes" };
  const corners: Corner[] = [];
  for (const point of rings[0] as unknown[]) {
    if (!Array.isArray(point) || point.length < 2) return { fault: "not_polygon" };
    const [lon, lat] = point as unknown[];
    if (typeof lon !== "number" || typeof lat !== "number") return { fault: "not_polygon" };
    if (Math.abs(lat) > 90 || Math.abs(lon) > 180) return { fault: "not_degrees" };
    corners.push([Math.round(lat * 1e7), Math.round(lon * 1e7)]);
  }
  if (corners.length > 1 && same(corners[0], corners.at(-1))) corners.pop();
  const fault = ringFault(corners);
  return fault ? { fault: fault as BordersFault } : { corners };
}

function ringsIn(value: unknown): unknown[] | null {
  if (Array.isArray(value)) {
    const depth = depthOf(value);
    return depth === 3 ? value : depth === 2 ? [value] : null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { type, coordinates, geometry, features } = value as Record<string, unknown>;
  if (type === "Polygon") return Array.isArray(coordinates) ? coordinates : null;
  if (type === "MultiPolygon" && Array.isArray(coordinates))
    return coordinates.length === 1 ? ringsIn(coordinates[0]) : coordinates.flat();
  if (type === "Feature") return ringsIn(geometry);
  if (type === "FeatureCollection" && Array.isArray(features) && features.length === 1) return ringsIn(features[0]);
  return null;
}
const depthOf = (value: unknown): number => (Array.isArray(value) ? 1 + depthOf(value[0]) : 0);

/** How far apart north and south, east and west of a ring lie, in metres. */
export function extentM(corners: readonly Corner[]): [number, number] {
  const lats = corners.map(([lat]) => lat);
  const lons = corners.map(([, lon]) => lon);
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  const middle = ((north + south) / 2 / 1e7) * (Math.PI / 180);
  const metres = (units: number): number => Math.round((units / 1e7) * 111_320);
  return [metres(north - south), Math.round(metres(Math.max(...lons) - Math.min(...lons)) * Math.cos(middle))];
}

export function wrongInZone(draft: ZoneDraft, nowMs: number): Partial<Record<string, BordersFault | "past">> {
  const found: Partial<Record<string, BordersFault | "past">> = {};
  if (draft.name.trim() === "") found["name"] = "missing";
  if (draft.note.trim() === "") found["note"] = "missing";
  if (!/^\d{1,4}$/.test(draft.tier.trim()) || Number(draft.tier) > 1_440)
    found["tier"] = draft.tier.trim() === "" ? "missing" : "out_of_range";
  if (draft.borders.trim() === "") {
    if (draft.station === "") found["station"] = "missing";
  } else {
    const read = cornersOf(draft.borders);
    if ("fault" in read) found["polygon"] = read.fault;
  }
  const begins = fromMs(draft.from);
  if (begins !== null && begins < nowMs - 60_000) found["from_ms"] = "past";
  if (Number.isNaN(begins)) found["from_ms"] = "wrong_type";
  return found;
}

export function askedZone(draft: ZoneDraft): Record<string, unknown> {
  const begins = fromMs(draft.from);
  const read = draft.borders.trim() === "" ? null : cornersOf(draft.borders);
  return {
    name: draft.name.trim(),
    note: draft.note.trim(),
    tier: Number(draft.tier),
    ...(draft.zone !== null && { zone: draft.zone }),
    ...(draft.station !== "" && { station: draft.station }),
    ...(begins !== null && { from_ms: begins }),
    ...(read && "corners" in read && { polygon: read.corners }),
  };
}

/** The newest version of each zone that stands or is to come, by name. */
export function standing(zones: readonly ZoneRow[]): ZoneRow[] {
  const ended = new Set(zones.filter((one) => one.ended && one.state === "in_force").map(({ zone }) => zone));
  return zones.filter((one) => one.state !== "past" && !ended.has(one.zone));
}
