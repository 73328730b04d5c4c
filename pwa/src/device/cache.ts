/**
 * The cache: what the centre sent, and what we made of it. IndexedDB `ortoo-cache`; it may be dropped at any time
 * and comes back from a pull and the vault, so it also may change shape: a version it does not know is dropped.
 *
 * Responsible for: the entries of every scope beside the cursor that covers them, always written in one
 * transaction (SPEC EX4); the org table; projected incidents of mine, so that a cold start shows them at once.
 * Refuses to know: how entries are checked (`pulled.ts`) or folded (`replica.ts`), and anything that is not also elsewhere.
 *
 *     await cache.apply({ scope, epoch: 1, after: 40, to: 42, head, entries, reset: false }, { org: [], incidents: [] });
 *     (await cache.cursor(scope))?.n;      // 42
 */
import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import { withoutBody } from "../sync/changeset";
import { inside } from "../sync/rulings";
import { without } from "../sync/snapshot";
import { commit } from "./transaction";

export const CACHE_NAME = "ortoo-cache";
const VERSION = 2;
/** Where scopes stood that were forgotten, until that is signed (SPEC SC5). */
export const PURGED = "purged";
/** The scope that tells of the organisation. */
const ORG = "org";

/** How far one scope has been applied. `head` is the rolling hash at `n` (SPEC SC2). */
export interface Cursor {
  scope: string;
  epoch: number;
  n: number;
  head: Uint8Array;
  /** Hash of the snapshot it began with, while no entry has named it yet (SPEC SN3). Hex. */
  awaiting?: string;
}

/** What a snapshot says of one incident: its records as they came. `entity` is hex. */
export interface Records {
  scope: string;
  entity: string;
  packed: Uint8Array;
}

/** A set whose words were taken away, and where it stands. Ids are hex. */
export interface Stripped {
  entity: string;
  set: string;
  chain: string;
  seq: number;
}

/** An incident that left a scope: `n` is the line that says so (SPEC SC6). `entity` is hex. */
export interface Left {
  scope: string;
  entity: string;
  n: number;
}

/** One line of a scope: a ruling, and the set it is about when it came along. Ids are hex, "" where there is none. */
export interface Entry {
  scope: string;
  n: number;
  idx: number;
  entity: string;
  set: string;
  ruling: Uint8Array;
  raw: Uint8Array | null;
}

/** A row of the org table, e.g. `{ what: "people", id, row: { name: "苏和", … } }`. */
export interface OrgRow {
  what: string;
  id: string;
  row: Record<string, unknown> | null;
}

/** A folded incident that concerns this device's person, as it stood when last folded. */
export interface Projected {
  id: string;
  view: unknown;
}

/** One checked step of one scope. `after` is the cursor it builds on; `reset` first drops what the scope had (EX5). */
export interface Page {
  scope: string;
  epoch: number;
  after: number;
  to: number;
  head: Uint8Array;
  entries: Entry[];
  reset: boolean;
  awaiting: string | null;
}

interface Shape extends DBSchema {
  scopes: { key: string; value: Cursor };
  entries: { key: [string, number]; value: Entry; indexes: { entity: string } };
  records: { key: [string, string]; value: Records; indexes: { entity: string } };
  org: { key: [string, string]; value: OrgRow };
  incidents: { key: string; value: Projected };
  meta: { key: string; value: unknown };
}
const STORES = ["scopes", "entries", "records", "org", "incidents", "meta"] as const;

/** The cursor is not where the page begins: another tab was faster. Nothing was written; pull again. */
export class CursorMoved extends Error {
  override name = "CursorMoved";
}

const linesOf = (scope: string) =>
  IDBKeyRange.bound([scope, Number.MIN_SAFE_INTEGER], [scope, Number.MAX_SAFE_INTEGER]);
const recordsOf = (scope: string) => IDBKeyRange.bound([scope, ""], [scope, "g"]); // hex ends before g

export class Cache {
  #db: IDBPDatabase<Shape> | null = null;

  async #open(): Promise<IDBPDatabase<Shape>> {
    if (this.#db) return this.#db;
    try {
      this.#db = await this.#connect();
    } catch {
      await deleteDB(CACHE_NAME); // newer than we are, or broken: it all comes back from a pull
      this.#db = await this.#connect();
    }
    return this.#db;
  }

  #connect(): Promise<IDBPDatabase<Shape>> {
    return openDB<Shape>(CACHE_NAME, VERSION, {
      upgrade(db) {
        for (const old of db.objectStoreNames) db.deleteObjectStore(old);
        db.createObjectStore("scopes", { keyPath: "scope" });
        db.createObjectStore("entries", { keyPath: ["scope", "n"] }).createIndex("entity", "entity");
        db.createObjectStore("records", { keyPath: ["scope", "entity"] }).createIndex("entity", "entity");
        db.createObjectStore("org", { keyPath: ["what", "id"] });
        db.createObjectStore("incidents", { keyPath: "id" });
        db.createObjectStore("meta");
      },
      // A newer page wants the database: let go, so that its upgrade is not blocked by a forgotten tab.
      blocking: () => this.close(),
      terminated: () => {
        this.#db = null;
      },
    });
  }

  async cursor(scope: string): Promise<Cursor | null> {
    return (await (await this.#open()).get("scopes", scope)) ?? null;
  }

  async cursors(): Promise<Cursor[]> {
    return (await this.#open()).getAll("scopes");
  }

  /** Write one page, its cursor and what follows from it: all or nothing. Throws `CursorMoved`. */
  async apply(
    page: Page,
    also: { org: OrgRow[]; incidents: Projected[]; stripped?: Stripped[]; left?: Left[]; strict?: boolean },
  ): Promise<void> {
    const durability = also.strict ? "strict" : "relaxed";
    const tx = (await this.#open()).transaction(STORES, "readwrite", { durability });
    const at = await tx.objectStore("scopes").get(page.scope);
    if (!page.reset && (at?.n ?? 0) !== page.after) await moved(tx, at);
    const { scope, epoch, to, head, awaiting } = page;
    await commit(tx, (keep) => {
      if (page.reset) keep(drop(tx, scope));
      for (const entry of page.entries) keep(tx.objectStore("entries").put(entry));
      keep(strip(tx, also.stripped ?? []));
      keep(leave(tx, also.left ?? []));
      for (const row of also.org) keep(tx.objectStore("org").put(row));
      for (const incident of also.incidents) keep(tx.objectStore("incidents").put(incident));
      keep(tx.objectStore("scopes").put({ scope, epoch, n: to, head, ...(awaiting ? { awaiting } : {}) }));
    });
  }

  /** Begin a scope with a snapshot: what was held of it goes, its records and its cursor come, all or nothing. Throws
   *  `CursorMoved` where the scope has been read that far already. */
  async begin(
    cursor: Cursor,
    also: {
      records: Records[];
      asides: Entry[];
      org: OrgRow[];
      incidents: Projected[];
      gone: string[];
      left: Left[];
      stripped: Stripped[];
    },
  ): Promise<void> {
    const tx = (await this.#open()).transaction(STORES, "readwrite", { durability: "strict" });
    const at = await tx.objectStore("scopes").get(cursor.scope);
    if (at && (at.epoch > cursor.epoch || (at.epoch === cursor.epoch && at.n >= cursor.n))) await moved(tx, at);
    await commit(tx, (keep) => {
      keep(drop(tx, cursor.scope));
      keep(strip(tx, also.stripped));
      keep(leave(tx, also.left));
      for (const one of also.records) keep(tx.objectStore("records").put(one));
      for (const entry of also.asides) keep(tx.objectStore("entries").put(entry));
      for (const row of also.org) keep(tx.objectStore("org").put(row));
      for (const incident of also.incidents) keep(tx.objectStore("incidents").put(incident));
      for (const id of also.gone) keep(tx.objectStore("incidents").delete(id));
      keep(tx.objectStore("scopes").put(cursor));
    });
  }

  /** What the lines and records of a scope are about. */
  async entitiesOf(scope: string): Promise<Set<string>> {
    const db = await this.#open();
    const [lines, records] = [await db.getAll("entries", linesOf(scope)), await db.getAll("records", recordsOf(scope))];
    return new Set([...lines, ...records].map(({ entity }) => entity).filter(Boolean));
  }

  /** Forget a scope with its lines. Own sets are in the vault and stay. `word`: it is no longer ours, and that is to be signed. */
  async forgetScope(scope: string, word?: Cursor): Promise<void> {
    const tx = (await this.#open()).transaction(["scopes", "entries", "records", "meta"], "readwrite");
    await commit(tx, (keep) => {
      const meta = tx.objectStore("meta");
      if (word)
        keep(meta.get(PURGED).then((known) => meta.put([...((known as Cursor[] | undefined) ?? []), word], PURGED)));
      keep(tx.objectStore("scopes").delete(scope));
      keep(tx.objectStore("entries").delete(linesOf(scope)));
      keep(tx.objectStore("records").delete(recordsOf(scope)));
    });
  }

  /** Forget everything that came from the centre. */
  async forgetAll(): Promise<void> {
    const tx = (await this.#open()).transaction(STORES, "readwrite", { durability: "strict" });
    await commit(tx, (keep) => {
      for (const store of STORES) keep(tx.objectStore(store).clear());
    });
  }

  /** Leave of these sets only what a lawful order left of them. */
  async strip(all: readonly Stripped[]): Promise<void> {
    if (all.length === 0) return;
    const tx = (await this.#open()).transaction(STORES, "readwrite");
    await commit(tx, (keep) => keep(strip(tx, all)));
  }

  /** Every line about one entity, from all scopes, the older rulings first. */
  async entriesOf(entity: string): Promise<Entry[]> {
    const found = await (await this.#open()).getAllFromIndex("entries", "entity", entity);
    return found.sort((a, b) => a.idx - b.idx);
  }

  /** Lines with a set whose ruling is beyond `idx`, the older rulings first; each set once. */
  async setsBeyond(idx: number): Promise<Entry[]> {
    const sets = new Map<string, Entry>();
    for (const entry of await (await this.#open()).getAll("entries"))
      if (entry.raw && entry.idx > idx) sets.set(entry.set, entry);
    return [...sets.values()].sort((a, b) => a.idx - b.idx);
  }

  /** What snapshots say about one entity, from all scopes that began with one. */
  async recordsOf(entity: string): Promise<Records[]> {
    return (await this.#open()).getAllFromIndex("records", "entity", entity);
  }

  async incidents(): Promise<Projected[]> {
    return (await this.#open()).getAll("incidents");
  }

  async putIncidents(incidents: Projected[]): Promise<void> {
    const tx = (await this.#open()).transaction("incidents", "readwrite");
    await commit(tx, (keep) => {
      for (const incident of incidents) keep(tx.store.put(incident));
    });
  }

  async forgetIncidents(ids: string[]): Promise<void> {
    const tx = (await this.#open()).transaction("incidents", "readwrite");
    await commit(tx, (keep) => {
      for (const id of ids) keep(tx.store.delete(id));
    });
  }

  async org(): Promise<OrgRow[]> {
    return (await this.#open()).getAll("org");
  }

  async orgRow(what: string, id: string): Promise<OrgRow | null> {
    return (await (await this.#open()).get("org", [what, id])) ?? null;
  }

  async meta<Value>(name: string): Promise<Value | null> {
    return ((await (await this.#open()).get("meta", name)) as Value | undefined) ?? null;
  }

  async setMeta(name: string, value: unknown): Promise<void> {
    await (await this.#open()).put("meta", value, name);
  }

  close(): void {
    this.#db?.close();
    this.#db = null;
  }
}

/** Another tab was faster: leave everything as it stands. */
async function moved(tx: IDBPTransaction<Shape, typeof STORES, "readwrite">, at: Cursor | undefined): Promise<never> {
  tx.abort();
  await tx.done.catch(() => undefined);
  throw new CursorMoved(String(at?.n));
}

/** Drop what was held of a scope, to take it in anew. What it no longer says of the organisation is gone too. */
async function drop(tx: IDBPTransaction<Shape, typeof STORES, "readwrite">, scope: string): Promise<void> {
  const gone: Promise<unknown>[] = [
    tx.objectStore("entries").delete(linesOf(scope)),
    tx.objectStore("records").delete(recordsOf(scope)),
  ];
  if (scope === ORG) gone.push(tx.objectStore("org").clear());
  await Promise.all(gone);
}

/** Leave of sets only what is left of them, in every line and record that had their words; one after the other, for
 *  several may share a record. */
async function strip(tx: IDBPTransaction<Shape, typeof STORES, "readwrite">, all: readonly Stripped[]): Promise<void> {
  const entries = tx.objectStore("entries");
  const records = tx.objectStore("records");
  for (const left of all) {
    for (const entry of await entries.index("entity").getAll(left.entity))
      if (entry.set === left.set && entry.raw) await entries.put({ ...entry, raw: withoutBody(entry.raw) });
    for (const one of await records.index("entity").getAll(left.entity))
      await records.put({ ...one, packed: without(one.packed, left.set) });
  }
}

/** Keep of what scopes told about incidents that left them only the rulings, and nothing that was made of it. */
async function leave(tx: IDBPTransaction<Shape, typeof STORES, "readwrite">, all: readonly Left[]): Promise<void> {
  const entries = tx.objectStore("entries");
  for (const { scope, entity, n } of all) {
    await tx.objectStore("incidents").delete(entity);
    await tx.objectStore("records").delete([scope, entity]);
    for (const entry of await entries.index("entity").getAll(entity)) {
      // What a station says of it beside the centre's scope goes with that, and not the other way round.
      const isOfIt = entry.scope === scope ? entry.n <= n : inside(entry.scope) === scope;
      if (isOfIt && entry.raw) await entries.put({ ...entry, raw: null });
    }
  }
}
