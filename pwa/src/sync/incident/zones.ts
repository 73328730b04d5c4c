/**
 * Zones: pieces of country with a tier of their own, and which of them an incident lies in (SPEC PO5, PO6). Mirrors
 * `sync/incident/zones.py`. Ids are hex here; rows may hold them as bytes (rulings) or as hex (JSON).
 *
 *     contains([[0, 0], [0, 10], [10, 10], [10, 0]], [10, 5])   // true: the edge is inside
 */
import { toHex } from "../ids";
import type { DerivedView } from "./status";

/** Latitude and longitude in WGS-84, in 1e-7 degree. */
export type Point = readonly [number, number];
export type Row = Readonly<Record<string, unknown>>;
/** What a zone is found by. */
export type Placed = Pick<DerivedView, "fields" | "station">;

const RING_MIN = 3;
const RING_MAX = 500;
const LAT_MAX = 900_000_000;
const LON_MAX = 1_800_000_000;
export const TIER_MAX = 1_440;
const FOUND_LIMIT = 4_096;

/** One version of a zone. `id` is the same in all of its versions, `row` names this one. */
export interface Zone {
  readonly id: string;
  readonly row: string;
  readonly fromMs: number;
  readonly name: string;
  readonly station: string | null;
  readonly tier: number | null;
  readonly ring: readonly Point[] | null;
  readonly ended: boolean;
}

/** Whether a point lies inside a ring or on its edge. Even-odd; the ring does not cross the 180th meridian. */
export function contains(ring: readonly Point[], [lat, lon]: Point): boolean {
  let inside = false;
  let [latA, lonA] = ring.at(-1) as Point;
  for (const [latB, lonB] of ring) {
    const turn = BigInt(latB - latA) * BigInt(lon - lonA) - BigInt(lonB - lonA) * BigInt(lat - latA);
    if (
      turn === 0n &&
      Math.min(latA, latB) <= lat &&
      lat <= Math.max(latA, latB) &&
      Math.min(lonA, lonB) <= lon &&
      lon <= Math.max(lonA, lonB)
    )
      return true;
    if (latA > lat !== latB > lat && turn > 0n === latB > latA) inside = !inside;
    [latA, lonA] = [latB, lonB];
  }
  return inside;
}

const isInt = (value: unknown): value is number => Number.isSafeInteger(value);
const natural = (value: unknown, high = Number.MAX_SAFE_INTEGER): number | null =>
  isInt(value) && value >= 0 && value <= high ? value : null;

/** An id out of a row: bytes of a ruling, or hex of JSON. */
export function idOf(value: unknown): string | null {
  if (value instanceof Uint8Array) return value.length === 16 ? toHex(value) : null;
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value) ? value : null;
}

/** What is wrong with a polygon: a list of [lat, lon], its end not repeated. Null for a good one. */
export function ringFault(value: unknown): string | null {
  if (!Array.isArray(value)) return "wrong_type";
  if (value.length < RING_MIN) return "too_few";
  if (value.length > RING_MAX) return "too_many";
  for (const point of value) {
    if (!Array.isArray(point) || point.length !== 2 || !point.every(isInt)) return "wrong_type";
    const [lat, lon] = point as [number, number];
    if (Math.abs(lat) > LAT_MAX || Math.abs(lon) > LON_MAX) return "out_of_range";
  }
  return null;
}

/** Read a row of `zones`; what cannot be read counts as left out. Null when its time or its place cannot (PO5). */
export function zoneOfRow(rowId: string, row: Row): Zone | null {
  const ring = row["polygon"] ?? null;
  const fromMs = natural(row["from_ms"] === undefined ? 0 : row["from_ms"]);
  if (fromMs === null || (ring !== null && ringFault(ring) !== null)) return null;
  return {
    id: idOf(row["zone"]) ?? rowId,
    row: rowId,
    fromMs,
    name: typeof row["name"] === "string" ? row["name"] : "",
    station: idOf(row["station"]),
    tier: natural(row["tier"], TIER_MAX),
    ring: ring as readonly Point[] | null,
    ended: row["ended"] === true,
  };
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** How many of ascending starts lie at or before a time. */
export function begun(starts: readonly number[], ms: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All versions of all zones; what stood at a time does not depend on the order they are given in. */
export class Zones {
  readonly #all: readonly Zone[];
  readonly #starts: readonly number[];
  readonly #known = new Map<number, readonly Zone[]>();
  readonly #found = new Map<string, Zone | null>();

  constructor(rows: Iterable<readonly [string, Row]>) {
    this.#all = Array.from(rows, ([id, row]) => zoneOfRow(id, row))
      .filter((zone) => zone !== null)
      .sort((a, b) => a.fromMs - b.fromMs || byText(a.row, b.row));
    this.#starts = this.#all.map(({ fromMs }) => fromMs);
  }

  /** The zones that stand at a time, the shortest tier that sets a limit first, then by id. */
  at(ms: number): readonly Zone[] {
    const count = begun(this.#starts, ms);
    let known = this.#known.get(count);
    if (!known) {
      const newest = new Map(this.#all.slice(0, count).map((zone) => [zone.id, zone]));
      known = [...newest.values()]
        .filter(({ ended }) => !ended)
        .sort((a, b) => (a.tier || TIER_MAX + 1) - (b.tier || TIER_MAX + 1) || byText(a.id, b.id));
      this.#known.set(count, known);
    }
    return known;
  }

  /**
   * The zone an incident lies in at a time: by its newest point, else the one zone without borders of its station (PO6).
   * Null when there is none, or no saying which.
   */
  of(view: Placed, ms: number): Zone | null {
    if (this.#all.length === 0) return null;
    const point = view.fields["point"]?.at(-1)?.v as Point | undefined;
    const around = point ? this.#around(point, ms) : null;
    if (around) return around;
    const station = view.station && toHex(view.station);
    const rest = this.at(ms).filter((zone) => zone.ring === null && zone.station === station);
    return rest.length === 1 && station !== null ? (rest[0] as Zone) : null;
  }

  /** The first zone whose borders hold a point. Each clock of an incident asks for the same one. */
  #around(point: Point, ms: number): Zone | null {
    const key = `${begun(this.#starts, ms)} ${point}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      if (this.#found.size >= FOUND_LIMIT) this.#found.clear();
      found = this.at(ms).find(({ ring }) => ring && contains(ring, point)) ?? null;
      this.#found.set(key, found);
    }
    return found;
  }
}
