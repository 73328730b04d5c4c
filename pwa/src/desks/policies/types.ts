/** What `/api/policies`, `/api/zones` and the preview answer. */
import type { Mode } from "../../sync/incident/versions";

export type Limits = Record<string, unknown>;
export type When = "past" | "in_force" | "to_come";

export interface VersionRow {
  readonly id: string;
  readonly idx: number;
  readonly name: string;
  readonly from_ms: number;
  readonly until_ms: number | null;
  readonly written_at: number | null;
  readonly by_name: string;
  readonly note: string;
  readonly zone: string | null;
  readonly mode: Mode | null;
  readonly state: When;
  readonly limits: Limits;
}
export interface ModeRow {
  readonly id: string;
  readonly mode: Mode;
  readonly from_ms: number;
  readonly by_name: string;
  readonly note: string;
}
export interface Policies {
  readonly now_ms: number;
  readonly defaults: Limits;
  readonly versions: readonly VersionRow[];
  readonly modes: readonly ModeRow[];
  readonly mode: Mode;
}
export type Corner = readonly [number, number];
export interface ZoneRow {
  readonly id: string;
  readonly zone: string;
  readonly name: string;
  readonly station: string | null;
  readonly tier: number | null;
  readonly polygon: readonly Corner[] | null;
  readonly from_ms: number;
  readonly ended: boolean;
  readonly by_name: string;
  readonly note: string;
  readonly state: When;
}
export interface ZoneList {
  readonly now_ms: number;
  readonly zones: readonly ZoneRow[];
}
export interface Code {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
}
export interface Org {
  readonly stations: readonly { readonly id: string; readonly name: string }[];
  readonly units: readonly { readonly id: string; readonly name: string }[];
  readonly vehicles: readonly { readonly id: string; readonly name: string }[];
  readonly categories: readonly Code[];
}

export interface Tally {
  readonly met: number;
  readonly missed: number;
  readonly undetermined: number;
}
export interface Change {
  readonly incident: string;
  readonly number: string | null;
  readonly title: string;
  readonly clock: string;
  readonly start_ms: number;
  readonly before: string;
  readonly after: string;
  readonly elapsed_lo_ms: number | null;
  readonly elapsed_hi_ms: number | null;
}
export interface Preview {
  readonly since_ms: number;
  readonly until_ms: number;
  readonly clocks: readonly {
    readonly clock: string;
    readonly before: Tally;
    readonly after: Tally;
    readonly turned: number;
  }[];
  readonly changes: readonly Change[];
  readonly more: number;
  readonly incidents: number;
  readonly cut: boolean;
}
