/**
 * One incident out of everything this phone holds about it: pulled lines with their rulings, and own sets that have none
 * yet. Pure but for hashing.
 *
 * Responsible for counting every set once, under its ruling when there is one (SPEC CE, ST1). Refuses to read storage.
 *
 *     (await foldIncident(id, await cache.entriesOf(id), await vault.ownOf(id)))?.view;
 */
import { isRefusal, readSet } from "../sync/changeset";
import { type Item, itemsOf } from "../sync/fold";
import { fromHex } from "../sync/ids";
import { IncidentState, type View } from "../sync/incident/state";
import { readRuling } from "../sync/rulings";
import type { Entry } from "./cache";
import type { OwnSet } from "./vault";

export interface Folded {
  items: Item[];
  view: View;
}

/** Null when nothing readable is known. The same set may come along several scopes. */
export async function foldIncident(
  id: string,
  entries: readonly Entry[],
  own: readonly OwnSet[],
): Promise<Folded | null> {
  const items: Item[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    if (!entry.raw || seen.has(entry.set)) continue;
    const set = await readSet(entry.raw);
    if (isRefusal(set)) continue;
    seen.add(entry.set);
    items.push(...itemsOf(set, readRuling(entry.ruling)));
  }
  for (const one of own) {
    if (seen.has(one.id)) continue;
    const set = await readSet(one.raw);
    if (isRefusal(set)) continue;
    seen.add(one.id);
    items.push(...itemsOf(set, null));
  }
  if (items.length === 0) return null;
  const state = new IncidentState(fromHex(id));
  state.add(items);
  return { items, view: state.view() };
}
