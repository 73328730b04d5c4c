/**
 * Whether somebody could see this page all the while: only then did the phone surely not sleep in between.
 *
 * Responsible for counting the times it was hidden or frozen. Refuses to know who asks.
 *
 *     const sight = watchSight();
 *     const before = sight.hides();          // null: hidden now
 *     …
 *     before !== null && before === sight.hides()   // shown all the time
 */

export interface Sight {
  /** How often the page was hidden or frozen so far; null while it is. */
  hides(): number | null;
}

/** Listens until the page is gone. */
export function watchSight(): Sight {
  let hides = 0;
  const hidden = (): boolean => document.visibilityState !== "visible";
  document.addEventListener("visibilitychange", () => {
    if (hidden()) hides += 1;
  });
  // A page can be stopped without having been hidden, and goes on as if nothing had been.
  document.addEventListener("freeze", () => {
    hides += 1;
  });
  return { hides: () => (hidden() ? null : hides) };
}
