/**
 * When something happened, as far as it can be proved: an interval per grade of evidence (SPEC TM). Mirrors `sync/time.py`.
 *
 *     proved(timed, 1)   // what evidence of grades 0 and 1 proves: { loMs: 4900, hiMs: 5100 }
 */
/** The grade of a time that nothing bounds from both sides. */
export const CLAIMED = 3;

/** What is proved of one moment, in true ms: not before `loMs`, not after `hiMs`; null where nothing is. */
export interface Bounds {
  readonly loMs: number | null;
  readonly hiMs: number | null;
}

/** One moment: what was claimed, and in layer i what evidence of grade i proves. Layers are nested. `why`: stable codes. */
export interface Timed {
  readonly claimedMs: number;
  readonly layers: readonly [Bounds, Bounds | null, Bounds | null];
  readonly why: readonly string[];
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
