/**
 * The clocks of an incident: which statements start and which end each of them (SPEC DL2). Mirrors
 * `sync/incident/clocks.py`. It is the one table of what is measured, and knows no limits and no time of day.
 *
 *     clocksOf(view)     // C2 of an order starts with its deliveries and ends with its signatures
 */
import { keyOf } from "../fold";
import { EXEMPTING, inVain } from "./callback";
import { underReview } from "./feedback";
import { firstComplaint } from "./ladder";
import type { Order } from "./orders";
import type { DerivedView } from "./status";

const ISSUED = "issued";
const OF_ORDER = [
  ["C1", [ISSUED], ["delivered", "signed"]], // who signed it has it
  ["C2", ["delivered"], ["signed"]],
  ["C2i", [ISSUED], ["signed"]],
  ["C3", ["signed"], ["departed"]],
  ["C4", ["departed"], ["arrived"]],
  ["C5", [ISSUED], ["arrived"]],
] as const;
/** Nobody drives to an advisory order: it is delivered and signed. */
const OF_ADVISORY: ReadonlySet<string> = new Set(["C1", "C2", "C2i"]);
const OF_INCIDENT = [
  ["C6", ["arrived"], ["feedback"]],
  ["C7", ["cleared"], ["final"]],
  ["C8", ["received"], ["reviewed"]],
  ["C9", ["closed"], ["answered"]],
  ["C10", ["dissatisfied"], ["rectified"]],
] as const;
type Row = (typeof OF_ORDER)[number] | (typeof OF_INCIDENT)[number];
export type ClockId = Row[0];

/** Outcomes of a callback after which nobody need call again. */
const ANSWERED: ReadonlySet<string> = new Set(["reached", ...EXEMPTING]);
/** A complaint is not called off by a reopening or a withdrawal (CK7). */
const OUTLIVING: ReadonlySet<string> = new Set(["C10"]);
/** So many attempts in vain are looked at. */
const TRIES_MAX = 24;

/**
 * One statement that something happened: its op, and when by its author's word. `isReceipt`: what happened is that the
 * centre received it, at `atMs` by its own clock.
 */
export interface Said {
  readonly op: Uint8Array;
  readonly atMs: number;
  readonly isReceipt: boolean;
}

/**
 * One clock: of an order, or of the whole incident when `order` is null. The statements of an order speak of one event
 * each; the incident's may be of several people, and the first starts it. `overMs`: when nobody needed to end it any more.
 */
export interface Clock {
  readonly id: ClockId;
  readonly order: Uint8Array | null;
  readonly round: number;
  readonly starts: readonly Said[];
  readonly ends: readonly Said[];
  readonly overMs: number | null;
  /** Attempts in vain, of which enough may end it too (CK3); that is for the policy to say. */
  readonly tried: readonly Said[];
}

const least = (times: readonly number[]): number | null => (times.length > 0 ? Math.min(...times) : null);
/** So many statements of one step are looked at, those that are said to come first; more say nothing new. */
const STATEMENTS_MAX = 4;
type SaidOf = Map<string, Said[]>;

/** All clocks of a view: of its orders in their order, then of the incident round by round (DL2). */
export function clocksOf(view: DerivedView): Clock[] {
  const ofOrders = new Map<string, SaidOf>();
  const ofRounds = new Map<number, SaidOf>([[view.round, new Map()]]);
  const ofRound = (round: number): SaidOf | undefined => {
    if (round < view.round && !ofRounds.has(round)) ofRounds.set(round, new Map());
    return ofRounds.get(round);
  };
  for (const claim of view.claims) {
    if (claim.standing && claim.order !== null) {
      const slot = slotOf(claim.order, claim.round);
      if (!ofOrders.has(slot)) ofOrders.set(slot, new Map());
      note(ofOrders.get(slot), claim.kind, claim);
    }
    if (claim.counts) note(ofRound(claim.round), claim.kind, claim);
  }
  for (const one of view.feedback) if (one.final) note(ofRound(one.round), "final", one);
  for (const one of view.closes) note(ofRound(one.round), "closed", one);
  const called = view.callbacks.filter(({ rectify }) => rectify === null);
  for (const one of called) if (ANSWERED.has(one.outcome)) note(ofRound(one.round), "answered", one);
  for (const one of inVain(called)) note(ofRound(one.round), "tried", one);
  for (const [round, said] of ofRounds) {
    const complaint = firstComplaint(view, round);
    if (complaint) {
      said.set("dissatisfied", [saidIn(complaint.attempt)]);
      said.set("rectified", complaint.order?.done ? [saidIn(complaint.order.done)] : []);
    }
    const under = underReview(view, round);
    if (under?.received_at == null) continue;
    said.set("received", [{ op: under.op, atMs: under.received_at, isReceipt: true }]);
    said.set("reviewed", under.review ? [saidIn(under.review)] : []);
  }
  return [
    ...view.orders.flatMap((order) => ofOrder(view, order, ofOrders.get(slotOf(order.id, order.round)) ?? new Map())),
    ...[...ofRounds]
      .sort(([a], [b]) => a - b)
      .flatMap(([round, said]) => OF_INCIDENT.map((row) => clockOf(row, null, round, said, overMs(view, round)))),
  ];
}

const slotOf = (order: Uint8Array, round: number): string => `${keyOf(order)} ${round}`;

const saidIn = ({ op, at }: { op: Uint8Array; at: number }): Said => ({ op, atMs: at, isReceipt: false });

function note(said: SaidOf | undefined, kind: string, one: { op: Uint8Array; at: number }): void {
  if (said) said.set(kind, [...(said.get(kind) ?? []), saidIn(one)]);
}

function ofOrder(view: DerivedView, order: Order, said: SaidOf): Clock[] {
  const closed = view.closes.filter((close) => close.round === order.round).map(({ at }) => at);
  const ends = [order.taken_back_at, overMs(view, order.round), ...closed];
  const over = least(ends.filter((at) => at !== null));
  const known: SaidOf = new Map([...said, [ISSUED, [saidIn({ op: order.op, at: order.issued_at })]]]);
  return OF_ORDER.filter(([id]) => order.kind !== "advisory" || OF_ADVISORY.has(id)).map((row) =>
    clockOf(row, order.id, order.round, known, over),
  );
}

function clockOf(
  [id, starts, ends]: Row,
  order: Uint8Array | null,
  round: number,
  said: SaidOf,
  overMs: number | null,
) {
  const all = (kinds: readonly string[]): Said[] =>
    kinds.flatMap((kind) => (said.get(kind) ?? []).slice(0, STATEMENTS_MAX));
  return {
    id,
    order,
    round,
    starts: all(starts),
    ends: all(ends),
    overMs: OUTLIVING.has(id) ? null : overMs,
    tried: id === "C9" ? (said.get("tried") ?? []).slice(0, TRIES_MAX) : [],
  };
}

/** When the incident, or this round of it, was no longer anybody's task. */
function overMs(view: DerivedView, round: number): number | null {
  const duplicate = view.duplicate_of && keyOf(view.duplicate_of);
  return least([
    ...view.reopens.filter((reopen) => reopen.round > round).map(({ at }) => at),
    ...(view.withdrawn ? [view.withdrawn.at] : []),
    ...view.links.filter((link) => duplicate !== null && keyOf(link.to) === duplicate).map(({ at }) => at),
  ]);
}
