/**
 * When something happened, as far as it can be proved: an interval per grade of evidence (SPEC TM5 to TM10, TM14).
 * Mirrors `sync/time.py`. Finds no evidence and reads no clock.
 *
 *     proved(timed, 1)   // what evidence of grades 0 and 1 proves: { loMs: 4900, hiMs: 5100 }
 */
import type { Op } from "./changeset";
import { MS_MAX } from "./clock";
import { equalBytes } from "./ids";

/** The grade of a time that nothing bounds from both sides. */
export const CLAIMED = 3;
/** How far the centre's own clock may be off; kept by NTP, which does better. */
export const CENTRE_UNCERTAINTY_MS = 50;
/** A wall clock that falls by more against the monotonic one, from one heartbeat to the next, was set back. */
const STEP_MS = 50;
const AGREE_MS = 2_000;
const SLEPT_MS = 1_000;
/** Two acts of one moment may read the clock in one order and be written in the other; more than this is no accident. */
const DISORDER_MS = 1_000;

/** What is proved of one moment, in true ms: not before `loMs`, not after `hiMs`; null where nothing is. */
export interface Bounds {
  readonly loMs: number | null;
  readonly hiMs: number | null;
}

/** A reading of one monotonic clock: whose chain, which session, and ms since it began. */
export interface Place {
  readonly chain: Uint8Array;
  readonly session: Uint8Array;
  readonly m: number;
}

/** Why bounds are no tighter: stable codes (TM10). */
export type TimeCause =
  | "no_sample_before"
  | "no_sample_after"
  | "slept"
  | "clock_step"
  | "station_said"
  | "clock_disorder"
  | "forked"
  | "compromised"
  | "written_later"
  | "told_by_other"
  | "foreign_clock";

/**
 * One moment: what was claimed, and in layer i what evidence of grade i proves. Layers are nested. `why`: stable codes.
 * `place`: the reading of the monotonic clock, where that can be believed.
 */
export interface Timed {
  readonly claimedMs: number;
  readonly layers: readonly [Bounds, Bounds | null, Bounds | null];
  readonly why: readonly string[];
  readonly place?: Place | null;
}

/** A sample as it stands in a chain (TM3): `seq` of its set, then as in its op; times are ms. */
export interface Observed {
  readonly seq: number;
  readonly m: number;
  readonly loMs: number;
  readonly hiMs: number;
  readonly wallMs: number;
  readonly n: number;
  readonly fell: number;
  readonly gap: number;
}

/**
 * What is known of the signing of one set. `wallMs` and `place` are of its header. `loMs`: made then at the earliest,
 * `hiMs`: held by the centre then, both by the centre's clock, null where nobody knows. `beforeM`, `afterM`: the same
 * clock in the sets before and after it in its chain, null where those are of another session or not here. `saidMs`:
 * words of other stations that count, on it or on what follows it in its chain: it was there by then, by true time.
 * `own`: the word of the station that wrote it.
 */
export interface Signed {
  readonly claimedMs: number;
  readonly seq: number;
  readonly place: Place;
  readonly wallMs: number;
  readonly loMs: number | null;
  readonly hiMs: number | null;
  readonly beforeM: number | null;
  readonly afterM: number | null;
  readonly isForked: boolean;
  readonly isCompromised: boolean;
  readonly saidMs?: readonly number[];
  readonly own?: Bounds | null;
}

/** The least grade that gives the narrowest interval; 3 where none has both bounds. */
export function gradeOf(timed: Timed): number {
  let best = CLAIMED;
  let narrowest = Number.POSITIVE_INFINITY;
  timed.layers.forEach((bounds, grade) => {
    if (bounds === null || bounds.loMs === null || bounds.hiMs === null) return;
    const width = bounds.hiMs - bounds.loMs;
    if (width < narrowest) [best, narrowest] = [grade, width];
  });
  return best;
}

/** The interval of its grade; of a claim what bounds it from one side. */
export function boundsOf(timed: Timed): Bounds {
  return proved(timed, Math.min(gradeOf(timed), CLAIMED - 1));
}

/** What evidence of grades 0 to `grade` proves. */
export function proved(timed: Timed, grade: number): Bounds {
  for (let at = grade; at > 0; at--) {
    const bounds = timed.layers[at];
    if (bounds) return bounds;
  }
  return timed.layers[0];
}

/** The least true time in which a monotonic clock that runs at most 200 ppm fast can show `elapsedMs`. */
export function shrunk(elapsedMs: number): number {
  return elapsedMs - Math.ceil(elapsedMs / 5_001);
}

/** When the centre's own chain wrote a set that it received at `atMs`: then, for it writes at once (TM5). */
export function atCentre(claimedMs: number, atMs: number, uncertaintyMs = CENTRE_UNCERTAINTY_MS): Timed {
  const zero = { loMs: atMs - uncertaintyMs, hiMs: atMs + uncertaintyMs };
  return { claimedMs, layers: [zero, null, null], why: [], place: null };
}

/** When a set was signed (TM5 to TM8, TM14). `observed`: samples of its chain and session that count, in any order. */
export function timed(one: Signed, observed: readonly Observed[], uncertaintyMs = CENTRE_UNCERTAINTY_MS): Timed {
  const zero = certain(one.loMs, one.hiMs, uncertaintyMs);
  const doubts: TimeCause[] = [
    ...(one.isForked ? ["forked" as const] : []),
    ...(one.isCompromised ? ["compromised" as const] : []),
  ];
  if (zero === null) return plain(one, { loMs: null, hiMs: null }, [...doubts, "clock_disorder"]);
  return witnessed(byItself(one, zero, doubts, observed), one);
}

/** When a set was signed by what the centre saw and by what its own chain says of its clocks. */
function byItself(one: Signed, zero: Bounds, doubts: TimeCause[], observed: readonly Observed[]): Timed {
  const { claimedMs, place } = one;
  if (doubts.length > 0) return plain(one, zero, doubts);
  const isReading = place.m >= 0 && place.m <= MS_MAX;
  const known = (isReading ? observed : []).toSorted((a, b) => a.m - b.m || a.seq - b.seq);
  // One of the very same reading may be from before or from after: the clock may have stood in between.
  const before = known.filter(({ m }) => m < place.m);
  const after = known.filter(({ m }) => m > place.m);
  const first = meet(zero, monotonic(place.m, before, after));
  if (first === null || isDisordered(one, known)) return plain(one, zero, ["clock_disorder"]);
  const why: TimeCause[] = [];
  if (before.length === 0) why.push("no_sample_before");
  if (after.length === 0) why.push("no_sample_after");
  const [a, b] = [before.at(-1), after[0]];
  let second: Bounds | null = null;
  if (a && b) {
    if (b.wallMs - a.wallMs - (b.m - a.m) > SLEPT_MS) why.push("slept");
    const sinceA = known.filter(({ m }) => a.m < m && m <= b.m);
    const wall = byWall(one, a, b, sinceA);
    second = wall && meet(first, wall);
    if (second === null) why.push("clock_step");
  }
  return { claimedMs, layers: [zero, a || b ? first : null, second], why, place };
}

/** What nothing but the centre says. */
function plain({ claimedMs }: Signed, bounds: Bounds, why: TimeCause[]): Timed {
  return { claimedMs, layers: [bounds, null, null], why, place: null };
}

/** The same with what stations say of when they had, or wrote, the set, but for what contradicts what is proved (TM14). */
function witnessed(signed: Timed, { saidMs = [], own }: Signed): Timed {
  const alone = proved(signed, CLAIMED - 1);
  const base = (own && meet(alone, own)) || alone;
  const hiMs = saidMs.toSorted((a, b) => a - b).find((one) => base.loMs === null || one >= base.loMs) ?? null;
  const bounds = meet(base, { loMs: null, hiMs }) ?? base;
  if (bounds.loMs === alone.loMs && bounds.hiMs === alone.hiMs) return signed;
  const [zero, first] = signed.layers;
  return { ...signed, layers: [zero, first, bounds], why: [...signed.why, "station_said"] };
}

/**
 * When what an op of a set tells of happened, given when the set was signed (TM9). Of what somebody only says happened
 * earlier, the signing is an upper bound and nothing is a lower one.
 */
export function told(signed: Timed, op: Op, user: Uint8Array): Timed {
  const why = onlyClaimed(op as Readonly<Record<string, unknown>>, user);
  if (why === null) return signed;
  const open = (layer: Bounds | null): Bounds | null => layer && { loMs: null, hiMs: layer.hiMs };
  const [zero, first, second] = signed.layers;
  const at = (op as Readonly<Record<string, unknown>>)["at"];
  const said = typeof at === "number" && Number.isSafeInteger(at) && at >= 0 ? at : signed.claimedMs;
  return {
    claimedMs: zero.hiMs === null ? said : Math.min(said, zero.hiMs),
    layers: [{ loMs: null, hiMs: zero.hiMs }, open(first), open(second)],
    why: [...signed.why, why],
    place: null,
  };
}

/** The least true time from one moment to another, by the monotonic clock they share; null when they share none. */
export function elapsedAtLeastMs(start: Timed, end: Timed): number | null {
  const [a, b] = [start.place, end.place];
  if (!a || !b || !equalBytes(a.chain, b.chain) || !equalBytes(a.session, b.session) || b.m <= a.m) return null;
  return shrunk(b.m - a.m);
}

/**
 * Bounds of grade 0. null where they cross: the centre's clock was set back in between, and nobody knows whether it was right before
 * or after.
 */
function certain(loMs: number | null, hiMs: number | null, uncertaintyMs: number): Bounds | null {
  const lo0 = loMs === null ? null : loMs - uncertaintyMs;
  const hi0 = hiMs === null ? null : hiMs + uncertaintyMs;
  return lo0 !== null && hi0 !== null && lo0 > hi0 ? null : { loMs: lo0, hiMs: hi0 };
}

/** Why an op's time is a mere claim; null when it tells of now. */
function onlyClaimed(op: Readonly<Record<string, unknown>>, user: Uint8Array): TimeCause | null {
  const { t, via, by, kind, at, source } = op;
  if (t === "milestone.claim") {
    if (via === "import") return "foreign_clock";
    const isBySelf = by === undefined || (by instanceof Uint8Array && equalBytes(by, user));
    const isProxy = !isBySelf || via === "radio" || via === "phone";
    // Who says on the radio "received" signs by saying it.
    if (isProxy && kind !== "signed") return "told_by_other";
  }
  if (at === undefined || at === null) return null;
  // A desk issues now; only what it takes over from another system was issued before.
  const isForeign = t === "order.issue" || (t === "incident.create" && source === "import");
  return isForeign ? "foreign_clock" : "written_later";
}

/** Bounds of grade 1: both hold whatever the clock slept, for a clock that slept shows too little (TM6). */
function monotonic(m: number, before: readonly Observed[], after: readonly Observed[]): Bounds {
  return {
    loMs: before.length === 0 ? null : Math.max(...before.map((a) => a.loMs + shrunk(m - a.m))),
    hiMs: after.length === 0 ? null : Math.min(...after.map((b) => b.hiMs - shrunk(b.m - m))),
  };
}

/** Whether readings of the monotonic clock do not follow the order of the chain (TM8). */
function isDisordered({ place, seq, beforeM, afterM }: Signed, known: readonly Observed[]): boolean {
  return (
    (beforeM !== null && beforeM - place.m > DISORDER_MS) ||
    (afterM !== null && place.m - afterM > DISORDER_MS) ||
    known.some((sample) => sample.seq < seq && sample.m - place.m > DISORDER_MS)
  );
}

/**
 * Bounds of grade 2 from the samples around a set, null when its wall clock cannot be believed there (TM7). `sinceA`:
 * those after A up to B, whose summaries together reach from the one to the other: B alone, but for samples of the set's
 * own reading.
 */
function byWall({ place, wallMs }: Signed, a: Observed, b: Observed, sinceA: readonly Observed[]): Bounds | null {
  const stretches = sinceA.reduce((sum, { n }) => sum + n + 1, 0);
  const fellMs = Math.max(...sinceA.map(({ fell }) => fell));
  const isCovered = stretches * Math.max(...sinceA.map(({ gap }) => gap)) >= b.m - a.m;
  if (!isCovered || fellMs > STEP_MS || wallMs < 0 || wallMs > MS_MAX) return null;
  const slackMs = stretches * fellMs + STEP_MS;
  const [ahead, here, there] = [a.wallMs - a.m, wallMs - place.m, b.wallMs - b.m];
  if (ahead - here > slackMs || here - there > slackMs) return null;
  const driftMs = Math.ceil(Math.max(0, b.hiMs - a.loMs) / 5_000);
  const [atA, atB] = [a, b].map((one) => ({ lo: one.loMs - one.wallMs, hi: one.hiMs - one.wallMs })) as [Edge, Edge];
  if (Math.max(atA.lo - atB.hi, atB.lo - atA.hi) > AGREE_MS + driftMs) return null;
  const aroundMs = driftMs + slackMs;
  return {
    loMs: wallMs + Math.min(atA.lo, atB.lo) - aroundMs,
    hiMs: wallMs + Math.max(atA.hi, atB.hi) + aroundMs,
  };
}

interface Edge {
  readonly lo: number;
  readonly hi: number;
}

/** What two proofs say together; null when they contradict each other. */
function meet(a: Bounds, b: Bounds): Bounds | null {
  const loMs = a.loMs === null || b.loMs === null ? (a.loMs ?? b.loMs) : Math.max(a.loMs, b.loMs);
  const hiMs = a.hiMs === null || b.hiMs === null ? (a.hiMs ?? b.hiMs) : Math.min(a.hiMs, b.hiMs);
  return loMs !== null && hiMs !== null && loMs > hiMs ? null : { loMs, hiMs };
}
