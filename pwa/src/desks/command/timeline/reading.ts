/**
 * The merged timeline as it is read: in the order things happened or came, of everyone or of one, with silences, missing
 * steps, days and rounds where they belong. Pure.
 *
 *     lines(incident, { by: "event", of: null })   // [{ type: "entry", variant: "outside", … }, …]
 */
import { dayNumber } from "../../../ui/format";
import type { Entry, Hex, Incident, Org, Silence, View } from "../types";
import { counts, type EntryLine, folded, type Line, ROAD } from "./lines";

export interface Reading {
  /** By when it happened, or by when the centre got it. */
  readonly by: "event" | "received";
  /** Only what one person or the people of a unit wrote or said, or what is about one order or the orders to a unit. */
  readonly of:
    | { readonly person: Hex }
    | { readonly order: Hex }
    | { readonly people: ReadonlySet<Hex>; readonly orders: ReadonlySet<Hex> }
    | null;
}

function isOf({ entry }: EntryLine, of: Reading["of"]): boolean {
  if (of === null) return true;
  if ("people" in of)
    return of.people.has(entry.by) || of.people.has(entry.said_by ?? "") || of.orders.has(entry.order ?? "");
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

/** Silences of whoever is read, in the order of the reading: where each began, or where it ended. */
function silencesOf(incident: Incident, reading: Reading, shown: readonly EntryLine[]): Silence[] {
  const chains = new Set(shown.map(({ entry }) => entry.chain));
  return incident.silences
    .filter(
      ({ chain, person }) =>
        reading.of === null || ("person" in reading.of && reading.of.person === person) || chains.has(chain),
    )
    .sort((a, b) => placeOf(a, reading.by) - placeOf(b, reading.by));
}
const placeOf = ({ since, until }: Silence, by: Reading["by"]): number => (by === "event" ? since : (until ?? never));
const silent = ({ chain, since, until, name }: Silence): Line => ({
  type: "silence",
  key: `silence/${chain}/${since}`,
  since,
  until,
  who: name,
});

/** The whole reading: entries in order, with silences, missing steps, days and rounds where they belong. */
export function lines(incident: Incident, reading: Reading): Line[] {
  const missing = missingBefore(incident.view);
  const shown = folded(incident)
    .filter((line) => isOf(line, reading.of))
    .sort(SORT[reading.by]);
  const silences = silencesOf(incident, reading, shown);
  const result: Line[] = [];
  let day: number | null = null;
  let round = 0;
  for (const line of shown) {
    const { entry } = line;
    const atMs = reading.by === "event" ? entry.at : (entry.received_at ?? entry.at);
    // what was heard as contact was lost stands before the silence, what came as it ended after it
    for (
      let next = silences[0];
      next && (reading.by === "event" ? next.since < atMs : placeOf(next, "received") <= atMs);
      next = silences[0]
    ) {
      result.push(silent(next));
      silences.shift();
    }
    if (day !== null && dayNumber(atMs) !== day) result.push({ type: "day", key: `day/${entry.op}`, atMs });
    day = dayNumber(atMs);
    if (entry.t === "incident.reopen" && counts(entry)) {
      round += 1;
      result.push({ type: "round", key: `round/${entry.op}`, round });
    }
    const lost = missing.get(entry.op);
    if (lost) result.push({ type: "missing", key: `missing/${entry.op}`, ...lost });
    result.push(line);
  }
  return [...result, ...silences.map(silent)];
}

export interface Choice {
  readonly value: string;
  readonly name: string;
}

/** Whom the timeline can be narrowed to: everyone who wrote or said something, in order of appearance. */
export function sources(incident: Incident): Choice[] {
  const people = new Map<Hex, string>();
  for (const { by, by_name, said_by, said_by_name } of incident.timeline) {
    people.set(by, by_name);
    if (said_by !== null) people.set(said_by, said_by_name ?? "");
  }
  return [...people].map(([id, name]) => ({ value: `person/${id}`, name }));
}

/** The units that have a part in it: their people wrote or were heard, or an order went to them. */
export function units(incident: Incident, org: Org | null): Choice[] {
  const heard = new Set(sources(incident).map(({ value }) => value));
  const ordered = new Set(incident.view.orders.map(({ to }) => to[1]));
  return (org?.units ?? [])
    .filter(
      ({ id }) => ordered.has(id) || peopleOf(org, id).some((one) => heard.has(`person/${one}`) || ordered.has(one)),
    )
    .map(({ id, name }) => ({ value: `unit/${id}`, name }));
}
const peopleOf = (org: Org | null, unit: Hex): Hex[] =>
  (org?.people ?? []).filter((one) => one.unit === unit).map(({ id }) => id);

/** What a choice narrows to: `unit/…`, `person/…`, `order/…`; anything else is everyone. */
export function narrowed(choice: string, incident: Incident, org: Org | null): Reading["of"] {
  const [kind, id = ""] = choice.split("/");
  if (kind === "person") return { person: id };
  if (kind === "order") return { order: id };
  if (kind !== "unit") return null;
  const people = new Set(peopleOf(org, id));
  const to = incident.view.orders.filter((order) => order.to[1] === id || people.has(order.to[1]));
  return { people, orders: new Set(to.map((order) => order.id)) };
}

/** How many devices and desks wrote what is here. */
export function writers(incident: Incident): number {
  return new Set(incident.timeline.map(({ chain }) => chain)).size;
}
