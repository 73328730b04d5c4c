/**
 * Days as the banner counts them: Asia/Shanghai, UTC+8 all year since 1991 (SPEC CK6, DL2). Mirrors
 * `sync/incident/calendar.py`. It does not know what falls due.
 *
 *     endOfNextDay(0)   // 143999999
 */
export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;
const OFFSET_MS = 28_800_000;
/** 9999-12-31: a clock that is further off names no day, and its week has no exceptions. */
const LAST_NAMED_DAY = 2_932_896;

/** The number of the day that a moment lies in; 1970-01-01 is 0. */
export const dayOf = (atMs: number): number => Math.floor((atMs + OFFSET_MS) / DAY_MS);

/** Minutes since that day began. */
export const minuteOfDay = (atMs: number): number => Math.floor((atMs + OFFSET_MS - dayOf(atMs) * DAY_MS) / MINUTE_MS);

/** The first ms of a day. */
export const startOfDay = (day: number): number => day * DAY_MS - OFFSET_MS;

/** The last ms of the day after the one that `atMs` lies in. */
export const endOfNextDay = (atMs: number): number => startOfDay(dayOf(atMs) + 2) - 1;

/** The last ms of the `count`-th working day after the day of `atMs`. Days are written `2026-10-01`. */
export function endOfWorkingDay(
  atMs: number,
  count: number,
  restDays: readonly string[],
  workDays: readonly string[],
): number {
  let day = dayOf(atMs);
  for (let left = count; left > 0; ) {
    day += 1;
    if (isWorked(day, restDays, workDays)) left -= 1;
  }
  return startOfDay(day + 1) - 1;
}

function isWorked(day: number, restDays: readonly string[], workDays: readonly string[]): boolean {
  const weekend = (day + 3) % 7 >= 5; // 1970-01-01 was a Thursday
  if (day > LAST_NAMED_DAY) return !weekend;
  const name = new Date(day * DAY_MS).toISOString().slice(0, 10);
  return workDays.includes(name) || !(weekend || restDays.includes(name));
}
