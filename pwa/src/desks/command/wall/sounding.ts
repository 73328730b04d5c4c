/**
 * What sounds at a desk, and when. Three things do: an order that no phone took, a limit that is broken, and something that
 * the plan puts on somebody's list. Pure: what is on the wall, what has been heard and the switch go in.
 *
 * Each thing sounds once in its life, whatever is drawn again, asked again or opened again; things that come together are
 * one sound, the gravest. Whatever sounds is seen as well: its row is marked for a minute and stands in the colour, shape
 * and word of its state for as long as it lasts. Drills make no sound, and neither does feedback that may be written on a
 * phone out of reach.
 *
 *     const mine = await claim(seat, news(happened(shown, now), asked, now), now);   // what no other page has sounded
 *     soundOf(mine, "all")   // "breach"
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

/** What has to be asked about: late things have been seen by somebody, `asked` are keys this page has asked about. */
export function news(all: readonly Happening[], asked: ReadonlySet<string>, nowMs: number): Happening[] {
  return all.filter(({ key, atMs }) => nowMs - atMs <= LATE_MS && !asked.has(key));
}

/** The one sound of things that come together: the gravest that the switch lets through. */
export function soundOf(things: readonly Happening[], to: Switch): Kind | null {
  const audible = things.filter(({ kind }) => to === "all" || (to === "breaches" && kind === "breach"));
  return KINDS.find((kind) => audible.some((one) => one.kind === kind)) ?? null;
}

/** The rows that something happened to within the last minute. */
export function freshRows(all: readonly Happening[], nowMs: number): ReadonlySet<string> {
  return new Set(all.filter(({ atMs }) => nowMs - atMs <= FRESH_MS).map(({ row }) => row));
}
