/**
 * The reviewer's queue and one decision: what is shown in which order, what keeps a review from being signed, and what is
 * sent. Pure.
 *
 *     lacks({ ...BLANK, verdict: "return" })   // "faults"
 */
import type { Fault } from "../../sync/incident/kinds";
import type { Feedback, Incident, Late, Queue, ReviewRow } from "./types";

export type Section = "waiting" | "returned" | "overdue" | "delays" | "drills";

/** One line of the queue; `key` names it for as long as it waits for the same thing. */
export interface Item {
  readonly key: string;
  readonly section: Section;
  readonly incident: string;
  readonly title: string;
  readonly number: string;
  readonly place: string;
  readonly exercise: boolean;
  readonly dueMs: number | null;
  readonly clock: string | null;
  /** What was said of the delay, when it is overdue. */
  readonly reason: string | null;
}

const ofRow = (section: Section, row: ReviewRow): Item => ({
  key: `${section}/${row.incident}`,
  section,
  incident: row.incident,
  title: row.title,
  number: row.number ?? row.tag,
  place: row.place,
  exercise: row.exercise,
  dueMs: row.due_ms,
  clock: null,
  reason: null,
});
const ofLate = (row: Late): Item => ({
  key: `overdue/${row.incident}/${row.clock}`,
  section: "overdue",
  incident: row.incident,
  title: row.title,
  number: row.number ?? row.tag,
  place: row.place,
  exercise: row.exercise,
  dueMs: row.due_ms,
  clock: row.clock,
  reason: row.delays.at(-1)?.text ?? null,
});

export const SECTIONS: readonly Section[] = ["waiting", "returned", "overdue", "delays", "drills"];

/** Everything that waits, section by section, each as the centre ordered it; drills stand apart at the end. */
export function itemsOf(queue: Queue | null): Item[] {
  if (!queue) return [];
  const all = [
    ...queue.waiting.map((row) => ofRow("waiting", row)),
    ...queue.returned.map((row) => ofRow("returned", row)),
    ...queue.overdue.map(ofLate),
    ...queue.delays.map((row) => ofRow("delays", row)),
  ];
  const drills = all.filter(({ exercise }) => exercise).map((item) => ({ ...item, section: "drills" as const }));
  return [...all.filter(({ exercise }) => !exercise), ...drills];
}

/** The line that has the keyboard after the list changed: the same one, else the one now in its place. */
export function stay(items: readonly Item[], current: string | null, lastAt: number): string | null {
  if (items.some(({ key }) => key === current)) return current;
  return items[Math.min(lastAt, items.length - 1)]?.key ?? null;
}

/** The feedback to decide about: of the current round, that which waits, else that which was reviewed last. */
export function toReview(incident: Incident): Feedback | null {
  const current = incident.view.feedback.filter((one) => one.current && one.round === incident.view.round);
  const reviewed = (one: Feedback): number => one.review?.at ?? 0;
  return current.find(({ review }) => review === null) ?? current.sort((a, b) => reviewed(b) - reviewed(a))[0] ?? null;
}

export type Verdict = "pass" | "return";
export interface Draft {
  verdict: Verdict | null;
  faults: Fault[];
  score: string;
  text: string;
  nature: string | null;
  natureWhy: string;
}
export const BLANK: Draft = { verdict: null, faults: [], score: "", text: "", nature: null, natureWhy: "" };

/** A score as a number; null when nothing, or nothing usable, was typed. */
export function scoreOf(draft: Draft): number | null {
  const typed = draft.score.trim();
  return /^\d{1,3}$/.test(typed) && Number(typed) <= 100 ? Number(typed) : null;
}

export type Lack = "verdict" | "faults" | "text" | "score" | "natureWhy";
/** What keeps it from being signed, the first thing first. */
export function lacks(draft: Draft): Lack | null {
  if (draft.verdict === null) return "verdict";
  if (draft.verdict === "return" && draft.faults.length === 0) return "faults";
  if (draft.faults.includes("other") && draft.text.trim() === "") return "text";
  if (draft.score.trim() !== "" && scoreOf(draft) === null) return "score";
  return draft.nature !== null && draft.natureWhy.trim() === "" ? "natureWhy" : null;
}

/** The review as the centre takes it, with the nature in the same signed record. */
export function moveOf(draft: Draft, claim: string) {
  const score = scoreOf(draft);
  const text = draft.text.trim();
  return {
    move: "review_feedback",
    claim,
    verdict: draft.verdict,
    faults: draft.faults,
    ...(score !== null && { score }),
    ...(text && { text }),
    ...(draft.nature !== null && { nature: draft.nature, nature_why: draft.natureWhy.trim() }),
  } as const;
}

/** A fault on or off, in the order of the checklist. */
export function toggled(faults: readonly Fault[], fault: Fault, all: readonly Fault[]): Fault[] {
  const on = faults.includes(fault) ? faults.filter((one) => one !== fault) : [...faults, fault];
  return all.filter((one) => on.includes(one));
}

export type Prompt =
  | "parties"
  | "mediation"
  | "injuries"
  | "plates"
  | "blame"
  | "loss"
  | "traces"
  | "family"
  | "whereabouts"
  | "cause"
  | "helped";
const PROMPTS: readonly { readonly codes: readonly string[]; readonly prompts: readonly Prompt[] }[] = [
  { codes: ["dispute", "fight", "quarrel", "noise", "nuisance"], prompts: ["parties", "mediation", "injuries"] },
  { codes: ["traffic", "accident", "road"], prompts: ["plates", "blame", "injuries"] },
  { codes: ["theft", "stolen", "rustling", "fraud", "scam"], prompts: ["loss", "traces", "parties"] },
  { codes: ["missing", "lost", "livestock", "stray"], prompts: ["whereabouts", "family"] },
  { codes: ["fire", "grassfire", "injury", "medical", "illness"], prompts: ["cause", "injuries", "loss"] },
];
/** What the account of an incident of this category should tell; the reader looks for it. */
export function promptsOf(category: string): readonly Prompt[] {
  const found = PROMPTS.find(({ codes }) => codes.some((code) => category === code || category.startsWith(`${code}_`)));
  return found?.prompts ?? ["parties", "helped"];
}

export type Check = "steps" | "result" | "account" | "nature" | "counts" | "fits";
/** What can be told from the record itself, each met or not. */
export function checks(incident: Incident, feedback: Feedback): { readonly check: Check; readonly ok: boolean }[] {
  const has = (field: string): boolean => (incident.view.fields[field] ?? []).length > 0;
  const codes = new Set(incident.remarks.map(({ code }) => code));
  const fits = [
    "step_before",
    "step_after_close",
    "feedback_before_arrival",
    "two_statements",
    "counts_contradict",
    "result_differs",
  ];
  return [
    { check: "steps", ok: !codes.has("step_missing") && "arrived" in incident.view.milestones },
    { check: "result", ok: feedback.result !== null || has("result") },
    { check: "account", ok: (feedback.text ?? "").trim() !== "" },
    { check: "nature", ok: has("nature") || incident.view.nature.ruled !== null },
    { check: "counts", ok: has("casualties") },
    { check: "fits", ok: !fits.some((code) => codes.has(code)) },
  ];
}

/** Remarks that say something beside the feedback itself, which lies in front of the reader. */
export const remarksBeside = (incident: Incident) =>
  incident.remarks.filter(({ code }) => code !== "feedback_unreviewed" && code !== "feedback_returned");
