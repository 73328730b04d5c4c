/**
 * One incident out of everything this phone holds about it: pulled lines with their rulings, records of snapshots, and own
 * sets that have no ruling yet. Pure but for hashing.
 *
 * Responsible for counting every set once, under the ruling that stands when there is one (SPEC CE, RL6, HB3). Refuses to read
 * storage.
 *
 *     (await foldIncident(id, await cache.entriesOf(id), await vault.ownOf(id), await cache.recordsOf(id)))?.view;
 */
import { type ChangeSet, isRefusal, readSet } from "../sync/changeset";
import { type Item, itemsOf } from "../sync/fold";
import { fromHex, toHex } from "../sync/ids";
import { IncidentState, type View } from "../sync/incident/state";
import { COUNTED, KIND_SET, type Ruling, readRuling, standsOver } from "../sync/rulings";
import { itemsOfRecord, recordsIn } from "../sync/snapshot";
import type { Entry, Records } from "./cache";
import { type Answered, type OwnSet, type PushAnswer, REWRITTEN } from "./vault";

const answerTo = (own: OwnSet | Answered): PushAnswer | undefined => ("answer" in own ? own.answer : undefined);

export interface Folded {
  items: Item[];
  view: View;
}

/** Null when nothing readable is known. The same set may come along several scopes. */
export async function foldIncident(
  id: string,
  entries: readonly Entry[],
  own: readonly (OwnSet | Answered)[],
  begun: readonly Pick<Records, "packed">[],
): Promise<Folded | null> {
  const state = new IncidentState(fromHex(id));
  const recorded = new Set<string>();
  for (const record of begun.flatMap(({ packed }) => recordsIn(packed))) {
    recorded.add(toHex(record.set));
    state.add(itemsOfRecord(record));
  }
  const newest = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.raw && standsOver(entry.idx, newest.get(entry.set)?.idx ?? null)) newest.set(entry.set, entry);
  }
  for (const { raw, ruling } of newest.values()) {
    const set = await readSet(raw as Uint8Array);
    if (!isRefusal(set)) state.add(itemsOf(set, readRuling(ruling)));
  }
  for (const one of own) {
    if (newest.has(one.id) || recorded.has(one.id) || answerTo(one)?.r === REWRITTEN) continue;
    const set = await readSet(one.raw);
    if (!isRefusal(set)) state.add(itemsOf(set, refusalOf(one, set)));
  }
  const { items } = state;
  return items.length === 0 ? null : { items, view: state.view() };
}

/**
 * A refusal that this phone heard as the answer to a push, where it cannot read the ruling itself (that of a chain before it
 * was enrolled anew). Null for a set that may still count.
 */
function refusalOf(own: OwnSet | Answered, set: ChangeSet): Ruling | null {
  const { d = null, why = null, idx = null, atMs = null } = answerTo(own) ?? {};
  if (d === null || idx === null || atMs === null || COUNTED.has(d)) return null;
  return { idx, atMs, kind: KIND_SET, payload: { d, why, eff: set.header.hlc, flags: [], no: null } };
}
