/**
 * The clocks of an incident at a moment, as the panel shows them: how long it took, how long it has run, how long is
 * left. Pure. Countdowns, not findings: nobody met or missed anything here.
 *
 *     clocks(incident.deadlines, order, nowMs)[0]   // { id: "C1", state: "done", ms: 4000 }
 */
import type { Hex, IncidentDeadline } from "../types";

export type ClockState = "done" | "running" | "overdue" | "counting" | "waiting" | "unknown";

export interface Clock {
  readonly id: string;
  readonly state: ClockState;
  /** Done and counting: how long; running: how long is left; overdue: how long past. Null when nobody can know. */
  readonly ms: number | null;
}

/** The rows of the panel, in order; C2i is C2 measured from the order. */
export const CLOCKS = ["C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C7r", "C8", "C9", "C10"] as const;
/** Review, correction and rectification: listed once there is something to review, to correct or to put right. */
const ON_DEMAND = new Set(["C7r", "C8", "C10"]);
/** Clocks of one order; the others are the incident's. */
export const OF_ORDER: ReadonlySet<string> = new Set(["C1", "C2", "C2i", "C3", "C4", "C5"]);

function clockOf({ id, start_ms, due_ms, done_ms }: IncidentDeadline, nowMs: number): Clock {
  if (done_ms !== null)
    return start_ms === null
      ? { id, state: "unknown", ms: null }
      : { id, state: "done", ms: Math.max(0, done_ms - start_ms) };
  if (start_ms === null) return { id, state: "waiting", ms: null };
  if (due_ms === null) return { id, state: "counting", ms: Math.max(0, nowMs - start_ms) };
  return nowMs <= due_ms ? { id, state: "running", ms: due_ms - nowMs } : { id, state: "overdue", ms: nowMs - due_ms };
}

/** The clocks of one order and of the incident. `over`: the incident has ended, so what never ran is left out. */
export function clocks(
  deadlines: readonly IncidentDeadline[],
  order: Hex | null,
  nowMs: number,
  over = false,
): Clock[] {
  return CLOCKS.flatMap((id) => {
    const found = deadlines.find(
      (one) => one.id === id && (OF_ORDER.has(id) ? one.order === order : one.order === null),
    );
    if (!found || (ON_DEMAND.has(id) && found.start_ms === null)) return [];
    const clock = clockOf(found, nowMs);
    const idle = clock.state !== "done" && clock.state !== "unknown" && id !== "C9";
    return over && idle ? [{ id, state: "waiting" as const, ms: null }] : [clock];
  });
}
