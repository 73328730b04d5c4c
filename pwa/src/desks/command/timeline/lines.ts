/**
 * The merged timeline as lines to read: what belongs together on one line, what stands boxed, what is missing, in which
 * order and of whom. Pure; the words are in `say.ts`.
 *
 * Nothing the centre holds is left out: a line that does not count says so, and a folded fact stands in its set's line.
 *
 *     lines(incident, { by: "event", of: null })   // [{ type: "entry", variant: "outside", … }, …]
 */

import { dayNumber } from "../../../ui/format";
import type { EntryVariant } from "../../../ui/TimelineEntry.vue";
import type { Entry, Hex, Incident, Milestone, View } from "../types";

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
      readonly until: number;
      readonly who: string;
    }
  | { readonly type: "missing"; readonly key: string; readonly kinds: readonly string[]; readonly order: Hex | null }
  | { readonly type: "day"; readonly key: string; readonly atMs: number }
  | { readonly type: "round"; readonly key: string; readonly round: number };

export interface Reading {
  /** By when it happened, or by when the centre got it. */
  readonly by: "event" | "received";
  /** Only what one person wrote or said, or what is about one order. */
  readonly of: { readonly person: Hex } | { readonly order: Hex } | null;
}

const COUNTED = new Set(["accepted", "accepted_late"]);
const ROAD = ["delivered", "signed", "departed", "arrived", "cleared"] as const;
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

function variantOf(entry: Entry, boxed: boolean): EntryVariant {
  if (entry.redacted) return "redacted";
  if (!counts(entry)) return "provisional";
  if (boxed) return "conflict";
  if (entry.t === "entry.correct") return "correction";
  if (isProxy(entry)) return "proxy";
  const source = (entry.value as { source?: unknown } | null)?.source;
  // another system's clock is told as that; only what our own people wrote can have come late
  if (entry.via === "import" || (entry.t === "incident.create" && source === "import")) return "outside";
  return entry.late_by !== null ? "late" : "plain";
}

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
    struck: claim?.standing === false || correction !== null,
    corrected: correction && { text: correction.text, by: correction.by },
    rival,
    after: afterOf(entry, view),
  };
}

/** One line per op, facts folded into the first op of their set unless they are in dispute. */
function folded(incident: Incident): EntryLine[] {
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

function isOf({ entry }: EntryLine, of: Reading["of"]): boolean {
  if (of === null) return true;
  return "person" in of ? entry.by === of.person || entry.said_by === of.person : entry.order === of.order;
}

/** Steps at the same moment stand in the order of the road. */
const onRoad = ({ kind }: Entry): number => ROAD.indexOf(kind as (typeof ROAD)[number]);
const never = Number.MAX_SAFE_INTEGER;
const SORT: Record<Reading["by"], (a: EntryLine, b: EntryLine) => number> = {
  event: (a, b) => a.entry.at - b.entry.at || onRoad(a.entry) - onRoad(b.entry) || a.key.localeCompare(b.key),
  received: ({ entry: a }, { entry: b }) =>
    (a.received_at ?? never) - (b.received_at ?? never) ||
    (a.idx ?? never) - (b.idx ?? never) ||
    a.op.localeCompare(b.op),
};

/** Steps that were never recorded though a later one was, by the op of that later step. */
function missingBefore(view: View): Map<Hex, { kinds: string[]; order: Hex | null }> {
  const found = new Map<Hex, { kinds: string[]; order: Hex | null }>();
  const roads = [
    ...view.orders.map(({ gaps, milestones, id }) => ({ gaps, milestones, order: id as Hex | null })),
    { gaps: view.gaps, milestones: view.milestones, order: null },
  ];
  for (const { gaps, milestones, order } of roads) {
    let run: string[] = [];
    for (const kind of ROAD) {
      const reached = milestones[kind];
      if (gaps.includes(kind)) run.push(kind);
      else if (reached && run.length > 0) {
        found.set(reached.op, { kinds: run, order });
        run = [];
      }
    }
  }
  return found;
}

/** The whole reading: entries in order, with silences, missing steps, days and rounds where they belong. */
export function lines(incident: Incident, reading: Reading): Line[] {
  const missing = missingBefore(incident.view);
  const shown = folded(incident)
    .filter((line) => isOf(line, reading.of))
    .sort(SORT[reading.by]);
  const result: Line[] = [];
  let day: number | null = null;
  let round = 0;
  for (const line of shown) {
    const { entry, facts } = line;
    const atMs = reading.by === "event" ? entry.at : (entry.received_at ?? entry.at);
    if (day !== null && dayNumber(atMs) !== day) result.push({ type: "day", key: `day/${entry.op}`, atMs });
    day = dayNumber(atMs);
    if (entry.t === "incident.reopen" && counts(entry)) {
      round += 1;
      result.push({ type: "round", key: `round/${entry.op}`, round });
    }
    const gap = [entry, ...facts].find(({ gap_before }) => gap_before !== null)?.gap_before;
    if (gap) result.push({ type: "silence", key: `gap/${entry.op}`, ...gap, who: entry.by_name });
    const lost = missing.get(entry.op);
    if (lost) result.push({ type: "missing", key: `missing/${entry.op}`, ...lost });
    result.push(line);
  }
  return result;
}

export interface Source {
  readonly value: string;
  readonly kind: "person" | "order";
  readonly id: Hex;
  readonly name: string;
}

/** Whom the timeline can be narrowed to: everyone who wrote or said something, in order of appearance. */
export function sources(incident: Incident): Source[] {
  const people = new Map<Hex, string>();
  for (const { by, by_name, said_by, said_by_name } of incident.timeline) {
    people.set(by, by_name);
    if (said_by !== null) people.set(said_by, said_by_name ?? "");
  }
  return [...people].map(([id, name]) => ({ value: `person/${id}`, kind: "person" as const, id, name }));
}

/** How many devices and desks wrote what is here. */
export function writers(incident: Incident): number {
  return new Set(incident.timeline.map(({ chain }) => chain)).size;
}
