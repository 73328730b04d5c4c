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
import type { OrgRow } from "./cache";

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
  policy?: Record<string, unknown>;
}

export interface Org {
  stations: ReadonlyMap<string, Named>;
  units: ReadonlyMap<string, Named>;
  people: ReadonlyMap<string, Named>;
  vehicles: ReadonlyMap<string, Named>;
  categories: readonly Code[];
  results: readonly Code[];
  /** Time limits by name, e.g. `sign_within_ms`; what is missing has the rules' default (SPEC DL). */
  policy: Readonly<Record<string, unknown>>;
}

const TABLES = ["stations", "units", "people", "vehicles"] as const;

function text(value: unknown): string | null {
  if (value instanceof Uint8Array) return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return typeof value === "string" ? value : null;
}

function named(id: string, row: Record<string, unknown>): Named {
  const role = text(row["role"]);
  return { id, name: text(row["name"]) ?? "", role, station: text(row["station"]), unit: text(row["unit"]) };
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
  const policy: Record<string, unknown> = { ...snapshot?.policy };

  for (const { what, id, row } of rows) {
    const table = tables.get(what);
    if (table) {
      if (row) table.set(id, named(id, row));
      else table.delete(id);
    } else if ((what === "categories" || what === "results") && row) {
      const code = text(row["code"]);
      if (code) codes[what].set(code, { code, zh: text(row["zh"]) ?? code, en: text(row["en"]) ?? code });
    } else if (what === "policies" && row) Object.assign(policy, row);
  }
  const get = (what: (typeof TABLES)[number]) => tables.get(what) ?? new Map<string, Named>();
  return {
    stations: get("stations"),
    units: get("units"),
    people: get("people"),
    vehicles: get("vehicles"),
    categories: [...codes.categories.values()],
    results: [...codes.results.values()],
    policy,
  };
}
