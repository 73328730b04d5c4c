/**
 * What the officer's screens show, from incidents alone. Pure: no clock, no words, no storage.
 *
 * Responsible for: which incident asks for what (`Job`), in which order, and what the feedback can be filled in with.
 * Refuses to know how anything is drawn or written.
 *
 *     const jobs = jobsOf(incidents, me);
 *     ringing(jobs)[0]?.order.id;      // the order that fills the screen now
 */
import type { Loudness } from "../../device/alarm";
import {
  concerns,
  type Fact,
  type Feedback,
  forMe,
  type Incident,
  type Me,
  type Milestones,
  type Note,
  type Order,
  STEPS,
  type Step,
} from "../../device/views";
import { toHex } from "../../sync/ids";
import { stepsOf as nudgesOf, ON_PHONE } from "../../sync/incident/escalation";
import type { PolicyBook } from "../../sync/incident/policy";

/** What an order, or a self-received incident, asks of the officer. */
export type Stage = "sign" | "road" | "scene" | "report" | "done";

export interface Job {
  incident: Incident;
  /** Null for an incident of mine without an order for me. */
  order: Order | null;
  stage: Stage;
}

/** An order that waits to be signed, with what it needs to be shown. */
export type Ringing = Job & { order: Order };

const URGENCY: Record<Stage, number> = { sign: 0, road: 1, scene: 2, report: 3, done: 4 };
/** In whose name the centre writes that a step of the nudging plan was taken: nobody's. */
const CENTRE = "0".repeat(32);
const OVER = new Set(["closed", "withdrawn", "duplicate"]);
/** Nobody asks for feedback on these any more. */
const WITHOUT_FEEDBACK = new Set(["withdrawn", "duplicate"]);

/** The milestones that count for a job: the order's own, or the incident's where there is no order. */
export function stepsOf(job: Pick<Job, "incident" | "order">): Milestones {
  return job.order ? job.order.milestones : job.incident.milestones;
}

export function hasFinalFeedback(incident: Incident, order: Order | null): boolean {
  return incident.feedback.some((one) => one.final && (order === null || one.order === order.id || one.order === null));
}

export type Returned = Feedback & { review: NonNullable<Feedback["review"]> };

/** Final feedback on a job that a reviewer returned and nobody has corrected; it asks again whatever became of the order. */
export function returnedFeedback({ incident, order }: Pick<Job, "incident" | "order">): Returned | null {
  const found = incident.feedback.find(
    (one): one is Returned =>
      one.current &&
      one.round === incident.round &&
      one.review?.verdict === "return" &&
      (order === null || one.order === null || one.order === order.id),
  );
  return found ?? null;
}

function stageOf(incident: Incident, order: Order | null): Stage {
  if (WITHOUT_FEEDBACK.has(incident.status)) return "done";
  if (returnedFeedback({ incident, order })) return "report";
  if (OVER.has(incident.status)) return "done";
  if (order && !order.open) return "done";
  const steps = order ? order.milestones : incident.milestones;
  if (steps.cleared) return hasFinalFeedback(incident, order) ? "done" : "report";
  if (steps.arrived) return "scene";
  if (!order || steps.signed || steps.departed) return "road";
  return "sign";
}

/** The order of this incident that is mine to act on: one to be signed first, else the newest open one, else the newest. */
export function myOrder(incident: Incident, me: Me): Order | null {
  const mine = incident.orders.filter((order) => forMe(order, me) && order.round === incident.round);
  const open = mine.filter((order) => order.open);
  const newest = (orders: Order[]): Order | null =>
    orders.reduce<Order | null>((a, b) => (a && a.issuedAtMs >= b.issuedAtMs ? a : b), null);
  return newest(open.filter((order) => stageOf(incident, order) === "sign")) ?? newest(open) ?? newest(mine);
}

export function jobOf(incident: Incident, me: Me): Job {
  const order = myOrder(incident, me);
  return { incident, order, stage: stageOf(incident, order) };
}

/** Everything that concerns me, the most urgent first; within one stage the longest waiting first, done ones newest first. */
export function jobsOf(incidents: Iterable<Incident>, me: Me): Job[] {
  const jobs: Job[] = [];
  for (const incident of incidents) if (concerns(incident, me)) jobs.push(jobOf(incident, me));
  const began = (job: Job): number => job.order?.issuedAtMs ?? job.incident.createdAtMs ?? 0;
  return jobs.sort(
    (a, b) => URGENCY[a.stage] - URGENCY[b.stage] || (a.stage === "done" ? began(b) - began(a) : began(a) - began(b)),
  );
}

/** Orders that must ring: delivered here, not signed by anyone, not asked to be returned. An advisory has the same clock. */
export function ringing(jobs: readonly Job[]): Ringing[] {
  return jobs.filter(
    (job): job is Ringing => job.stage === "sign" && job.order !== null && job.order.returnRequest === null,
  );
}

/**
 * How loud an order rings now: as many rings of the plan as are due (SPEC NU5), from the events this phone holds, with
 * the centre away too. 0: not at all.
 */
export function loudness(job: Ringing, book: PolicyBook, nowMs: number): 0 | Loudness {
  const { due } = nudgesOf(job.incident.view, book, nowMs, ON_PHONE);
  const mine = due.filter(({ order }) => order !== null && toHex(order) === job.order.id).length;
  return Math.min(mine, 3) as 0 | Loudness;
}

/** A fact as one text. Several live values are all shown, and `conflict` says that a ruling is due. */
export function factText(incident: Incident, name: string): { text: string; conflict: boolean } {
  const values = (incident.fields[name] ?? []).map((fact) => String(fact.value));
  return { text: [...new Set(values)].join(" / "), conflict: new Set(values).size > 1 };
}

export function factInt(incident: Incident, name: string): number | null {
  const value = incident.fields[name]?.at(-1)?.value;
  return typeof value === "number" ? value : null;
}

export function pointOf(incident: Incident): [number, number] | null {
  const value = incident.fields["point"]?.at(-1)?.value;
  if (!Array.isArray(value) || value.length < 2) return null;
  const [lat, lon] = value as unknown[];
  return typeof lat === "number" && typeof lon === "number" ? [lat, lon] : null;
}

/** Op ids, hex, that a new value of this fact replaces (CE1). */
export function replaced(incident: Incident | null, name: string): string[] {
  return (incident?.fields[name] ?? []).map((fact: Fact) => fact.op);
}

export type PostState = "done" | "now" | "todo" | "skipped";

/** The five posts of the road: a missing post below the greatest one reached is skipped, never invented (IN5). */
export function postsOf(job: Job): { step: Step; state: PostState; atMs: number | null }[] {
  const steps = stepsOf(job);
  const reached = STEPS.reduce((best, step, at) => (steps[step] ? at : best), -1);
  return STEPS.map((step, at) => {
    const milestone = steps[step];
    if (milestone) return { step, state: "done" as const, atMs: milestone.atMs };
    if (at < reached) return { step, state: "skipped" as const, atMs: null };
    return {
      step,
      state: at === reached + 1 && job.stage !== "done" ? ("now" as const) : ("todo" as const),
      atMs: null,
    };
  });
}

/** Steps below the clearing that were never recorded, for the reviewer's checklist. */
export function missingTimes(job: Job): Step[] {
  const steps = stepsOf(job);
  return (["arrived", "cleared"] as const).filter((step) => !steps[step]);
}

/** What the desk said last about this incident: a nudge or a note of somebody else. */
export function lastWord(incident: Incident, me: Me): { by: string; atMs: number; text: string } | null {
  const said = incident.entries.filter(
    (entry) => entry.by !== me.person && entry.by !== CENTRE && (entry.kind === "nudge" || entry.kind === "note"),
  );
  const last = said.reduce<(typeof said)[number] | null>((a, b) => (a && a.atMs > b.atMs ? a : b), null);
  return last && { by: last.by, atMs: last.atMs, text: last.correction ?? last.text };
}

/** The newest answer of the desk to a delay that I gave a reason for. */
export function delayAnswer(incident: Incident, me: Me): NonNullable<Note["answer"]> | null {
  const answers = incident.entries.flatMap(({ kind, by, answer }) =>
    kind === "delay_reason" && by === me.person && answer ? [answer] : [],
  );
  return answers.sort((a, b) => a.atMs - b.atMs).at(-1) ?? null;
}

/** Whether one arrived after the limit and nobody has said why yet (FB6). */
export function lateUnexplained({ incident, order }: Pick<Job, "incident" | "order">, dueMs: number | null): boolean {
  const arrived = stepsOf({ incident, order }).arrived;
  return (
    arrived !== undefined &&
    dueMs !== null &&
    arrived.atMs > dueMs &&
    !incident.entries.some(({ kind }) => kind === "delay_reason")
  );
}

/** My notes at the scene, oldest first, as they stand after corrections. */
export function myNotes(incident: Incident, me: Me): { op: string; kind: string; text: string; atMs: number }[] {
  return incident.entries
    .filter((entry) => entry.by === me.person && (entry.kind === "note" || entry.kind === "handover"))
    .map((entry) => ({ op: entry.op, kind: entry.kind, text: entry.correction ?? entry.text, atMs: entry.atMs }))
    .filter(({ text }) => text !== "") // its words were taken away
    .sort((a, b) => a.atMs - b.atMs);
}

/** `苏和-03`: the local tag of the next self-received incident, until the centre gives a number (ID6). */
export function nextTag(name: string, incidents: Iterable<Incident>, me: Me): string {
  let highest = 0;
  for (const incident of incidents) {
    if (incident.createdBy !== me.person || incident.source !== "self") continue;
    const count = Number(/-(\d+)$/.exec(incident.tag ?? "")?.[1] ?? 0);
    highest = Math.max(highest, count);
  }
  return `${name}-${String(highest + 1).padStart(2, "0")}`;
}
