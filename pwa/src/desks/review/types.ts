/** The JSON that the review desk reads, as `/api/docs` describes it. Ids are hex, times are ms since 1970, UTC. */
import type { Remark } from "../../centre/remarks";

export type Hex = string;

export interface ReviewRow {
  readonly incident: Hex;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly category: string;
  readonly place: string;
  readonly station: Hex | null;
  readonly status: string;
  readonly exercise: boolean;
  readonly since_ms: number | null;
  readonly due_ms: number | null;
  readonly delays: number;
}
export interface Delay {
  readonly op: Hex;
  readonly by_name: string;
  readonly at: number;
  readonly received_at: number | null;
  readonly text: string;
  readonly reply: string | null;
}
export interface Late {
  readonly incident: Hex;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
  readonly station: Hex | null;
  readonly exercise: boolean;
  readonly status: string;
  readonly round: number;
  readonly clock: string;
  readonly start_ms: number;
  readonly due_ms: number;
  readonly sent: readonly string[];
  readonly delays: readonly Delay[];
}
export interface Queue {
  readonly now_ms: number;
  readonly waiting: readonly ReviewRow[];
  readonly waiting_more: number;
  readonly returned: readonly ReviewRow[];
  readonly returned_more: number;
  readonly overdue: readonly Late[];
  readonly delays: readonly ReviewRow[];
  readonly today: {
    readonly passed: number;
    readonly returned: number;
    readonly scored: number;
    readonly mean: number | null;
  };
}
export interface Cutoff {
  readonly id: Hex;
  readonly at_ms: number;
  readonly by: Hex;
  readonly by_name: string;
  readonly hash: string;
  readonly n: number;
}
export interface FrozenList {
  readonly now_ms: number;
  readonly cutoff: Cutoff;
  readonly rows: readonly {
    readonly row: Late;
    readonly answered: { readonly at: number; readonly received_at: number | null } | null;
  }[];
}

interface Stamped {
  readonly op: Hex;
  readonly by: Hex;
  readonly at: number;
}
export interface Feedback extends Stamped {
  readonly order: Hex | null;
  readonly round: number;
  readonly final: boolean;
  readonly result: string | null;
  readonly text: string | null;
  readonly received_at: number | null;
  readonly current: boolean;
  readonly review:
    | (Stamped & {
        readonly verdict: string;
        readonly faults: readonly string[];
        readonly score: number | null;
        readonly text: string | null;
      })
    | null;
}
export interface Entry {
  readonly op: Hex;
  readonly t: string;
  readonly kind: string | null;
  readonly at: number;
  readonly received_at: number | null;
  readonly late_by: number | null;
  readonly by_name: string;
  readonly said_by_name: string | null;
  readonly via: string | null;
  readonly field: string | null;
  readonly text: string | null;
  readonly value: unknown;
  readonly decision: string | null;
  readonly why: string | null;
  readonly redacted: { readonly by_name: string } | null;
}
export interface Incident {
  readonly now_ms: number;
  readonly summary: {
    readonly id: Hex;
    readonly number: string | null;
    readonly tag: string;
    readonly title: string;
    readonly category: string;
    readonly place: string;
    readonly station: Hex | null;
    readonly status: string;
    readonly exercise: boolean;
  };
  readonly view: {
    readonly round: number;
    readonly fields: Readonly<Record<string, readonly (Stamped & { readonly v: unknown })[]>>;
    readonly feedback: readonly Feedback[];
    readonly nature: {
      readonly intake: (Stamped & { readonly v: unknown }) | null;
      readonly ruled: (Stamped & { readonly v: string; readonly why: string }) | null;
    };
    readonly orders: readonly { readonly id: Hex; readonly to: readonly [string, Hex] }[];
    readonly milestones: Readonly<Record<string, { readonly at: number }>>;
  };
  readonly deadlines: readonly {
    readonly id: string;
    readonly order: Hex | null;
    readonly due_ms: number | null;
    readonly done_ms: number | null;
  }[];
  readonly remarks: readonly Remark[];
  readonly timeline: readonly Entry[];
  readonly people: Readonly<Record<Hex, string>>;
}
interface Named {
  readonly id: Hex;
  readonly name: string;
}
export interface Org {
  readonly stations: readonly Named[];
  readonly units: readonly Named[];
  readonly people: readonly Named[];
  readonly vehicles: readonly Named[];
  readonly categories: readonly { readonly code: string; readonly zh: string; readonly en: string }[];
  readonly results: readonly { readonly code: string; readonly zh: string; readonly en: string }[];
}
