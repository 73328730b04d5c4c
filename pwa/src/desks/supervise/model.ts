/**
 * What the desk of figures asks for, and how figures read: widths of a bar, intervals as text, days of a range.
 *
 * Pure. Refuses to count: every number comes from the centre.
 *
 *     spanText({ lo_ms: 25_000, hi_ms: 35_000 }, "zh-CN")   // 25–35 秒
 *     spanText({ lo_ms: 12_010, hi_ms: 12_110 }, "zh-CN")   // 12 秒: both read the same
 */
import type { Language } from "../../words/language";
import type { Block, Figures, GroupBy, Instant, Line, Period, PeriodKind, Span } from "./types";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SHANGHAI_MS = 8 * HOUR;

/** Which four clocks stand side by side. */
export const SETS: Readonly<Record<string, readonly string[]>> = {
  watches: ["C2", "C5", "C6", "C9"],
  road: ["C1", "C2i", "C3", "C4"],
  after: ["C7", "C8", "C9", "C10"],
};

export interface Wanted {
  readonly kind: PeriodKind;
  readonly atMs: number | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly by: GroupBy;
}

/** The part of every address that says which period and which groups. */
export function queryOf(wanted: Wanted): string {
  const parts = [`period=${wanted.kind}`, `by=${wanted.by}`];
  if (wanted.kind === "range") parts.push(`from_ms=${wanted.fromMs}`, `to_ms=${wanted.toMs}`);
  else if (wanted.atMs !== null) parts.push(`at_ms=${wanted.atMs}`);
  return parts.join("&");
}

/** The period before or after the shown one; null where that has not begun. */
export function stepped(wanted: Wanted, shown: Period, by: 1 | -1, nowMs: number): Wanted | null {
  if (by === 1 && shown.to_ms > nowMs) return null;
  if (wanted.kind !== "range") return { ...wanted, atMs: by === 1 ? shown.to_ms : shown.from_ms - 1 };
  const length = shown.to_ms - shown.from_ms;
  return { ...wanted, fromMs: shown.from_ms + by * length, toMs: shown.to_ms + by * length };
}

/** `2026-03-02`, the day of Shanghai a moment lies in, as a field for a date has it. */
export function dateField(atMs: number): string {
  return new Date(atMs + SHANGHAI_MS).toISOString().slice(0, 10);
}

/** The first moment of a day as a field gives it; null for what is no day. */
export function dayStart(field: string): number | null {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(field) ? Date.parse(`${field}T00:00:00Z`) : Number.NaN;
  return Number.isNaN(at) ? null : at - SHANGHAI_MS;
}

/** A range from the start of one day to the end of another; null when it is none, or longer than 400 days. */
export function rangeOf(first: string, last: string): { fromMs: number; toMs: number } | null {
  const [from, to] = [dayStart(first), dayStart(last)];
  if (from === null || to === null || to < from || to + DAY - from > 400 * DAY) return null;
  return { fromMs: from, toMs: to + DAY };
}

const UNITS: Record<Language, readonly [string, string, string, string]> = {
  "zh-CN": ["秒", "分", "时", "天"],
  en: ["s", "min", "h", "d"],
};

/** A length for a column, rounded: `12 秒`, `3 分 40`, `16 分`, `1 时 50`, `3 天`. */
export function short(ms: number, language: Language): string {
  const [s, min, h, d] = UNITS[language];
  const seconds = Math.round(ms / SECOND);
  if (seconds < 60) return `${seconds} ${s}`;
  if (seconds < 600) return joined(Math.floor(seconds / 60), min, seconds % 60);
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 60) return `${minutes} ${min}`;
  if (minutes < 48 * 60) return joined(Math.floor(minutes / 60), h, minutes % 60);
  return `${Math.round(ms / DAY)} ${d}`;
}

function joined(big: number, unit: string, small: number): string {
  return small === 0 ? `${big} ${unit}` : `${big} ${unit} ${String(small).padStart(2, "0")}`;
}

/** An interval, what both ends share said once: one number when both ends read the same, `≥` when nothing bounds it above, a dash for none. */
export function spanText(span: Span | null, language: Language): string {
  if (span === null) return "–";
  const lo = short(span.lo_ms, language);
  if (span.hi_ms === null) return `≥ ${lo}`;
  const hi = short(span.hi_ms, language);
  if (lo === hi) return lo;
  const [a, b] = [lo.split(" "), hi.split(" ")];
  if (a.length === 2 && b.length === 3 && a[0] === b[0] && a[1] === b[1]) return `${lo} 00–${b[2]}`; // 6 分 00–06
  if (a.length === 2 && b.length === 2 && a[1] === b[1]) return `${a[0]}–${hi}`; // 24–25 秒
  if (a.length === 3 && b.length === 3 && a[0] === b[0] && a[1] === b[1]) return `${lo}–${b[2]}`; // 4 分 51–52
  return `${lo}–${hi}`;
}

/** The length of one line, a dash while it has none. */
export function lengthText(line: Pick<Line, "is_ended" | "lo_ms" | "hi_ms">, language: Language): string {
  if (!line.is_ended) return "–";
  const hi = line.hi_ms === null ? null : Math.max(0, line.hi_ms);
  return spanText({ lo_ms: Math.max(0, line.lo_ms ?? 0), hi_ms: hi }, language);
}

/** What the buckets are called: `0–30 秒`, `30–60`, …, `180 以上`; the unit is said where it changes. */
export function edgeWords(edges: readonly number[], language: Language, above: (text: string) => string): string[] {
  const unitOf = (ms: number): [number, string] => {
    const [s, min, h, d] = UNITS[language];
    if (ms % DAY === 0 && ms > DAY) return [ms / DAY, d];
    if (ms % HOUR === 0 && ms > HOUR) return [ms / HOUR, h];
    if (ms % MINUTE === 0 && ms >= 5 * MINUTE) return [ms / MINUTE, min];
    return [ms / SECOND, s];
  };
  let said = "";
  let low = 0;
  const words = edges.map((edge) => {
    const [n, unit] = unitOf(edge);
    const scale = edge / n;
    const from = low / scale;
    low = edge;
    const tail = unit === said ? "" : ` ${unit}`;
    said = unit;
    return `${Number.isInteger(from) ? from : from.toFixed(1)}–${n}${tail}`;
  });
  const last = edges.at(-1);
  if (last === undefined) return words;
  const [n, unit] = unitOf(last);
  return [...words, above(`${n} ${unit}`)];
}

export interface Slice {
  /** 0 is the fastest bucket; null the hatched rest. */
  readonly step: number | null;
  readonly n: number;
  readonly width: string;
  readonly isShown: boolean;
}

/** A count is written into its slice where there is room for it: beyond that it stands in the table on paper. */
const ROOM = 0.055;
/** Steps of the fastest to the slowest. */
const STEPS = 5;

/** The slices of a bar, empty ones left out; the last bucket is always the darkest, however many there are. */
export function slices(figures: Figures): Slice[] {
  if (figures.ended === 0) return [];
  const slice = (n: number, step: number | null): Slice => ({
    step,
    n,
    width: `${((n * 100) / figures.ended).toFixed(2)}%`,
    isShown: n / figures.ended >= ROOM,
  });
  const last = figures.buckets.length - 1;
  return [...figures.buckets.map((n, at) => slice(n, stepOf(at, last))), slice(figures.hatched, null)].filter(
    ({ n }) => n > 0,
  );
}

/** Which of the five colours a bucket has: in order, the last one the last. */
export function stepOf(at: number, last: number): number {
  if (last <= 0) return 0;
  return Math.min(STEPS - 1, Math.round((at * (STEPS - 1)) / last));
}

export interface Choice {
  readonly clock: string;
  readonly key: string;
}

/** The rows of all tables in their order, for the arrows. */
export function rowsOf(blocks: readonly Block[]): Choice[] {
  return blocks.flatMap((block) => [block.all, ...block.groups].map(({ key }) => ({ clock: block.clock, key })));
}

/** The row before or after the chosen one; the first of all when none is. */
export function moved(rows: readonly Choice[], chosen: Choice | null, by: 1 | -1): Choice | null {
  const at = rows.findIndex(({ clock, key }) => clock === chosen?.clock && key === chosen?.key);
  if (at < 0) return rows[0] ?? null;
  return rows[Math.min(Math.max(at + by, 0), rows.length - 1)] ?? null;
}

export type Part = "all" | "missed" | "undetermined" | "open";

/** The lines of one part of a table. */
export function partOf(lines: readonly Line[], part: Part): readonly Line[] {
  if (part === "all") return lines;
  if (part === "open") return lines.filter(({ is_ended }) => !is_ended);
  return lines.filter(({ result }) => result === part);
}

/** The instants that may follow one. */
export function laterThan(start: Instant, all: readonly Instant[]): readonly Instant[] {
  return all.slice(all.indexOf(start) + 1);
}
