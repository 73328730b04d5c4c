/**
 * What a push has to say, and what pages and the service worker leave for each other in the browser's cache storage,
 * where both can read: the language of a notification, and the last test that arrived. Nothing about an incident lies there.
 *
 *     await arrived({ test: "6f…", atMs: Date.now() });        // the worker
 *     (await lastArrived())?.test === sent.test;               // the page
 */

/** The text of a push (`server/push/message.py`). */
export interface Told {
  what: string;
  incident?: string;
  order?: string;
  test?: string;
}

/** What the worker tells open pages. */
export type Word = { type: "knock" } | { type: "open"; incident: string | null };

export interface Arrived {
  test: string;
  atMs: number;
}

const CACHE = "ortoo-push";
const ID = /^[0-9a-f]{32}$/;

async function keep(name: string, value: unknown): Promise<void> {
  await (await caches.open(CACHE)).put(`/ortoo-push/${name}`, new Response(JSON.stringify(value)));
}
async function kept<T>(name: string): Promise<T | null> {
  const found = await caches.match(`/ortoo-push/${name}`, { cacheName: CACHE });
  return found ? ((await found.json()) as T) : null;
}

export const arrived = (one: Arrived): Promise<void> => keep("arrived", one);
export const lastArrived = (): Promise<Arrived | null> => kept<Arrived>("arrived");
export const speakIn = (language: string): Promise<void> => keep("language", language);
export const spoken = async (): Promise<string> => (await kept<string>("language")) ?? "zh-CN";

/** What a push says, from whatever came: ids that are ids, and nothing else. */
export function readTold(text: string | undefined): Told {
  let said: unknown = null;
  try {
    said = JSON.parse(text ?? "");
  } catch {
    // Something knocked: that is worth a look, whatever it said.
  }
  const map = (typeof said === "object" && said !== null ? said : {}) as Record<string, unknown>;
  const told: Told = { what: typeof map["what"] === "string" ? map["what"] : "order" };
  for (const name of ["incident", "order", "test"] as const) {
    const id = map[name];
    if (typeof id === "string" && ID.test(id)) told[name] = id;
  }
  return told;
}
