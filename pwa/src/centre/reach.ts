/**
 * Whether the centre answers this desk. Every request tells its outcome here; the strap and the strip below it read it.
 *
 *     answered();          // an answer came, whatever it said
 *     unanswered();        // no answer at all: since now, unless we knew already
 *     reach.sinceMs        // when the silence began, null while the centre answers
 */
import { shallowReactive } from "vue";
import { nowMs } from "../ui/now";

/** `knownAtMs` is when the newest answer came; what is on screen is from then. */
export const reach = shallowReactive<{ sinceMs: number | null; knownAtMs: number | null }>({
  sinceMs: null,
  knownAtMs: null,
});

export function answered(): void {
  reach.sinceMs = null;
  reach.knownAtMs = nowMs();
}

export function unanswered(): void {
  reach.sinceMs ??= nowMs();
}
