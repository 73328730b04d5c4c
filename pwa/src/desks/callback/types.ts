/** The JSON that the callback desk reads, as `/api/docs` describes it. Ids are hex, times ms since 1970, UTC. */
export type Outcome = "reached" | "no_answer" | "refused" | "wrong_number" | "no_phone";
export type Score = 1 | 2 | 3;

export interface Call {
  readonly incident: string;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
  readonly station: string | null;
  readonly closed_at: number;
  readonly attempts: number;
  readonly last_outcome: string | null;
  readonly last_at: number | null;
  readonly due_ms: number;
  readonly state: "due" | "trying" | "done";
  readonly score: number | null;
  readonly why: string | null;
}
export interface Excluded {
  readonly incident: string;
  readonly number: string | null;
  readonly title: string;
  readonly why: string;
}
export interface CallList {
  readonly now_ms: number;
  readonly list: readonly Call[];
  readonly more: number;
  readonly excluded: readonly Excluded[];
  readonly totals: {
    readonly list: number;
    readonly reached: number;
    readonly left: number;
    readonly satisfied: number;
    readonly basically: number;
    readonly dissatisfied: number;
    readonly unreachable: number;
  };
  readonly satisfaction: {
    readonly numerator: number;
    readonly denominator: number;
    readonly basis_points: number | null;
    readonly formula: string;
  };
}
export interface Attempt {
  readonly op: string;
  readonly at: number;
  readonly by_name: string;
  readonly round: number;
  readonly outcome: string;
  readonly score: number | null;
  readonly minutes: number | null;
  readonly why: string | null;
  readonly text: string | null;
}
export interface Card {
  readonly now_ms: number;
  readonly incident: string;
  readonly number: string | null;
  readonly tag: string;
  readonly title: string;
  readonly place: string;
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
  readonly script: string;
  readonly recorded_minutes: number | null;
  readonly due_ms: number | null;
  readonly state: string;
  readonly attempts: readonly Attempt[];
}
