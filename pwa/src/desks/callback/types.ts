/** The JSON that the callback desk reads, as `/api/docs` describes it. Ids are hex, times ms since 1970, UTC. */

import type { CallbackOutcome, Dissatisfaction } from "../../sync/incident/kinds";
import type { Step } from "../../sync/incident/ladder";

export type Outcome = CallbackOutcome;
export type Reason = Dissatisfaction;
export type Score = 1 | 2 | 3;

/** One call to make or made today; `rectify` names the rectification that it follows. */
export interface Call {
  readonly incident: string;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
  readonly station: string | null;
  readonly since: number;
  readonly attempts: number;
  readonly last_outcome: string | null;
  readonly last_at: number | null;
  readonly again_at: number | null;
  readonly due_ms: number | null;
  readonly state: "due" | "trying" | "unreachable" | "exempt" | "done";
  readonly score: number | null;
  readonly reason: Reason | null;
  readonly rectify: string | null;
}
export interface Excluded {
  readonly incident: string;
  readonly number: string | null;
  readonly title: string;
  readonly why: string;
}
export interface Totals {
  readonly ended: number;
  readonly today: number;
  readonly excluded: number;
  readonly exercises: number;
  readonly carried: number;
  readonly list: number;
  readonly reached: number;
  readonly unreachable: number;
  readonly left: number;
  readonly tried: number;
  readonly satisfied: number;
  readonly basically: number;
  readonly dissatisfied: number;
}
export interface Satisfaction {
  readonly formula: "basically" | "half" | "satisfied";
  readonly satisfied: number;
  readonly basically: number;
  readonly reached: number;
  readonly basis_points: number | null;
}
export interface CallList {
  readonly now_ms: number;
  readonly list: readonly Call[];
  readonly more: number;
  readonly again: readonly Call[];
  readonly exercises: readonly Call[];
  readonly excluded: readonly Excluded[];
  readonly totals: Totals;
  readonly satisfaction: Satisfaction;
}
export interface Attempt {
  readonly op: string;
  readonly at: number;
  readonly by_name: string;
  readonly round: number;
  readonly outcome: string;
  readonly score: number | null;
  readonly minutes: number | null;
  readonly reason: Reason | null;
  readonly rectify: string | null;
  readonly text: string | null;
}
/** Order to arrival as written, and what is proved of it (minutes, null where nothing is) on evidence of `grade`. */
export interface Recorded {
  readonly minutes: number;
  readonly tolerance: number;
  readonly grade: 0 | 1 | 2 | 3;
  readonly lo: number | null;
  readonly hi: number | null;
}
/** How long there is to put something right. */
export interface Limits {
  readonly within_ms: number;
  readonly complex_days: number;
}
export interface Card {
  readonly now_ms: number;
  readonly incident: string;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
  readonly station: string | null;
  readonly station_name: string;
  readonly round: number;
  readonly narrative: string | null;
  readonly result: string | null;
  readonly feedback: string | null;
  readonly steps: readonly { readonly kind: string; readonly at: number }[];
  readonly caller: {
    readonly name: string | null;
    readonly phone: string | null;
    readonly phone_masked: string | null;
  };
  readonly scripts: readonly { readonly name: string; readonly text: string }[];
  readonly recorded: Recorded | null;
  /** What this call follows, when it follows a rectification. */
  readonly again: {
    readonly rectify: string;
    readonly said_at: number;
    readonly reason: Reason | null;
    readonly text: string | null;
    readonly station_name: string;
    readonly done_at: number;
    readonly done: string;
  } | null;
  readonly exercise: boolean;
  readonly due_ms: number | null;
  readonly state: string;
  readonly exempt: string | null;
  readonly again_at: number | null;
  readonly limits: Limits;
  readonly attempts: readonly Attempt[];
}

/** A step that was taken. */
export interface Told {
  readonly op: string;
  readonly at: number;
  readonly by_name: string;
  readonly text: string;
  readonly result: string | null;
}
export interface Complaint {
  readonly incident: string;
  readonly number: string | null;
  readonly title: string;
  readonly place: string;
  readonly station: string | null;
  readonly exercise: boolean;
  readonly attempt: string;
  readonly said_at: number;
  readonly said_to: string;
  readonly reason: Reason | null;
  readonly text: string | null;
  readonly again: boolean;
  readonly step: Step | null;
  readonly mine: boolean;
  readonly due_ms: number | null;
  readonly rectified_at: number | null;
  readonly rectification: {
    readonly ordered: Told;
    readonly station: string;
    readonly station_name: string;
    readonly unit: string | null;
    readonly unit_name: string;
    readonly kind: "ordinary" | "complex";
    readonly done: Told | null;
  } | null;
  readonly called_at: number | null;
  readonly listed: Told | null;
  readonly ended: Told | null;
}
export interface LadderList {
  readonly now_ms: number;
  readonly complaints: readonly Complaint[];
  readonly open: Readonly<Record<Step, number>>;
  readonly limits: Limits;
  readonly more: number;
}
