/**
 * What a ruling would change, before it is signed: clocks that would stop or start at another moment, and limits. Pure.
 *
 * Countdowns as SPEC DL has them, not findings: nobody meets or misses anything here.
 *
 *     effects(item, { name: "prefer", at: 1, barred: null }, incident)   // [{ id: "C5", order, fromMs: 192000, toMs: 480000, limitMs: 300000 }]
 */
import { type Choice, type Item, statements } from "./model";
import type { Deadline, Incident, Step } from "./types";

export interface Effect {
  /** The clock (SPEC DL2). */
  readonly id: string;
  /** What it shows now and what it would show; null while it has not ended. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Its limit then; null when there is none. */
  readonly limitMs: number | null;
}

/** Clocks that end, and clocks that begin, with a step. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  delivered: ["C1"],
  signed: ["C2", "C2i"],
  departed: ["C3"],
  arrived: ["C4", "C5"],
};
const BEGINS: Readonly<Record<string, readonly string[]>> = {
  delivered: ["C2"],
  signed: ["C3"],
  departed: ["C4"],
  arrived: ["C6"],
  cleared: ["C7"],
};
const OF_INCIDENT = new Set(["C6", "C7"]);

const limitOf = ({ start_ms, due_ms }: Deadline): number | null =>
  start_ms === null || due_ms === null ? null : due_ms - start_ms;
const lasted = (from: number | null, to: number | null): number | null =>
  from === null || to === null ? null : Math.max(0, to - from);

/** The clocks that hang on an item at all, for the list. */
export function clocksOf(item: Item): string[] {
  if (item.type === "step")
    return [...(ENDS[item.step.kind] ?? []), ...(BEGINS[item.step.kind] ?? [])].filter((id) => id !== "C2i");
  return item.type === "fact" && (item.fact.f === "tier" || item.fact.f === "level") ? ["C5"] : [];
}

export function effects(item: Item, choice: Choice, incident: Incident | null): Effect[] {
  if (!incident || choice.name !== "prefer" || item.type === "set") return [];
  if (item.type === "step") return ofStep(item.step, choice.at, incident.deadlines);
  const value = statements(item)[choice.at]?.value;
  return item.fact.f === "tier" && typeof value === "number" ? ofTier(value, incident.deadlines) : [];
}

function ofStep(step: Step, at: number, deadlines: readonly Deadline[]): Effect[] {
  const now = step.claims.find(({ effective }) => effective)?.said.at;
  const then = step.claims[at]?.said.at;
  if (now === undefined || then === undefined) return [];
  const here = (one: Deadline): boolean => OF_INCIDENT.has(one.id) || one.order === step.order;
  return deadlines.filter(here).flatMap((one): Effect[] => {
    if (ENDS[step.kind]?.includes(one.id) && one.done_ms === now)
      return [
        { id: one.id, fromMs: lasted(one.start_ms, now), toMs: lasted(one.start_ms, then), limitMs: limitOf(one) },
      ];
    if (BEGINS[step.kind]?.includes(one.id) && one.start_ms === now)
      return [{ id: one.id, fromMs: lasted(now, one.done_ms), toMs: lasted(then, one.done_ms), limitMs: limitOf(one) }];
    return [];
  });
}

function ofTier(minutes: number, deadlines: readonly Deadline[]): Effect[] {
  return deadlines
    .filter(({ id }) => id === "C5")
    .map((one) => {
      const ms = lasted(one.start_ms, one.done_ms);
      return { id: one.id, fromMs: ms, toMs: ms, limitMs: minutes === 0 ? null : minutes * 60_000 };
    });
}

/** What the axis of a step shows: where it begins and ends, and a mark every `stepMs`. */
export interface Axis {
  readonly fromMs: number;
  readonly toMs: number;
  readonly marksMs: readonly number[];
}
const STEPS_MS = [60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400].map((s) => s * 1_000);
const MOST_MARKS = 7;

/** An axis on which all these moments stand with room on both sides. */
export function axis(moments: readonly number[]): Axis {
  const first = Math.min(...moments);
  const last = Math.max(...moments);
  const room = Math.max((last - first) * 0.2, 90_000);
  const span = last - first + 2 * room;
  const stepMs =
    STEPS_MS.find((ms) => span / ms <= MOST_MARKS) ?? Math.ceil(span / MOST_MARKS / 86_400_000) * 86_400_000;
  const fromMs = Math.floor((first - room) / stepMs) * stepMs;
  const toMs = Math.ceil((last + room) / stepMs) * stepMs;
  const marksMs: number[] = [];
  for (let at = fromMs; at <= toMs; at += stepMs) marksMs.push(at);
  return { fromMs, toMs, marksMs };
}

/** Metres between two places, as integers of 1e-7 degree; exact enough within a county. */
export function metres(a: readonly [number, number], b: readonly [number, number]): number {
  const toMetres = 0.0111195; // of 1e-7 degree of latitude
  const north = (a[0] - b[0]) * toMetres;
  const east = (a[1] - b[1]) * toMetres * Math.cos(((a[0] + b[0]) / 2e7) * (Math.PI / 180));
  return Math.round(Math.hypot(north, east));
}
