/**
 * The clocks of an incident: which statements start and which end each of them, and by what it is limited (SPEC DL2).
 * Mirrors `sync/incident/clocks.py`. It is the one table that countdowns and verdicts share, and knows no time of day.
 *
 *     clocksOf(view, book)     // C2 of an order starts with its deliveries and ends with its signatures
 */
import { ascending, keyOf } from "../fold";
import { callbackOf, firstAttempts } from "./callback";
import { standingOf, underReview } from "./feedback";
import { type Complaint, complaintsOf } from "./ladder";
import type { Order } from "./orders";
import type { Judging, PolicyBook } from "./policy";
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
  ["C7r", ["returned"], []],
  ["C8", ["received"], ["reviewed"]],
  ["C9", ["closed"], ["settled"]],
] as const;
type Row = (typeof OF_ORDER)[number] | (typeof OF_INCIDENT)[number];
export type ClockId = Row[0] | "C10";
/** So many statements of one step are looked at, those that are said to come first; more say nothing new. */
const STATEMENTS_MAX = 4;

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
 * `target`: whom the order is for; `kind`: of rectification; `untilMs`: it was agreed to be due by then; `isOff`: there is
 * nobody to do it for.
 */
export interface Clock {
  readonly id: ClockId;
  readonly order: Uint8Array | null;
  readonly round: number;
  readonly starts: readonly Said[];
  readonly ends: readonly Said[];
  readonly overMs: number | null;
  readonly target: Uint8Array | null;
  readonly kind: string;
  readonly untilMs: number | null;
  readonly isOff: boolean;
}

/** What a clock is judged by when it started then (PO3). */
export const judgingOf = (view: DerivedView, { id, target, kind }: Clock, startMs: number, book: PolicyBook): Judging =>
  book.judging(view, id, startMs, { target, kind });

/** When a clock is due, given how long the policy allows; null when it is only shown. */
export function dueOf({ isOff, untilMs }: Clock, startMs: number, within: number | null): number | null {
  if (within === null || isOff) return null;
  return untilMs === null ? startMs + within : Math.min(startMs + within, untilMs);
}

type Steps = Map<string, Said[]>;
const least = (times: readonly number[]): number | null => (times.length > 0 ? Math.min(...times) : null);
const saidIn = ({ op, at }: { op: Uint8Array; at: number }): Said => ({ op, atMs: at, isReceipt: false });

function note(said: Steps, kind: string, one: { op: Uint8Array; at: number }): void {
  said.set(kind, [...(said.get(kind) ?? []), saidIn(one)]);
}

/** All clocks of a view: of its orders in their order, then of the incident round by round (DL2). */
export function clocksOf(view: DerivedView, book: PolicyBook): Clock[] {
  const rounds = [...byRound(view)].sort(([a], [b]) => a - b);
  return [
    ...view.orders.flatMap((order) => orderClocks(view, order)),
    ...rounds.flatMap(([round, said]) =>
      OF_INCIDENT.map((row) => {
        const clock = clockOf(row, round, said, overMs(view, round), null);
        return clock.id === "C9" ? callbackClock(view, clock, book) : clock;
      }),
    ),
    ...complaintsOf(view, book)
      .filter(({ again }) => !again)
      .map(rectification),
  ];
}

/** C1 to C5 of one order, by the claims on it that stand (CE5). */
export function orderClocks(view: DerivedView, order: Order): Clock[] {
  const said: Steps = new Map([[ISSUED, [saidIn({ op: order.op, at: order.issued_at })]]]);
  for (const claim of view.claims) {
    const isItsOwn = claim.order !== null && keyOf(claim.order) === keyOf(order.id) && claim.round === order.round;
    if (claim.standing && isItsOwn) note(said, claim.kind, claim);
  }
  const closed = view.closes.filter(({ round }) => round === order.round).map(({ at }) => at);
  const ends = [order.taken_back_at, overMs(view, order.round), ...closed];
  const over = least(ends.filter((at) => at !== null));
  return OF_ORDER.filter(([id]) => order.kind !== "advisory" || OF_ADVISORY.has(id)).map((row) =>
    clockOf(row, order.round, said, over, order),
  );
}

/** What was said of the incident as a whole, by round: by the claims that count (IN4). */
function byRound(view: DerivedView): Map<number, Steps> {
  const newest: Steps = new Map();
  const rounds = new Map<number, Steps>([[view.round, newest]]);
  const noteIn = (kind: string, one: { op: Uint8Array; at: number; round: number }): void => {
    if (one.round > view.round) return;
    const said = rounds.get(one.round) ?? new Map();
    rounds.set(one.round, said);
    note(said, kind, one);
  };
  for (const claim of view.claims) if (claim.counts) noteIn(claim.kind, claim);
  for (const one of view.feedback) if (one.final) noteIn("final", one);
  for (const one of view.closes) noteIn("closed", one);
  for (const [round, said] of rounds) {
    const under = underReview(view, round);
    if (under?.received_at == null) continue;
    said.set("received", [{ op: under.op, atMs: under.received_at, isReceipt: true }]);
    said.set("reviewed", under.review ? [saidIn(under.review)] : []);
  }
  newest.set(
    "returned",
    standingOf(view).returned.map(({ review }) => saidIn(review)),
  );
  return rounds;
}

/** C9 with the attempt after which nothing more was owed (CK2). Nobody to call is no countdown. */
function callbackClock(view: DerivedView, clock: Clock, book: PolicyBook): Clock {
  if (clock.starts.length === 0 && view.callbacks.length === 0) return clock;
  const { settledMs, state } = callbackOf(view, book, clock.round);
  if (settledMs === null) return { ...clock, isOff: state === "exempt" };
  const settling = firstAttempts(view, clock.round).filter(({ at }) => at === settledMs);
  const [op] = settling.map((one) => one.op).sort((a, b) => ascending(keyOf(a), keyOf(b)));
  return { ...clock, ends: op ? [{ op, atMs: settledMs, isReceipt: false }] : [] };
}

/** C10 before anybody complained. */
export const noComplaint = (round: number): Clock => clockOf(["C10", [], []], round, new Map(), null, null);

/** C10 of one complaint (CK6). It outlives its round, and nothing calls it off. */
function rectification({ attempt, rectification: order }: Complaint): Clock {
  return {
    ...noComplaint(attempt.round),
    starts: [saidIn(attempt)],
    ends: order?.done ? [saidIn(order.done)] : [],
    kind: order?.kind ?? "",
    untilMs: order?.due ?? null,
  };
}

function clockOf(
  [id, starts, ends]: Row | readonly ["C10", readonly string[], readonly string[]],
  round: number,
  said: Steps,
  over: number | null,
  order: Order | null,
): Clock {
  const all = (kinds: readonly string[]): Said[] =>
    kinds.flatMap((kind) => (said.get(kind) ?? []).slice(0, STATEMENTS_MAX));
  const none = { kind: "", untilMs: null, isOff: false } as const;
  const of = { order: order?.id ?? null, target: order?.to[1] ?? null, round, overMs: over };
  return { id, ...of, starts: all(starts), ends: all(ends), ...none };
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
