/**
 * What a dialog of the command desk is about: one incident, and perhaps one order of it. Also how a time of day that
 * somebody said over the radio is read. Pure.
 */
import type { Hex, Target } from "../types";

export interface Subject {
  readonly incident: Hex;
  readonly title: string;
  readonly place: string;
  readonly station: Hex | null;
  readonly order: Hex | null;
  readonly to: Target | null;
  readonly toName: string;
}

const SHANGHAI_MS = 8 * 3_600_000;
const DAY_MS = 86_400_000;

/**
 * `14:38` or `14:38:20` as the newest such moment that is not in the future; "now" for an empty text (undefined), and
 * null when it is no time of day.
 *
 *     readClock("14:38", nowMs)   // today 14:38, or yesterday's when it is 14:00 now
 */
export function readClock(text: string, nowMs: number): number | null | undefined {
  const typed = text.trim().replaceAll("：", ":");
  if (typed === "") return undefined;
  const found = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(typed);
  if (!found) return null;
  const [hours, minutes, seconds] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return null;
  const midnight = Math.floor((nowMs + SHANGHAI_MS) / DAY_MS) * DAY_MS - SHANGHAI_MS;
  const at = midnight + (hours * 3600 + minutes * 60 + seconds) * 1000;
  return at > nowMs ? at - DAY_MS : at;
}
