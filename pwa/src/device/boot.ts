/**
 * Boot markers: one random id in three places of this browser, so that storage that was set back in part is noticed at the
 * next start, without a network (SPEC FK9).
 *
 * Responsible for comparing what the places hold and for writing a fresh id to all of them. A place that cannot keep one (a
 * browser without cookies) does not count. Refuses to decide what follows; and a crash between two places is no disagreement,
 * because the id before the last is remembered too.
 *
 *     if (!(await sameStorage(vault))) await leaving.leave("storage");
 */
import { toHex } from "../sync/ids";
import type { Vault } from "./vault";

/** Somewhere that can keep one short text. */
export interface Place {
  readonly name: string;
  read(): Promise<string | null>;
  write(id: string): Promise<void>;
}

interface Boot {
  id: string;
  before: string | null;
  /** Places that gave the id back when it had been written. */
  kept: string[];
}

const META = "boot";
const COOKIE = "ortoo_boot";
const CACHE = "ortoo-boot";
const CACHE_URL = "/ortoo-boot";
/** The longest that browsers keep a cookie. */
const COOKIE_S = 400 * 86_400;

const cookie: Place = {
  name: "cookie",
  async read() {
    const found = document.cookie.split("; ").find((one) => one.startsWith(`${COOKIE}=`));
    return found ? found.slice(COOKIE.length + 1) : null;
  },
  async write(id) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    // biome-ignore lint/suspicious/noDocumentCookie: the cookie store is not there in every browser that serves
    document.cookie = `${COOKIE}=${id}; Path=/; Max-Age=${COOKIE_S}; SameSite=Strict${secure}`;
  },
};

const pageCache: Place = {
  name: "cache",
  async read() {
    return (await (await caches.open(CACHE)).match(CACHE_URL))?.text() ?? null;
  },
  async write(id) {
    await (await caches.open(CACHE)).put(CACHE_URL, new Response(id));
  },
};

/** The places of this browser, beside the vault. */
export function places(): Place[] {
  return [...(typeof caches === "undefined" ? [] : [pageCache]), ...(typeof document === "undefined" ? [] : [cookie])];
}

/** Whether every place that kept the last id still holds it, or the one before. Writes a fresh id everywhere. */
export function sameStorage(vault: Vault, where: readonly Place[] = places()): Promise<boolean> {
  // Tabs that start together go one after the other.
  if (typeof navigator === "undefined" || !navigator.locks) return compare(vault, where);
  return navigator.locks.request("ortoo-boot", () => compare(vault, where));
}

async function compare(vault: Vault, where: readonly Place[]): Promise<boolean> {
  const last = await vault.meta<Boot>(META);
  const held = await all(where);
  const isKnown = (id: string | null): boolean => id !== null && (id === last?.id || id === last?.before);
  const same = last?.kept.every((name) => isKnown(held.get(name) ?? null)) ?? true;
  const boot: Boot = {
    id: toHex(crypto.getRandomValues(new Uint8Array(8))),
    before: last?.id ?? null,
    kept: last?.kept ?? [],
  };
  try {
    await vault.setMeta(META, boot);
    for (const place of where) await place.write(boot.id).catch(() => undefined);
    const written = await all(where);
    const kept = [...written].filter(([, id]) => id === boot.id).map(([name]) => name);
    if (kept.join() !== boot.kept.join()) await vault.setMeta(META, { ...boot, kept });
  } catch {
    // The vault takes no write now. Had it taken the first of the two, nothing would be lost by the second.
  }
  return same;
}

/** Whether a phone was started in this browser before, whatever became of its vault. */
export async function startedBefore(where: readonly Place[] = places()): Promise<boolean> {
  return [...(await all(where)).values()].some((id) => id !== null);
}

async function all(where: readonly Place[]): Promise<Map<string, string | null>> {
  const held = new Map<string, string | null>();
  for (const place of where) held.set(place.name, await place.read().catch(() => null));
  return held;
}
