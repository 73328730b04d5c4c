/**
 * Which desk shows which place. Each desk is one lazy chunk, `desks/<name>/index.ts`, whose default export is
 * a component that takes the current `place` and does the rest itself.
 *
 * Refuses to know what happens inside a desk. Desks never import each other: they meet here and in the router.
 *
 *     const desk = await DESKS[deskOf({ name: "wall" })]();   // the command desk's component
 */
import type { Component } from "vue";
import type { Place } from "./router";

export type DeskName =
  | "officer"
  | "command"
  | "rulings"
  | "callback"
  | "review"
  | "supervise"
  | "devices"
  | "policies"
  | "login"
  | "enrol"
  | "components";

/** The chunks by name. `home` is decided by `main.ts`: the officer's desk on an enrolled device, else a log-in. */
export const DESKS: Record<DeskName, () => Promise<{ default: Component }>> = {
  officer: () => import("./desks/officer/index"),
  command: () => import("./desks/command/index"),
  rulings: () => import("./desks/rulings/index"),
  callback: () => import("./desks/callback/index"),
  review: () => import("./desks/review/index"),
  supervise: () => import("./desks/supervise/index"),
  devices: () => import("./desks/devices/index"),
  policies: () => import("./desks/policies/index"),
  login: () => import("./desks/login/index"),
  enrol: () => import("./desks/enrol/index"),
  components: () => import("./ui/components/index"),
};

const CENTRE: readonly DeskName[] = ["command", "rulings", "callback", "review", "supervise", "devices", "policies"];

/**
 * Once a desk of the centre is open, fetch the others too: a new version at the server takes the old one's files away, and
 * an open page must not find that out at the first press of 5. Nothing happens on a phone.
 */
export function fetchSisters(of: DeskName): void {
  if (!CENTRE.includes(of)) return;
  for (const name of CENTRE) if (name !== of) void DESKS[name]().catch(() => undefined); // asked for again when opened
}

export function deskOf(place: Exclude<Place, { readonly name: "unknown" }>): DeskName {
  switch (place.name) {
    case "home":
      return "officer";
    case "wall":
    case "dispatch":
    case "timeline":
      return "command";
    case "figures":
      return "supervise";
    case "reviews":
    case "overdue":
      return "review";
    case "rulings":
    case "callback":
    case "devices":
    case "policies":
    case "enrol":
    case "login":
    case "components":
      return place.name;
  }
}
