/**
 * A whole phone for the device's tests: real vault and cache on IndexedDB, a real key, and the time held in hand. `again()`
 * is the same phone after the page was closed; another `Phone.on` of the same storage is another tab.
 */
import { openDB } from "idb";
import { shallowReactive } from "vue";
import { CACHE_NAME, Cache } from "../../src/device/cache";
import { clearing } from "../../src/device/clearing";
import { openingDraft } from "../../src/device/enrol";
import { Leaving } from "../../src/device/leaving";
import { Link } from "../../src/device/link";
import type { Clock } from "../../src/device/now";
import { Outbox } from "../../src/device/outbox";
import { Replica } from "../../src/device/replica";
import { Rounds, type Status } from "../../src/device/rounds";
import { type DeviceSession, keptSession, sessionMeta } from "../../src/device/session";
import { Timekeeper } from "../../src/device/timekeeper";
import { type KeyRecord, VAULT_NAME, Vault } from "../../src/device/vault";
import type { Me } from "../../src/device/views";
import { LogWatch } from "../../src/device/watch";
import { ChainWriter, type Draft, type Hand } from "../../src/device/writer";
import { chainId, fromHex, toHex } from "../../src/sync/ids";
import { Centre } from "./centre";

export const PERSON = "a1".repeat(16);
export const UNIT = "b2".repeat(16);
export const VEHICLE = "c3".repeat(16);
export const DESK = "d4".repeat(16);
export const STATION = "e5".repeat(16);
export const NOON = 1_773_297_000_000;
export const SCOPE = `station:${STATION}:2026-03`;

export class HeldClock implements Clock {
  ms = NOON;
  #mono = 0;
  #session = 7;
  nowMs(): number {
    return this.ms;
  }
  /** Time goes by, on both clocks. */
  pass(ms: number): void {
    this.ms += ms;
    this.#mono += ms;
  }
  /** The phone sleeps: only the wall clock goes on. */
  sleep(ms: number): void {
    this.ms += ms;
  }
  /** A new page, and with it a new session. */
  restart(): void {
    this.#session += 1;
    this.#mono = 0;
  }
  mono(): [Uint8Array, number] {
    this.#mono += 1;
    return [new Uint8Array(8).fill(this.#session), this.#mono];
  }
}

export async function newKey(vault: Vault): Promise<KeyRecord> {
  const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const nonce = new Uint8Array(16).fill(3);
  const chain = toHex(await chainId(publicKey, nonce));
  const key: KeyRecord = { chain, alg: "Ed25519", privateKey: pair.privateKey, publicKey, nonce, createdAtMs: NOON };
  await vault.enrol(key, sessionMeta(sessionOf(chain)));
  return key;
}

/** Who the phone of these tests is. */
export function sessionOf(chain: string): DeviceSession {
  const person = { id: PERSON, name: "苏和", role: "officer", station: STATION, unit: UNIT };
  const server = { id: "00".repeat(16), name: "中心", role: "centre" };
  return { token: `token of ${chain}`, chain, label: "执勤手机", person, server, enrolledAtMs: NOON };
}

export class Phone {
  readonly vault = new Vault();
  readonly cache = new Cache();
  readonly outbox = new Outbox(this.vault);
  readonly changes: string[][] = [];
  readonly clock: HeldClock;
  readonly key: KeyRecord;
  readonly centre: Centre;
  /** Whom this phone reaches: the centre, or a station. */
  server: { fetch: typeof fetch };
  readonly writer: ChainWriter;
  readonly replica: Replica;
  readonly leaving: Leaving;
  readonly rounds: Rounds;
  readonly keeper: Timekeeper;
  /** How often the page was out of sight; null: it is. */
  hides: number | null = 0;
  session: DeviceSession;
  readonly status: Status = shallowReactive({
    reachable: false,
    trouble: null,
    lastContactMs: null,
    offsetMs: null,
    spreadMs: null,
    sending: null,
    nextTryMs: null,
  });
  onDuty = true;
  writes = 0;
  cleared = false;

  private constructor(key: KeyRecord, centre: Centre, clock: HeldClock) {
    this.key = key;
    this.centre = centre;
    this.server = centre;
    this.clock = clock;
    const me: Me = { person: PERSON, station: STATION, unit: UNIT, vehicles: [VEHICLE] };
    this.session = sessionOf(key.chain);
    this.keeper = new Timekeeper({
      vault: this.vault,
      clock,
      sight: { hides: () => this.hides },
      status: this.status,
    });
    const hand: Hand = {
      person: PERSON,
      clock,
      offsetMs: () => this.status.offsetMs,
      seen: () => this.replica.seen,
      beacon: () => this.keeper.beacon,
    };
    const current = async (): Promise<KeyRecord> => {
      this.session = (await keptSession(this.vault)) ?? this.session;
      return (await this.vault.key(this.session.chain)) ?? key;
    };
    this.writer = new ChainWriter({ ...hand, vault: this.vault, key, current, rider: this.keeper });
    this.leaving = new Leaving({
      vault: this.vault,
      writer: this.writer,
      hand,
      app: "test",
      session: () => this.session,
      adopt: (next) => {
        this.session = next;
      },
    });
    this.replica = new Replica({
      vault: this.vault,
      cache: this.cache,
      writer: this.writer,
      outbox: this.outbox,
      clock,
      me: () => me,
      onDuty: () => this.onDuty,
      changed: (ids) => this.changes.push(ids),
      wrote: () => {
        this.writes += 1;
      },
      orgChanged: () => undefined,
      answersChanged: () => undefined,
    });
    this.rounds = new Rounds({
      link: new Link({ session: () => this.session, fetch: (input, init) => this.server.fetch(input, init) }),
      outbox: this.outbox,
      replica: this.replica,
      clock,
      status: this.status,
      app: "test",
      vault: this.vault,
      keeper: this.keeper,
      write: (draft) => this.writer.write(draft),
      watch: new LogWatch({ vault: this.vault, org: () => this.cache.org(), clock }),
      leaving: this.leaving,
      clearing: clearing({
        cache: this.cache,
        vault: this.vault,
        replica: this.replica,
        after: () => {
          this.cleared = true;
        },
      }),
      session: () => this.session,
      answered: () => undefined,
      settled: () => undefined,
      chance: () => 0,
    });
  }

  /** A new phone with its centre. Needs a fresh `globalThis.indexedDB`. */
  static async enrol(): Promise<Phone> {
    const vault = new Vault();
    const key = await newKey(vault);
    vault.close();
    const phone = new Phone(key, await Centre.open(key.chain, SCOPE), new HeldClock());
    await phone.writer.open(openingDraft(key, "test"));
    await phone.replica.open();
    return phone;
  }

  /** A phone with this key and nothing else in its storage. */
  static async of(key: KeyRecord, centre: Centre): Promise<Phone> {
    const phone = new Phone(key, centre, new HeldClock());
    await phone.vault.enrol(key, {});
    return phone;
  }

  /** The same phone after a restart, or another tab of it when the first is left open. */
  async again(close = true): Promise<Phone> {
    if (close) this.close();
    const next = new Phone(this.writer.key, this.centre, this.clock);
    next.session = (await keptSession(next.vault)) ?? next.session;
    await next.replica.open();
    return next;
  }

  /** One exchange with the centre, to its end. */
  async exchange(): Promise<void> {
    await this.rounds.now();
  }

  note(entity: string, text: string, lane: 0 | 1 = 0): Promise<unknown> {
    const draft: Draft = { entity, scope: SCOPE, lane, ops: [{ t: "entry.add", kind: "note", text }] };
    return this.replica.record(draft);
  }

  close(): void {
    this.rounds.stop();
    this.vault.close();
    this.cache.close();
  }
}

/** An incident opened at the desk with an order; ids in hex. */
export async function ordered(
  centre: Centre,
  incident: string,
  order: string,
  to: [string, string] = ["unit", UNIT],
): Promise<void> {
  await centre.desk(incident, DESK, [
    { t: "incident.create", source: "desk", station: fromHex(STATION), tag: "台-1" },
    { t: "fact.set", f: "title", v: "草场纠纷", p: [] },
    { t: "order.issue", order: fromHex(order), to: [to[0], fromHex(to[1])], kind: "dispatch", round: 0 },
  ]);
}

export function claimOf(incident: string, order: string, kind: string): Draft {
  const op = { t: "milestone.claim", kind, round: 0, via: "self", order: fromHex(order) };
  return { entity: incident, scope: SCOPE, lane: 1, ops: [op] };
}

/** Every value that any store of this phone holds, as text; bytes in hex. */
export async function stored(): Promise<string> {
  let all = "";
  for (const name of [CACHE_NAME, VAULT_NAME]) {
    const db = await openDB(name);
    for (const store of db.objectStoreNames) {
      for (const value of await db.getAll(store))
        all += JSON.stringify(value, (_, inner) => (inner instanceof Uint8Array ? toHex(inner) : inner));
    }
    db.close();
  }
  return all;
}
