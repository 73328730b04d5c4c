/**
 * The merged timeline of one incident as a device holds it: every op as one entry, whatever became of it (SPEC ST, RL3,
 * RL4). Mirrors `sync/incident/timeline.py`. It chooses no words.
 *
 *     timeline(state.items)   // by event time, then op id; held, rejected and pending ones among them
 */
import type { Value } from "../canon";
import { byTime, type Item } from "../fold";

export interface TimelineItem {
  readonly op: Uint8Array;
  readonly key: string;
  readonly t: string;
  readonly kind: string | null;
  readonly at: number;
  readonly receivedAt: number | null;
  readonly lateBy: number | null;
  readonly flags: readonly string[];
  readonly by: Uint8Array;
  readonly saidBy: Uint8Array | null;
  readonly via: string | null;
  readonly order: Uint8Array | null;
  /** The op it speaks of: a corrected entry, a withdrawn or disputed claim. */
  readonly about: Uint8Array | null;
  readonly field: string | null;
  readonly fields: { readonly [field: string]: Value };
  readonly text: string | null;
  readonly why: string | null;
  readonly decision: string | null;
  readonly pending: boolean;
}

const text = (value: Value | undefined): string | null => (typeof value === "string" ? value : null);
const bytes = (value: Value | undefined): Uint8Array | null => (value instanceof Uint8Array ? value : null);

export function timeline(items: readonly Item[]): TimelineItem[] {
  return [...items].sort(byTime).map(entryOf);
}

function entryOf(item: Item): TimelineItem {
  const { fields } = item;
  const data = fields["data"];
  const inner =
    data !== null && typeof data === "object" && !Array.isArray(data) && !(data instanceof Uint8Array)
      ? data["text"]
      : undefined;
  return {
    op: item.op,
    key: item.key,
    t: item.t,
    kind: text(fields["kind"]),
    at: item.occurredAtMs,
    receivedAt: item.atMs,
    lateBy: item.lateByMs,
    flags: item.flags,
    by: item.user,
    saidBy: bytes(fields["by"]),
    via: text(fields["via"]),
    order: bytes(fields["order"]),
    about: bytes(fields["entry"]) ?? bytes(fields["claim"]),
    field: text(fields["f"]),
    fields,
    text: text(fields["text"]) ?? text(inner),
    why: item.why ?? text(fields["why"]),
    decision: item.decision,
    pending: item.atMs === null,
  };
}
