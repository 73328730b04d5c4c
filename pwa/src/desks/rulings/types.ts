/**
 * The JSON that the rulings desk reads, as `/api/docs` describes it. Ids are hex, times are ms since 1970, UTC.
 * Only what the screens use stands here; nothing is computed.
 */
import type { Codes } from "../../centre/facts";

export type Hex = string;

export interface Summary {
  readonly id: Hex;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
  readonly station: Hex | null;
  readonly status: string;
  readonly updated_at: number;
  readonly exercise: boolean;
}

export interface Said {
  readonly op: Hex;
  readonly by: Hex;
  readonly by_name: string;
  readonly device: string;
  readonly chain: Hex;
  readonly seq: number;
  readonly at: number;
  readonly received_at: number | null;
  readonly late_by: number | null;
  readonly late_entry: boolean;
  readonly flags: readonly string[];
}
export interface Objection {
  readonly said: Said;
  readonly why: string;
}
export interface Claim {
  readonly said: Said;
  readonly via: string;
  readonly said_by: Hex | null;
  readonly said_by_name: string | null;
  readonly position: readonly [lat: number, lon: number, accuracy_m: number] | null;
  readonly standing: boolean;
  readonly effective: boolean;
  readonly disputes: readonly Objection[];
  readonly withdrawn: Objection | null;
}
export interface Inquiry {
  readonly op: Hex;
  readonly by_name: string;
  readonly at: number;
  readonly text: string;
  readonly answers: readonly {
    readonly op: Hex;
    readonly by_name: string;
    readonly at: number;
    readonly text: string;
  }[];
}
export interface Fact {
  readonly f: string;
  readonly values: readonly { readonly value: unknown; readonly said: Said }[];
  readonly preds: readonly Hex[];
  readonly asked: readonly Inquiry[];
}
export interface Step {
  readonly kind: string;
  readonly round: number;
  readonly order: Hex | null;
  readonly why: "contradictory" | "disputed";
  readonly claims: readonly Claim[];
  readonly asked: readonly Inquiry[];
}
export interface Conflicts {
  readonly now_ms: number;
  readonly incidents: readonly {
    readonly incident: Summary;
    readonly facts: readonly Fact[];
    readonly steps: readonly Step[];
  }[];
  readonly open: { readonly incidents: number; readonly facts: number; readonly steps: number };
  readonly next: number | null;
}

export type QueueKind = "held" | "rejected" | "opaque" | "compromised";
export type Decision = "admit" | "reject" | "ask";
export interface WrittenOp {
  readonly op: Hex;
  readonly t: string;
  readonly at: number;
  readonly fields: Readonly<Record<string, unknown>>;
}
export interface Remark {
  readonly idx: number;
  readonly kind: "ask" | "review";
  readonly at: number;
  readonly by: Hex | null;
  readonly by_name: string;
  readonly text: string;
  readonly decision: string | null;
  readonly answers: readonly {
    readonly op: Hex;
    readonly by_name: string;
    readonly at: number;
    readonly text: string;
  }[];
}
export interface QueuedSet {
  readonly set: Hex;
  readonly idx: number;
  readonly seq: number;
  readonly kind: QueueKind;
  readonly open: boolean;
  readonly decision: string;
  readonly why: string | null;
  readonly flags: readonly string[];
  readonly author: {
    readonly person: Hex | null;
    readonly name: string;
    readonly station: Hex | null;
    readonly device: Hex;
    readonly label: string;
    readonly revoked_at: number | null;
    readonly revoked_why: string | null;
    readonly compromised_since: number | null;
  };
  readonly written_at: number | null;
  readonly made_after: number | null;
  readonly received_at: number;
  readonly entity: Hex | null;
  readonly incident: Summary | null;
  readonly ops: readonly WrittenOp[];
  readonly redacted: boolean;
  readonly remarks: readonly Remark[];
  readonly may: readonly Decision[];
}
export interface Queue {
  readonly now_ms: number;
  readonly sets: readonly QueuedSet[];
  readonly waiting: Readonly<Record<QueueKind, number>>;
  readonly next: number | null;
}

/** One set byte by byte. */
export interface RawSet {
  readonly set: Hex;
  readonly idx: number;
  readonly received_at: number;
  readonly decision: string;
  readonly header: Readonly<Record<string, unknown>> | null;
  readonly signature: string | null;
  readonly alg: string | null;
  readonly key: string | null;
  readonly signed: boolean | null;
  readonly redacted: boolean;
  readonly envelope: string;
}

export interface Deadline {
  readonly id: string;
  readonly order: Hex | null;
  readonly start_ms: number | null;
  readonly due_ms: number | null;
  readonly done_ms: number | null;
}
/** What the desk needs of the incident a statement is about. */
export interface Incident {
  readonly view: {
    readonly fields: Readonly<Record<string, readonly { readonly v: unknown }[]>>;
    readonly station: Hex | null;
  };
  readonly deadlines: readonly Deadline[];
}

interface Named {
  readonly id: Hex;
  readonly name: string;
}
export interface Org extends Codes {
  readonly stations: readonly Named[];
  readonly units: readonly Named[];
  readonly people: readonly Named[];
  readonly vehicles: readonly Named[];
}
