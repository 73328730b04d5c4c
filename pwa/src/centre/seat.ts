/**
 * Who may sit here and where they wanted to go: a desk opened without a session goes to the log-in and comes back.
 *
 * Responsible for: remembering the wanted place and the incident looked at last (key 3 of every strap goes there).
 * Refuses to decide what a person may see; the server does.
 */
import { ref } from "vue";
import { homeOf, type NavItem, navOf } from "../nav";
import { go, href, type Place } from "../router";
import { type Person, Problem, signOut } from "../session";
import { unanswered } from "./reach";
import { t } from "./words";

let wanted: Place | null = null;
let lastPerson: string | null = null;
let leaving = false;
const lastIncident = ref<string | null>(null);

/** To the log-in, and afterwards back to `from`. */
export function toLogin(from: Place): void {
  wanted = leaving ? null : from;
  go({ name: "login" }, { replace: true });
}

/** Somebody works in this page; what is typed and seen from here on is theirs. */
export function sits(person: Person): void {
  lastPerson = person.id;
}

/**
 * Where a person who just signed in goes: back to what was wanted, else the first desk of the role. Another person than
 * before begins at home in a fresh page: what somebody typed and saw stays theirs.
 */
export function enter(person: Person): void {
  const another = lastPerson !== null && lastPerson !== person.id;
  const to = another ? homeOf(person.role) : (wanted ?? homeOf(person.role));
  wanted = null;
  if (another) location.replace(href(to));
  else go(to, { replace: true });
}

/** Whether the log-in was reached because somebody's session ended, to say so. */
export function wasSent(): boolean {
  return wanted !== null && lastPerson !== null;
}

export function looking(incident: string): void {
  lastIncident.value = incident;
}

/** The incident whose conflict somebody goes to rule; the rulings desk begins with it. */
export const ruling = ref<string | null>(null);
export function toRule(incident: string): void {
  ruling.value = incident;
}

/** The desks of the strap: those of the role, and 3 for the incident looked at last. */
export function strapOf(role: string): NavItem[] {
  const items = navOf(role);
  if (lastIncident.value === null) return items;
  const timeline: NavItem = { digit: "3", label: t("timeline"), place: { name: "timeline", id: lastIncident.value } };
  return [...items, timeline].sort((a, b) => a.digit.localeCompare(b.digit));
}

/** Sign out and begin a fresh page, so that nothing of this person is left in it. Without an answer nothing changes. */
export async function leave(): Promise<void> {
  leaving = true;
  try {
    await signOut();
    location.replace(href({ name: "login" }));
  } catch (error) {
    leaving = false;
    if (!(error instanceof Problem)) throw error;
    if (error.status === 0) unanswered();
  }
}
