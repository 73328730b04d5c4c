/**
 * Which things have sounded at a seat in this browser, so that each does so once however many walls stand open.
 *
 * A page claims what it is about to sound in one transaction of IndexedDB: those are in order across all pages, which
 * `localStorage` is not, and two walls whose clocks step in the same millisecond do not both get a thing. Refuses to know
 * what is a reason for a sound. A browser that keeps nothing gives everything: rather twice than never.
 *
 *     const mine = await claim(person.id, things, now);   // those of them that nobody had claimed
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { type Happening, LATE_MS } from "./sounding";

interface Shape extends DBSchema {
  /** [seat, key of the thing] to when it happened. */
  heard: { key: [string, string]; value: number };
}

let opened: Promise<IDBPDatabase<Shape>> | null = null;
const forget = (): void => {
  opened = null;
};

function open(): Promise<IDBPDatabase<Shape>> {
  opened ??= openDB<Shape>("ortoo-heard", 1, {
    upgrade: (db) => void db.createObjectStore("heard"),
    terminated: forget,
  });
  opened.catch(forget);
  return opened;
}

async function take(seat: string, things: readonly Happening[], nowMs: number): Promise<Happening[]> {
  const tx = (await open()).transaction("heard", "readwrite");
  const mine: Happening[] = [];
  for (const thing of things) {
    if ((await tx.store.getKey([seat, thing.key])) !== undefined) continue;
    await tx.store.put(thing.atMs, [seat, thing.key]);
    mine.push(thing);
  }
  // what is late makes no sound any more, so nobody asks about it
  for await (const old of tx.store) if (nowMs - old.value > LATE_MS) await old.delete();
  await tx.done;
  return mine;
}

/** Those of the things that no page of this seat has claimed before; from now on they are claimed. */
export async function claim(seat: string, things: readonly Happening[], nowMs: number): Promise<Happening[]> {
  try {
    return await take(seat, things, nowMs);
  } catch {
    return [...things];
  }
}
