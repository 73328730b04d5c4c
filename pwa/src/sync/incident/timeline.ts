/**
 * The merged timeline of one incident as a device holds it: every op as one entry, whatever became of it (SPEC ST, RL3,
 * RL4). Mirrors `sync/incident/timeline.py`. It chooses no words. A refused op may have any shape, so a field of the
 * wrong type is shown as none, never trusted.
 *
 *     timeline(state.items, state.view())   // by event time, then op id; held, rejected and pending ones among them
 */
import type { Value } from "../canon";
import { byTime, type Item, keyOf, type Redaction } from "../fold";
import type { Entry, View } from "./state";

export interface TimelineItem {
  readonly op: Uint8Array;
  readonly key: string;
  readonly t: string;
  readonly kind: string | null;
  readonly at: number;
  readonly receivedAt: number | null;
  readonly lateBy: number | null;
  /** Its author wrote it down more than a minute after it happened (ST5). */
  readonly lateEntry: boolean;
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
  /** A claim that no longer stands, or an entry that was corrected; `correction` is what stands beside it then. */
  readonly struck: boolean;
  readonly correction: Entry["correction"];
  /** By whom, on what ground and when its words were taken away (RD1). */
  readonly redacted: Redaction | null;
  readonly decision: string | null;
  readonly pending: boolean;
}

const text = (value: Value | undefined): string | null => (typeof value === "string" ? value : null);
const bytes = (value: Value | undefined): Uint8Array | null => (value instanceof Uint8Array ? value : null);
const ABOUT: Readonly<Record<string, string>> = {
  "entry.correct": "entry",
  "milestone.withdraw": "claim",
  "milestone.dispute": "claim",
  "feedback.review": "claim",
  "delay.answer": "entry",
  "callback.attempt": "rectify",
  "callback.withdraw": "attempt",
  "rectify.order": "attempt",
  "rectify.done": "rectify",
  "supervise.open": "attempt",
  "supervise.close": "supervise",
};

export function timeline(items: readonly Item[], view: Pick<View, "claims" | "entries">): TimelineItem[] {
  const fallen = new Set([
    ...view.claims.filter(({ standing }) => !standing).map(({ op }) => keyOf(op)),
    ...items
      .filter((item) => item.t === "callback.withdraw" && item.counts)
      .map(({ fields }) => keyOf(fields["attempt"])),
  ]);
  const corrections = new Map(view.entries.map(({ op, correction }) => [keyOf(op), correction]));
  return [...items].sort(byTime).map((item) => entryOf(item, fallen, corrections.get(item.key) ?? null));
}

function entryOf(item: Item, fallen: ReadonlySet<string>, correction: Entry["correction"]): TimelineItem {
  const { fields } = item;
  return {
    op: item.op,
    key: item.key,
    t: item.t,
    kind: text(fields["kind"]),
    at: item.occurredAtMs,
    receivedAt: item.atMs,
    lateBy: item.lateByMs,
    lateEntry: item.isLateEntry,
    flags: item.flags,
    by: item.user,
    saidBy: bytes(fields["by"]),
    via: text(fields["via"]),
    order: bytes(fields["order"]),
    about: bytes(fields[ABOUT[item.t] ?? ""]),
    field: text(fields["f"]),
    fields,
    text: text(fields["text"]) ?? text(saidIn(fields["data"])),
    why: item.why ?? text(fields["why"]),
    struck: fallen.has(item.key) || correction !== null,
    correction,
    redacted: item.redaction,
    decision: item.decision,
    pending: item.decision === null,
  };
}

/** The words of a feedback, which stand in its data. */
function saidIn(data: Value | undefined): Value | undefined {
  const isMap = typeof data === "object" && data !== null && !Array.isArray(data) && !(data instanceof Uint8Array);
  return isMap ? data["text"] : undefined;
}
