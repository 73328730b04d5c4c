/**
 * The verdicts in an evidence file: what was found of each clock, and whether it follows from what it says itself (SPEC
 * XP7). Mirrors `sync/evidence/found.py`. It does not judge anew: the samples of clocks are not in the file.
 *
 *     foundIn(report)[0]?.result      // "met"
 */
import type { Value } from "../canon";
import { KIND_VERDICT, type Ruling } from "../rulings";
import { hexOf, type Report } from "./report";

/** Clocks whose limit may be the end of a day: how long there was depends on when exactly they began. */
const BY_DAYS: ReadonlySet<string> = new Set(["C9", "C10"]);

export interface Found {
  readonly idx: number;
  readonly atMs: number;
  readonly clock: string;
  readonly round: number;
  readonly result: string;
  /** Hex; empty for a clock of the incident itself. */
  readonly order: string;
  readonly grade: number | null;
  readonly within: number | null;
  readonly lo: number | null;
  readonly hi: number | null;
  /** Hex ids of the sets that tell of its two moments. */
  readonly sets: readonly string[];
  readonly why: readonly string[];
}

/** The newest verdict on each clock, order and round, in the order they were ruled. */
export const foundIn = (report: Report): Found[] => newestOf(report.about);

/** The same of rulings about one incident, wherever they came from, the older first. */
export function newestOf(rulings: readonly Ruling[]): Found[] {
  const newest = new Map<string, Found>();
  for (const ruling of rulings) {
    const one = ruling.kind === KIND_VERDICT ? foundOf(ruling) : null;
    if (!one) continue;
    const key = `${one.clock} ${one.order} ${one.round}`;
    newest.delete(key);
    newest.set(key, one);
  }
  return [...newest.values()];
}

/** Find verdicts that do not follow from what they say themselves; of every one in the file, not only the newest. */
export function unfounded(report: Report): void {
  const known = new Set(report.shown.map(({ change }) => hexOf(change.setId.slice(0, 16))));
  for (const ruling of report.about) {
    const one = ruling.kind === KIND_VERDICT ? foundOf(ruling) : null;
    if (!one) continue;
    const where = `entry ${ruling.idx}`;
    if (!follows(one)) report.find("unfounded", where, `${one.clock} ${one.result}`);
    else if (one.sets.some((set) => !known.has(set)))
      report.find("unfounded", where, `${one.clock} rests on what is not in the file`);
  }
}

function follows({ clock, result, within, lo, hi }: Found): boolean {
  if (result === "met") return within !== null && hi !== null && hi <= within;
  if (result === "missed" && !BY_DAYS.has(clock)) return within !== null && lo !== null && lo > within;
  return true;
}

const isNumberOrNull = (value: Value | undefined): value is number | null =>
  value === null || typeof value === "number";

/** What a ruling of the kind `verdict` says; null when it says something else than it must. */
export function foundOf({ idx, atMs, payload }: Ruling): Found | null {
  const { clock, round, result, order, grade, within, lo, hi, start, end, why, because } = payload;
  const marks = [start, end].map(opOf);
  if (typeof clock !== "string" || typeof round !== "number" || typeof result !== "string") return null;
  if (!(order === null || (order instanceof Uint8Array && order.length === 16))) return null;
  if (![grade, within, lo, hi, because].every(isNumberOrNull) || !Array.isArray(why)) return null;
  if (!why.every((code) => typeof code === "string") || marks.includes("bad")) return null;
  return {
    idx,
    atMs,
    clock,
    round,
    result,
    order: hexOf(order),
    grade: grade as number | null,
    within: within as number | null,
    lo: lo as number | null,
    hi: hi as number | null,
    sets: marks.filter((set) => set !== ""),
    why: why as string[],
  };
}

/** The set of a mark, in hex; empty for none. */
function opOf(mark: Value | undefined): string {
  if (mark === null) return "";
  if (!Array.isArray(mark) || mark.length !== 3 || !(mark[0] instanceof Uint8Array)) return "bad";
  return mark.slice(1).every(isNumberOrNull) ? hexOf(mark[0].slice(0, 16)) : "bad";
}
