/** Figures as the centre tells them (`/api/reports/…`); what each number means stands in docs/reports.md. */

export interface Span {
  readonly lo_ms: number;
  /** Null where nothing bounds it. */
  readonly hi_ms: number | null;
}
export interface Watermark {
  readonly total: number;
  readonly whole: number;
  readonly basis_points: number | null;
  readonly silent: number;
  readonly longest_silent_ms: number | null;
  readonly holding: number;
  readonly unknown: number;
  readonly pending: number;
  readonly oldest_ms: number | null;
}
export interface Figures {
  readonly n: number;
  readonly ended: number;
  readonly buckets: readonly number[];
  readonly hatched: number;
  readonly p50: Span | null;
  readonly p90: Span | null;
  readonly met: number;
  readonly missed: number;
  readonly basis_points: number | null;
  readonly undetermined: number;
  readonly causes: Readonly<Record<string, number>>;
  readonly unlimited: number;
  readonly unproven: number;
  readonly not_delivered: number;
  readonly pending: number;
  readonly overdue: number;
  readonly overrides: Readonly<Record<string, number>>;
}
export interface Group {
  /** `*`: everything together; empty: what belongs to none. */
  readonly key: string;
  readonly name: string;
  readonly figures: Figures;
  readonly completeness: Watermark | null;
}
export interface Block {
  readonly clock: string;
  readonly edges_ms: readonly number[];
  readonly all: Group;
  readonly groups: readonly Group[];
}
export type PeriodKind = "day" | "week" | "month" | "range";
export type GroupBy = "station" | "target" | "tier" | "zone";
export interface Period {
  readonly kind: PeriodKind;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly number: number | null;
  readonly running: boolean;
}
export interface Report {
  readonly now_ms: number;
  readonly period: Period;
  readonly by: GroupBy;
  readonly station: string | null;
  readonly incidents: number;
  readonly drills: number;
  readonly dropped: number;
  readonly cut: boolean;
  readonly completeness: Watermark;
  readonly blocks: readonly Block[];
}
export interface Line {
  readonly incident: string;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly clock: string;
  readonly order: string | null;
  readonly round: number;
  readonly target: string;
  readonly group: string;
  readonly start_ms: number;
  readonly result: string;
  readonly bucket: number | null;
  readonly is_ended: boolean;
  readonly lo_ms: number | null;
  readonly hi_ms: number | null;
  readonly grade: 0 | 1 | 2 | 3 | null;
  readonly why: readonly string[];
  readonly override: string | null;
  readonly claimed_ms: number | null;
}
export interface Lines {
  readonly now_ms: number;
  readonly lines: readonly Line[];
  readonly more: number;
}
export interface Between {
  readonly now_ms: number;
  readonly period: Period;
  readonly by: GroupBy;
  readonly start: Instant;
  readonly end: Instant;
  readonly looked: number;
  readonly of: number;
  readonly drills: number;
  readonly completeness: Watermark;
  readonly block: Block;
  readonly claimed_p50_ms: number | null;
  readonly claimed_p90_ms: number | null;
  readonly lines: readonly Line[];
}

/** In the order in which they happen; the second of a pair comes later in this list. */
export const INSTANTS = [
  "city_received",
  "city_issued",
  "issued",
  "delivered",
  "signed",
  "departed",
  "arrived",
  "feedback",
  "cleared",
  "final",
  "closed",
  "called",
] as const;
export type Instant = (typeof INSTANTS)[number];
