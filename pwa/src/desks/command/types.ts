/**
 * The JSON that the command desk reads, as `/api/docs` describes it. Ids are hex, times are ms since 1970, UTC.
 * Only what the screens use stands here; nothing is computed.
 */
import type { Remark } from "../../centre/remarks";

export type Hex = string;
export type TargetKind = "unit" | "person" | "vehicle";
/** Who an order goes to, as the moves name it. */
export type Target = readonly [kind: TargetKind, id: Hex];

export interface DeadlineState {
  readonly id: string;
  readonly start_ms: number | null;
  readonly due_ms: number | null;
  readonly done_ms: number | null;
  readonly state: string;
}

export interface WallItem {
  readonly incident: Hex;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
  readonly station: Hex | null;
  readonly status: string;
  readonly level: number | null;
  readonly exercise: boolean;
  readonly order: Hex | null;
  readonly target: { readonly kind: TargetKind; readonly id: Hex; readonly name: string } | null;
  readonly deadline: DeadlineState;
  readonly device_last_contact_ms: number | null;
  readonly attempts: number | null;
  readonly score: number | null;
  readonly reason: string | null;
  /** The receiver asked to give the order back and waits for an answer. */
  readonly return_requested: boolean;
  /** Who has it on their list by the plan, the highest of them. */
  readonly told: "desk" | "station" | "commander" | null;
  /** Since when. */
  readonly told_at: number | null;
  /** What is open after a complaint, on the rows that follow one. */
  readonly step: "to_supervise" | "supervised" | "to_rectify" | "rectifying" | "to_call_again" | null;
  /** What people did about it last. */
  readonly nudged: {
    readonly at: number;
    readonly by_name: string;
    readonly channel: string;
    readonly reached: boolean | null;
    readonly count: number;
  } | null;
}

export interface WallDone {
  readonly incident: Hex;
  readonly title: string;
  readonly person: string;
  readonly at: number;
  /** What was found of its clock; `pending` while nobody has looked. */
  readonly result: string;
  /** Between which times it took; null where nothing bounds it. */
  readonly elapsed_lo_ms: number | null;
  readonly elapsed_hi_ms: number | null;
  /** What a person found, beside it. */
  readonly override: string | null;
  /** What the caller said, 1 to 3, where a callback was reached. */
  readonly score: number | null;
}

/** What was done since midnight, by what was found. `others`: not looked at yet, or without a limit. */
export interface FoundToday {
  readonly met: number;
  readonly missed: number;
  readonly undetermined: number;
  readonly others: number;
}

export interface WallColumnData {
  readonly rows: readonly WallItem[];
  readonly overdue: number;
  readonly next_due_ms: number | null;
  readonly recent: readonly WallDone[];
  readonly today: FoundToday;
  readonly more: number;
}

export interface SilentDevice {
  readonly device: Hex;
  readonly label: string;
  /** Null: a station's own server, under the station's name. */
  readonly person: Hex | null;
  readonly name: string;
  readonly station: Hex | null;
  readonly last_contact_ms: number;
  readonly pending: number;
  readonly oldest_ms: number | null;
}

/** A note from one shift to the next. */
export interface Handover {
  readonly id: Hex;
  readonly at_ms: number;
  readonly by: Hex;
  readonly by_name: string;
  readonly text: string;
  /** Incidents that went on then. */
  readonly open: number;
  readonly taken_at_ms: number | null;
  readonly taken_by_name: string | null;
}

interface Counted {
  readonly n: number;
  readonly overdue: number;
}

/** A note with what was open when it was written. */
export interface HandoverPage {
  readonly now_ms: number;
  readonly handover: Handover;
  readonly counts: {
    readonly signing: Counted;
    readonly feedback: Counted;
    readonly callback: Counted;
    readonly undelivered: number;
    readonly silent: number;
  };
  readonly incidents: readonly {
    readonly incident: Hex;
    readonly number: string | null;
    readonly tag: string;
    readonly title: string;
    readonly place: string;
    readonly station: Hex | null;
    readonly exercise: boolean;
    readonly status: string;
    readonly clock: string | null;
    readonly due_ms: number | null;
    readonly now: string;
  }[];
  readonly more: number;
}

export interface Wall {
  readonly now_ms: number;
  readonly signing: WallColumnData;
  readonly feedback: WallColumnData;
  readonly callback: WallColumnData;
  readonly undelivered: readonly WallItem[];
  readonly undelivered_more: number;
  readonly silent: readonly SilentDevice[];
  readonly devices: { readonly online: number; readonly total: number };
  readonly completeness: {
    readonly basis_points: number | null;
    readonly silent: number;
    readonly unknown: number;
  };
  /** Sets that nobody has decided about, by kind, and what is said in two ways. */
  readonly waiting: {
    readonly held: number;
    readonly rejected: number;
    readonly opaque: number;
    readonly compromised: number;
  };
  readonly conflicts: { readonly facts: number; readonly steps: number };
  /** Notes for this seat that nobody has taken over. */
  readonly handovers: readonly Handover[];
}

export interface Named {
  readonly id: Hex;
  readonly name: string;
}
export interface Org {
  readonly stations: readonly Named[];
  readonly units: readonly (Named & { readonly station: Hex | null })[];
  readonly people: readonly (Named & {
    readonly role: string;
    readonly station: Hex | null;
    readonly unit: Hex | null;
  })[];
  readonly vehicles: readonly (Named & { readonly unit: Hex | null; readonly station: Hex | null })[];
  readonly zones: readonly (Named & { readonly station: Hex | null; readonly tier: number | null })[];
  readonly categories: readonly { readonly code: string; readonly zh: string; readonly en: string }[];
  readonly results: readonly { readonly code: string; readonly zh: string; readonly en: string }[];
}

export interface DeviceContact {
  readonly person: Hex;
  readonly revoked_at: number | null;
  readonly last_contact_ms: number | null;
}

export interface Summary {
  readonly id: Hex;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly category: string;
  readonly place: string;
  readonly station: Hex | null;
  readonly status: string;
  readonly round: number;
  readonly level: number | null;
  readonly tier: number | null;
  readonly source: string | null;
  readonly created_at: number | null;
  readonly updated_at: number;
  readonly conflicts: number;
  readonly orders: number;
  readonly exercise: boolean;
  readonly duplicate_of: Hex | null;
}

export interface Stamped {
  readonly op: Hex;
  readonly by: Hex;
  readonly at: number;
}
export interface Milestone extends Stamped {
  readonly via: string;
  readonly said_by: Hex | null;
  readonly late_by: number | null;
}
export interface Order {
  readonly id: Hex;
  readonly to: Target;
  readonly kind: string;
  readonly round: number;
  readonly issued_at: number;
  readonly issued_by: Hex;
  readonly open: boolean;
  readonly status: string;
  readonly returned: boolean;
  readonly withdrawn: boolean;
  readonly reassigned_to: Hex | null;
  readonly return_request: (Stamped & { readonly why: string }) | null;
  readonly milestones: Readonly<Record<string, Milestone>>;
  readonly gaps: readonly string[];
}
export interface FactValue extends Stamped {
  readonly v: unknown;
}
export interface View {
  readonly id: Hex;
  readonly created: (Stamped & { readonly source: string; readonly exercise: boolean }) | null;
  readonly number: string | null;
  readonly status: string;
  readonly round: number;
  readonly station: Hex | null;
  readonly gaps: readonly string[];
  readonly duplicate_of: Hex | null;
  readonly fields: Readonly<Record<string, readonly FactValue[]>>;
  readonly orders: readonly Order[];
  readonly milestones: Readonly<Record<string, Milestone>>;
  readonly feedback: readonly (Stamped & { readonly final: boolean })[];
  readonly entries: readonly (Stamped & {
    readonly kind: string;
    readonly text: string;
    readonly correction: (Stamped & { readonly text: string }) | null;
    /** What the desk said to a delay reason. */
    readonly answer: (Stamped & { readonly reply: string }) | null;
  })[];
  readonly links: readonly (Stamped & { readonly to: Hex; readonly kind: string })[];
  readonly claims: readonly (Milestone & {
    readonly kind: string;
    readonly round: number;
    readonly order: Hex | null;
    readonly standing: boolean;
    readonly counts: boolean;
  })[];
  /** The calls to the caller that were not taken back. */
  readonly callbacks: readonly Stamped[];
}

export interface IncidentDeadline extends DeadlineState {
  readonly order: Hex | null;
}

/** One op as a line of the merged timeline, whatever became of it. */
export interface Entry {
  readonly op: Hex;
  readonly set: Hex;
  readonly idx: number | null;
  readonly t: string;
  readonly kind: string | null;
  readonly at: number;
  readonly received_at: number | null;
  readonly late_by: number | null;
  /** When its author wrote it down. */
  readonly written_at: number;
  readonly flags: readonly string[];
  readonly by: Hex;
  readonly by_name: string;
  readonly said_by: Hex | null;
  readonly said_by_name: string | null;
  readonly via: string | null;
  readonly order: Hex | null;
  /** The op it speaks of, for corrections, withdrawals and disputes. */
  readonly about: Hex | null;
  readonly field: string | null;
  /** What the device is called that wrote it; empty for the centre's own desk. */
  readonly device: string;
  readonly chain: Hex;
  readonly text: string | null;
  readonly value: unknown;
  readonly decision: string | null;
  readonly why: string | null;
  /** Who took its words away, on what legal ground and when. */
  readonly redacted: { readonly by_name: string; readonly ground: string; readonly at: number } | null;
  /** What is proved of when it happened; null while the centre has not ruled on it. */
  readonly time: ProvedTime | null;
}

/** An interval, null where nothing bounds it, the grade of evidence it rests on, and codes of why it is no tighter. */
export interface ProvedTime {
  readonly grade: 0 | 1 | 2 | 3;
  readonly lo_ms: number | null;
  readonly hi_ms: number | null;
  readonly why: readonly string[];
}

/** A device that wrote here or was ordered; `out`: something of it may be missing still. */
export interface Source {
  readonly chain: Hex;
  readonly device: string;
  readonly person: Hex;
  readonly name: string;
  readonly last_contact_ms: number | null;
  readonly pending: number;
  readonly out: boolean;
}

/** A stretch in which a device was out of touch and went on recording; `until` is null while it lasts. */
export interface Silence {
  readonly chain: Hex;
  readonly device: string;
  readonly person: Hex;
  readonly name: string;
  readonly since: number;
  readonly until: number | null;
}

/** By when the centre received things, or by when they happened. */
export type AsOfBy = "received" | "event";

/** One of the two moments a verdict rests on. */
export interface ShownMark {
  readonly op: Hex;
  readonly at: number;
  readonly lo_ms: number | null;
  readonly hi_ms: number | null;
  readonly grade: number;
}
/** What is found of one clock, on what it rests, and what a person found beside it. */
export interface ShownVerdict {
  readonly clock: string;
  readonly order: Hex | null;
  readonly round: number;
  readonly result: string;
  readonly grade: number | null;
  readonly within_ms: number | null;
  readonly lo_ms: number | null;
  readonly hi_ms: number | null;
  /** How far within the limit, or beyond it, for certain. */
  readonly slack_ms: number | null;
  readonly why: readonly string[];
  readonly start: ShownMark | null;
  readonly end: ShownMark | null;
  readonly policy: { readonly row: Hex | null; readonly idx: number; readonly name: string };
  readonly tier: number | null;
  /** False for the basis of signing that the policy only shows beside. */
  readonly judges: boolean;
  readonly ruled: { readonly result: string; readonly idx: number; readonly at: number } | null;
  readonly override: {
    readonly result: string;
    readonly by: Hex;
    readonly by_name: string;
    readonly why: string;
    readonly at: number;
  } | null;
}

export interface OpenMove {
  readonly move: string;
  readonly order?: Hex | null;
}

export interface Incident {
  readonly now_ms: number;
  readonly summary: Summary;
  readonly view: View;
  readonly deadlines: readonly IncidentDeadline[];
  readonly verdicts: readonly ShownVerdict[];
  readonly moves: readonly OpenMove[];
  /** What does not fit together, to look at before it is closed. */
  readonly remarks: readonly Remark[];
  readonly timeline: readonly Entry[];
  readonly sources: readonly Source[];
  readonly silences: readonly Silence[];
  readonly people: Readonly<Record<Hex, string>>;
  /** As of which moment it is told; null for now. */
  readonly as_of: { readonly ms: number; readonly by: AsOfBy } | null;
  readonly seal: { readonly rulings: number; readonly head: string } | null;
}
