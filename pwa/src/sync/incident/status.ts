/**
 * What follows from an incident's ops: its facts, milestones, round, status and what callers said (SPEC IN3 to IN5).
 * Mirrors `sync/incident/status.py`. Status is derived here and written nowhere.
 *
 *     derive(id, () => []).view.status      // "reported"
 */
import { encode, type Value } from "../canon";
import { byField, latest, multi, predsOf } from "../cells";
import { ascending, byOrder, byTime, type Item, keyOf } from "../fold";
import { equalBytes } from "../ids";
import { type Attempt, attemptsOf } from "./callback";
import { type Feedback, type Nature, natureOf, told } from "./feedback";
import { type MilestoneKind, ROAD, ROAD_WITHOUT_ORDER, type RoadKind, type Status } from "./kinds";
import { type Rectification, rectificationsOf, type Supervision, supervisionsOf } from "./ladder";
import {
  type Counted,
  countingClaims,
  effective,
  gapsOf,
  type Milestone,
  type Milestones,
  milestoneOf,
  milestonesOf,
  type Order,
  orderCounts,
  ordered,
  ordersOf,
  round,
  type Stamped,
  stamped,
  standingClaims,
  text,
  why,
} from "./orders";

export interface FactValue extends Stamped {
  v: Value;
  eff: Uint8Array;
}
export interface Claim extends Milestone {
  kind: string;
  round: number;
  order: Uint8Array | null;
  standing: boolean;
  counts: boolean;
}

/** What a person found of a clock, beside what was computed (VD8). */
export interface Override extends Stamped {
  clock: string;
  order: Uint8Array | null;
  round: number;
  result: string;
  why: string;
}

/** The derived part of the view; keys are those of the shared bytes. */
export interface DerivedView {
  id: Uint8Array;
  created: (Stamped & { source: string; station: Uint8Array; tag: string; exercise: boolean }) | null;
  number: string | null;
  status: Status;
  round: number;
  station: Uint8Array | null;
  withdrawn: (Stamped & { why: string }) | null;
  duplicate_of: Uint8Array | null;
  gaps: RoadKind[];
  fields: Record<string, FactValue[]>;
  /** How many fields have values that contradict each other. */
  conflicts: number;
  orders: Order[];
  milestones: Milestones;
  feedback: Feedback[];
  nature: Nature;
  closes: (Stamped & { round: number; result: string | null })[];
  reopens: (Stamped & { round: number; why: string })[];
  links: (Stamped & { to: Uint8Array; kind: string })[];
  callbacks: Attempt[];
  rectifications: Rectification[];
  supervisions: Supervision[];
  claims: Claim[];
  overrides: Override[];
}

/** Derive everything but entries and sets. `counted(t)` gives the items of one kind that count, in any order. */
export function derive(id: Uint8Array, counted: Counted): DerivedView {
  const creates = ordered(counted("incident.create"));
  const create = creates[0] ?? null;
  const reopens = ordered(counted("incident.reopen"));
  const current = reopens.reduce((most, item) => Math.max(most, round(item)), 0);
  const closes = counted("incident.close").sort(byTime);
  const closedRounds = new Set(closes.map(round));
  const transfer = latest(counted("incident.transfer"));
  const withdrawn = withdrawnBy(counted, reopens);
  const links = linksOf(counted);
  const duplicate = links.findLast((link) => keyOf(link.to) !== keyOf(id))?.to ?? null;
  const stands = withdrawn === null && duplicate === null;
  const standing = standingClaims(counted);
  const orders = ordersOf(counted, standing, (at) => stands && at >= current && !closedRounds.has(at));
  const counting = countingClaims(standing, orders);
  const road = effective(counting.filter((item) => round(item) === current));
  const fields = factsOf(counted);
  const ofRound = orders.filter((order) => order.round === current && orderCounts(order));
  const callbacks = attemptsOf(counted);
  const numbers = creates.flatMap((item) => (item.number === null ? [] : [item.number])).sort(ascending);
  const closed = closedRounds.has(current);
  return {
    id,
    created: create && createdOf(create),
    number: numbers[0] ?? null,
    status: statusOf(
      withdrawn !== null,
      duplicate !== null,
      closed,
      ofRound.some(({ open }) => open),
      road,
    ),
    round: current,
    station: ((transfer ?? create)?.fields["station"] ?? null) as Uint8Array | null,
    withdrawn: withdrawn && { ...stamped(withdrawn), why: why(withdrawn) },
    duplicate_of: duplicate,
    gaps: ofRound.length > 0 ? [] : gapsOf(road, ROAD_WITHOUT_ORDER),
    fields,
    conflicts: Object.values(fields).filter(differ).length,
    orders,
    milestones: milestonesOf(road),
    feedback: told(counting, counted("feedback.review")),
    nature: natureOf(
      counted("fact.set").filter((item) => item.fields["f"] === "category"),
      counted("nature.rule"),
    ),
    closes: closes.map((item) => ({ ...stamped(item), round: round(item), result: text(item.fields["result"]) })),
    reopens: reopens.map((item) => ({ ...stamped(item), round: round(item), why: why(item) })),
    links,
    callbacks,
    rectifications: rectificationsOf(counted, callbacks),
    supervisions: supervisionsOf(counted, callbacks),
    claims: claimsOf(counted, standing, counting),
    overrides: ordered(counted("verdict.override")).map(overrideOf),
  };
}

/** All claims, those that stand and those that count among them marked so (CE5, IN4). */
function claimsOf(counted: Counted, standing: readonly Item[], counting: readonly Item[]): Claim[] {
  const stands = new Set(standing.map(({ key }) => key));
  const counts = new Set(counting.map(({ key }) => key));
  return counted("milestone.claim")
    .sort(byTime)
    .map((item) => ({
      ...milestoneOf(item),
      kind: item.fields["kind"] as string,
      round: round(item),
      order: (item.fields["order"] ?? null) as Uint8Array | null,
      standing: stands.has(item.key),
      counts: counts.has(item.key),
    }));
}

function overrideOf(item: Item): Override {
  return {
    ...stamped(item),
    clock: item.fields["clock"] as string,
    order: (item.fields["order"] ?? null) as Uint8Array | null,
    round: round(item),
    result: item.fields["result"] as string,
    why: why(item),
  };
}

function createdOf(item: Item): NonNullable<DerivedView["created"]> {
  return {
    ...stamped(item),
    source: item.fields["source"] as string,
    station: item.fields["station"] as Uint8Array,
    tag: item.fields["tag"] as string,
    exercise: (item.fields["exercise"] ?? false) as boolean,
  };
}

function factsOf(counted: Counted): Record<string, FactValue[]> {
  const facts: Record<string, FactValue[]> = {};
  for (const [field, writes] of byField(counted("fact.set")))
    facts[field] = multi(writes).map((item) => ({ ...stamped(item), v: item.fields["v"] as Value, eff: item.eff }));
  return facts;
}

/** Whether live values contradict each other: two people who say the same do not (CE1). */
function differ(values: readonly FactValue[]): boolean {
  const [first, ...others] = values.map(({ v }) => encode(v));
  return first !== undefined && others.some((other) => !equalBytes(first, other));
}

/** The caller's withdrawal, unless a reopening came after it (IN4). */
function withdrawnBy(counted: Counted, reopens: readonly Item[]): Item | null {
  const withdrawal = latest(counted("incident.withdraw"));
  const reopened = reopens.at(-1);
  return withdrawal && reopened && byOrder(reopened, withdrawal) > 0 ? null : withdrawal;
}

function linksOf(counted: Counted): DerivedView["links"] {
  const undone = predsOf(counted("incident.unlink"));
  return ordered(counted("incident.link"))
    .filter((item) => !undone.has(item.key))
    .map((item) => ({ ...stamped(item), to: item.fields["to"] as Uint8Array, kind: item.fields["kind"] as string }));
}

function statusOf(
  withdrawn: boolean,
  duplicate: boolean,
  closed: boolean,
  assigned: boolean,
  road: ReadonlyMap<MilestoneKind, Item>,
): Status {
  if (withdrawn) return "withdrawn";
  if (duplicate) return "duplicate";
  if (closed) return "closed";
  return ROAD.findLast((kind) => road.has(kind)) ?? (assigned ? "assigned" : "reported");
}
