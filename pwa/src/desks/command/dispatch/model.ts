/**
 * What a dispatcher takes down before the centre has it: what is still missing, the request it becomes, and how a list
 * of incidents is asked for and divided into days. Pure.
 *
 *     missing({ ...EMPTY, title: "草场纠纷" })   // ["station"]
 *     asked("围栏", "open")                      // /api/incidents?limit=100&status=open&q=%E5%9B%B4%E6%A0%8F
 */
import { dayNumber } from "../../../ui/format";
import type { NewIncident } from "../moves";
import type { Hex, Summary, Target } from "../types";

/** The form as it is typed; everything is text until it is sent. */
export interface Draft {
  readonly title: string;
  readonly category: string;
  readonly place: string;
  readonly callerName: string;
  readonly callerPhone: string;
  readonly narrative: string;
  readonly level: number | null;
  readonly tier: number | null;
  readonly station: Hex;
  readonly exercise: boolean;
}

export const EMPTY: Draft = {
  title: "",
  category: "",
  place: "",
  callerName: "",
  callerPhone: "",
  narrative: "",
  level: null,
  tier: null,
  station: "",
  exercise: false,
};

export type Missing = "title" | "station";

/** What the centre would not take it without. */
export function missing(draft: Draft): Missing[] {
  const lacking: Missing[] = [];
  if (draft.title.trim() === "") lacking.push("title");
  if (draft.station === "") lacking.push("station");
  return lacking;
}

/** Whether anything was typed that would be lost. */
export function begun(draft: Draft): boolean {
  return [draft.title, draft.place, draft.callerName, draft.callerPhone, draft.narrative].some(
    (text) => text.trim() !== "",
  );
}

/** The request: only what was given, trimmed; `to` sends it at once. */
export function request(draft: Draft, to: Target | null): NewIncident {
  const texts = {
    category: draft.category,
    place: draft.place,
    caller_name: draft.callerName,
    caller_phone: draft.callerPhone,
    narrative: draft.narrative,
  };
  const given = Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (text.trim() === "" ? [] : [[name, text.trim()]])),
  );
  return {
    title: draft.title.trim(),
    station: draft.station,
    ...given,
    ...(draft.level !== null && { level: draft.level }),
    ...(draft.tier !== null && { tier: draft.tier }),
    ...(draft.exercise && { exercise: true }),
    ...(to && { order: { to } }),
  };
}

export const FILTERS = ["open", "reported", "all", "closed"] as const;
export type Filter = (typeof FILTERS)[number];
export const PAGE = 100;

export function asked(search: string, filter: Filter): string {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (filter !== "all") query.set("status", filter);
  if (search.trim() !== "") query.set("q", search.trim());
  return `/api/incidents?${query}`;
}

export interface Day {
  /** Days before today: 0, 1, … */
  readonly ago: number;
  readonly atMs: number;
  readonly incidents: readonly Summary[];
}

/** The list in days, newest first, as it came. */
export function byDay(incidents: readonly Summary[], nowMs: number): Day[] {
  const days: { ago: number; atMs: number; incidents: Summary[] }[] = [];
  for (const one of incidents) {
    const atMs = one.created_at ?? one.updated_at;
    const ago = Math.max(0, dayNumber(nowMs) - dayNumber(atMs));
    const last = days.at(-1);
    if (last?.ago === ago) last.incidents.push(one);
    else days.push({ ago, atMs, incidents: [one] });
  }
  return days;
}
