/**
 * The organisation as this phone knows it: names of people, units and stations, categories and results, time limits.
 *
 * Responsible for: one picture out of two sources, the snapshot taken at enrolment (kept in the vault, so that names
 * stand even with an empty cache) and the `org` rulings pulled since. Refuses to know how either is stored or fetched.
 *
 *     const org = orgOf(snapshot, rows);
 *     org.people.get(id)?.name;      // 苏和
 *     org.vehiclesOf(unit);          // vehicles whose orders are that unit's orders
 */
import { PolicyBook } from "../sync/incident/policy";
import type { Row } from "../sync/incident/zones";
import type { OrgRow } from "./cache";
import type { DeviceSession } from "./session";
import type { Me } from "./views";

export interface Named {
  id: string;
  name: string;
  role: string | null;
  station: string | null;
  unit: string | null;
}

/** A code with its words: a category or a result. */
export interface Code {
  code: string;
  zh: string;
  en: string;
}

/** `/api/org` in JSON, as enrolment hands it over. */
export interface OrgSnapshot {
  stations?: Partial<Named>[];
  units?: Partial<Named>[];
  people?: Partial<Named>[];
  vehicles?: Partial<Named>[];
  categories?: Code[];
  results?: Code[];
  limits?: Partial<Record<Judging, [string, Row][]>>;
}

export interface Org {
  stations: ReadonlyMap<string, Named>;
  units: ReadonlyMap<string, Named>;
  people: ReadonlyMap<string, Named>;
  vehicles: ReadonlyMap<string, Named>;
  categories: readonly Code[];
  results: readonly Code[];
  /** All policies, zones and modes: which limit holds for what began when (SPEC PO). */
  book: PolicyBook;
}

const TABLES = ["stations", "units", "people", "vehicles"] as const;
/** The rows that limits are made of. */
type Judging = "policies" | "zones" | "modes";

function text(value: unknown): string | null {
  if (value instanceof Uint8Array) return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return typeof value === "string" ? value : null;
}

function named(id: string, row: Record<string, unknown>): Named {
  const role = text(row["role"]);
  return { id, name: text(row["name"]) ?? "", role, station: text(row["station"]), unit: text(row["unit"]) };
}

/**
 * The limits are those of the rulings alone as soon as there are any: a version that was withdrawn since the snapshot
 * must not come into force.
 */
function bookOf(snapshot: OrgSnapshot | null, rows: readonly OrgRow[]): PolicyBook {
  const of = (wanted: Judging): readonly (readonly [string, Row])[] =>
    rows.length > 0
      ? rows.flatMap(({ what, id, row }) => (what === wanted && row ? [[id, row] as const] : []))
      : (snapshot?.limits?.[wanted] ?? []);
  return new PolicyBook(
    of("policies").map(([id, row]) => [id, 0, row] as const),
    of("zones"),
    of("modes"),
  );
}

/** One picture: the snapshot, then the rulings over it. */
export function orgOf(snapshot: OrgSnapshot | null, rows: readonly OrgRow[]): Org {
  const tables = new Map<string, Map<string, Named>>();
  for (const what of TABLES) {
    const entries = (snapshot?.[what] ?? []).flatMap((row) => (row.id ? [[row.id, named(row.id, row)] as const] : []));
    tables.set(what, new Map(entries));
  }
  const codes = { categories: new Map<string, Code>(), results: new Map<string, Code>() };
  for (const what of ["categories", "results"] as const) {
    for (const code of snapshot?.[what] ?? []) codes[what].set(code.code, code);
  }

  for (const { what, id, row } of rows) {
    const table = tables.get(what);
    if (table) {
      if (row) table.set(id, named(id, row));
      else table.delete(id);
    } else if ((what === "categories" || what === "results") && row) {
      const code = text(row["code"]);
      if (code) codes[what].set(code, { code, zh: text(row["zh"]) ?? code, en: text(row["en"]) ?? code });
    }
  }
  const get = (what: (typeof TABLES)[number]) => tables.get(what) ?? new Map<string, Named>();
  return {
    stations: get("stations"),
    units: get("units"),
    people: get("people"),
    vehicles: get("vehicles"),
    categories: [...codes.categories.values()],
    results: [...codes.results.values()],
    book: bookOf(snapshot, rows),
  };
}

/** Whom a device acts for: the person, where they belong by now, and the vehicles of their unit. */
export function meOf(enrolled: DeviceSession["person"], org: Org): Me {
  const { station, unit } = org.people.get(enrolled.id) ?? enrolled;
  const vehicles = unit ? [...org.vehicles.values()].filter((one) => one.unit === unit).map((one) => one.id) : [];
  return { person: enrolled.id, station, unit, vehicles };
}
