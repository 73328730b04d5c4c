/**
 * Phones of the simulator: the real `src/device` in one process, spoken to over a pipe. One JSON request per line in,
 * one answer per line out; bytes as base64, ids as hex. `COMMANDS` is the whole list.
 *
 * Responsible for keeping phones and their pages apart. Refuses to decide anything: when a call is answered, when a timer
 * rings and when the power goes is said from outside, so that one seed there gives one history here.
 *
 *     {"cmd":"phone","name":"p1","seed":"7/p1"}
 *     {"cmd":"open","name":"p1","at":[1796000000000,0]}   // {"page":1,"wishes":{…},"done":[["open",true]]}
 */
import "./browser"; // first: the rest looks for its world when it is loaded
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { CACHE_NAME, Cache, type Entry, type OrgRow, type Projected, type Records } from "../../src/device/cache";
import { takeIn } from "../../src/device/courier";
import { type Device, startDevice } from "../../src/device/device";
import { enrol, newAttempt, waitingAttempt } from "../../src/device/enrol";
import { foldIncident } from "../../src/device/folding";
import { systemClock } from "../../src/device/now";
import { type OwnSet, openVault, VAULT_NAME } from "../../src/device/vault";
import type { Alarm } from "../../src/device/watch";
import type { Draft } from "../../src/device/writer";
import { decode, encode } from "../../src/sync/canon";
import type { Op } from "../../src/sync/changeset";
import type { Held } from "../../src/sync/witness";
import { enter, Page, type Phone, settled, takeWishes } from "./browser";
import { Disk } from "./disk";

// biome-ignore lint/suspicious/noExplicitAny: a request has the shape its command reads, and only the simulator writes them
type Request = Record<string, any>;

const phones = new Map<string, Phone>();
const kept = new Map<string, Disk>();
const pages = new Map<number, Page>();
let newest = 0;
/** Long acts that have come to an end since the last answer: [tag, what came of it, or what went wrong]. */
let done: [string, unknown, string | null][] = [];

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));
const phoneOf = (name: string): Phone => phones.get(name) as Phone;

function begin(name: string): Page {
  newest += 1;
  const page = new Page(newest, phoneOf(name));
  pages.set(page.id, page);
  return page;
}

/** Let a long act go on by itself; what comes of it is told when it is there. A dead page tells nothing. */
function tell(page: Page, tag: string, act: Promise<unknown>): void {
  act.then(
    (value) => page.alive && done.push([tag, value ?? true, null]),
    (error: unknown) => page.alive && done.push([tag, null, String(error)]),
  );
}

async function enrolled(said: { code: string; label: string }): Promise<unknown> {
  const vault = openVault();
  // Written on a chain that waits for another's place? Then that chain is enrolled, and what is on it counts.
  const attempt = (await waitingAttempt(vault)) ?? (await newAttempt());
  const session = await enrol(attempt, said, { vault, clock: systemClock(), app: "sim" });
  vault.close();
  return { chain: session.chain, person: session.person.id };
}

async function opened(page: Page): Promise<boolean> {
  page.device = await startDevice();
  return page.device !== null;
}

async function recorded(device: Device, request: Request): Promise<unknown> {
  const ops = decode(bytes(request["ops"])) as unknown as Op[];
  const { entity, scope, lane } = request as unknown as Draft;
  const { set, kept } = await device.record({ entity, scope, lane, ops });
  return { id: set.id, chain: set.chain, seq: set.seq, kept };
}

/** A file that somebody brought, as the sheet for couriers takes it in. */
async function heeded(device: Device, file: Uint8Array): Promise<unknown> {
  const heard = await takeIn(await device.courier(), new Blob([file as Uint8Array<ArrayBuffer>]));
  await device.heeded(heard);
  return { confirmed: heard.confirmed.size, kept: heard.kept, code: heard.code };
}

const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** The views of these incidents, as this phone would fold them at a fresh start: digest by id, null for none. */
async function views(ids: string[]): Promise<Record<string, string | null>> {
  const cache = new Cache();
  const vault = openVault();
  const found: Record<string, string | null> = {};
  for (const id of ids) {
    const folded = await foldIncident(id, await cache.entriesOf(id), await vault.ownOf(id), await cache.recordsOf(id));
    found[id] = folded && digest(encode(folded.view as never));
  }
  cache.close();
  vault.close();
  return found;
}

function stored(disk: Disk): object {
  const own = disk.rows(VAULT_NAME, "own") as OwnSet[];
  const lines = disk.rows(CACHE_NAME, "entries") as Entry[];
  const records = disk.rows(CACHE_NAME, "records") as Records[];
  const held = disk.row(VAULT_NAME, "meta", "log.held") as Held | undefined;
  const alarm = disk.row(VAULT_NAME, "meta", "log.alarm") as Alarm | null | undefined;
  return {
    own: own.map(({ chain, seq, id, raw, wroteAtMs }) => ({ chain, seq, id, wroteAtMs, raw: base64(raw) })),
    marks: disk.rows(VAULT_NAME, "outbox"),
    cursors: (disk.rows(CACHE_NAME, "scopes") as { scope: string; epoch: number; n: number; head: Uint8Array }[]).map(
      ({ scope, epoch, n, head }) => [scope, epoch, n, base64(head)],
    ),
    lines: lines.map(({ scope, n, idx }) => [scope, n, idx]),
    recorded: records.map(({ scope }) => scope),
    told: [...lines.filter(({ raw }) => raw), ...records].map(({ entity }) => entity),
    shown: (disk.rows(CACHE_NAME, "incidents") as Projected[]).map(({ id }) => id),
    signed: held ? [held.size, base64(held.root)] : null,
    alarm: alarm?.code ?? null,
  };
}

/** The organisation as this phone knows it: [what, id, digest of the row] of every row that is there. */
function organisation(disk: Disk): string[][] {
  const rows = disk.rows(CACHE_NAME, "org") as OrgRow[];
  return rows.flatMap(({ what, id, row }) => (row ? [[what, id, digest(encode(row as never))]] : []));
}

/** Everything that the centre sent and this phone keeps, in one piece, to look for words in it. */
function words(disk: Disk): string {
  const entries = (disk.rows(CACHE_NAME, "entries") as Entry[]).map(({ raw }) => raw ?? new Uint8Array());
  const records = (disk.rows(CACHE_NAME, "records") as Records[]).map(({ packed }) => packed);
  return base64(Buffer.concat([...entries, ...records]));
}

const COMMANDS: Record<string, (request: Request) => unknown> = {
  /** Forget the world before this one. */
  world: () => {
    phones.clear();
    kept.clear();
    pages.clear();
  },
  phone: ({ name, seed }) => void phones.set(name, { name, seed, drawn: 0, disk: new Disk() }),
  /** Start a page: `enrol` trades a code for a chain, `open` starts the device. */
  enrol: ({ name, code, at }) => {
    const page = begin(name);
    enter(page, at[0], at[1]);
    tell(page, "enrol", enrolled({ code, label: name }));
    return page.id;
  },
  open: ({ name, at, steps }) => {
    const page = begin(name);
    page.steps = steps ?? null;
    enter(page, at[0], at[1]);
    tell(page, "open", opened(page));
    return page.id;
  },
  write: (request) => {
    const page = pages.get(request["page"]) as Page;
    if (page.device) tell(page, request["tag"], recorded(page.device, request));
  },
  heed: ({ page, file }) => {
    const at = pages.get(page) as Page;
    if (at.device) tell(at, "heed", heeded(at.device, bytes(file)));
  },
  now: ({ page }) => void pages.get(page)?.device?.sendNow(),
  duty: ({ page, on }) => void pages.get(page)?.device?.setDuty(on),
  ring: ({ page, timer }) => {
    const timers = pages.get(page)?.timers;
    const hear = timers?.get(timer);
    timers?.delete(timer);
    hear?.();
  },
  hear: ({ page, event }) => {
    for (const one of pages.get(page)?.listeners ?? []) if (one.name === event) one.hear();
  },
  answer: ({ page, call, status, type, body, cut, headers }) => {
    const calls = pages.get(page)?.calls;
    const open = calls?.get(call);
    calls?.delete(call);
    if (status === 0) return open?.reject(new TypeError("Failed to fetch"));
    const data = bytes(body);
    const broken = async (): Promise<never> => {
      throw new TypeError("the body broke off");
    };
    open?.resolve({
      ok: status >= 200 && status < 300,
      status,
      headers: new Headers({ ...headers, "content-type": type }),
      arrayBuffer: cut ? broken : async () => data.buffer,
      json: cut ? broken : async () => JSON.parse(Buffer.from(data).toString("utf8")),
    } as unknown as Response);
  },
  /** Close a page as a person does, or as a dead battery does. */
  close: ({ page }) => {
    const closing = pages.get(page);
    closing?.device?.stop();
    if (closing) closing.alive = false;
    pages.delete(page);
  },
  crash: ({ page }) => {
    pages.get(page)?.die();
    pages.delete(page);
  },
  keep: ({ name, as }) => void kept.set(as, phoneOf(name).disk.copy()),
  /** The storage as it was kept, to another phone a copied profile; in `part`, cookies and page cache stay as they are. */
  restore: ({ name, as, part }) => {
    phoneOf(name).disk = (kept.get(as) as Disk).copy(part ? phoneOf(name).disk : undefined);
  },
  /** Only the cache as it was kept, or as if it had never been. */
  "lose-cache": ({ name, as }) => phoneOf(name).disk.take(CACHE_NAME, kept.get(as) ?? new Disk()),
  rot: ({ name, place: at }) =>
    phoneOf(name).disk.rot(VAULT_NAME, "own", at, (value) => {
      const set = value as OwnSet;
      const middle = set.raw.length >> 1;
      set.raw[middle] = (set.raw[middle] ?? 0) ^ 0x40;
      return set;
    }),
  /** Why the centre refuses this page, if it does. */
  trouble: ({ page }) => pages.get(page)?.device?.status.trouble?.code ?? null,
  /** The chain this phone is now. */
  session: ({ name }) => {
    const metas = phoneOf(name).disk.rows(VAULT_NAME, "meta") as ({ token?: string; chain?: string } | null)[];
    return metas.find((meta) => meta?.token && meta.chain)?.chain ?? null;
  },
  stored: ({ name }) => stored(phoneOf(name).disk),
  organisation: ({ name }) => organisation(phoneOf(name).disk),
  words: ({ name }) => words(phoneOf(name).disk),
  views: async ({ name, ids, at }) => {
    const page = begin(name);
    enter(page, at[0], at[1]);
    tell(page, "views", views(ids));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  const page = pages.get(request["page"]);
  if (page) {
    enter(page, request["at"][0], request["at"][1]);
    page.steps = request["steps"] ?? null;
  }
  const value = (await COMMANDS[request["cmd"]]?.(request)) ?? null;
  await settled();
  const dead = [...pages.values()].filter(({ alive }) => !alive).map(({ id }) => id);
  for (const id of dead) pages.delete(id);
  process.stdout.write(`${JSON.stringify({ value, done, dead, wishes: takeWishes() })}\n`);
  done = [];
}
