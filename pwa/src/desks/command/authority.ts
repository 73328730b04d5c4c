/**
 * Which commands a screen offers on an incident, to whom (SPEC AU) and in which state. Pure.
 *
 * This only chooses what to offer; the centre judges every command again.
 *
 *     offers({ roles: ["dispatcher"], station: null }, view)   // ["issue_order", "transfer", "link", "withdraw", "close"]
 */
import type { Order, View } from "./types";

export type CommandName =
  | "issue_order"
  | "transfer"
  | "link"
  | "unlink"
  | "withdraw"
  | "close"
  | "reopen"
  | "withdraw_order"
  | "reassign"
  | "return_ok"
  | "return_no";

export interface Commander {
  readonly roles: readonly string[];
  readonly station: string | null;
}

/** Dispatchers and commanders everywhere, a station's desk on what is its own. */
export function mayCommand(person: Commander | null, station: string | null): boolean {
  if (!person) return false;
  if (person.roles.includes("dispatcher") || person.roles.includes("commander")) return true;
  return person.roles.includes("station") && station !== null && person.station === station;
}

/** Whether somebody may record facts: everyone at a desk but a callback seat, which notes calls and nothing else. */
export function mayRecord(person: Commander | null): boolean {
  return person?.roles.some((role) => role !== "callback") ?? false;
}

/** Whether somebody may take words of records away on a legal ground (SPEC RD1). */
export function mayRedact(person: Commander | null): boolean {
  return person?.roles.some((role) => role === "commander" || role === "supervisor") ?? false;
}

/** Whether somebody may find otherwise of a clock than was computed (SPEC VD8). */
export function mayFind(person: Commander | null): boolean {
  return person?.roles.some((role) => role === "commander" || role === "supervisor") ?? false;
}

/** What can be done with the incident itself. */
export function offers(person: Commander | null, view: Pick<View, "status" | "station">): CommandName[] {
  if (!mayCommand(person, view.station)) return [];
  switch (view.status) {
    case "closed":
    case "withdrawn":
      return ["reopen"];
    case "duplicate":
      return ["unlink"];
    default:
      return ["issue_order", "transfer", "link", "withdraw", "close"];
  }
}

/** What can be done with one order. A request to return it is answered first. */
export function orderOffers(
  person: Commander | null,
  view: Pick<View, "status" | "station">,
  order: Order,
): CommandName[] {
  if (!mayCommand(person, view.station) || !order.open) return [];
  return order.return_request ? ["return_ok", "return_no", "reassign"] : ["reassign", "withdraw_order"];
}
