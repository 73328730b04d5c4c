/**
 * What waits for a ruling as one list, the choices for each line, and what a choice sends. Pure.
 *
 * Knows what people may do (SPEC AU) only to offer it; the centre judges everything again. Rules on nothing itself.
 *
 *     waiting(conflicts, queue, { show: "all", order: "effect" })[0]   // { type: "step", key: "6f…/arrived/0/…", … }
 *     decide(item, choices(item, me)[0], "甲有连续计时", me)              // [{ path: "/api/incidents/…/moves", body: … }]
 */
import type { Claim, Conflicts, Fact, Hex, Queue, QueuedSet, QueueKind, Said, Step, Summary } from "./types";

export interface FactItem {
  readonly type: "fact";
  readonly key: string;
  readonly incident: Summary;
  readonly fact: Fact;
}
export interface StepItem {
  readonly type: "step";
  readonly key: string;
  readonly incident: Summary;
  readonly step: Step;
}
export interface SetItem {
  readonly type: "set";
  readonly key: string;
  readonly incident: Summary | null;
  readonly set: QueuedSet;
}
export type Conflict = FactItem | StepItem;
export type Item = Conflict | SetItem;

export type Show = "all" | "conflicts" | QueueKind | "settled";
export interface Listing {
  readonly show: Show;
  readonly order: "effect" | "newest";
}

/** One side of a conflict, as the cards show it. */
export interface Statement {
  readonly said: Said;
  readonly value: unknown;
  readonly claim: Claim | null;
}

export function statements(item: Conflict): Statement[] {
  if (item.type === "fact") return item.fact.values.map(({ value, said }) => ({ said, value, claim: null }));
  return item.step.claims.map((claim) => ({ said: claim.said, value: null, claim }));
}

/** Whose words a statement is, whoever wrote it down. */
const witness = ({ said, claim }: Pick<Statement, "said" | "claim">): Hex => claim?.said_by ?? said.by;

/** When the newest of it came to the centre. */
export function arrivedAt(item: Item): number {
  if (item.type === "set") return item.set.received_at;
  return Math.max(...statements(item).map(({ said }) => said.received_at ?? said.at));
}

/** Facts that decide something: a time limit first, then what figures are counted by. */
const LIMITS = new Set(["tier", "level"]);
const COUNTED = new Set(["category", "result", "nature", "casualties", "rescued"]);

/** How much hangs on it, the most first: a clock, a limit, a figure, the rest; what only stands disputed comes last. */
function weight(item: Conflict): number {
  if (item.type === "step") return item.step.why === "contradictory" ? 0 : 4;
  return LIMITS.has(item.fact.f) ? 1 : COUNTED.has(item.fact.f) ? 2 : 3;
}
/** Commands that wait before what waits for nothing. */
const KIND_WEIGHT: Record<QueueKind, number> = { held: 0, compromised: 1, opaque: 2, rejected: 3 };

export function conflictsOf(found: Conflicts | null, order: Listing["order"]): Conflict[] {
  const items = (found?.incidents ?? []).flatMap(({ incident, facts, steps }): Conflict[] => [
    ...steps.map(
      (step): StepItem => ({
        type: "step",
        key: `${incident.id}/${step.kind}/${step.round}/${step.order ?? ""}`,
        incident,
        step,
      }),
    ),
    ...facts.map((fact): FactItem => ({ type: "fact", key: `${incident.id}/${fact.f}`, incident, fact })),
  ]);
  return items.sort(
    (a, b) =>
      (order === "effect" ? weight(a) - weight(b) : 0) || arrivedAt(b) - arrivedAt(a) || a.key.localeCompare(b.key),
  );
}

export function recordsOf(found: Queue | null, order: Listing["order"]): SetItem[] {
  const items = (found?.sets ?? []).map((set): SetItem => ({ type: "set", key: set.set, incident: set.incident, set }));
  return items.sort(
    (a, b) =>
      (order === "effect" ? KIND_WEIGHT[a.set.kind] - KIND_WEIGHT[b.set.kind] : 0) ||
      b.set.received_at - a.set.received_at ||
      a.key.localeCompare(b.key),
  );
}

/** Which of the list stays selected when it changed: the same, else what stands where it stood. */
export function stay(items: readonly Item[], key: string | null, wasAt: number): string | null {
  if (items.some((item) => item.key === key)) return key;
  return items[Math.min(Math.max(wasAt, 0), items.length - 1)]?.key ?? null;
}

export interface Me {
  readonly id: Hex;
  readonly roles: readonly string[];
}
/** Who may rule that a step somebody claimed does not stand (SPEC AU). */
const DISPUTERS = new Set(["commander", "supervisor", "reviewer"]);

export type ChoiceName = "prefer" | "keep" | "ask" | "admit" | "confirm" | "reject";
export interface Choice {
  readonly name: ChoiceName;
  /** Which statement `prefer` prefers. */
  readonly at: number;
  /** Why it cannot be chosen now; null when it can. */
  readonly barred: "authority" | "holds" | "struck" | "unreadable" | "unsigned" | "counts" | "nobody" | null;
}

export function choices(item: Item, me: Me): Choice[] {
  if (item.type === "set") return setChoices(item.set);
  const sides = statements(item);
  return [
    ...sides.map(
      (_side, at): Choice => ({ name: "prefer", at, barred: item.type === "step" ? stepBar(item.step, at, me) : null }),
    ),
    { name: "keep", at: -1, barred: item.type === "step" && item.step.why === "disputed" ? "holds" : null },
    { name: "ask", at: -1, barred: sides.every((side) => witness(side) === me.id) ? "nobody" : null },
  ];
}

function setChoices({ may, decision, kind, why, ops }: QueuedSet): Choice[] {
  const counts = decision === "accepted" || decision === "accepted_late";
  /** It can be read, but its device is not known here and neither is its key. */
  const unsigned = why === "unenrolled" && ops.length > 0;
  return [
    {
      name: counts && kind === "compromised" ? "confirm" : "admit",
      at: -1,
      barred: may.includes("admit") ? null : counts ? "counts" : unsigned ? "unsigned" : "unreadable",
    },
    { name: "reject", at: -1, barred: may.includes("reject") ? null : "counts" },
    { name: "ask", at: -1, barred: may.includes("ask") ? null : counts ? "counts" : "unreadable" },
  ];
}

/** As the centre tells contradictions: one person arrives once, a crew one after another. */
export const ONE_PERSON_MS = 180_000;
export const CREW_MS = 900_000;

/** The claims that cannot stand beside the preferred one: earlier ones, for the earliest counts, and those too far from it. */
export function falling(step: Step, at: number): Claim[] {
  const chosen = step.claims[at];
  if (!chosen) return [];
  return step.claims.filter((claim, index) => {
    if (index === at || !claim.standing) return false;
    const apart = Math.abs(claim.said.at - chosen.said.at);
    return (
      claim.said.at < chosen.said.at ||
      apart >
        (witness({ said: claim.said, claim }) === witness({ said: chosen.said, claim: chosen })
          ? ONE_PERSON_MS
          : CREW_MS)
    );
  });
}

function stepBar(step: Step, at: number, me: Me): Choice["barred"] {
  if (!step.claims[at]?.standing) return "struck";
  const fall = falling(step, at);
  if (fall.length === 0) return "holds";
  const disputes = me.roles.some((role) => DISPUTERS.has(role));
  return disputes || fall.every(({ said }) => said.by === me.id) ? null : "authority";
}

export interface Sending {
  readonly path: string;
  readonly body: unknown;
}

/** What a choice sends, in order. `text` is the reason, or the question to the authors. */
export function decide(item: Item, choice: Choice, text: string, me: Me): Sending[] {
  if (item.type === "set") {
    const verb = choice.name === "confirm" ? "admit" : choice.name;
    return [{ path: `/api/rulings/${item.set.set}/${verb}`, body: { text } }];
  }
  const path = `/api/incidents/${item.incident.id}/moves`;
  const about = statements(item).map(({ said }) => said.op);
  if (choice.name === "keep") return [{ path, body: { move: "keep_both", about, why: text } }];
  if (choice.name === "ask") return [{ path, body: { move: "ask_about", about, text } }];
  if (item.type === "fact") {
    const v = item.fact.values[choice.at]?.value;
    return [{ path, body: { move: "resolve", f: item.fact.f, v, preds: item.fact.preds, why: text } }];
  }
  return falling(item.step, choice.at).map(({ said }) => ({
    path,
    body: { move: said.by === me.id ? "withdraw_claim" : "dispute", claim: said.op, why: text },
  }));
}

/** The people a question about a conflict goes to, each once: who said it, also where another wrote it down. */
export function askedPeople(item: Conflict, me: Me): string[] {
  const others = statements(item).filter((side) => witness(side) !== me.id);
  const names = others.map(({ said, claim }) => (claim?.said_by ? (claim.said_by_name ?? "") : said.by_name));
  return [...new Set(names.filter((name) => name !== ""))];
}
