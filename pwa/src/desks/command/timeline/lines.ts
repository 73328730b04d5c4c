/**
 * The entries of the merged timeline as lines: what belongs together on one line, and what stands boxed. Pure; their order
 * is in `reading.ts`, the words in `say.ts`.
 *
 * Nothing the centre holds is left out: a line that does not count says so, and a folded fact stands in its set's line.
 *
 *     folded(incident)[0]   // { type: "entry", variant: "outside", … }
 */
import type { EntryVariant } from "../../../ui/TimelineEntry.vue";
import type { AsOfBy, Entry, Hex, Incident, Milestone, View } from "../types";

export interface EntryLine {
  readonly type: "entry";
  readonly key: string;
  readonly entry: Entry;
  /** Facts written in the same set, told on the same line. */
  readonly facts: readonly Entry[];
  readonly variant: EntryVariant;
  /** It was taken back, ruled out or corrected; it stays, struck. */
  readonly struck: boolean;
  /** What stands beside an entry that was corrected. */
  readonly corrected: { readonly text: string; readonly by: Hex } | null;
  /** What a correction corrects, as it was said. */
  readonly was: string | null;
  /** The other statement about the same step that counts instead, when there is one. */
  readonly rival: Milestone | null;
  /** How long after the step before it, in ms, when the road says so. */
  readonly after: {
    readonly from: "issued" | "delivered" | "signed" | "departed" | "arrived";
    readonly ms: number;
  } | null;
}
export type Line =
  | EntryLine
  | {
      readonly type: "silence";
      readonly key: string;
      readonly since: number;
      readonly until: number | null;
      readonly who: string;
      /** As of when one that lasts is told; now, when it is not given. */
      readonly toldMs?: number;
    }
  | { readonly type: "missing"; readonly key: string; readonly kinds: readonly string[]; readonly order: Hex | null }
  | { readonly type: "day"; readonly key: string; readonly atMs: number }
  /** Below it stands what was not yet known at that moment, or had not happened. */
  | { readonly type: "cut"; readonly key: string; readonly ms: number; readonly by: AsOfBy }
  | { readonly type: "round"; readonly key: string; readonly round: number };

const COUNTED = new Set(["accepted", "accepted_late"]);
export const ROAD = ["delivered", "signed", "departed", "arrived", "cleared"] as const;
/** From which step each step is measured on a line; arrival counts from the order (C5). */
const MEASURED = {
  delivered: "issued",
  signed: "delivered",
  departed: "signed",
  arrived: "issued",
  cleared: "arrived",
  feedback: "arrived",
} as const;
/** Statements this far apart about one step are two statements; closer ones are the same seen twice. */
const APART_MS = 60_000;
/** What is written down, or comes, within a minute is on time (SPEC ST4, ST5). */
const LATE_MS = 60_000;

/** Whether the centre counts it; a record not ruled yet is on its way and shown like one that counts. */
export const counts = (entry: Entry): boolean => entry.decision === null || COUNTED.has(entry.decision);
export const isProxy = ({ t, via, said_by, by }: Entry): boolean =>
  t === "milestone.claim" && (via === "radio" || via === "phone") && said_by !== null && said_by !== by;

/** Live values of facts that have more than one: both are kept and want a decision. */
function disputed(view: View): Set<Hex> {
  return new Set(
    Object.values(view.fields)
      .filter((values) => values.length > 1)
      .flatMap((values) => values.map(({ op }) => op)),
  );
}

type Claim = View["claims"][number];
/** Whom a claim is about: who said it by radio, else who wrote it. */
const subject = (claim: Milestone): Hex => claim.said_by ?? claim.by;

/**
 * The statement that counts instead of this one, when they are about the same step of the same person. An order to one
 * person has one road, whoever speaks of it; of a unit or a car everybody has a road of their own.
 */
function rivalOf(entry: Entry, view: View): Milestone | null {
  const claim = view.claims.find(({ op }) => op === entry.op);
  if (!claim?.counts || claim.kind === "feedback") return null;
  const toPerson = view.orders.find(({ id }) => id === claim.order)?.to[0] === "person";
  const same = (one: Claim): boolean =>
    one.counts &&
    one.kind === claim.kind &&
    one.round === claim.round &&
    one.order === claim.order &&
    (toPerson || subject(one) === subject(claim));
  const earliest = view.claims.filter(same).sort((a, b) => a.at - b.at || a.op.localeCompare(b.op))[0];
  return earliest && earliest.op !== claim.op ? earliest : null;
}

function afterOf(entry: Entry, view: View): EntryLine["after"] {
  const kind = entry.kind as keyof typeof MEASURED;
  const order = view.orders.find(({ id }) => id === entry.order);
  if (entry.t !== "milestone.claim" || !(kind in MEASURED) || !order || order.milestones[kind]?.op !== entry.op)
    return null;
  const from = MEASURED[kind];
  const start = from === "issued" ? order.issued_at : order.milestones[from]?.at;
  return start === undefined || entry.at < start ? null : { from, ms: entry.at - start };
}

/** By how much it was written down after it happened, and by how much it came after that: each in ms when over a minute. */
export function lateness({ at, written_at, received_at }: Entry): { written: number | null; came: number | null } {
  const written = written_at - at;
  const came = received_at === null ? 0 : received_at - Math.max(written_at, at);
  return { written: written > LATE_MS ? written : null, came: came > LATE_MS ? came : null };
}

function variantOf(entry: Entry, boxed: boolean): EntryVariant {
  if (entry.redacted) return "redacted";
  if (!counts(entry)) return "provisional";
  if (boxed) return "conflict";
  if (entry.t === "entry.correct") return "correction";
  if (isProxy(entry)) return "proxy";
  const source = (entry.value as { source?: unknown } | null)?.source;
  // another system's clock is told as that; only what our own people wrote can have come late
  if (entry.via === "import" || (entry.t === "incident.create" && source === "import")) return "outside";
  return lateness(entry).came !== null ? "late" : "plain";
}

/** A call that was noted by mistake (SPEC CK9): it counts, and is none of the calls. */
const isTakenBack = (entry: Entry, view: View): boolean =>
  entry.t === "callback.attempt" && counts(entry) && !view.callbacks.some(({ op }) => op === entry.op);

function lineOf(entry: Entry, facts: readonly Entry[], view: View, apart: ReadonlySet<Hex>): EntryLine {
  const rival = rivalOf(entry, view);
  const claim = view.claims.find(({ op }) => op === entry.op);
  const correction = view.entries.find(({ op }) => op === entry.op)?.correction ?? null;
  const boxed = apart.has(entry.op) || (rival !== null && Math.abs(rival.at - entry.at) >= APART_MS);
  return {
    type: "entry",
    key: entry.op,
    entry,
    facts,
    variant: variantOf(entry, boxed),
    struck: claim?.standing === false || correction !== null || isTakenBack(entry, view),
    corrected: correction && { text: correction.text, by: correction.by },
    was: entry.t === "entry.correct" ? (view.entries.find(({ op }) => op === entry.about)?.text ?? null) : null,
    rival,
    after: afterOf(entry, view),
  };
}

/** One line per op, in the order of the answer: facts folded into the first op of their set unless they are in dispute. */
export function folded(incident: Incident): EntryLine[] {
  const apart = disputed(incident.view);
  const heads = new Map<Hex, Entry>();
  const facts = new Map<Hex, Entry[]>();
  const byOp = [...incident.timeline].sort((a, b) => a.op.localeCompare(b.op));
  for (const entry of byOp) {
    const head = heads.get(entry.set);
    if (!head || (head.t === "fact.set" && entry.t !== "fact.set")) heads.set(entry.set, entry);
  }
  for (const entry of byOp) {
    const head = heads.get(entry.set);
    if (entry.t !== "fact.set" || entry === head || apart.has(entry.op)) continue;
    facts.set(entry.set, [...(facts.get(entry.set) ?? []), entry]);
  }
  return incident.timeline
    .filter((entry) => !facts.get(entry.set)?.includes(entry))
    .map((entry) =>
      lineOf(entry, heads.get(entry.set) === entry ? (facts.get(entry.set) ?? []) : [], incident.view, apart),
    );
}
