/**
 * 日光 or 夜间: the one reactive theme, kept on this device and written to `<html data-theme>`.
 *
 * `public/boot.js` has already set the attribute before the first paint; this module takes over from there.
 * The first visit follows the system; after a person has chosen, the choice stands.
 *
 *     turnTo(theme.value === "day" ? "night" : "day");
 */
import { shallowRef } from "vue";

export type Theme = "day" | "night";

const KEY = "ortoo.theme";
/** The strap's colour in each theme, for the browser's own bars. */
const BAR: Record<Theme, string> = { day: "#211A13", night: "#000000" };

function shown(): Theme {
  return typeof document !== "undefined" && document.documentElement.dataset["theme"] === "night" ? "night" : "day";
}

export const theme = shallowRef<Theme>(shown());

/** Show a theme and keep it. */
export function turnTo(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset["theme"] = next;
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", BAR[next]);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // the choice holds until the page closes
  }
}
