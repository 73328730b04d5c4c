/**
 * The cells: how values of one field merge (SPEC CE). Mirrors `sync/cells.py`; pure, over items that count.
 *
 *     multi(writes).get("place")   // every live value: one is the value, several are a conflict shown whole
 */
import { encode, type Value } from "./canon";
import { ascending, byOrder, byTime, type Item, keyOf } from "./fold";
import { toHex } from "./ids";

/** Every op id that the given items name as replaced. */
export function predsOf(items: readonly Item[]): Set<string> {
  const preds = new Set<string>();
  for (const { fields } of items)
    for (const pred of Array.isArray(fields["p"]) ? fields["p"] : []) preds.add(keyOf(pred));
  return preds;
}

/** Live values per field `f`, all kept, in the order of the cells (CE1). */
export function multi(writes: readonly Item[]): Map<string, Item[]> {
  const replaced = predsOf(writes);
  const live = new Map<string, Item[]>();
  for (const write of [...writes].sort(byOrder)) {
    if (replaced.has(write.key)) continue;
    const field = write.fields["f"] as string;
    const values = live.get(field);
    if (values) values.push(write);
    else live.set(field, [write]);
  }
  return live;
}

/** Observed-remove set: distinct values of adds that no remove names, by canonical bytes (CE2). */
export function members(adds: readonly Item[], removes: readonly Item[]): Value[] {
  const removed = predsOf(removes);
  const values = new Map<string, Value>();
  for (const { key, fields } of adds)
    if (!removed.has(key)) values.set(toHex(encode(fields["v"] as Value)), fields["v"] as Value);
  return [...values].sort(([a], [b]) => ascending(a, b)).map(([, value]) => value);
}

/** The write with the greatest stamp, then set id, then index (CE3). */
export function latest(writes: readonly Item[]): Item | null {
  return writes.reduce<Item | null>((best, next) => (best === null || byOrder(next, best) > 0 ? next : best), null);
}

/** The effective claim of a slot: the least event time, then op id (CE5). */
export function earliest(claims: readonly Item[]): Item | null {
  return claims.reduce<Item | null>((best, next) => (best === null || byTime(next, best) < 0 ? next : best), null);
}
