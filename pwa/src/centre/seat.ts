/**
 * Who may sit here and where they wanted to go: a desk opened without a session goes to the log-in and comes back.
 *
 * Responsible for: remembering the wanted place and the incident looked at last (key 3 of every strap goes there).
 * Refuses to decide what a person may see; the server does.
 */
import { ref } from "vue";
import { homeOf, type NavItem, navOf } from "../nav";
import { go, type Place } from "../router";
import { type Person, signOut } from "../session";
import { forgetAll } from "./loaded";
import { t } from "./words";

let wanted: Place | null = null;
const lastIncident = ref<string | null>(null);

/** To the log-in, and afterwards back to `from`. */
export function toLogin(from: Place): void {
  wanted = from;
  go({ name: "login" }, { replace: true });
}

/** Where a person who just signed in goes: back to what was wanted, else the first desk of the role. */
export function enter(person: Person): void {
  const to = wanted ?? homeOf(person.role);
  wanted = null;
  go(to, { replace: true });
}

/** Whether the log-in was reached because a session ended, to say so. */
export function wasSent(): boolean {
  return wanted !== null;
}

export function looking(incident: string): void {
  lastIncident.value = incident;
}

/** The desks of the strap: those of the role, and 3 for the incident looked at last. */
export function strapOf(role: string): NavItem[] {
  const items = navOf(role);
  if (lastIncident.value === null) return items;
  const timeline: NavItem = { digit: "3", label: t("timeline"), place: { name: "timeline", id: lastIncident.value } };
  return [...items, timeline].sort((a, b) => a.digit.localeCompare(b.digit));
}

export async function leave(): Promise<void> {
  await signOut();
  forgetAll();
  lastIncident.value = null;
  wanted = null;
  go({ name: "login" });
}
