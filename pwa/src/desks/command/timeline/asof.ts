/**
 * The timeline as of a moment: where the handle may stand, what was known by then, and what came afterwards. Pure.
 *
 * The centre replays its log for the moment (`?as_of_ms=`); until its answer is there, what is held already is cut at the
 * same place. A silence that was not over then is told as one that lasted.
 *
 *     step(moments(incident, "received"), null, -1)     // the moment before the newest set came
 *     below(incident, knownAt(incident, then, cut), reading)   // the lines below the cut
 */
import type { AsOfBy, Incident } from "../types";
import type { EntryLine, Line } from "./lines";
import { lines, type Reading } from "./reading";

export interface Cut {
  readonly ms: number;
  readonly by: AsOfBy;
}

/** When sets came, or when things happened: each moment once, in order. */
export function moments({ timeline }: Incident, by: AsOfBy): number[] {
  const at = timeline.flatMap((entry) =>
    by === "event" ? [entry.at] : entry.received_at === null ? [] : [entry.received_at],
  );
  return [...new Set(at)].sort((a, b) => a - b);
}

/** The next place of the handle in a direction. Null is now: everything is known, as at the last moment. */
export function step(all: readonly number[], atMs: number | null, by: 1 | -1): number | null {
  const from = atMs ?? all.at(-1) ?? 0;
  if (by < 0) return all.findLast((ms) => ms < from) ?? atMs;
  const next = all.find((ms) => ms > from);
  return next === undefined || next === all.at(-1) ? null : next;
}

/** From the first moment to now; of an incident that has ended, to a little after the last. */
export function range(all: readonly number[], nowMs: number, ended: boolean): { fromMs: number; toMs: number } {
  const first = all[0] ?? nowMs;
  const last = all.at(-1) ?? nowMs;
  const toMs = ended ? last + Math.ceil((last - first) / 50) : Math.max(last, nowMs);
  return { fromMs: first, toMs: Math.max(toMs, first + 60_000) };
}

/** The incident as it was known at the cut: `then` is the centre's own answer for it, when it has come. */
export function knownAt(incident: Incident, then: Incident | null, cut: Cut): Incident {
  const begun = incident.silences.filter(({ since }) => since < cut.ms);
  const silences =
    cut.by === "event"
      ? begun
      : begun.map((one) => (one.until !== null && one.until > cut.ms ? { ...one, until: null } : one));
  if (then?.as_of?.ms === cut.ms && then.as_of.by === cut.by) return { ...then, silences };
  const known = incident.timeline.filter(
    (entry) => (cut.by === "event" ? entry.at : (entry.received_at ?? cut.ms + 1)) <= cut.ms,
  );
  return { ...incident, timeline: known, silences };
}

/** What was not known yet at the cut, or had not happened, in the order of the reading. */
export function below(incident: Incident, known: Incident, reading: Reading): EntryLine[] {
  const told = new Set(known.timeline.map(({ op }) => op));
  const later = { ...incident, timeline: incident.timeline.filter(({ op }) => !told.has(op)), silences: [] };
  return lines(later, reading)
    .filter((line: Line): line is EntryLine => line.type === "entry")
    .map((line) => ({ ...line, variant: "after" as const }));
}
