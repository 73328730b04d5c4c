/**
 * What the sync chip says, from facts alone.
 *
 * Responsible for the rank: needs you > offline > sending > waiting > confirmed, one at a time. Refuses to round up:
 * confirmed means that every set ever signed here is durable at the centre and none is refused. Knows no
 * words (the chip component has them) and no clock (it is handed in).
 *
 *     chipOf({ head: 12, acked: 9, attention: 0, reachable: true, sending: null, lastContactMs, unkept: 0 }, nowMs)
 *     // { state: "pending", count: 3 }
 */

export interface ChipFacts {
  /** Sets ever signed here, all chains. */
  head: number;
  /** Of those, sets the centre has confirmed as durable (EX2). */
  acked: number;
  /** Refusals the author has not read yet, and sets the centre could not store. */
  attention: number;
  /** Sets that are in memory only because the vault refused them. */
  unkept: number;
  /** Whether the last exchange, or the live line, worked. */
  reachable: boolean;
  sending: { done: number; all: number } | null;
  /** When the centre last answered, ms; null: never on this device. */
  lastContactMs: number | null;
}

export type ChipState =
  | { state: "attention"; count: number }
  | { state: "offline"; sinceMs: number | null; count: number }
  | { state: "sending"; done: number; all: number }
  | { state: "pending"; count: number }
  | { state: "confirmed" };

export function chipOf(facts: ChipFacts, nowMs: number): ChipState {
  const waiting = Math.max(0, facts.head - facts.acked);
  const attention = facts.attention + facts.unkept;
  if (attention > 0) return { state: "attention", count: attention };
  if (!facts.reachable) {
    const sinceMs = facts.lastContactMs === null ? null : Math.max(0, nowMs - facts.lastContactMs);
    return { state: "offline", sinceMs, count: waiting };
  }
  if (facts.sending) return { state: "sending", ...facts.sending };
  if (waiting > 0) return { state: "pending", count: waiting };
  return { state: "confirmed" };
}

/** The clock chip shows when this phone's clock is more than 2 s off. `offsetMs` is server − device. */
export function clockIsOff(offsetMs: number | null): boolean {
  return offsetMs !== null && Math.abs(offsetMs) > 2_000;
}
