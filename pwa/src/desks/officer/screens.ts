/**
 * Which of the officer's screens is open, with the phone's own back button. All of them live at `/`: what an officer
 * looks at is nobody's link.
 *
 * Responsible for one small stack kept in `history.state`. Refuses to decide that an order takes over the screen: that is
 * the desk's.
 *
 *     open({ name: "scene", incident: id });
 *     back();
 */
import { shallowRef } from "vue";

export type Screen =
  | { name: "duty" | "outbox" | "list" | "selfReport" | "knock" }
  | { name: "job" | "story"; incident: string }
  | { name: "feedback"; incident: string; final: boolean };

const HOME: Screen = { name: "duty" };

export const screen = shallowRef<Screen>(HOME);

interface Kept {
  officer?: Screen;
  /** What was open before it, so that going on there can be going back. */
  from?: Screen;
}
const kept = (): Screen => (history.state as Kept | null)?.officer ?? HOME;

/** Open a screen; `replace` when the one that opens it should not be come back to. */
export function open(next: Screen, options: { replace?: boolean } = {}): void {
  const from = options.replace ? (history.state as Kept | null)?.from : screen.value;
  history[options.replace ? "replaceState" : "pushState"]({ officer: next, from }, "", "/");
  screen.value = next;
}

const same = (a: Screen, b: Screen): boolean =>
  a.name === b.name && ("incident" in a && a.incident) === ("incident" in b && b.incident);

/** Go on with a screen from one that only looked at something: back to it where we came from there, else in its place. */
export function goOn(next: Screen): void {
  const from = (history.state as Kept | null)?.from;
  if (from && same(from, next)) history.back();
  else open(next, { replace: true });
}

/** Back to where we were, or to duty when this is where we began. */
export function back(): void {
  if (screen.value.name === "duty") return;
  if ((history.state as Kept | null)?.officer) history.back();
  else open(HOME, { replace: true });
}

/** Begin listening to the back button. Returns how to stop. */
export function followBack(): () => void {
  const follow = (): void => {
    screen.value = kept();
  };
  screen.value = kept();
  addEventListener("popstate", follow);
  return () => removeEventListener("popstate", follow);
}
