/**
 * What every officer screen may see and do: the device, the jobs, and the few actions with their undo.
 *
 * Responsible for: turning presses into sets, the ten-second undo that writes a correcting entry, and the ring of orders
 * not yet signed. Refuses to draw, and to forbid: moves are what screens offer, never a gate.
 *
 *     const officer = useOfficer();
 *     await officer.step(job, "arrived");       // written, shown, undo for ten seconds
 */
import { type ComputedRef, computed, type InjectionKey, inject, type ShallowRef, shallowRef, watch } from "vue";
import type { Loudness } from "../../device/alarm";
import type { Device } from "../../device/device";
import { distanceM, fix, freshFix } from "../../device/position";
import type { OwnSet } from "../../device/vault";
import type { Incident, MilestoneKind } from "../../device/views";
import { toHex } from "../../sync/ids";
import { type Deadline, type DeadlineId, deadlinesOf } from "../../sync/incident/deadlines";
import { now } from "../../ui/now";
import { t as common } from "../../words/common";
import { faultWords } from "../../words/feedback";
import { categoryLabel } from "./catalog";
import { type At, answer, askReturn, claim, entry, takeBack } from "./drafts";
import { factText, type Job, jobsOf, loudness, type Ringing, returnedFeedback, ringing } from "./model";
import { t } from "./words";

/** The last action that can be taken back, and what to say about it. */
export interface Undo {
  key: number;
  what: string;
  incident: Incident;
  claim: string;
}

export interface Officer {
  readonly device: Device;
  readonly jobs: ComputedRef<Job[]>;
  readonly ringing: ComputedRef<Ringing[]>;
  readonly undo: Readonly<ShallowRef<Undo | null>>;
  /** Whom this phone talks to, or talked to last: the centre, or which station. */
  whom(): string;
  /** Where an incident of mine went, in words; null for one that is here. */
  movedTo(incident: string): string | null;
  /** A sentence about what was just written, without undo. */
  readonly said: ShallowRef<string | null>;
  job(incident: string): Job | null;
  at(): At;
  step(job: Job, kind: MilestoneKind): Promise<void>;
  takeBack(): Promise<void>;
  forgetUndo(): void;
  returnOrder(job: Ringing, why: string): Promise<void>;
  note(
    incident: Incident,
    kind: "note" | "delay_reason" | "handover",
    text: string,
    more?: { order?: string | null; ask?: "backup" },
  ): Promise<void>;
  /** Answer what the desk asked about a set of one's own. */
  answer(set: OwnSet, text: string): Promise<void>;
  title(incident: Incident): string;
  number(incident: Incident): string;
  person(id: string): string;
  deadline(job: Job, id: DeadlineId): Deadline | null;
  /** The tier of the way in minutes, 0 as soon as possible; null when nothing gives one. */
  tier(job: Job): number | null;
  /** How loud an order rings now. */
  loudness(job: Ringing): 0 | Loudness;
}

const WORD: Record<MilestoneKind, "delivered" | "signed" | "departed" | "arrived" | "clearedLong" | "feedback"> = {
  delivered: "delivered",
  signed: "signed",
  departed: "departed",
  arrived: "arrived",
  cleared: "clearedLong",
  feedback: "feedback",
};

export function createOfficer(device: Device): Officer {
  const jobs = computed(() => jobsOf(device.incidents.values(), device.me.value));
  const undo = shallowRef<Undo | null>(null);
  const said = shallowRef<string | null>(null);
  let undoKey = 0;

  // Whoever asked to return an order is told what the desk said.
  const asked = computed(() => {
    const orders = jobs.value.flatMap(({ order }) => (order?.returnRequest ? [order.id] : []));
    return orders.sort().join(" ");
  });
  watch(asked, (pending, before) => {
    for (const id of before.split(" ")) {
      if (!id || pending.includes(id)) continue;
      const order = jobs.value.flatMap(({ incident }) => incident.orders).find((one) => one.id === id);
      if (order) said.value = t(order.returned ? "returnAgreed" : "returnRefused");
    }
  });

  // Whoever fed back is told when it comes back.
  const returned = computed(() =>
    jobs.value
      .flatMap((job) => returnedFeedback(job)?.op ?? [])
      .sort()
      .join(" "),
  );
  watch(returned, (is, before) => {
    const fresh = jobs.value.flatMap((job) => returnedFeedback(job) ?? []).find(({ op }) => !before.includes(op));
    if (is && fresh) said.value = t("returnedSaid", faultWords(fresh.review.faults).join(common("comma")));
  });

  const movedTo = (id: string): string | null => {
    const one = device.moved.get(id);
    return one ? t("movedTo", device.org.value.stations.get(one.to ?? "")?.name ?? "") : null;
  };
  // Whoever had it is told, wherever they are looking.
  watch(
    () => [...device.moved.values()].at(-1),
    (one, before) => {
      if (one && one.atMs >= (before?.atMs ?? 0)) said.value = `${one.number ?? ""} ${movedTo(one.id)}`;
    },
  );

  const at = (): At => ({ me: device.me.value, position: freshFix(Date.now()) });

  return {
    device,
    jobs,
    ringing: computed(() => (device.duty.value.on ? ringing(jobs.value) : [])),
    undo,
    said,
    whom() {
      const { met } = device.status;
      if (!met?.isStation) return t("theCentre");
      return device.org.value.stations.get(met.station ?? "")?.name ?? t("someStation");
    },
    movedTo,
    job: (incident) => jobs.value.find((job) => job.incident.id === incident) ?? null,
    at,
    async step(job, kind) {
      const written = await device.record(claim(job, kind, at()));
      const op = written.ops[0];
      said.value = null;
      undoKey += 1;
      if (op) undo.value = { key: undoKey, what: t(WORD[kind]), incident: job.incident, claim: op };
    },
    async takeBack() {
      const last = undo.value;
      undo.value = null;
      if (!last) return;
      await device.record(takeBack(last.incident, last.claim, t("undoWhy")));
      said.value = t("takenBack", last.what);
    },
    forgetUndo() {
      undo.value = null;
    },
    async returnOrder(job, why) {
      await device.record(askReturn(job, why));
    },
    async note(incident, kind, text, more = {}) {
      await device.record(entry(incident, kind, text, more));
    },
    async answer(set, text) {
      await device.record(answer(set, device.incidents.get(set.entity)?.scope ?? `incident:${set.entity}`, text));
    },
    title(incident) {
      const title = factText(incident, "title").text;
      if (title) return title;
      const category = factText(incident, "category").text;
      return category ? categoryLabel(device.org.value, category) : t("noTitle");
    },
    number: (incident) => incident.number ?? incident.tag ?? incident.id.slice(0, 8),
    person: (id) =>
      (id === device.session.person.id ? device.session.person.name : device.org.value.people.get(id)?.name) ??
      t("otherPerson"),
    tier({ incident, order }) {
      const target = incident.view.orders.find(({ id }) => toHex(id) === order?.id)?.to[1] ?? null;
      const sinceMs = order?.issuedAtMs ?? incident.createdAtMs ?? now.value;
      return device.org.value.book.judging(incident.view, "C5", sinceMs, { target }).tier;
    },
    deadline(job, id) {
      const order = job.order?.id ?? null;
      const mine = (one: Deadline): boolean => one.order === null || toHex(one.order) === order;
      return deadlinesOf(job.incident.view, device.org.value.book).find((one) => one.id === id && mine(one)) ?? null;
    },
    loudness: (job) => loudness(job, device.org.value.book, now.value),
  };
}

/**
 * How far the scene is in a straight line, and how old the fix is; null without both points. The fix carries this phone's
 * own time, so its age is reckoned by that: `offsetMs` is what the screen's clock is ahead of it.
 */
export function away(point: [number, number] | null, offsetMs: number) {
  const here = fix.value;
  if (!point || !here) return null;
  const ageMs = Math.max(0, now.value - offsetMs - here.atMs);
  return { metres: distanceM([here.lat, here.lon], point), ageMs, accM: here.accM };
}

export const OFFICER: InjectionKey<Officer> = Symbol("officer");

export function useOfficer(): Officer {
  const officer = inject(OFFICER);
  if (!officer) throw new Error("an officer's screen outside the officer's desk");
  return officer;
}
