/**
 * Whom an order can go to, each with when it was last heard: people by their devices, units and vehicles by whoever
 * of their crew was heard last. Pure.
 *
 * Heard lately says that an order would probably arrive; it says nothing about anybody's diligence.
 *
 *     targets(org, devices, "昂素", null)[0]   // { kind: "unit", name: "昂素快反", heardMs: 1773297068000, … }
 */
import type { DeviceContact, Hex, Org, Target, TargetKind } from "./types";

export interface TargetRow {
  readonly kind: TargetKind;
  readonly id: Hex;
  readonly name: string;
  readonly station: Hex | null;
  readonly stationName: string;
  /** Newest contact of any device of the target; null when no device of it was ever heard. */
  readonly heardMs: number | null;
}

/** Roles that receive orders. */
const FIELD = new Set(["officer", "guard", "station"]);

export function heardByPerson(devices: readonly DeviceContact[]): Map<Hex, number> {
  const heard = new Map<Hex, number>();
  for (const { person, revoked_at, last_contact_ms } of devices) {
    if (revoked_at !== null || last_contact_ms === null) continue;
    heard.set(person, Math.max(heard.get(person) ?? 0, last_contact_ms));
  }
  return heard;
}

function newest(times: readonly (number | undefined)[]): number | null {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? null : Math.max(...known);
}

/**
 * Every possible receiver: units, then people, then vehicles; those of the station `near` first, then those heard lately.
 * `station` leaves out the others.
 */
export function targets(
  org: Org,
  devices: readonly DeviceContact[],
  search: string,
  station: Hex | null,
  near: Hex | null = null,
): TargetRow[] {
  const heard = heardByPerson(devices);
  const crew = (unit: Hex | null): (number | undefined)[] =>
    unit === null ? [] : org.people.filter((one) => one.unit === unit).map(({ id }) => heard.get(id));
  const nameOf = new Map(org.stations.map(({ id, name }) => [id, name]));
  const row = (kind: TargetKind, id: Hex, name: string, at: Hex | null, heardMs: number | null): TargetRow => ({
    kind,
    id,
    name,
    station: at,
    stationName: (at && nameOf.get(at)) ?? "",
    heardMs,
  });
  const groups = [
    org.units.map((one) => row("unit", one.id, one.name, one.station, newest(crew(one.id)))),
    org.people
      .filter(({ role }) => FIELD.has(role))
      .map((one) => row("person", one.id, one.name, one.station, heard.get(one.id) ?? null)),
    org.vehicles.map((one) => row("vehicle", one.id, one.name, one.station, newest(crew(one.unit)))),
  ];
  const words = search.trim().toLowerCase().split(/\s+/);
  const fits = ({ name, stationName, station: at }: TargetRow): boolean =>
    (station === null || at === station || at === null) &&
    words.every((word) => `${name} ${stationName}`.toLowerCase().includes(word));
  const rank = (one: TargetRow): number => (near !== null && one.station === near ? 0 : 1);
  return groups.flatMap((group) => group.filter(fits).sort((a, b) => rank(a) - rank(b) || byHeard(a, b)));
}

function byHeard(a: TargetRow, b: TargetRow): number {
  return (b.heardMs ?? 0) - (a.heardMs ?? 0) || a.name.localeCompare(b.name, "zh-CN");
}

export const targetOf = ({ kind, id }: TargetRow): Target => [kind, id];

/** Who may have spoken for an order by radio: the person it went to, or the crew of its unit or vehicle, first. */
export function speakers(
  org: Org,
  to: Target | null,
  station: Hex | null,
): (Org["people"][number] & { near: boolean })[] {
  const unit = to?.[0] === "unit" ? to[1] : org.vehicles.find(({ id }) => to?.[0] === "vehicle" && id === to[1])?.unit;
  const near = (one: Org["people"][number]): number => {
    if (to?.[0] === "person" && one.id === to[1]) return 0;
    if (unit && one.unit === unit) return 1;
    return one.station === station ? 2 : 3;
  };
  return org.people
    .filter(({ role }) => FIELD.has(role))
    .map((one) => ({ ...one, rank: near(one) }))
    .sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name, "zh-CN"))
    .map(({ rank, ...one }) => ({ ...one, near: rank < 2 }));
}

/** The name of what an order went to; the id's first digits when the organisation does not know it. */
export function targetName(org: Org | null, to: Target): string {
  const list = { unit: org?.units, person: org?.people, vehicle: org?.vehicles }[to[0]];
  return list?.find(({ id }) => id === to[1])?.name ?? to[1].slice(0, 6);
}
