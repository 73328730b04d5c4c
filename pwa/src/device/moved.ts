/**
 * Incidents of mine that were given to another station, so that whoever misses one learns where it went: all that is kept of
 * them is a number, the station and the time, out of the line that took them away (SPEC SC6).
 *
 *     await moved.note([{ entity, ruling }], incidents);
 *     moved.known.get(entity);      // { number: "260312-0007", to: station, atMs }, reactive
 */
import { shallowReactive } from "vue";
import type { Ruling } from "../sync/rulings";
import type { Cache } from "./cache";
import type { Incident } from "./views";

export interface Moved {
  id: string;
  number: string | null;
  /** The station that has it now, hex; null where the line does not say. */
  to: string | null;
  atMs: number;
}

const MOVED = "moved";
/** The newest; older ones nobody looks for. */
const MOST = 20;

export class MovedAway {
  readonly known = shallowReactive(new Map<string, Moved>());
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  /** What the cache knows, also where another tab wrote it. */
  async load(): Promise<void> {
    this.known.clear();
    for (const one of (await this.#cache.meta<Moved[]>(MOVED)) ?? []) this.known.set(one.id, one);
  }

  /** These lines took incidents away; of those that are `shown` somebody will want to know. */
  async note(
    left: readonly { entity: string; ruling: Ruling }[],
    shown: { get(id: string): Incident | undefined },
  ): Promise<void> {
    for (const { entity, ruling } of left) {
      const incident = shown.get(entity);
      if (!incident) continue;
      const to = /^station:([0-9a-f]{32})/.exec(String(ruling.payload["add"]))?.[1] ?? null;
      this.known.delete(entity);
      this.known.set(entity, { id: entity, number: incident.number ?? incident.tag, to, atMs: ruling.atMs });
    }
    if (left.length > 0) await this.#keep();
  }

  /** These are told of here again. */
  async back(ids: Iterable<string>): Promise<void> {
    const found = [...ids].filter((id) => this.known.delete(id));
    if (found.length > 0) await this.#keep();
  }

  async #keep(): Promise<void> {
    for (const id of [...this.known.keys()].slice(0, -MOST)) this.known.delete(id);
    await this.#cache.setMeta(MOVED, [...this.known.values()]);
  }
}
