/**
 * What follows from an incident's ops: orders, milestones, round and status (SPEC IN3 to IN8). Mirrors
 * `sync/incident/status.py`. Status is derived here and written nowhere.
 */
import { encode, type Value } from "../canon";
import { byField, earliest, latest, multi, predsOf } from "../cells";
import { ascending, byOrder, byTime, type Item, keyOf } from "../fold";
import { equalBytes } from "../ids";
import { MILESTONES, type MilestoneKind, ROAD, ROAD_WITHOUT_ORDER, type RoadKind, type Status } from "./kinds";

export type Counted = (t: string) => Item[];

export interface Stamped {
  op: Uint8Array;
  by: Uint8Array;
  at: number;
}
export interface Milestone extends Stamped {
  via: string;
  said_by: Uint8Array | null;
  late_by: number | null;
}
export type Milestones = Partial<Record<MilestoneKind, Milestone>>;
export interface FactValue extends Stamped {
  v: Value;
  eff: Uint8Array;
}
export interface Order {
  id: Uint8Array;
  to: [string, Uint8Array];
  kind: string;
  round: number;
  issued_at: number;
  issued_by: Uint8Array;
  open: boolean;
  withdrawn: boolean;
  returned: boolean;
  reassigned_to: Uint8Array | null;
  return_request: (Stamped & { why: string }) | null;
  milestones: Milestones;
  status: "issued" | RoadKind;
  gaps: RoadKind[];
}
export interface Feedback extends Stamped {
  order: Uint8Array | null;
  round: number;
  final: boolean;
  result: string | null;
  text: string | null;
}
export interface Attempt extends Stamped {
  round: number;
  outcome: string;
  score: number | null;
  minutes: number | null;
  why: string | null;
  text: string | null;
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
  closes: (Stamped & { round: number; result: string | null })[];
  reopens: (Stamped & { round: number; why: string })[];
  links: (Stamped & { to: Uint8Array; kind: string })[];
  callbacks: Attempt[];
  callback: { state: "open" | "due" | "trying" | "done" | "exempt"; attempts: number; why: string | null };
}
export interface Derived {
  view: DerivedView;
  /** Keys of claims neither withdrawn nor disputed (CE5), and of those that count for status (IN4). */
  standing: ReadonlySet<string>;
  counting: ReadonlySet<string>;
}

export const stamped = (item: Item): Stamped => ({ op: item.op, by: item.user, at: item.occurredAtMs });
export const milestoneOf = (item: Item): Milestone => ({
  ...stamped(item),
  via: item.fields["via"] as string,
  said_by: (item.fields["by"] ?? null) as Uint8Array | null,
  late_by: item.lateByMs,
});

const text = (value: Value | undefined): string | null => (typeof value === "string" ? value : null);
const round = (item: Item): number => item.fields["round"] as number;
const why = (item: Item): string => item.fields["why"] as string;
const ordered = (items: readonly Item[]): Item[] => [...items].sort(byOrder);

/** Derive everything but entries and sets. `counted(t)` gives the items of one kind that count, in any order. */
export function derive(id: Uint8Array, counted: Counted): Derived {
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
  const orders = ordersOf(counted, (at) => stands && at >= current && !closedRounds.has(at));
  const standing = standingOf(counted);
  const counting = countingOf(standing, orders);
  fill(orders, standing);
  const road = effective(counting.filter((item) => round(item) === current));
  const fields = factsOf(counted);
  const ofRound = orders.filter((order) => order.round === current && orderCounts(order));
  const attempts = counted("callback.attempt").sort(byTime).map(attemptOf);
  const numbers = creates.flatMap((item) => (item.number === null ? [] : [item.number])).sort(ascending);
  const closed = closedRounds.has(current);
  return {
    view: {
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
      feedback: counting
        .filter((item) => item.fields["kind"] === "feedback")
        .sort(byTime)
        .map(feedbackOf),
      closes: closes.map((item) => ({ ...stamped(item), round: round(item), result: text(item.fields["result"]) })),
      reopens: reopens.map((item) => ({ ...stamped(item), round: round(item), why: why(item) })),
      links,
      callbacks: attempts,
      callback: callbackOf(
        attempts.filter((attempt) => attempt.round === current),
        closed,
      ),
    },
    standing: new Set(standing.map(({ key }) => key)),
    counting: new Set(counting.map(({ key }) => key)),
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

function firstBy(items: readonly Item[], field: string): Map<string, Item> {
  const first = new Map<string, Item>();
  for (const item of ordered(items)) {
    const key = keyOf(item.fields[field]);
    if (!first.has(key)) first.set(key, item);
  }
  return first;
}

function lastBy(items: readonly Item[]): Map<string, Item> {
  return new Map(ordered(items).map((item) => [keyOf(item.fields["order"]), item]));
}

/** All orders, issued or by reassignment, in the order they were given (IN6). Milestones are filled in later. */
function ordersOf(counted: Counted, goesOn: (round: number) => boolean): Order[] {
  const issues = firstBy(counted("order.issue"), "order");
  const byNew = firstBy(counted("order.reassign"), "new");
  const byOld = firstBy(counted("order.reassign"), "order");
  const withdrawals = firstBy(counted("order.withdraw"), "order");
  const requests = lastBy(counted("order.return_request"));
  const reviews = lastBy(counted("order.return_review"));
  const returned = new Set(
    counted("order.return_review").flatMap(({ fields }) => (fields["ok"] === true ? [keyOf(fields["order"])] : [])),
  );
  // An id that was both issued and made by a reassignment is the issued one.
  const given = [...new Map([...byNew, ...issues])].sort(([a, x], [b, y]) => byOrder(x, y) || ascending(a, b));
  return given.map(([key, item]) => {
    const origin = originOf(key, issues, byNew);
    const ofRound = origin === null ? 0 : round(origin);
    const reassigned = byOld.get(key);
    const takenBack = withdrawals.has(key) || returned.has(key) || reassigned !== undefined;
    return {
      id: item.fields[issues.has(key) ? "order" : "new"] as Uint8Array,
      to: item.fields["to"] as [string, Uint8Array],
      kind: origin === null ? "dispatch" : (origin.fields["kind"] as string),
      round: ofRound,
      issued_at: item.occurredAtMs,
      issued_by: item.user,
      open: !takenBack && goesOn(ofRound),
      withdrawn: withdrawals.has(key),
      returned: returned.has(key),
      reassigned_to: (reassigned?.fields["new"] ?? null) as Uint8Array | null,
      return_request: pendingRequest(requests.get(key), reviews.get(key)),
      milestones: {},
      status: "issued",
      gaps: [],
    };
  });
}

/** The order.issue an order descends from, through any number of reassignments. */
function originOf(key: string, issues: ReadonlyMap<string, Item>, byNew: ReadonlyMap<string, Item>): Item | null {
  const seen = new Set<string>();
  for (let at = key; ; at = keyOf(byNew.get(at)?.fields["order"])) {
    const issue = issues.get(at);
    if (issue) return issue;
    if (seen.has(at) || !byNew.has(at)) return null;
    seen.add(at);
  }
}

/** A request to return an order that nobody has answered yet. */
function pendingRequest(request: Item | undefined, review: Item | undefined): Order["return_request"] {
  if (!request || (review && byOrder(review, request) > 0)) return null;
  return { ...stamped(request), why: why(request) };
}

/** Whether claims on this order count: it was not taken back (IN4). */
export const orderCounts = (order: Order): boolean =>
  !(order.withdrawn || order.returned || order.reassigned_to !== null);

function standingOf(counted: Counted): Item[] {
  const withdrawn = new Set(
    counted("milestone.withdraw").map((item) => keyOf(item.fields["claim"]) + keyOf(item.user)),
  );
  const disputed = new Set(counted("milestone.dispute").map((item) => keyOf(item.fields["claim"])));
  return counted("milestone.claim").filter(
    (item) => !disputed.has(item.key) && !withdrawn.has(item.key + keyOf(item.user)),
  );
}

/** Standing claims without an order, or on a known order that was not taken back, in that order's round (IN4). */
function countingOf(standing: readonly Item[], orders: readonly Order[]): Item[] {
  const rounds = new Map(orders.filter(orderCounts).map((order) => [keyOf(order.id), order.round]));
  return standing.filter(
    (item) => item.fields["order"] === undefined || rounds.get(keyOf(item.fields["order"])) === round(item),
  );
}

/** What became of each order itself, also of one taken back since: it was signed, whoever has it now (IN6). */
function fill(orders: readonly Order[], standing: readonly Item[]): void {
  const slots = new Map<string, Item[]>();
  for (const item of standing) {
    const slot = `${keyOf(item.fields["order"])} ${round(item)}`;
    const claims = slots.get(slot);
    if (claims) claims.push(item);
    else slots.set(slot, [item]);
  }
  for (const order of orders) {
    const road = effective(slots.get(`${keyOf(order.id)} ${order.round}`) ?? []);
    order.milestones = milestonesOf(road);
    order.status = ROAD.findLast((kind) => road.has(kind)) ?? "issued";
    order.gaps = gapsOf(road, ROAD);
  }
}

/** The effective claim of each kind, in the order of the milestones. */
function effective(claims: readonly Item[]): Map<MilestoneKind, Item> {
  const road = new Map<MilestoneKind, Item>();
  for (const kind of MILESTONES) {
    const claim = earliest(claims.filter((item) => item.fields["kind"] === kind));
    if (claim) road.set(kind, claim);
  }
  return road;
}

function milestonesOf(road: ReadonlyMap<MilestoneKind, Item>): Milestones {
  return Object.fromEntries([...road].map(([kind, item]) => [kind, milestoneOf(item)]));
}

/** What is missing below the greatest milestone reached (IN5). */
function gapsOf(road: ReadonlyMap<MilestoneKind, Item>, whole: readonly RoadKind[]): RoadKind[] {
  const last = whole.findLastIndex((kind) => road.has(kind));
  return last < 0 ? [] : whole.slice(0, last).filter((kind) => !road.has(kind));
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

function feedbackOf(item: Item): Feedback {
  const data = item.fields["data"] as { final: boolean; result?: Value; text?: Value };
  return {
    ...stamped(item),
    order: (item.fields["order"] ?? null) as Uint8Array | null,
    round: round(item),
    final: data.final,
    result: text(data.result),
    text: text(data.text),
  };
}

function attemptOf(item: Item): Attempt {
  const { fields } = item;
  return {
    ...stamped(item),
    round: round(item),
    outcome: fields["outcome"] as string,
    score: (fields["score"] ?? null) as number | null,
    minutes: (fields["minutes"] ?? null) as number | null,
    why: text(fields["why"]),
    text: text(fields["text"]),
  };
}

/** Where the callback of this round stands (IN8); `open` while the incident is not closed. */
function callbackOf(attempts: readonly Attempt[], closed: boolean): DerivedView["callback"] {
  const tried = { attempts: attempts.length, why: null };
  if (attempts.some(({ outcome }) => outcome === "reached")) return { ...tried, state: "done" };
  const exempt = attempts.find(({ outcome }) => outcome === "no_phone");
  if (exempt) return { ...tried, state: "exempt", why: exempt.why };
  if (!closed) return { ...tried, state: "open" };
  return { ...tried, state: attempts.length > 0 ? "trying" : "due" };
}
