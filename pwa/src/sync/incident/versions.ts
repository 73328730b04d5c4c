/**
 * One version of a policy as the `org` row `policies` holds it, read field by field (SPEC PO1, PO2). Mirrors
 * `sync/incident/versions.py`. It does not know which version is in force.
 *
 *     faults({ name: "夜间", from_ms: 0, by, note: "", sign_within_ms: 5 })   // [["sign_within_ms", "out_of_range"]]
 */
import { DAY_MS } from "./calendar";
import { idOf, type Row, TIER_MAX } from "./zones";

/** Gives the fault of a value, null for a good one. */
type Check = (value: unknown) => Fault | null;
export type Fault =
  | "missing"
  | "unknown_field"
  | "wrong_type"
  | "out_of_range"
  | "too_many"
  | "bad_key"
  | "not_ascending";

export const LIMIT_MIN_MS = 1_000;
export const LIMIT_MAX_MS = 366 * DAY_MS;
export const CLOCKS = ["C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C7r", "C8", "C9", "C10"] as const;
export const MODES = ["normal", "special", "security", "emergency"] as const;
export const SIGN_BASES = ["delivered", "issued"] as const;
export const TIER_BASES = ["place", "force", "urgency"] as const;
export const SATISFACTIONS = ["basically", "half", "satisfied"] as const;
export const CHANNELS = ["ring", "push", "desk", "radio", "phone", "station", "commander"] as const;
export const RECEIVERS = ["receiver", "desk", "callback", "reviewer", "station", "commander"] as const;
export type Mode = (typeof MODES)[number];

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

const int =
  (low: number, high: number): Check =>
  (value) =>
    !Number.isSafeInteger(value)
      ? "wrong_type"
      : low <= (value as number) && (value as number) <= high
        ? null
        : "out_of_range";

const text =
  (low: number, high: number): Check =>
  (value) => {
    if (typeof value !== "string") return "wrong_type";
    const length = [...value].length;
    return low <= length && length <= high ? null : "out_of_range";
  };

const oneOf =
  (names: readonly string[]): Check =>
  (value) =>
    typeof value !== "string" ? "wrong_type" : names.includes(value) ? null : "out_of_range";

const id: Check = (value) => (idOf(value) === null ? "wrong_type" : null);

const first = (values: readonly unknown[], check: Check): Fault | null => {
  for (const value of values) {
    const found = check(value);
    if (found) return found;
  }
  return null;
};

const map =
  (key: RegExp, entry: Check, atMost: number): Check =>
  (value) => {
    if (!isMap(value)) return "wrong_type";
    if (Object.keys(value).length > atMost) return "too_many";
    if (!Object.keys(value).every((name) => key.test(name))) return "bad_key";
    return first(Object.values(value), entry);
  };

const list =
  (entry: Check, atLeast: number, atMost: number): Check =>
  (value) => {
    if (!Array.isArray(value)) return "wrong_type";
    if (value.length < atLeast) return "missing";
    return value.length > atMost ? "too_many" : first(value, entry);
  };

const ascending = (low: number, high: number, atMost: number): Check => {
  const entries = list(int(low, high), 1, atMost);
  return (value) =>
    entries(value) ??
    ((value as number[]).every((one, at) => at === 0 || one > ((value as number[])[at - 1] as number))
      ? null
      : "not_ascending");
};

const DATE = /^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$/;
const date: Check = (value) => (typeof value !== "string" ? "wrong_type" : DATE.test(value) ? null : "out_of_range");

const STEP: Readonly<Record<string, Check>> = {
  clock: oneOf(CLOCKS),
  after: oneOf(["start", "due"]),
  at_ms: int(-LIMIT_MAX_MS, LIMIT_MAX_MS),
  channel: oneOf(CHANNELS),
  to: oneOf(RECEIVERS),
};

const step: Check = (value) => {
  if (!isMap(value)) return "wrong_type";
  const names = Object.keys(STEP);
  if (Object.keys(value).length !== names.length || !names.every((name) => Object.hasOwn(value, name)))
    return "bad_key";
  for (const [name, check] of Object.entries(STEP)) {
    const found = check(value[name]);
    if (found) return found;
  }
  return null;
};

const within = int(LIMIT_MIN_MS, LIMIT_MAX_MS);
const tier = int(0, TIER_MAX);
const grade = int(0, 3);
const CODE = /^.{1,64}$/su;

/** What every version says of itself. */
export const HEAD: Readonly<Record<string, Check>> = {
  name: text(1, 100),
  from_ms: int(0, Number.MAX_SAFE_INTEGER),
  by: id,
  note: text(0, 500),
};
/** What a version is for, when it is not for everything. */
const SCOPE: Readonly<Record<string, Check>> = { zone: id, mode: oneOf(MODES) };
/** What a version may say; what it leaves out is as the wider version or the default has it (PO3). */
export const LIMITS: Readonly<Record<string, Check>> = {
  deliver_within_ms: within,
  sign_within_ms: within,
  sign_basis: oneOf(SIGN_BASES),
  turnout_within_ms: within,
  travel_within_ms: within,
  arrive_within_ms: map(/^[0-9]{1,4}$/, within, 40),
  tier_basis: oneOf(TIER_BASES),
  tiers_by_level: map(/^[1-4]$/, tier, 4),
  tiers_by_force: map(/^[0-9a-f]{32}$/, tier, 500),
  first_feedback_within_ms: within,
  first_feedback_by_category: map(CODE, within, 200),
  final_feedback_within_ms: within,
  final_feedback_by_category: map(CODE, within, 200),
  review_within_ms: within,
  callback_days: int(0, 31),
  callback_tries: int(1, 20),
  callback_times_of_day: ascending(0, 1_439, 12),
  callback_tolerance_ms: int(0, DAY_MS),
  satisfaction: oneOf(SATISFACTIONS),
  rectify_within_ms: within,
  rectify_complex_days: int(1, 60),
  rest_days: list(date, 0, 400),
  work_days: list(date, 0, 400),
  late_window_ms: within,
  missed_max_grade: grade,
  met_max_grade: grade,
  plans: map(/^[0-9]{0,4}$/, list(step, 0, 60), 40),
  buckets: map(new RegExp(`^(${CLOCKS.join("|")})$`), ascending(1, LIMIT_MAX_MS, 12), CLOCKS.length),
};
const KNOWN: Readonly<Record<string, Check>> = { ...HEAD, ...SCOPE, ...LIMITS };

/** Everything wrong with a row, as [field, code] in the order of the names. */
export function faults(row: Row): [string, Fault][] {
  const found: [string, Fault][] = Object.keys(HEAD)
    .filter((name) => !Object.hasOwn(row, name))
    .map((name) => [name, "missing"]);
  for (const [name, value] of Object.entries(row)) {
    const check = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
    const fault = check ? check(value) : "unknown_field";
    if (fault) found.push([name, fault]);
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** One row that can be in force: what it is for, from when, and the limits in it that can be read. */
export interface Version {
  readonly row: string;
  readonly idx: number;
  readonly fromMs: number;
  readonly zone: string | null;
  readonly mode: string | null;
  readonly limits: Row;
}

const isGood = (row: Row, [name, check]: [string, Check]): boolean =>
  Object.hasOwn(row, name) && check(row[name]) === null;

/** Read a row. Null when nobody can say from when or for what it holds; a limit at fault is left out (PO2). */
export function versionOf(rowId: string, idx: number, row: Row): Version | null {
  if (!isGood(row, ["from_ms", HEAD["from_ms"] as Check])) return null;
  for (const scope of Object.entries(SCOPE)) if (Object.hasOwn(row, scope[0]) && !isGood(row, scope)) return null;
  const read = Object.entries(LIMITS).filter((limit) => isGood(row, limit));
  return {
    row: rowId,
    idx,
    fromMs: row["from_ms"] as number,
    zone: idOf(row["zone"]),
    mode: (row["mode"] ?? null) as string | null,
    limits: Object.fromEntries(read.map(([name]) => [name, row[name]])),
  };
}
