/**
 * The devices of the organisation as a desk looks after them: what each needs, in which order, how far its records have
 * come, and who can be given a code. Pure.
 *
 * A device that is silent is not at fault; what it holds is not known, which is not zero.
 *
 *     needOf(device, nowMs)   // "silent"
 */
/** What befell a device, of one kind (SPEC FK8). */
export interface DeviceEvent {
  readonly kind:
    | "copied"
    | "rolled_back"
    | "contradicted"
    | "forked"
    | "rotated"
    | "needs_login"
    | "revoked"
    | "moved"
    | "removed"
    | "wiped"
    | "upgraded";
  readonly first_at: number;
  readonly last_at: number;
  readonly count: number;
  readonly proof: { readonly [key: string]: unknown };
}

export interface Device {
  readonly chain: string;
  readonly person: string | null;
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
  readonly head: number | null;
  readonly pending: number | null;
  readonly oldest_ms: number | null;
  readonly clock_offset_ms: number | null;
  /** Percent that is used of what it may store; null where it cannot tell. */
  readonly storage: number | null;
  /** So many of those that wait are at a station. */
  readonly kept: number;
  readonly forked_at: number | null;
  readonly continues: string | null;
  readonly continued_by: string | null;
  readonly events: readonly DeviceEvent[];
}

export type Need =
  | "twice"
  | "forked"
  | "copied"
  | "rolledBack"
  | "lied"
  | "silent"
  | "full"
  | "waiting"
  | "atStation"
  | "clock"
  | "never"
  | "fine"
  | "replaced"
  | "revoked";

/** As on the wall: heard within this time is online. */
export const ONLINE_MS = 5 * 60_000;
/** Above this it may soon refuse to store, and somebody should make room. */
export const FULL_PERCENT = 90;
/** Above this a phone reckons times by its timer, and the desk should know. */
const CLOCK_MS = 2_000;

/** For so long a desk is told that somebody lied to a device: time to look where it was. */
const LIED_MS = 7 * 86_400_000;

/** Neither suspended nor gone on under another chain. */
const inUse = (device: Device): boolean => device.revoked_at === null && device.continued_by === null;

export const online = (device: Device, nowMs: number): boolean =>
  inUse(device) && device.last_contact_ms !== null && nowMs - device.last_contact_ms <= ONLINE_MS;

const event = (device: Device, kind: DeviceEvent["kind"]): DeviceEvent | undefined =>
  device.events.find((one) => one.kind === kind);

/** A second installation wants to go on, and nobody has enrolled it since: its officer waits for a code. */
function waitsForCode(device: Device, all: readonly Device[]): boolean {
  const asked = event(device, "needs_login");
  if (!asked) return false;
  return !all.some(({ person, enrolled_at }) => person === device.person && enrolled_at > asked.last_at);
}

/** Whether all that waits is at a station: it said so when it was heard there. */
const isAtStation = ({ pending, kept }: Device): boolean => pending !== null && pending > 0 && kept >= pending;

/** `all` tells whether somebody has acted since. */
export function needOf(device: Device, nowMs: number, all: readonly Device[] = []): Need {
  if (device.revoked_at !== null) return "revoked";
  if (device.continued_by !== null) return waitsForCode(device, all) ? "twice" : "replaced";
  if (device.forked_at !== null) return "forked";
  if (event(device, "copied")) return "copied";
  if (event(device, "rolled_back")) return "rolledBack";
  if (nowMs - (event(device, "contradicted")?.last_at ?? Number.NEGATIVE_INFINITY) < LIED_MS) return "lied";
  if (device.last_contact_ms === null) return "never";
  if (!online(device, nowMs)) return "silent";
  if ((device.storage ?? 0) >= FULL_PERCENT) return "full";
  if ((device.pending ?? 0) > 0) return isAtStation(device) ? "atStation" : "waiting";
  return Math.abs(device.clock_offset_ms ?? 0) > CLOCK_MS ? "clock" : "fine";
}

/** Whether it is known to hold nothing that is not at the centre: it said so lately, and what it had written came. */
export const isEmpty = (device: Device, nowMs: number): boolean =>
  device.pending === 0 &&
  device.have >= (device.head ?? 0) &&
  device.last_contact_ms !== null &&
  nowMs - device.last_contact_ms <= ONLINE_MS;

/** How far its newest record has come. What a silent device holds is not known, so it stands at the phone. */
export function reachedOf(device: Device, nowMs: number): "phone" | "station" | "centre" | null {
  if (device.last_contact_ms === null) return null;
  if (online(device, nowMs) && isAtStation(device)) return "station";
  return (device.pending ?? 0) > 0 || !online(device, nowMs) ? "phone" : "centre";
}

const BY_NEED: readonly Need[] = [
  "twice",
  "forked",
  "copied",
  "rolledBack",
  "lied",
  "silent",
  "full",
  "waiting",
  "atStation",
  "clock",
  "never",
  "fine",
  "replaced",
  "revoked",
];
const rank = (need: Need): number => BY_NEED.indexOf(need);

/** Those that need somebody first; the longest silent first among the silent, then by name. */
export function ordered(devices: readonly Device[], search: string, nowMs: number): Device[] {
  const words = search.trim().toLowerCase().split(/\s+/);
  return devices
    .filter(({ name, label }) => words.every((word) => `${name} ${label}`.toLowerCase().includes(word)))
    .map((device) => ({ device, need: needOf(device, nowMs, devices) }))
    .sort(
      (a, b) =>
        rank(a.need) - rank(b.need) ||
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
  const used = devices.filter(inUse);
  const lost = used.filter(({ last_contact_ms }) => last_contact_ms === null || nowMs - last_contact_ms > DAY_MS);
  return {
    total: used.length,
    online: used.filter((device) => online(device, nowMs)).length,
    pending: used.reduce((sum, { pending }) => sum + (pending ?? 0), 0),
    unknown: lost.length,
  };
}

/** The way from a township to the centre: its phones, its server, and how that stands. */
export interface Road {
  readonly station: string;
  /** Phones in use of the station's people. */
  readonly phones: number;
  readonly state: "clear" | "behind" | "away";
  /** When its server was heard last; null: never. */
  readonly heardMs: number | null;
  /** Sets that waited there to go up when it was heard last, the oldest since `oldestMs`. */
  readonly pending: number;
  readonly oldestMs: number | null;
}

/** How a station stands with its centre, as it says itself. */
export interface Upstream {
  readonly linked_since_ms: number | null;
  readonly heard_at_ms: number | null;
  readonly waiting: number;
  readonly oldest_ms: number | null;
}

/** At a station: its own road, which it knows better than anybody. */
export function ownRoad(station: string, devices: readonly Device[], upstream: Upstream): Road {
  const linked = upstream.linked_since_ms !== null;
  return {
    station,
    phones: devices.filter((device) => inUse(device)).length,
    state: !linked ? "away" : upstream.waiting > 0 ? "behind" : "clear",
    heardMs: upstream.heard_at_ms,
    pending: upstream.waiting,
    oldestMs: upstream.oldest_ms,
  };
}

/** The road of each station that has a server in use: those that need somebody first, then by name. */
export function roads(
  stations: readonly { id: string; name: string }[],
  devices: readonly Device[],
  nowMs: number,
): Road[] {
  const order = ["away", "behind", "clear"];
  return stations
    .flatMap(({ id, name }) => {
      const mine = devices.filter((device) => device.station === id && inUse(device));
      const server = mine
        .filter(({ person }) => person === null)
        .reduce<Device | null>(
          (best, one) => ((one.last_contact_ms ?? 0) >= (best?.last_contact_ms ?? 0) ? one : best),
          null,
        );
      if (server === null) return [];
      const pending = server.pending ?? 0;
      return {
        station: name,
        phones: mine.filter(({ person }) => person !== null).length,
        state: !online(server, nowMs) ? ("away" as const) : pending > 0 ? ("behind" as const) : ("clear" as const),
        heardMs: server.last_contact_ms,
        pending,
        oldestMs: server.oldest_ms,
      };
    })
    .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.station.localeCompare(b.station, "zh-CN"));
}

export interface PersonRow {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly station: string | null;
}

/** What a device is enrolled for when it is nobody's: the server of a township station. */
export const STATION = "station";

/** Whom a code can be for, and what they have. A station itself has the role `STATION` and no station. */
export interface Candidate extends PersonRow {
  readonly of: "person" | "station";
  readonly has: number;
}

/** Whether a device is the one of this person, or the server of this station. */
export const isOf = (device: Device, one: Pick<Candidate, "id" | "of">): boolean =>
  one.of === "person" ? device.person === one.id : device.person === null && device.station === one.id;

/** People a device can be enrolled for, those in the field without one first; then stations, which have a server. */
export function candidates(
  people: readonly PersonRow[],
  stations: readonly { id: string; name: string }[],
  devices: readonly Device[],
  search: string,
): Candidate[] {
  const field = new Set(["officer", "guard"]);
  const words = search.trim().toLowerCase().split(/\s+/);
  const every = [
    ...people.map((person) => ({ ...person, of: "person" as const })),
    ...stations.map(({ id, name }) => ({ id, name, role: STATION, station: null, of: "station" as const })),
  ];
  return every
    .filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
    .map((one) => ({ ...one, has: devices.filter((device) => isOf(device, one) && inUse(device)).length }))
    .sort(
      (a, b) =>
        Number(a.of === "station") - Number(b.of === "station") ||
        Number(field.has(b.role)) - Number(field.has(a.role)) ||
        a.has - b.has ||
        a.name.localeCompare(b.name, "zh-CN"),
    );
}

/** What to type at a station's machine with its code. */
export const joining = (enrolUrl: string, code: string): string =>
  `ortoo station join --upstream ${new URL(enrolUrl).origin} --code ${code}`;

/**
 * The QR picture as an image source: an image runs nothing, whatever the text says.
 *
 *     picture("<svg …></svg>")   // data:image/svg+xml;charset=utf-8,%3Csvg…
 */
export function picture(svg: string): string {
  const named = svg.includes("xmlns=") ? svg : svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(named)}`;
}
