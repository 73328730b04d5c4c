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
  | { name: "duty" | "outbox" | "list" | "selfReport" }
  | { name: "job" | "story"; incident: string }
  | { name: "feedback"; incident: string; final: boolean };

const HOME: Screen = { name: "duty" };

export const screen = shallowRef<Screen>(HOME);

interface Kept {
  officer?: Screen;
}
const kept = (): Screen => (history.state as Kept | null)?.officer ?? HOME;

/** Open a screen; `replace` when the one that opens it should not be come back to. */
export function open(next: Screen, options: { replace?: boolean } = {}): void {
  history[options.replace ? "replaceState" : "pushState"]({ officer: next }, "", "/");
  screen.value = next;
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
