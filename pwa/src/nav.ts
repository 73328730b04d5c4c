/**
 * The numbered strap: which desks a role finds there, and where it starts. The numbers are fixed for everyone
 * (3 is always the timeline), so that hands learn them once.
 *
 * This only chooses what to offer. What a person may read or do is decided by the server.
 *
 *     navOf("callback")   // [{ digit: "5", place: { name: "callback" }, … }]
 */
import type { Place } from "./router";
import { book } from "./words/language";

const t = book(
  {
    wall: "盯办墙",
    dispatch: "派警",
    rulings: "待裁",
    callback: "回访",
    figures: "看板",
    reviews: "审核",
    devices: "终端",
    policies: "规则",
  },
  {
    wall: "Wall",
    dispatch: "Dispatch",
    rulings: "Rulings",
    callback: "Callback",
    figures: "Figures",
    reviews: "Review",
    devices: "Devices",
    policies: "Policies",
  },
);

export interface NavItem {
  readonly digit: string;
  readonly label: string;
  readonly place: Place;
}

type DeskPlace = "wall" | "dispatch" | "rulings" | "callback" | "figures" | "reviews" | "devices" | "policies";
const DIGITS: Record<DeskPlace, string> = {
  wall: "1",
  dispatch: "2",
  rulings: "4",
  callback: "5",
  figures: "6",
  devices: "7",
  reviews: "8",
  policies: "9",
};

/** Roles are those of the rules (AU); an officer or a guard has no desk. */
const DESKS_OF: Record<string, readonly DeskPlace[]> = {
  dispatcher: ["wall", "dispatch", "rulings", "callback", "figures", "reviews", "devices"],
  commander: ["wall", "dispatch", "rulings", "callback", "figures", "reviews", "devices", "policies"],
  station: ["wall", "dispatch", "rulings", "callback", "figures", "devices"],
  supervisor: ["figures", "wall", "callback", "reviews", "devices", "policies"],
  reviewer: ["reviews", "wall"],
  callback: ["callback", "wall"],
  admin: ["devices", "wall", "policies"],
};

export function navOf(role: string): NavItem[] {
  const places = [...(DESKS_OF[role] ?? [])].sort((a, b) => DIGITS[a].localeCompare(DIGITS[b]));
  return places.map((name) => ({ digit: DIGITS[name], label: t(name), place: { name } }));
}

/** Where a role begins its day; someone without a desk is shown how to enrol a phone. */
export function homeOf(role: string): Place {
  return { name: DESKS_OF[role]?.[0] ?? "enrol" };
}
