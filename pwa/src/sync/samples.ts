/**
 * What a device remembers of its clocks: measurements against the centre, heartbeats in between (SPEC TM1 to TM4).
 * Mirrors `sync/samples.py`. Reads no clock and writes no set: readings walk in, ops walk out.
 *
 *     clocks = beat(clocks, m, wallMs);
 *     const one = sample({ m1: 500, wall1Ms: 9_000, serverMs: 100_000, uncertaintyMs: 20, m4: 700, wall4Ms: 9_200, hidden: false });
 *     if (typeof one !== "string") clocks = keep(clocks, one);   // { m: 500, loMs: 99_720, hiMs: 100_080, wallMs: 9_000 }
 *     const due = toPlace(clocks, m, unsentM);                    // write `due.map((kept) => opOf(session, kept))`, then:
 *     if (due.length > 0) clocks = placed(clocks);
 */
import type { Op } from "./changeset";
import { MS_MAX } from "./clock";

export const OBS = "clock.obs";
const SESSION_BYTES = 8;
const OPS_MAX = 20;
/** A device that slept for longer than this during an exchange is found out by its wall clock. */
export const APART_MS = 50;
/** What may have been slept unseen, and 10 ms for whole milliseconds and for clocks that run 200 ppm off. */
export const WIDEN_MS = 60;
export const ROUND_TRIP_MS_MAX = 30_000;
export const KEEP_EVERY_MS = 300_000;
export const BEAT_EVERY_MS = 15_000;
/** A set that waited longer needs a sample after it: its receipt alone bounds it too loosely. */
export const UNSENT_MS = 30_000;
export const WAITING_MAX = 40;
/** Half a year of heartbeats: beyond, and beyond a gap of 49 days, a summary says nothing to anybody. */
const BEATS_MAX = 2 ** 20;
const GAP_MS_MAX = 2 ** 32;
const FIELDS: readonly (readonly [string, number])[] = [
  ["m", MS_MAX],
  ["lo", MS_MAX],
  ["hi", MS_MAX],
  ["wall", MS_MAX],
  ["n", BEATS_MAX],
  ["fell", MS_MAX],
  ["rose", MS_MAX],
  ["gap", GAP_MS_MAX],
];

/** The true time was between `loMs` and `hiMs` when the monotonic clock said `m` and the wall clock `wallMs`. */
export interface Sample {
  readonly m: number;
  readonly loMs: number;
  readonly hiMs: number;
  readonly wallMs: number;
}

/**
 * A summary of readings of both clocks, every 15 s and with every set, between two samples: how many, the greatest fall
 * and rise of (wall − monotonic) from one to the next, and the longest monotonic time between two. Times are ms.
 */
export interface Beats {
  readonly n: number;
  readonly fell: number;
  readonly rose: number;
  readonly gap: number;
}

/** A sample, and the heartbeats since the one kept before it, or since the session began. */
export interface Kept {
  readonly sample: Sample;
  readonly beats: Beats;
}

/**
 * What one session remembers. `last`: newest reading [m, wall], or that of the newest kept sample; `beats`: since then;
 * `waiting`: samples not yet in the chain, oldest first; `placedM`: of the newest that is; `oldestM` and `newestM`: of
 * the sets written for which no sample after them is in the chain.
 */
export interface Clocks {
  readonly session: Uint8Array;
  readonly last: readonly [number, number] | null;
  readonly beats: Beats;
  readonly waiting: readonly Kept[];
  readonly placedM: number | null;
  readonly oldestM: number | null;
  readonly newestM: number | null;
}

export type Discarded = "hidden" | "backwards" | "slow" | "apart" | "off_scale";

const NO_BEATS: Beats = { n: 0, fell: 0, rose: 0, gap: 0 };

/** A session that remembers nothing yet. */
export function begun(session: Uint8Array): Clocks {
  return { session, last: null, beats: NO_BEATS, waiting: [], placedM: null, oldestM: null, newestM: null };
}

/** What an exchange says of the clocks when it was sent, or why it says nothing (TM1). `m4`, `wall4Ms`: read at the answer. */
export function sample(exchange: {
  m1: number;
  wall1Ms: number;
  serverMs: number;
  uncertaintyMs: number;
  m4: number;
  wall4Ms: number;
  /** The page was out of sight at some time in between. */
  hidden: boolean;
}): Sample | Discarded {
  const { m1, wall1Ms, serverMs, uncertaintyMs, m4, wall4Ms, hidden } = exchange;
  const tookMs = m4 - m1;
  if (hidden) return "hidden";
  if (tookMs < 0) return "backwards";
  if (tookMs > ROUND_TRIP_MS_MAX) return "slow";
  if (Math.abs(wall4Ms - wall1Ms - tookMs) > APART_MS) return "apart";
  if (m1 < 0 || m1 > MS_MAX || wall1Ms < 0 || wall1Ms > MS_MAX) return "off_scale";
  const around = uncertaintyMs + WIDEN_MS;
  return { m: m1, loMs: Math.max(0, serverMs - tookMs - around), hiMs: serverMs + around, wallMs: wall1Ms };
}

/** One more reading of both clocks. */
export function beat(clocks: Clocks, m: number, wallMs: number): Clocks {
  return { ...clocks, beats: oneMore(clocks, m, wallMs), last: [m, wallMs] };
}

/** A set that is more than a placing of samples was written, with these readings in its header. */
export function wrote(clocks: Clocks, m: number, wallMs: number): Clocks {
  return { ...beat(clocks, m, wallMs), oldestM: clocks.oldestM ?? m, newestM: m };
}

/** Keep a sample: of those of the same five minutes with no set in between, the narrowest (TM2). */
export function keep(clocks: Clocks, fresh: Sample): Clocks {
  let { beats, waiting } = clocks;
  // The sample's own reading ends the stretch.
  if (clocks.last && clocks.last[0] < fresh.m) beats = { ...oneMore(clocks, fresh.m, fresh.wallMs), n: beats.n };
  const before = waiting.at(-1);
  if (before && isSame(clocks, before.sample, fresh)) {
    if (before.sample.hiMs - before.sample.loMs <= fresh.hiMs - fresh.loMs) return clocks;
    beats = joined(before.beats, beats);
    waiting = waiting.slice(0, -1);
  }
  waiting = [...waiting, { sample: fresh, beats }];
  const [first, second, third, ...rest] = waiting;
  if (waiting.length > WAITING_MAX && first && second && third) {
    // The first stays: it is the one before the oldest set.
    waiting = [first, { ...third, beats: joined(second.beats, third.beats) }, ...rest];
  }
  return { ...clocks, last: [fresh.m, fresh.wallMs], beats: NO_BEATS, waiting };
}

/**
 * The samples to write into the chain before sets are sent, oldest first; mostly none (TM4). `unsentM`: when the oldest
 * set of this session that waits to be sent was written, null when none waits.
 */
export function toPlace(clocks: Clocks, nowM: number, unsentM: number | null): Kept[] {
  const { waiting } = clocks;
  if (waiting.length === 0 || !isTime(clocks, nowM, unsentM)) return [];
  const since = [unsentM, clocks.oldestM].filter((m) => m !== null);
  let first = waiting.length - 1;
  if (since.length > 0) while (first > 0 && (waiting[first] as Kept).sample.m > Math.min(...since)) first--;
  let chosen = waiting.slice(first);
  if (chosen.length > OPS_MAX) chosen = [...chosen.slice(0, 1), ...chosen.slice(1 - OPS_MAX)];
  const due: Kept[] = [];
  let beats: Beats | null = null;
  for (const one of waiting) {
    beats = beats ? joined(beats, one.beats) : one.beats;
    if (!chosen.includes(one)) continue;
    due.push({ sample: one.sample, beats });
    beats = null;
  }
  return due;
}

/** What is remembered once what `toPlace` named is in the chain. */
export function placed(clocks: Clocks): Clocks {
  const newest = clocks.waiting.at(-1)?.sample.m ?? null;
  const owed = clocks.newestM !== null && newest !== null && clocks.newestM > newest ? clocks.newestM : null;
  return { ...clocks, waiting: [], placedM: newest, oldestM: owed, newestM: owed };
}

/** The op that carries a sample (TM3). */
export function opOf(session: Uint8Array, { sample: one, beats }: Kept): Op {
  const { fell, rose } = beats;
  const [n, gap] = [Math.min(beats.n, BEATS_MAX), Math.min(beats.gap, GAP_MS_MAX)];
  return { t: OBS, s: session, m: one.m, lo: one.loMs, hi: one.hiMs, wall: one.wallMs, n, fell, rose, gap };
}

/** The first field of a `clock.obs` that is missing or wrong, as `clock.obs.field`; null for a good one (TM3). */
export function problem(op: Op): string | null {
  const fields = op as Readonly<Record<string, unknown>>;
  const session = fields["s"];
  if (!(session instanceof Uint8Array) || session.length !== SESSION_BYTES) return `${OBS}.s`;
  for (const [name, most] of FIELDS) {
    const value = fields[name];
    const isWhole = typeof value === "number" && Number.isSafeInteger(value);
    if (!isWhole || value < 0 || value > most) return `${OBS}.${name}`;
  }
  return (fields["lo"] as number) <= (fields["hi"] as number) ? null : `${OBS}.hi`;
}

function joined(earlier: Beats, later: Beats): Beats {
  return {
    n: earlier.n + 1 + later.n,
    fell: Math.max(earlier.fell, later.fell),
    rose: Math.max(earlier.rose, later.rose),
    gap: Math.max(earlier.gap, later.gap),
  };
}

function oneMore({ beats, last }: Clocks, m: number, wallMs: number): Beats {
  if (!last) return { ...beats, n: beats.n + 1 };
  const rose = wallMs - m - (last[1] - last[0]);
  return {
    n: beats.n + 1,
    fell: Math.max(beats.fell, -rose),
    rose: Math.max(beats.rose, rose),
    gap: Math.max(beats.gap, m - last[0]),
  };
}

/** Whether one of two samples will do: of the same five minutes, with no set written in between. */
function isSame({ newestM }: Clocks, before: Sample, fresh: Sample): boolean {
  const isBetween = newestM !== null && newestM >= before.m;
  return Math.floor(before.m / KEEP_EVERY_MS) === Math.floor(fresh.m / KEEP_EVERY_MS) && !isBetween;
}

function isTime({ placedM, oldestM, waiting }: Clocks, nowM: number, unsentM: number | null): boolean {
  if (placedM === null) return true;
  if (oldestM !== null && nowM - placedM > KEEP_EVERY_MS) return true;
  const newest = waiting.at(-1)?.sample.m ?? 0;
  return unsentM !== null && nowM - unsentM > UNSENT_MS && placedM < unsentM && unsentM <= newest;
}
