/**
 * The two clocks of this device, handed in wherever time is needed so that tests can hold them still.
 *
 * Responsible for: wall time, and a monotonic clock named by a random session id (header item 6, SPEC CS). Refuses
 * to know the server's clock: the offset is kept by `session.ts`, and countdowns on screen use `ui/now.ts`.
 *
 *     const clock = systemClock();
 *     clock.nowMs();            // 1773297131000, as the device says
 *     clock.mono();             // [8 random bytes, ms since this page began]
 */

export interface Clock {
  /** Wall time as this device says, ms since 1970. May jump either way. */
  nowMs(): number;
  /** Session id (8 bytes, new for every page) and whole ms since that session began. Never goes back. */
  mono(): [Uint8Array, number];
}

export function systemClock(): Clock {
  const session = crypto.getRandomValues(new Uint8Array(8));
  const beganMs = performance.now();
  return {
    nowMs: () => Date.now(),
    mono: () => [session, Math.max(0, Math.floor(performance.now() - beganMs))],
  };
}
