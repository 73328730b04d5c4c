/**
 * The cells: how values of one field merge (SPEC CE). Mirrors `sync/cells.py`; pure, over items that count.
 *
 *     multi(byField(writes).get("place") ?? [])   // every live write: one is the value, several are shown whole
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

/** Items apart by the field `f` they speak of. Fields are cells of their own: none reaches into another. */
export function byField(items: readonly Item[]): Map<string, Item[]> {
  const apart = new Map<string, Item[]>();
  for (const item of items) {
    const field = item.fields["f"] as string;
    const others = apart.get(field);
    if (others) others.push(item);
    else apart.set(field, [item]);
  }
  return apart;
}

/** Live writes of one field, all kept, in the order of the cells (CE1). A redacted write replaces and says nothing. */
export function multi(writes: readonly Item[]): Item[] {
  const replaced = predsOf(writes);
  return writes.filter(({ key, redaction }) => !replaced.has(key) && redaction === null).sort(byOrder);
}

/** One member of a set, with the op ids that hold it there: what a remove must name. */
export interface Member {
  v: Value;
  ops: Uint8Array[];
}

/**
 * Observed-remove set of one field: each distinct value of the adds that no remove names, by canonical bytes, with the
 * op ids that hold it there, ascending (CE2).
 */
export function members(adds: readonly Item[], removes: readonly Item[]): Member[] {
  const removed = predsOf(removes);
  const held = new Map<string, Member>();
  for (const { key, op, fields, redaction } of [...adds].sort((a, b) => ascending(a.key, b.key))) {
    if (removed.has(key) || redaction !== null) continue;
    const v = fields["v"] as Value;
    const bytes = toHex(encode(v));
    const member = held.get(bytes);
    if (member) member.ops.push(op);
    else held.set(bytes, { v, ops: [op] });
  }
  return [...held].sort(([a], [b]) => ascending(a, b)).map(([, member]) => member);
}

/** The write with the greatest stamp, then set id, then index (CE3). */
export function latest(writes: readonly Item[]): Item | null {
  return writes.reduce<Item | null>((best, next) => (best === null || byOrder(next, best) > 0 ? next : best), null);
}

/** The effective claim of a slot: the least event time, then op id (CE5). */
export function earliest(claims: readonly Item[]): Item | null {
  return claims.reduce<Item | null>((best, next) => (best === null || byTime(next, best) < 0 ? next : best), null);
}
