/**
 * The storage of one simulated browser: fake-indexeddb with what real disks do to people.
 *
 * Responsible for what survives a crash (every committed transaction, nothing of an unfinished one), for old copies that
 * are put back, copies that live twice, and a byte that has rotted. Refuses to know what is stored. It reaches into
 * fake-indexeddb's own maps, because no API of IndexedDB can cut a transaction in half.
 *
 *     const disk = new Disk();
 *     const old = disk.copy();        // later: phone.disk = old.copy()
 */
import { IDBFactory } from "fake-indexeddb";

interface Row {
  key: IDBValidKey;
  value: unknown;
}
interface Rows {
  values(): Iterable<Row>;
}
interface RawIndex {
  keyPath: string | string[];
  multiEntry: boolean;
  unique: boolean;
  initialized: boolean;
}
interface RawStore {
  name: string;
  keyPath: string | string[] | null;
  autoIncrement: boolean;
  records: Rows;
  rawIndexes: Map<string, RawIndex>;
  storeRecord(row: Row, noOverwrite: boolean): void;
}
interface RawTransaction {
  _state: string;
  _rollbackLog: (() => void)[];
}
interface RawDatabase {
  name: string;
  version: number;
  transactions: RawTransaction[];
  connections: unknown[];
  rawObjectStores: Map<string, RawStore>;
}
type Made<T> = new (...parts: unknown[]) => T;

const madeLike = <T extends object>(one: T): Made<T> => one.constructor as Made<T>;

export class Disk {
  readonly factory: IDBFactory = new IDBFactory();
  /** Cookies and what pages put into their own cache, each by its name or address. */
  readonly cookies = new Map<string, string>();
  readonly pages = new Map<string, string>();

  get #databases(): Map<string, RawDatabase> {
    return (this.factory as unknown as { _databases: Map<string, RawDatabase> })._databases;
  }

  /** Everything of one store, in key order; nothing when it was never made. */
  rows(database: string, store: string): unknown[] {
    const raw = this.#databases.get(database)?.rawObjectStores.get(store);
    return raw ? [...raw.records.values()].map(({ value }) => value) : [];
  }

  /** One value by its key, undefined when it is not there. */
  row(database: string, store: string, key: string): unknown {
    const raw = this.#databases.get(database)?.rawObjectStores.get(store);
    return raw && [...raw.records.values()].find((row) => row.key === key)?.value;
  }

  /** The power goes: unfinished transactions never were, and nobody holds a connection any more. */
  powerLoss(): void {
    // Whoever was opening a database will never have opened it, and nobody waits for that.
    (this.factory as unknown as { _connectionQueues: Map<string, unknown> })._connectionQueues.clear();
    for (const raw of this.#databases.values()) {
      for (const open of raw.transactions) {
        if (open._state === "finished") continue;
        for (const undo of open._rollbackLog.reverse()) undo();
        open._state = "finished";
      }
      raw.transactions = [];
      raw.connections = [];
    }
  }

  /** The same content in storage of its own. With `beside`, cookies and page cache are those of that disk. */
  copy(beside: Disk = this): Disk {
    const twin = new Disk();
    for (const [name, raw] of this.#databases) twin.#databases.set(name, copied(raw));
    for (const [name, value] of beside.cookies) twin.cookies.set(name, value);
    for (const [name, value] of beside.pages) twin.pages.set(name, value);
    return twin;
  }

  /** Take one database from another disk as it stands there; it is gone when it is not there. */
  take(database: string, from: Disk): void {
    const raw = from.#databases.get(database);
    if (raw) this.#databases.set(database, copied(raw));
    else this.#databases.delete(database);
  }

  /** Change one stored value behind everybody's back. */
  rot(database: string, store: string, at: number, change: (value: unknown) => unknown): void {
    const raw = this.#databases.get(database)?.rawObjectStores.get(store);
    const row = raw && [...raw.records.values()][at];
    if (row) row.value = change(structuredClone(row.value));
  }
}

function copied(raw: RawDatabase): RawDatabase {
  const twin = new (madeLike(raw))(raw.name, raw.version);
  for (const [name, store] of raw.rawObjectStores) {
    const other = new (madeLike(store))(twin, name, store.keyPath, store.autoIncrement);
    for (const [label, index] of store.rawIndexes) {
      const same = new (madeLike(index))(other, label, index.keyPath, index.multiEntry, index.unique);
      same.initialized = true;
      other.rawIndexes.set(label, same);
    }
    for (const { key, value } of store.records.values()) other.storeRecord({ key, value }, true);
    twin.rawObjectStores.set(name, other);
  }
  return twin;
}
