/**
 * The facts behind the sync chip, from what the vault and the link know. The rank and the look are the kit's
 * (`ui/sync-chip.ts`); what counts as waiting, refused and offline is decided here.
 *
 * Responsible for never rounding up: everything ever signed here counts as waiting until the centre has said that
 * its bytes are durable (EX2), whatever else happened to it: a station that keeps it confirms nothing (HB4). Refuses to read a clock or a database.
 *
 *     chipFacts({ head: 12, acked: 9, kept: 2, refusals: 0, unkept: 0, suspended: false, reachable: true, … }, nowMs)
 *     // { waiting: 3, atStation: 2, refused: 0, sending: null, offlineSinceMs: null }
 */

export interface SyncState {
  /** Sets ever signed here, all chains. */
  head: number;
  /** Of those, sets the centre has confirmed as durable (EX2). */
  acked: number;
  /** Of those that are not, sets that a station keeps (HB4). */
  kept: number;
  /** Sets the centre could not store, and refusals their author has not read yet. */
  refusals: number;
  /** Sets only memory holds, because the vault refused them. */
  unkept: number;
  /** The centre refuses this device: somebody has to act before anything goes on. */
  suspended: boolean;
  /** The centre's log does not add up: somebody has to look into it (TL9). */
  alarmed?: boolean;
  /** Whether the last exchange, or the live line, worked. */
  reachable: boolean;
  /** When the centre last answered, ms; null: never on this device. */
  lastContactMs: number | null;
  sending: { done: number; all: number } | null;
}

export interface ChipFacts {
  waiting: number;
  atStation: number;
  refused: number;
  sending: { done: number; all: number } | null;
  offlineSinceMs: number | null;
}

/** What the chip component takes. A contact "in the future" (the clock was set back) counts as now. */
export function chipFacts(sync: SyncState, nowMs: number): ChipFacts {
  const waiting = Math.max(0, sync.head - sync.acked);
  return {
    waiting,
    atStation: Math.min(waiting, sync.kept),
    refused: sync.refusals + sync.unkept + (sync.suspended ? 1 : 0) + (sync.alarmed ? 1 : 0),
    sending: sync.sending,
    offlineSinceMs: sync.reachable ? null : Math.min(nowMs, sync.lastContactMs ?? nowMs),
  };
}

/** Less than this is no concern of an officer's. */
const CLOCK_MS = 2_000;

/**
 * By how much this phone's clock is ahead of the centre's (negative: behind), for the chip: 0 unless it is surely more than 2 s. Over
 * a slow link nobody can tell a slow answer from a wrong clock, and the chip accuses neither.
 */
export function clockOffMs({ offsetMs, spreadMs }: { offsetMs: number | null; spreadMs: number | null }): number {
  return offsetMs !== null && Math.abs(offsetMs) - (spreadMs ?? 0) > CLOCK_MS ? -offsetMs : 0;
}
