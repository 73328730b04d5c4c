/**
 * The devices of the organisation as a desk looks after them: what each needs, in which order, how far its records have
 * come, and who can be given a code. Pure.
 *
 * A device that is silent is not at fault; what it holds is not known, which is not zero.
 *
 *     needOf(device, nowMs)   // "silent"
 */
export interface Device {
  readonly chain: string;
  readonly person: string;
  readonly name: string;
  readonly station: string | null;
  readonly label: string;
  readonly alg: string;
  readonly app: string;
  readonly enrolled_at: number;
  readonly revoked_at: number | null;
  readonly revoked_why: string | null;
  readonly last_contact_ms: number | null;
  readonly have: number;
  readonly pending: number | null;
  readonly oldest_ms: number | null;
  readonly clock_offset_ms: number | null;
}

export type Need = "silent" | "waiting" | "clock" | "never" | "fine" | "revoked";

/** As on the wall: heard within this time is online. */
export const ONLINE_MS = 5 * 60_000;
/** Above this a phone reckons times by its timer, and the desk should know. */
const CLOCK_MS = 2_000;

export const online = (device: Device, nowMs: number): boolean =>
  device.revoked_at === null && device.last_contact_ms !== null && nowMs - device.last_contact_ms <= ONLINE_MS;

export function needOf(device: Device, nowMs: number): Need {
  if (device.revoked_at !== null) return "revoked";
  if (device.last_contact_ms === null) return "never";
  if (!online(device, nowMs)) return "silent";
  if ((device.pending ?? 0) > 0) return "waiting";
  return Math.abs(device.clock_offset_ms ?? 0) > CLOCK_MS ? "clock" : "fine";
}

/** How far its newest record has come. What a silent device holds is not known, so it stands at the phone. */
export function reachedOf(device: Device, nowMs: number): "phone" | "centre" | null {
  if (device.last_contact_ms === null) return null;
  return (device.pending ?? 0) > 0 || !online(device, nowMs) ? "phone" : "centre";
}

const RANK: Record<Need, number> = { silent: 0, waiting: 1, clock: 2, never: 3, fine: 4, revoked: 5 };

/** Those that need somebody first; the longest silent first among the silent, then by name. */
export function ordered(devices: readonly Device[], search: string, nowMs: number): Device[] {
  const words = search.trim().toLowerCase().split(/\s+/);
  return devices
    .filter(({ name, label }) => words.every((word) => `${name} ${label}`.toLowerCase().includes(word)))
    .map((device) => ({ device, need: needOf(device, nowMs) }))
    .sort(
      (a, b) =>
        RANK[a.need] - RANK[b.need] ||
        (a.need === "silent" ? (a.device.last_contact_ms ?? 0) - (b.device.last_contact_ms ?? 0) : 0) ||
        a.device.name.localeCompare(b.device.name, "zh-CN") ||
        a.device.chain.localeCompare(b.device.chain),
    )
    .map(({ device }) => device);
}

export interface Tally {
  readonly total: number;
  readonly online: number;
  /** Records that devices said they hold when last heard. */
  readonly pending: number;
  /** Not heard for a day: what they hold is not in `pending` and not known. */
  readonly unknown: number;
}
const DAY_MS = 86_400_000;
export function tally(devices: readonly Device[], nowMs: number): Tally {
  const used = devices.filter(({ revoked_at }) => revoked_at === null);
  const lost = used.filter(({ last_contact_ms }) => last_contact_ms === null || nowMs - last_contact_ms > DAY_MS);
  return {
    total: used.length,
    online: used.filter((device) => online(device, nowMs)).length,
    pending: used.reduce((sum, { pending }) => sum + (pending ?? 0), 0),
    unknown: lost.length,
  };
}

export interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly station: string | null;
}

/** People a device can be enrolled for, those in the field without one first. */
export function candidates(
  people: readonly PersonRow[],
  devices: readonly Device[],
  search: string,
): (PersonRow & { has: number })[] {
  const field = new Set(["officer", "guard"]);
  const count = (id: string): number =>
    devices.filter(({ person, revoked_at }) => person === id && revoked_at === null).length;
  const words = search.trim().toLowerCase().split(/\s+/);
  return people
    .filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
    .map((person) => ({ ...person, has: count(person.id) }))
    .sort(
      (a, b) =>
        Number(field.has(b.role)) - Number(field.has(a.role)) || a.has - b.has || a.name.localeCompare(b.name, "zh-CN"),
    );
}

/**
 * The QR picture as an image source: an image runs nothing, whatever the text says.
 *
 *     picture("<svg …></svg>")   // data:image/svg+xml;charset=utf-8,%3Csvg…
 */
export function picture(svg: string): string {
  const named = svg.includes("xmlns=") ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(named)}`;
}
