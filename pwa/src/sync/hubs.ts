/**
 * Several clocks that are each somewhat wrong: what they say together, and how wrong one becomes (SPEC TM11). Mirrors
 * `sync/hubs.py`.
 *
 *     agreed([[100, 120], [110, 130], [900, 920]])   // { loMs: 110, hiMs: 120, odd: [2], isAgreed: true }
 */

/** What a battery clock is worth after a start, until something better was asked. */
export const RTC_UNCERTAINTY_MS = 60_000;

/**
 * What several clocks say together. `odd`: positions of those that cannot be right. Without a moment that more than half
 * of them hold possible `isAgreed` is false, nobody is named, and the interval is all they said.
 */
export interface Agreed {
  readonly loMs: number;
  readonly hiMs: number;
  readonly odd: readonly number[];
  readonly isAgreed: boolean;
}

/** From the first to the last moment that more than half of these intervals hold; one at least is given. */
export function agreed(said: readonly (readonly [number, number])[]): Agreed {
  const moments = said.flat().toSorted((a, b) => a - b);
  const holding = (at: number) => said.filter(([lo, hi]) => lo <= at && at <= hi).length;
  const shared = moments.filter((at) => holding(at) * 2 > said.length);
  const [first, last] = [shared[0], shared.at(-1)];
  if (first === undefined || last === undefined) {
    return { loMs: moments[0] as number, hiMs: moments.at(-1) as number, odd: [], isAgreed: false };
  }
  const isOdd = ([lo, hi]: readonly [number, number]) => !shared.some((at) => lo <= at && at <= hi);
  return { loMs: first, hiMs: last, odd: said.flatMap((one, at) => (isOdd(one) ? [at] : [])), isAgreed: true };
}

/** How far a centre's clock may be off so long after it was last known: 50 ppm more, or a battery clock's worth. */
export function uncertaintyMs(knownMs: number, aloneMs: number, rebooted: boolean): number {
  return (rebooted ? Math.max(knownMs, RTC_UNCERTAINTY_MS) : knownMs) + Math.ceil(aloneMs / 20_000);
}
