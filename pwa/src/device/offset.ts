/**
 * How far this phone's wall clock is from the centre's, for what is shown now and for the logical clock; never evidence.
 *
 * Responsible for holding on to what is known closely until something contradicts it, so that a slow answer does not look like a wrong
 * clock. Refuses to judge when something happened: that follows from samples (SPEC TM).
 *
 *     let known = heard(null, { sentMs: 1_000, tripMs: 300, serverMs: 61_200, uncertaintyMs: 100 });
 *     known                                  // { offsetMs: 60050, spreadMs: 250 }: the centre is a minute ahead
 *     known = stepped(known, -60_000);       // somebody set the phone's clock a minute back: the centre is two ahead
 */

/** Server − device, give or take. */
export interface Offset {
  offsetMs: number;
  spreadMs: number;
}

/** What an answer says: the request left at `sentMs` of the phone's clock, and `tripMs` later the centre's time was there. */
export interface Answer {
  sentMs: number;
  tripMs: number;
  serverMs: number;
  uncertaintyMs: number;
}

/** The closer knowledge, unless the newer contradicts it. */
export function heard(known: Offset | null, { sentMs, tripMs, serverMs, uncertaintyMs }: Answer): Offset {
  const half = tripMs / 2;
  const fresh = { offsetMs: Math.round(serverMs - sentMs - half), spreadMs: Math.ceil(half) + uncertaintyMs };
  const agrees = known !== null && Math.abs(known.offsetMs - fresh.offsetMs) <= fresh.spreadMs;
  return agrees && known.spreadMs < fresh.spreadMs ? known : fresh;
}

/** Somebody moved the phone's clock by so much. */
export function stepped(known: Offset, byMs: number): Offset {
  return { ...known, offsetMs: known.offsetMs - byMs };
}
