/**
 * The one clock of the screens: milliseconds since 1970, corrected by the server's offset, ticking once a second
 * on the second, so that every countdown on a page steps together.
 *
 * Responsible for *showing* time. Refuses to judge it: signed times come from the device layer and the server.
 *
 *     correct(-1_500);              // the server says we are 1.5 s fast
 *     const left = dueMs - now.value;   // reactive, once a second
 */
import { readonly, shallowRef } from "vue";

const ticking = shallowRef(Date.now());
let offsetMs = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The corrected time of the last tick; reading it in a template makes the template step once a second. */
export const now = readonly(ticking);

/** The corrected time right now, not rounded to a tick. */
export function nowMs(): number {
  return Date.now() + offsetMs;
}

/** Say by how much the server's clock is ahead of ours (negative when ours is fast). */
export function correct(serverAheadMs: number): void {
  offsetMs = serverAheadMs;
  ticking.value = nowMs();
  if (timer !== undefined) startClock();
}

function beat(): void {
  ticking.value = nowMs();
  timer = setTimeout(beat, 1000 - (nowMs() % 1000) + 5); // 5 ms past the second: timers may fire early
}

/** Start ticking. A page that was hidden catches up when it is shown, since sleeping timers do not fire. */
export function startClock(): void {
  stopClock();
  beat();
  document.addEventListener("visibilitychange", beatWhenShown);
}

export function stopClock(): void {
  clearTimeout(timer);
  timer = undefined;
  document.removeEventListener("visibilitychange", beatWhenShown);
}

function beatWhenShown(): void {
  if (document.visibilityState !== "visible") return;
  clearTimeout(timer);
  beat();
}
