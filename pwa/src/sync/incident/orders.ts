/**
 * Orders, and the claims on them: what was asked of whom, and how far they came (SPEC CE5, IN5, IN6). Mirrors
 * `sync/incident/orders.py`. It does not know what the incident as a whole makes of them.
 *
 *     ordersOf(counted, standingClaims(counted), () => true)[0]?.status      // "signed"
 */
import type { Value } from "../canon";
import { earliest } from "../cells";
import { ascending, byOrder, type Item, keyOf } from "../fold";
import { MILESTONES, type MilestoneKind, ROAD, type RoadKind } from "./kinds";

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
export interface Order {
  id: Uint8Array;
  op: Uint8Array;
  to: [string, Uint8Array];
  kind: string;
  round: number;
  issued_at: number;
  issued_by: Uint8Array;
  open: boolean;
  withdrawn: boolean;
  returned: boolean;
  reassigned_to: Uint8Array | null;
  taken_back_at: number | null;
  return_request: (Stamped & { why: string }) | null;
  milestones: Milestones;
  status: "issued" | RoadKind;
  gaps: RoadKind[];
}
export const stamped = (item: Item): Stamped => ({ op: item.op, by: item.user, at: item.occurredAtMs });
export const milestoneOf = (item: Item): Milestone => ({
  ...stamped(item),
  via: item.fields["via"] as string,
  said_by: (item.fields["by"] ?? null) as Uint8Array | null,
  late_by: item.lateByMs,
});

export const text = (value: Value | undefined): string | null => (typeof value === "string" ? value : null);
export const round = (item: Item): number => item.fields["round"] as number;
export const why = (item: Item): string => item.fields["why"] as string;
export const ordered = (items: readonly Item[]): Item[] => [...items].sort(byOrder);

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

/** All orders, issued or by reassignment, in the order they were given (IN6). `goesOn` says it of a round. */
export function ordersOf(counted: Counted, standing: readonly Item[], goesOn: (round: number) => boolean): Order[] {
  const issues = firstBy(counted("order.issue"), "order");
  const byNew = firstBy(counted("order.reassign"), "new");
  const byOld = firstBy(counted("order.reassign"), "order");
  const withdrawals = firstBy(counted("order.withdraw"), "order");
  const requests = lastBy(counted("order.return_request"));
  const reviews = lastBy(counted("order.return_review"));
  const returns = firstBy(
    counted("order.return_review").filter(({ fields }) => fields["ok"] === true),
    "order",
  );
  const slots = slotsOf(standing);
  // An id that was both issued and made by a reassignment is the issued one.
  const given = [...new Map([...byNew, ...issues])].sort(([a, x], [b, y]) => byOrder(x, y) || ascending(a, b));
  return given.map(([key, item]) => {
    const origin = originOf(key, issues, byNew);
    const ofRound = origin === null ? 0 : round(origin);
    const reassigned = byOld.get(key);
    const takenBack = [withdrawals.get(key), returns.get(key), reassigned].flatMap((one) =>
      one ? [one.occurredAtMs] : [],
    );
    return {
      id: item.fields[issues.has(key) ? "order" : "new"] as Uint8Array,
      op: item.op,
      to: item.fields["to"] as [string, Uint8Array],
      kind: origin === null ? "dispatch" : (origin.fields["kind"] as string),
      round: ofRound,
      issued_at: item.occurredAtMs,
      issued_by: item.user,
      open: takenBack.length === 0 && goesOn(ofRound),
      withdrawn: withdrawals.has(key),
      returned: returns.has(key),
      reassigned_to: (reassigned?.fields["new"] ?? null) as Uint8Array | null,
      taken_back_at: takenBack.length > 0 ? Math.min(...takenBack) : null,
      return_request: pendingRequest(requests.get(key), reviews.get(key)),
      ...progress(slots.get(slotOf(key, ofRound)) ?? []),
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
export const orderCounts = (order: Pick<Order, "withdrawn" | "returned" | "reassigned_to">): boolean =>
  !(order.withdrawn || order.returned || order.reassigned_to !== null);

/** Claims neither withdrawn by their author nor disputed (CE5). */
export function standingClaims(counted: Counted): Item[] {
  const withdrawn = new Set(
    counted("milestone.withdraw").map((item) => keyOf(item.fields["claim"]) + keyOf(item.user)),
  );
  const disputed = new Set(counted("milestone.dispute").map((item) => keyOf(item.fields["claim"])));
  return counted("milestone.claim").filter(
    (item) => !disputed.has(item.key) && !withdrawn.has(item.key + keyOf(item.user)),
  );
}

/** Standing claims without an order, or on a known order that was not taken back, in that order's round (IN4). */
export function countingClaims(standing: readonly Item[], orders: readonly Order[]): Item[] {
  const rounds = new Map(orders.filter(orderCounts).map((order) => [keyOf(order.id), order.round]));
  return standing.filter(
    (item) => item.fields["order"] === undefined || rounds.get(keyOf(item.fields["order"])) === round(item),
  );
}

const slotOf = (order: string, ofRound: number): string => `${order} ${ofRound}`;

/** Claims that name an order, by order and round. */
function slotsOf(claims: readonly Item[]): Map<string, Item[]> {
  const slots = new Map<string, Item[]>();
  for (const item of claims) {
    const slot = slotOf(keyOf(item.fields["order"]), round(item));
    const same = slots.get(slot);
    if (same) same.push(item);
    else slots.set(slot, [item]);
  }
  return slots;
}

/** How far an order itself came, also one taken back since: it was signed, whoever has it now (IN6). */
function progress(claims: readonly Item[]): Pick<Order, "milestones" | "status" | "gaps"> {
  const road = effective(claims);
  return {
    milestones: milestonesOf(road),
    status: ROAD.findLast((kind) => road.has(kind)) ?? "issued",
    gaps: gapsOf(road, ROAD),
  };
}

/** The effective claim of each kind, in the order of the milestones. */
export function effective(claims: readonly Item[]): Map<MilestoneKind, Item> {
  const road = new Map<MilestoneKind, Item>();
  for (const kind of MILESTONES) {
    const claim = earliest(claims.filter((item) => item.fields["kind"] === kind));
    if (claim) road.set(kind, claim);
  }
  return road;
}

export function milestonesOf(road: ReadonlyMap<MilestoneKind, Item>): Milestones {
  return Object.fromEntries([...road].map(([kind, item]) => [kind, milestoneOf(item)]));
}

/** What is missing below the greatest milestone reached (IN5). */
export function gapsOf(road: ReadonlyMap<MilestoneKind, Item>, whole: readonly RoadKind[]): RoadKind[] {
  const last = whole.findLastIndex((kind) => road.has(kind));
  return last < 0 ? [] : whole.slice(0, last).filter((kind) => !road.has(kind));
}
