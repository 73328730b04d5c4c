/**
 * What sounds at a desk, and when. Three things do: an order that no phone took, a limit that is broken, and something that
 * the plan puts on somebody's list. Pure: what is on the wall, what has been heard and the switch go in.
 *
 * Each thing sounds once in its life, whatever is drawn again, asked again or opened again; things that come together are
 * one sound, the gravest. Whatever sounds is seen as well: its row is marked for a minute and stands in the colour, shape
 * and word of its state for as long as it lasts. Drills make no sound, and neither does feedback that may be written on a
 * phone out of reach.
 *
 *     sounding(happened(shown, now), heard, "all", now)   // { sound: "breach", heard: … }
 */
import type { WallItem } from "../types";
import { COLUMNS, isOver, keyOf, type ShownWall } from "./model";
import { mayBeWritten } from "./row";

export const SWITCHES = ["all", "breaches", "off"] as const;
export type Switch = (typeof SWITCHES)[number];
/** The gravest first. */
const KINDS = ["breach", "undelivered", "told"] as const;
export type Kind = (typeof KINDS)[number];

export interface Happening {
  /** The same thing has the same key for as long as it stands on the wall. */
  readonly key: string;
  readonly kind: Kind;
  readonly row: string;
  readonly atMs: number;
}

/** So long a row is marked. */
export const FRESH_MS = 60_000;
/** What happened longer ago has been seen by somebody: it makes no sound when a wall is opened. */
export const LATE_MS = 15 * 60_000;

function of(kind: Kind, row: WallItem, atMs: number): Happening {
  const key = kind === "told" ? `told/${row.told}/${keyOf(row)}` : `${kind}/${keyOf(row)}`;
  return { key, kind, row: keyOf(row), atMs };
}

/** Everything on the wall that is reason for a sound, each with when it happened. */
export function happened(wall: ShownWall, nowMs: number): Happening[] {
  const found: Happening[] = [];
  const counted = ({ exercise }: WallItem): boolean => !exercise;
  for (const row of wall.undelivered.filter(counted)) {
    if (row.deadline.due_ms !== null) found.push(of("undelivered", row, row.deadline.due_ms));
    if (row.told_at !== null) found.push(of("told", row, row.told_at));
  }
  for (const name of COLUMNS) {
    for (const row of wall[name].rows.filter(counted)) {
      if (row.told_at !== null) found.push(of("told", row, row.told_at));
      const { due_ms } = row.deadline;
      // what has no limit of its own is late from when it was told, and that is said already
      if (due_ms === null || due_ms === row.told_at || !isOver(row, nowMs)) continue;
      if (name !== "feedback" || !mayBeWritten(row)) found.push(of("breach", row, due_ms));
    }
  }
  return found;
}

/** Keys that have been heard, and when each thing happened. */
export type Heard = ReadonlyMap<string, number>;

/** What is to be heard now, and what has been heard after it: all of it, whatever the switch lets through. */
export function sounding(
  all: readonly Happening[],
  heard: Heard,
  to: Switch,
  nowMs: number,
): { sound: Kind | null; heard: Heard } {
  const news = all.filter(({ key, atMs }) => nowMs - atMs <= LATE_MS && !heard.has(key));
  const audible = news.filter(({ kind }) => to === "all" || (to === "breaches" && kind === "breach"));
  const sound = KINDS.find((kind) => audible.some((one) => one.kind === kind)) ?? null;
  const kept = [...heard].filter(([, atMs]) => nowMs - atMs <= LATE_MS);
  if (news.length === 0 && kept.length === heard.size) return { sound, heard };
  return { sound, heard: new Map([...kept, ...news.map(({ key, atMs }) => [key, atMs] as const)]) };
}

/** The rows that something happened to within the last minute. */
export function freshRows(all: readonly Happening[], nowMs: number): ReadonlySet<string> {
  return new Set(all.filter(({ atMs }) => nowMs - atMs <= FRESH_MS).map(({ row }) => row));
}
