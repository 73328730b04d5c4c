/**
 * The vault: what must survive anything. This device's keys, every set it ever signed, what the centre answered to
 * each, and who we are. IndexedDB `ortoo-vault`, version 1, frozen: later needs get another database, so that an
 * upgrade can never stand between an officer and the records on the phone.
 *
 * Responsible for: strict durability of every write; the append, its sequence number and its outbox mark in one
 * transaction; telling a commit that did not happen from one that did. Refuses to know: what a set says, the
 * network, and any way of deleting a set: there is none.
 *
 * Two tabs cannot fork a chain: the key of `own` is [chain, seq], written with `add`, so the later of two
 * appends of one seq fails with `SeqTaken`, and its tab signs again on the new head.
 *
 *     const vault = await openVault();
 *     await vault.append({ chain, seq: 7, id, entity, kind: "incident", lane: 1, wroteAtMs, raw });
 *     (await vault.unsent()).length;      // 1, until the centre has answered
 */
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import { withoutBody } from "../sync/changeset";
import { DURABLE, type PushOutcome } from "../sync/exchange";
import { equalBytes } from "../sync/ids";
import type { Stripped } from "./cache";
import { commit } from "./transaction";
import { SESSION, VAULT_NAME } from "./vaultName";

export { SESSION, VAULT_NAME };

/** The signing key of one chain. The private half cannot be exported; chain is hex, the others raw bytes. */
export interface KeyRecord {
  chain: string;
  alg: "Ed25519" | "ES256";
  privateKey: CryptoKey;
  publicKey: Uint8Array;
  nonce: Uint8Array;
  createdAtMs: number;
}

/** One signed set, exactly as it will travel. Never removed, and changed only by `strip`. Ids are hex. */
export interface OwnSet {
  chain: string;
  seq: number;
  id: string;
  /** What the set is about. */
  entity: string;
  kind: string;
  /** 0 normal, 1 priority. */
  lane: number;
  /** As the set's own stamp says: corrected by the centre's clock where that was known. */
  wroteAtMs: number;
  raw: Uint8Array;
}

/** What the centre answered to a set (SPEC EX, push results). */
export interface PushAnswer {
  r: string;
  why: string | null;
  idx: number | null;
  atMs: number | null;
  d: string | null;
  no: string | null;
}

/** A station that has a set, since when by its own clock, and when it was last offered there (SPEC HB4). `server` is hex: of its
 *  server, or of its chain where somebody carried its word here (BU6). */
export interface Keeper {
  server: string;
  atMs: number;
  offeredMs: number;
}

/** The outbox mark of one set: where it stands between this phone and the centre. */
export interface Mark {
  chain: string;
  seq: number;
  id: string;
  lane: number;
  bytes: number;
  wroteAtMs: number;
  /** Present until the centre has said that the bytes are durable there (EX2). */
  unsent?: 1;
  /** Present while it is owed to the centre and stations keep it: it is not offered to those again. */
  kept?: Keeper[];
  /** The last answer, whatever it was. */
  answer?: PushAnswer;
  answeredAtMs?: number;
  /** The station (hex) on whose word alone it is safe at the centre, or stands as the answer says: it is offered there once more (HB15). */
  wordOf?: string;
  /** Present while the author has to look at the answer. */
  attention?: 1;
}

/** In place of an answer: the bytes of this set are no longer what was signed; they are kept, and not sent (SPEC FK7). */
export const DAMAGED = "damaged";
/** In place of an answer: the words of this damaged set stand in another one (SPEC FK7). */
export const REWRITTEN = "rewritten";

/** How far a set has come: on this phone, at a station, confirmed by the centre. */
export type Reached = "phone" | "station" | "centre";

/** An own set with the centre's last answer to it. */
export type Answered = OwnSet & { answer: PushAnswer | undefined; reached: Reached };

/** How far the set of this mark has come; null: only memory holds it. */
export function reachedOf(mark: Mark | null | undefined): Reached {
  if (mark?.unsent) return mark.kept ? "station" : "phone";
  return DURABLE.has(mark?.answer?.r as PushOutcome) ? "centre" : "phone";
}

interface Shape extends DBSchema {
  keys: { key: string; value: KeyRecord };
  own: { key: [string, number]; value: OwnSet; indexes: { id: string; entity: string } };
  outbox: { key: [string, number]; value: Mark; indexes: { unsent: number; attention: number; answeredAtMs: number } };
  meta: { key: string; value: unknown };
}
type Store = "keys" | "own" | "outbox" | "meta";
type Tx = IDBPTransaction<Shape, Store[], "readwrite">;

/** This device writes on another chain by now: sign again there. */
export class ChainLeft extends Error {
  override name = "ChainLeft";
}

/** Another tab has used this sequence number: read the head again and sign again. */
export class SeqTaken extends Error {
  override name = "SeqTaken";
}

const GREETING = "greeting";
/** How many sets were called safe that the centre had not got, since it was last told so (EX14). */
export const CONTRADICTED = "contradicted";

/** The sync token of the last answered hello, and the name of the one under way (SPEC FK3). */
interface Greeting {
  token: Uint8Array | null;
  request: Uint8Array | null;
}

/** Notes by name, kept together with something else; null: this one goes. */
export type Metas = Record<string, unknown>;

/** Everything that leaving a chain changes, at once. */
export interface Turn {
  /** The chain that is left. */
  from: string;
  key: KeyRecord;
  session: unknown;
  /** The opening of the new chain, and what was written again on it. */
  sets: OwnSet[];
  /** Marks of what was written again or cannot be. */
  aside: Mark[];
}

/** The storage did not take a write: full, closed or aborted. What was to be written is not in the vault. */
export class VaultRefused extends Error {
  override name = "VaultRefused";
}

const newest = (chain: string) => IDBKeyRange.bound([chain, 0], [chain, Number.MAX_SAFE_INTEGER]);

export class Vault {
  #db: IDBPDatabase<Shape> | null = null;

  /** The connection, opened again when the browser has dropped it (Safari does, after a long sleep). */
  async #open(): Promise<IDBPDatabase<Shape>> {
    this.#db ??= await openDB<Shape>(VAULT_NAME, 1, {
      upgrade(db) {
        db.createObjectStore("keys", { keyPath: "chain" });
        const own = db.createObjectStore("own", { keyPath: ["chain", "seq"] });
        own.createIndex("id", "id", { unique: true });
        own.createIndex("entity", "entity");
        const outbox = db.createObjectStore("outbox", { keyPath: ["chain", "seq"] });
        outbox.createIndex("unsent", "unsent");
        outbox.createIndex("attention", "attention");
        outbox.createIndex("answeredAtMs", "answeredAtMs");
        db.createObjectStore("meta");
      },
      terminated: () => {
        this.#db = null;
      },
    });
    return this.#db;
  }

  /** One strict transaction, all or nothing. */
  async #strictly(stores: Store[], work: (tx: Tx, keep: (request: Promise<unknown>) => void) => void): Promise<void> {
    try {
      let tx: Tx;
      try {
        tx = (await this.#open()).transaction(stores, "readwrite", { durability: "strict" });
      } catch (error) {
        if (!(error instanceof DOMException && error.name === "InvalidStateError")) throw error;
        this.#db = null;
        tx = (await this.#open()).transaction(stores, "readwrite", { durability: "strict" });
      }
      await commit(tx, (keep) => work(tx, keep));
    } catch (error) {
      if (error instanceof DOMException && error.name === "ConstraintError") throw new SeqTaken("seq is taken");
      if (error instanceof ChainLeft) throw error;
      throw new VaultRefused(`the vault did not commit: ${String(error)}`, { cause: error });
    }
  }

  /** False when this browser cannot promise strict durability: sets then say so (header flag, SPEC CS item 13). */
  async strict(): Promise<boolean> {
    return "durability" in (await this.#open()).transaction("meta");
  }

  /**
   * Append one signed set and mark it unsent, with the metas that go with it (null: gone). Throws `SeqTaken`, `ChainLeft` or
   * `VaultRefused`; then nothing was written. That no tab writes onto a chain that was left is the vault's to see, in the
   * same transaction.
   */
  async append(set: OwnSet, metas: Metas = {}): Promise<void> {
    await this.#strictly(["own", "outbox", "meta"], (tx, keep) => {
      keep(stillOn(tx, set.chain));
      keep(tx.objectStore("own").add(set));
      keep(tx.objectStore("outbox").add(freshMark(set)));
      const meta = tx.objectStore("meta");
      for (const [name, value] of Object.entries(metas))
        keep(value === null ? meta.delete(name) : meta.put(value, name));
    });
  }

  /** Leave a chain for another, with all that goes with it. Throws `ChainLeft` when another tab was faster. */
  async turn({ from, key, session, sets, aside }: Turn): Promise<void> {
    await this.#strictly(["keys", "own", "outbox", "meta"], (tx, keep) => {
      keep(stillOn(tx, from));
      keep(tx.objectStore("keys").put(key));
      keep(tx.objectStore("meta").put(session, SESSION));
      keep(tx.objectStore("meta").delete(GREETING));
      for (const set of sets) keep(tx.objectStore("own").add(set));
      for (const set of sets) keep(tx.objectStore("outbox").add(freshMark(set)));
      for (const mark of aside) keep(tx.objectStore("outbox").put(mark));
    });
  }

  /** The token to show and the name of the hello: one still unanswered keeps its name, whichever tab asks. */
  async greeting(fresh: Uint8Array): Promise<{ token: Uint8Array | null; request: Uint8Array }> {
    let said = { token: null as Uint8Array | null, request: fresh };
    try {
      await this.#strictly(["meta"], (tx, keep) => {
        const meta = tx.objectStore("meta");
        keep(
          meta.get(GREETING).then((known) => {
            const { token, request } = (known as Greeting | undefined) ?? { token: null, request: null };
            said = { token, request: request ?? fresh };
            return meta.put(said, GREETING);
          }),
        );
      });
    } catch {
      // Nothing can be written down: the hello goes all the same.
      said = { token: (await this.meta<Greeting>(GREETING))?.token ?? null, request: fresh };
    }
    return said;
  }

  /** Keep the token that this hello obtained, and that it was heard; of one that is no longer asked neither. */
  async greeted(request: Uint8Array, token: Uint8Array): Promise<void> {
    await this.#strictly(["meta"], (tx, keep) => {
      const meta = tx.objectStore("meta");
      keep(
        meta.get(GREETING).then((known) => {
          const asked = (known as Greeting | undefined)?.request;
          if (!asked || !equalBytes(asked, request)) return;
          keep(meta.delete(CONTRADICTED));
          return meta.put({ token, request: null }, GREETING);
        }),
      );
    });
  }

  /** Whether this hello is still the one under way; another tab may have had it answered, and greeted again, meanwhile. */
  async isUnderWay(request: Uint8Array): Promise<boolean> {
    const asked = (await this.meta<Greeting>(GREETING))?.request;
    return asked ? equalBytes(asked, request) : false;
  }

  /** Take back one of our own sets that the centre holds and this storage lost, `marked` so. Already here: nothing happens. */
  async adopt(set: OwnSet, marked: (fresh: Mark) => Mark): Promise<void> {
    try {
      await this.#strictly(["own", "outbox"], (tx, keep) => {
        keep(tx.objectStore("own").add(set));
        keep(tx.objectStore("outbox").add(marked(freshMark(set))));
      });
    } catch (error) {
      if (!(error instanceof SeqTaken)) throw error;
    }
  }

  /**
   * Leave of an own set what a lawful order left of it: its header and signature (SPEC RD). Others are no concern. On a
   * station's word only where the centre itself has said that it has the set (HB15).
   */
  async strip({ chain, seq, set: id }: Stripped, onWord = false): Promise<void> {
    const set = await this.own(chain, seq);
    if (set?.id !== id) return;
    const mark = onWord && (await this.mark(chain, seq));
    if (mark && (mark.unsent || mark.wordOf)) return;
    const raw = withoutBody(set.raw);
    if (set.raw.byteLength > raw.byteLength)
      await this.#strictly(["own"], (tx, keep) => keep(tx.objectStore("own").put({ ...set, raw })));
  }

  /** The newest own set of a chain, or null before the first. */
  async head(chain: string): Promise<OwnSet | null> {
    const cursor = await (await this.#open()).transaction("own").store.openCursor(newest(chain), "prev");
    return cursor?.value ?? null;
  }

  /** The newest own set of a chain below `seq`, or null. */
  async before(chain: string, seq: number): Promise<OwnSet | null> {
    if (seq === 0) return null; // a range without room is an error, not an empty one
    const below = IDBKeyRange.bound([chain, 0], [chain, seq], false, true);
    const cursor = await (await this.#open()).transaction("own").store.openCursor(below, "prev");
    return cursor?.value ?? null;
  }

  async own(chain: string, seq: number): Promise<OwnSet | null> {
    return (await (await this.#open()).get("own", [chain, seq])) ?? null;
  }

  /** Own sets about one entity, of every chain, in chain and seq order. */
  async ownOf(entity: string): Promise<Answered[]> {
    const tx = (await this.#open()).transaction(["own", "outbox"]);
    const sets = await tx.objectStore("own").index("entity").getAll(entity);
    const marks = await Promise.all(sets.map(({ chain, seq }) => tx.objectStore("outbox").get([chain, seq])));
    return sets.map((set, at) => ({ ...set, answer: marks[at]?.answer, reached: reachedOf(marks[at]) }));
  }

  /** The entities this device has ever written about. */
  async ownEntities(): Promise<Set<string>> {
    const entities = new Set<string>();
    let cursor = await (await this.#open()).transaction("own").store.index("entity").openKeyCursor(null, "nextunique");
    while (cursor) {
      entities.add(cursor.key);
      cursor = await cursor.continue();
    }
    return entities;
  }

  /** Marks the centre has not confirmed, of every chain ever used here, in chain and seq order. */
  async unsent(): Promise<Mark[]> {
    return (await this.#open()).getAllFromIndex("outbox", "unsent");
  }

  /** The newest answered marks, newest answer first. */
  async answered(limit: number): Promise<Mark[]> {
    const found: Mark[] = [];
    let cursor = await (await this.#open()).transaction("outbox").store.index("answeredAtMs").openCursor(null, "prev");
    while (cursor && found.length < limit) {
      found.push(cursor.value);
      cursor = await cursor.continue();
    }
    return found;
  }

  /** Marks whose author has to look at the answer. */
  async attention(): Promise<Mark[]> {
    return (await this.#open()).getAllFromIndex("outbox", "attention");
  }

  async mark(chain: string, seq: number): Promise<Mark | undefined> {
    return (await this.#open()).get("outbox", [chain, seq]);
  }

  /** Every mark; for the rare repair that concerns them all. */
  async marks(): Promise<Mark[]> {
    return (await this.#open()).getAll("outbox");
  }

  /** How many sets were ever signed here, how many of them wait, a station keeping them or not, or want to be looked at. */
  async counts(): Promise<{ head: number; unsent: number; kept: number; attention: number }> {
    const outbox = (await this.#open()).transaction("outbox").store;
    const [head, unsent, attention] = await Promise.all([
      outbox.count(),
      outbox.index("unsent").getAll(),
      outbox.index("attention").count(),
    ]);
    return { head, unsent: unsent.length, kept: unsent.filter(({ kept }) => kept).length, attention };
  }

  async putMarks(marks: Mark[]): Promise<void> {
    if (marks.length === 0) return;
    await this.#strictly(["outbox"], (tx, keep) => {
      for (const mark of marks) keep(tx.objectStore("outbox").put(mark));
    });
  }

  async key(chain: string): Promise<KeyRecord | null> {
    return (await (await this.#open()).get("keys", chain)) ?? null;
  }

  /** Every chain this device ever wrote on. */
  async chains(): Promise<string[]> {
    return (await this.#open()).getAllKeys("keys");
  }

  async meta<Value>(name: string): Promise<Value | null> {
    return ((await (await this.#open()).get("meta", name)) as Value | undefined) ?? null;
  }

  /** Every note whose name begins so. */
  async metas<Value>(prefix: string): Promise<Map<string, Value>> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    const store = (await this.#open()).transaction("meta").store;
    const [names, values] = await Promise.all([store.getAllKeys(range), store.getAll(range)]);
    return new Map(names.map((name, at) => [name, values[at] as Value]));
  }

  async setMeta(name: string, value: unknown): Promise<void> {
    await this.#strictly(["meta"], (tx, keep) => keep(tx.objectStore("meta").put(value, name)));
  }

  /** A new key and what goes with it, together: a device with a key and no name, or the reverse, cannot exist. */
  async enrol(key: KeyRecord, metas: Metas): Promise<void> {
    await this.#strictly(["keys", "meta"], (tx, keep) => {
      keep(tx.objectStore("keys").put(key));
      keep(tx.objectStore("meta").delete(GREETING));
      for (const [name, value] of Object.entries(metas)) keep(tx.objectStore("meta").put(value, name));
    });
  }

  /**
   * Delete keys, sets, marks and session: this phone was suspended (SPEC EX12). The one thing that takes from a vault.
   * With `head`, not unless there are still so many sets: false when something was written since.
   */
  async erase(head: number | null): Promise<boolean> {
    let erased = false;
    await this.#strictly(["keys", "own", "outbox", "meta"], (tx, keep) => {
      const clear = async (): Promise<void> => {
        if (head !== null && (await tx.objectStore("outbox").count()) !== head) return;
        await Promise.all((["keys", "own", "outbox", "meta"] as const).map((store) => tx.objectStore(store).clear()));
        erased = true;
      };
      keep(clear());
    });
    return erased;
  }

  close(): void {
    this.#db?.close();
    this.#db = null;
  }
}

function freshMark(set: OwnSet): Mark {
  return { ...withoutBytes(set), bytes: set.raw.byteLength, unsent: 1 };
}

/** Fails the transaction when this device writes on another chain than `chain`. */
async function stillOn(tx: Tx, chain: string): Promise<void> {
  const session = (await tx.objectStore("meta").get(SESSION)) as { chain?: string } | null | undefined;
  if (!session?.chain || session.chain === chain) return;
  tx.abort();
  throw new ChainLeft(`${chain} was left for ${session.chain}`);
}

function withoutBytes({ chain, seq, id, lane, wroteAtMs }: OwnSet): Omit<Mark, "bytes"> {
  return { chain, seq, id, lane, wroteAtMs };
}

export function openVault(): Vault {
  return new Vault();
}
