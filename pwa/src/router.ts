/**
 * Where we are: addresses as typed places, over the browser's own history. No hashes, no patterns, no guards.
 *
 * Responsible for: `parse` and `href` (exact inverses), `place` (reactive), `go`, and turning ordinary clicks on
 * `<a href>` into moves inside the page. Refuses to know: which component a place shows (`desks.ts`) and who
 * may see it (the server says).
 *
 *     go({ name: "timeline", id: "6f…" });      // /desk/timeline/6f…
 *     <a :href="href({ name: 'wall' })">盯办墙</a>
 */
import { shallowRef } from "vue";

export type Place =
  | { readonly name: keyof typeof PATHS }
  | { readonly name: "timeline"; readonly id: string }
  | { readonly name: "unknown" };

const PATHS = {
  home: "/",
  login: "/login",
  enrol: "/enrol",
  wall: "/desk/wall",
  dispatch: "/desk/dispatch",
  rulings: "/desk/rulings",
  callback: "/desk/callback",
  figures: "/desk/figures",
  reviews: "/desk/reviews",
  overdue: "/desk/overdue",
  devices: "/desk/devices",
  policies: "/desk/policies",
  components: "/desk/components",
} as const;
const TIMELINE = /^\/desk\/timeline\/([0-9a-f]{32})$/;

/** The place of a path; anything else is `unknown`, which shows a page that says so. */
export function parse(path: string): Place {
  const clean = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const id = TIMELINE.exec(clean)?.[1];
  if (id) return { name: "timeline", id };
  for (const [name, known] of Object.entries(PATHS)) if (known === clean) return { name: name as keyof typeof PATHS };
  return { name: "unknown" };
}

/** The path of a place, for `<a href>`. */
export function href(to: Place): string {
  if (to.name === "timeline") return `/desk/timeline/${to.id}`;
  return to.name === "unknown" ? "/" : PATHS[to.name];
}

/** Where we are now. Query and fragment stay in `location` for the page that wants them (`/enrol?code=…`). */
export const place = shallowRef<Place>({ name: "home" });

/** Go somewhere; `replace` leaves no way back, for redirects. */
export function go(to: Place, options: { replace?: boolean } = {}): void {
  history[options.replace ? "replaceState" : "pushState"](null, "", href(to));
  place.value = to;
  scrollTo(0, 0);
}

function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  const link = (event.target as Element | null)?.closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  const to = new URL(link.href);
  if (to.origin !== location.origin || to.search || to.hash) return;
  const next = parse(to.pathname);
  if (next.name === "unknown") return; // /api/docs and files belong to the browser
  event.preventDefault();
  go(next);
}

/** Start following the address bar, the back button and links. Called once, by `main.ts`. */
export function startRouter(): void {
  place.value = parse(location.pathname);
  addEventListener("popstate", () => {
    place.value = parse(location.pathname);
  });
  document.addEventListener("click", follow);
}
