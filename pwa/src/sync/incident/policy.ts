/**
 * Policies: every limit that is a decision of people, and which of them was in force when (SPEC PO). Mirrors
 * `sync/incident/policy.py`. It says how long was allowed, not whether that was kept.
 *
 *     const book = new PolicyBook([[id, 7, { from_ms: 1_000, sign_within_ms: 45_000 }]]);
 *     book.at(999).sign_within_ms;     // 30000
 *     book.at(1_000).sign_within_ms;   // 45000
 */
import { toHex } from "../ids";
import { DAY_MS, dayOf, endOfWorkingDay, startOfDay } from "./calendar";
import { DEFAULT_PLANS, type Plans } from "./plans";
import { MODES, type Mode, type Version, versionOf } from "./versions";
import { begun, type Placed, type Row, type Zone, Zones } from "./zones";

const MINUTE_MS = 60_000;
const SIGNING = [30_000, 60_000, 120_000, 180_000];
const MOVING = [300_000, 600_000, 900_000, 1_800_000];
const FEEDBACK = [1_800_000, 3_600_000, 7_200_000, 14_400_000];

type ByName = Readonly<Record<string, number>>;

/**
 * Every limit, resolved, in ms; keys are the server's. `row` and `idx` name the narrowest version that was laid over the
 * defaults, null and 0 for the defaults themselves.
 */
export interface Policy {
  readonly deliver_within_ms: number;
  readonly sign_within_ms: number;
  readonly sign_basis: "delivered" | "issued";
  readonly turnout_within_ms: number | null;
  readonly travel_within_ms: number | null;
  readonly arrive_within_ms: ByName;
  readonly tier_basis: "place" | "force" | "urgency";
  readonly tiers_by_level: ByName;
  readonly tiers_by_force: ByName;
  readonly first_feedback_within_ms: number;
  readonly first_feedback_by_category: ByName;
  readonly final_feedback_within_ms: number;
  readonly final_feedback_by_category: ByName;
  readonly review_within_ms: number;
  readonly callback_days: number;
  readonly callback_tries: number;
  readonly callback_times_of_day: readonly number[];
  readonly callback_tolerance_ms: number;
  readonly satisfaction: "basically" | "half" | "satisfied";
  readonly rectify_within_ms: number;
  readonly rectify_complex_days: number;
  readonly rest_days: readonly string[];
  readonly work_days: readonly string[];
  readonly late_window_ms: number;
  readonly missed_max_grade: number;
  readonly met_max_grade: number;
  readonly plans: Plans;
  readonly buckets: Readonly<Record<string, readonly number[]>>;
  readonly row: string | null;
  readonly idx: number;
}

/** What holds where no version says otherwise. */
export const DEFAULT_POLICY: Policy = {
  deliver_within_ms: 10_000,
  sign_within_ms: 30_000,
  sign_basis: "delivered",
  turnout_within_ms: null,
  travel_within_ms: null,
  arrive_within_ms: { "1": 60_000, "3": 180_000, "5": 300_000, "8": 480_000 },
  tier_basis: "place",
  tiers_by_level: {},
  tiers_by_force: {},
  first_feedback_within_ms: 1_800_000,
  first_feedback_by_category: {},
  final_feedback_within_ms: DAY_MS,
  final_feedback_by_category: {},
  review_within_ms: DAY_MS,
  callback_days: 1,
  callback_tries: 3,
  callback_times_of_day: [480, 720, 1_080],
  callback_tolerance_ms: 300_000,
  satisfaction: "basically",
  rectify_within_ms: DAY_MS,
  rectify_complex_days: 5,
  rest_days: [],
  work_days: [],
  late_window_ms: 7 * DAY_MS,
  missed_max_grade: 1,
  met_max_grade: 2,
  plans: DEFAULT_PLANS,
  buckets: {
    C1: SIGNING,
    C2: SIGNING,
    C2i: SIGNING,
    C3: MOVING,
    C4: MOVING,
    C5: MOVING,
    C6: FEEDBACK,
    C7: FEEDBACK,
  },
  row: null,
  idx: 0,
};

export interface About {
  readonly tier?: number | null;
  readonly categories?: readonly string[];
  readonly kind?: string;
}

const own = (by: ByName, key: string): number | undefined => (Object.hasOwn(by, key) ? by[key] : undefined);

/**
 * How long a clock that started then may run, null when it is only shown (PO4). `tier` is for C5, `categories` for C6 and
 * C7 (of several the shortest limit holds), `kind` of rectification for C10.
 */
export function withinMs(policy: Policy, clock: string, startMs: number, about: About = {}): number | null {
  const { tier = null, categories = [], kind = "" } = about;
  const shortest = (by: ByName, usual: number): number =>
    categories.length > 0 ? Math.min(...categories.map((category) => own(by, category) ?? usual)) : usual;
  switch (clock) {
    case "C1":
      return policy.deliver_within_ms;
    case "C2":
    case "C2i":
      return policy.sign_within_ms;
    case "C3":
      return policy.turnout_within_ms;
    case "C4":
      return policy.travel_within_ms;
    case "C5":
      return tier ? (own(policy.arrive_within_ms, String(tier)) ?? tier * MINUTE_MS) : null;
    case "C6":
      return shortest(policy.first_feedback_by_category, policy.first_feedback_within_ms);
    case "C7":
    case "C7r":
      return shortest(policy.final_feedback_by_category, policy.final_feedback_within_ms);
    case "C8":
      return policy.review_within_ms;
    case "C9":
      return startOfDay(dayOf(startMs) + policy.callback_days + 1) - 1 - startMs;
    case "C10":
      return kind === "complex"
        ? endOfWorkingDay(startMs, policy.rectify_complex_days, policy.rest_days, policy.work_days) - startMs
        : policy.rectify_within_ms;
    default:
      return null;
  }
}

/**
 * The tier in minutes, 0 as soon as possible, null when nothing gives one (PO6). A stated tier wins; where several stand,
 * the shortest that sets a limit. Else what the policy reads tiers by, and where that says nothing the zone's.
 */
export function tierFor(
  view: Pick<Placed, "fields">,
  zone: Zone | null,
  policy: Policy,
  target: Uint8Array | null = null,
): number | null {
  const numbers = (field: string): number[] => (view.fields[field] ?? []).map(({ v }) => v as number);
  const stated = numbers("tier");
  if (stated.length > 0) {
    const limits = stated.filter((tier) => tier > 0);
    return limits.length > 0 ? Math.min(...limits) : 0;
  }
  let found: number | undefined;
  if (policy.tier_basis === "urgency") {
    const levels = numbers("level");
    found = own(policy.tiers_by_level, String(levels.length > 0 ? Math.min(...levels) : 0));
  } else if (policy.tier_basis === "force" && target) found = own(policy.tiers_by_force, toHex(target));
  return found ?? zone?.tier ?? null;
}

/** What one clock is judged by: the policy at its start, the zone and tier then, and how long it may run. */
export interface Judging {
  readonly policy: Policy;
  readonly zone: Zone | null;
  readonly tier: number | null;
  readonly withinMs: number | null;
}

/** All versions of an organisation's policies, its zones and modes. A function of the rows alone, in whatever order. */
export class PolicyBook {
  readonly zones: Zones;
  readonly #layers = new Map<string, Version[]>();
  readonly #modes: { fromMs: number; row: string; mode: Mode }[];
  readonly #resolved = new Map<string, Policy>();

  constructor(
    policies: Iterable<readonly [string, number, Row]> = [],
    zones: Iterable<readonly [string, Row]> = [],
    modes: Iterable<readonly [string, Row]> = [],
  ) {
    this.zones = new Zones(zones);
    const versions = Array.from(policies, (one) => versionOf(...one)).filter((one) => one !== null);
    for (const version of versions.sort((a, b) => a.fromMs - b.fromMs || (a.row < b.row ? -1 : 1))) {
      const scope = `${version.zone} ${version.mode}`;
      this.#layers.set(scope, [...(this.#layers.get(scope) ?? []), version]);
    }
    this.#modes = Array.from(modes, ([row, { from_ms, mode }]) => ({ fromMs: from_ms, row, mode }))
      .filter(({ fromMs, mode }) => Number.isSafeInteger(fromMs) && MODES.includes(mode as Mode))
      .map((one) => one as { fromMs: number; row: string; mode: Mode })
      .sort((a, b) => a.fromMs - b.fromMs || (a.row < b.row ? -1 : 1));
  }

  /** The mode the organisation is in at a time; `normal` until somebody says otherwise (PO7). */
  modeAt(ms: number): Mode {
    const count = begun(
      this.#modes.map(({ fromMs }) => fromMs),
      ms,
    );
    return this.#modes[count - 1]?.mode ?? "normal";
  }

  /**
   * The policy in force at a time: the defaults, and over them the newest version that had begun for everything, for the
   * zone, for the mode, and for both (PO3).
   */
  at(ms: number, zone: string | null = null, mode: Mode = "normal"): Policy {
    const scopes = new Set(["null null", `${zone} null`, `null ${mode}`, `${zone} ${mode}`]);
    const layers = [...scopes].flatMap((scope) => {
      const versions = this.#layers.get(scope) ?? [];
      const count = begun(
        versions.map(({ fromMs }) => fromMs),
        ms,
      );
      return versions[count - 1] ?? [];
    });
    if (layers.length === 0) return DEFAULT_POLICY;
    const key = layers.map(({ row }) => row).join(" ");
    let known = this.#resolved.get(key);
    if (!known) {
      const told = layers.map(({ limits, row, idx }) => ({ ...limits, row, idx }));
      known = Object.assign({}, DEFAULT_POLICY, ...told) as Policy;
      this.#resolved.set(key, known);
    }
    return known;
  }

  /** What a clock of an incident that started then is judged by, for ever (PO3). `target` is whom the order is for. */
  judging(
    view: Placed,
    clock: string,
    startMs: number,
    { target = null, kind = "" }: { target?: Uint8Array | null; kind?: string } = {},
  ): Judging {
    const zone = this.zones.of(view, startMs);
    const policy = this.at(startMs, zone?.id ?? null, this.modeAt(startMs));
    const tier = tierFor(view, zone, policy, target);
    const categories = (view.fields["category"] ?? []).map(({ v }) => v as string);
    return { policy, zone, tier, withinMs: withinMs(policy, clock, startMs, { tier, categories, kind }) };
  }
}
