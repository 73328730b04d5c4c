/**
 * What the watch wall shows at a moment: rows by time to breach, what has become undelivered since the last answer,
 * and where a key press leads. Pure: the wall as it came and the time go in.
 *
 * Nothing is judged here. A row is running, overdue or done; whether somebody missed a deadline comes found, with what
 * was done.
 *
 *     const shown = wallAt(wall, now.value);
 *     step(shown, { column: "signing", key }, 1)   // the row below
 */
import type { DeadlineState, Wall, WallColumnData, WallDone, WallItem } from "../types";

export const COLUMNS = ["signing", "feedback", "callback"] as const;
export type ColumnName = (typeof COLUMNS)[number];
export type Place = ColumnName | "undelivered";

export interface ShownColumn extends Omit<WallColumnData, "rows" | "overdue" | "next_due_ms"> {
  readonly rows: readonly WallItem[];
  readonly count: number;
  readonly overdue: number;
  readonly nextDueMs: number | null;
}
export interface ShownWall extends Record<ColumnName, ShownColumn> {
  readonly undelivered: readonly WallItem[];
}

/** The same row in two answers has the same key. */
export function keyOf(row: WallItem): string {
  return `${row.incident}/${row.order ?? ""}/${row.deadline.id}`;
}

const due = ({ due_ms, start_ms }: DeadlineState): number => due_ms ?? (start_ms ?? 0) + 1e15;
/** The next breach first; of equals the one that has waited longest. */
const byBreach = (a: WallItem, b: WallItem): number =>
  due(a.deadline) - due(b.deadline) ||
  (a.deadline.start_ms ?? 0) - (b.deadline.start_ms ?? 0) ||
  keyOf(a).localeCompare(keyOf(b));
export const isOver = ({ deadline }: WallItem, nowMs: number): boolean =>
  deadline.done_ms === null && deadline.due_ms !== null && deadline.due_ms < nowMs;
/** What was done lately, once each: one report can end two clocks alike, and then no single span is its own. */
function once(recent: readonly WallDone[]): WallDone[] {
  const shown: WallDone[] = [];
  for (const one of recent) {
    const at = shown.findIndex((it) => it.incident === one.incident && it.at === one.at && it.result === one.result);
    const same = shown[at];
    if (!same) shown.push(one);
    else shown[at] = { ...same, elapsed_lo_ms: null, elapsed_hi_ms: null };
  }
  return shown;
}

/** C1 is the phone's clock, not a person's: past its due the order is undelivered, a task for the desk (DL3). */
const isLost = (row: WallItem, nowMs: number): boolean => row.deadline.id === "C1" && isOver(row, nowMs);

function column(from: WallColumnData, nowMs: number): ShownColumn {
  const kept = from.rows.filter((row) => !isLost(row, nowMs));
  const rows = kept.sort(byBreach);
  const counted = rows.filter(({ exercise }) => !exercise);
  const here = counted.filter((row) => isOver(row, nowMs)).length;
  const ahead = counted.find((row) => !isOver(row, nowMs) && row.deadline.due_ms !== null)?.deadline.due_ms ?? null;
  return {
    ...from,
    recent: once(from.recent),
    rows,
    count: rows.length + from.more,
    // rows the server did not send can only be overdue in its own count
    overdue: Math.max(here, from.more > 0 ? from.overdue : 0),
    nextDueMs: ahead ?? (from.next_due_ms !== null && from.next_due_ms >= nowMs ? from.next_due_ms : null),
  };
}

export function wallAt(wall: Wall, nowMs: number): ShownWall {
  const lost = wall.signing.rows.filter((row) => isLost(row, nowMs));
  const known = new Set(wall.undelivered.map(keyOf));
  const undelivered = [...wall.undelivered, ...lost.filter((row) => !known.has(keyOf(row)))];
  undelivered.sort((a, b) => (a.deadline.start_ms ?? 0) - (b.deadline.start_ms ?? 0));
  return {
    signing: column(wall.signing, nowMs),
    feedback: column(wall.feedback, nowMs),
    callback: column(wall.callback, nowMs),
    undelivered,
  };
}

/** Which row has the keyboard. */
export interface Choice {
  readonly place: Place;
  readonly key: string;
}

function rowsOf(wall: ShownWall, place: Place): readonly WallItem[] {
  return place === "undelivered" ? wall.undelivered : wall[place].rows;
}

/** The choice where its row stands now: an order that turns out undelivered takes the choice along. */
export function whereNow(wall: ShownWall, choice: Choice | null): Choice | null {
  if (!choice || rowsOf(wall, choice.place).some((row) => keyOf(row) === choice.key)) return choice;
  const place = ([...COLUMNS, "undelivered"] as const).find((one) =>
    rowsOf(wall, one).some((row) => keyOf(row) === choice.key),
  );
  return place ? { place, key: choice.key } : choice;
}

/** The chosen row, when it is still there. */
export function chosenRow(wall: ShownWall, choice: Choice | null): WallItem | null {
  if (!choice) return null;
  return rowsOf(wall, choice.place).find((row) => keyOf(row) === choice.key) ?? null;
}

/** The first row of a column: where Q, W and E lead. Null when the column is empty. */
export function firstOf(wall: ShownWall, place: Place): Choice | null {
  const row = rowsOf(wall, place)[0];
  return row ? { place, key: keyOf(row) } : null;
}

/** Up or down; from nowhere to the most urgent row of all. A row that has gone gives way to the one now in its place. */
export function step(wall: ShownWall, choice: Choice | null, by: 1 | -1, lastIndex = 0): Choice | null {
  if (!choice) return mostUrgent(wall);
  const rows = rowsOf(wall, choice.place);
  const at = rows.findIndex((row) => keyOf(row) === choice.key);
  const next = at < 0 ? Math.min(lastIndex, rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
  const row = rows[next];
  return row ? { place: choice.place, key: keyOf(row) } : mostUrgent(wall);
}

/** Left or right, over empty columns, to the row at the same height. */
export function sidestep(wall: ShownWall, choice: Choice | null, by: 1 | -1): Choice | null {
  if (!choice) return mostUrgent(wall);
  const order: Place[] = [...COLUMNS, "undelivered"];
  const height = rowsOf(wall, choice.place).findIndex((row) => keyOf(row) === choice.key);
  for (let at = order.indexOf(choice.place) + by; at >= 0 && at < order.length; at += by) {
    const place = order[at];
    if (!place) break;
    const rows = rowsOf(wall, place);
    const row = rows[Math.min(Math.max(height, 0), rows.length - 1)];
    if (row) return { place, key: keyOf(row) };
  }
  return choice;
}

function mostUrgent(wall: ShownWall): Choice | null {
  const heads = COLUMNS.flatMap((name) => {
    const row = wall[name].rows[0];
    return row ? [{ name, row }] : [];
  });
  const head = heads.sort((a, b) => due(a.row.deadline) - due(b.row.deadline))[0];
  return head ? { place: head.name, key: keyOf(head.row) } : firstOf(wall, "undelivered");
}

/** The row R and G speak of: the chosen one when it has an order, else the oldest undelivered one. */
export function orderRow(wall: ShownWall, choice: Choice | null): WallItem | null {
  const chosen = chosenRow(wall, choice);
  return chosen?.order ? chosen : (wall.undelivered[0] ?? null);
}

/** What waits for a ruling: things said in two ways, and records that nobody has decided about. */
export function toRule({ waiting, conflicts }: Pick<Wall, "waiting" | "conflicts">): { said: number; records: number } {
  return {
    said: conflicts.facts + conflicts.steps,
    records: waiting.held + waiting.rejected + waiting.opaque + waiting.compromised,
  };
}
