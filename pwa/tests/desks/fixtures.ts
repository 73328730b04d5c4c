/** A banner in miniature, typed as the API describes it: what the desk's pure modules are told in tests. */
import type {
  Entry,
  Incident,
  Milestone,
  Order,
  Org,
  Summary,
  View,
  Wall,
  WallColumnData,
  WallItem,
} from "../../src/desks/command/types";

export const at = (clock: string, day = "2026-03-12"): number => Date.parse(`${day}T${clock}+08:00`);
export const NOW = at("14:36:18");
/** An id that can be read: `id("suhe")`. */
export const id = (name: string): string =>
  [...name]
    .map((char) => (char.codePointAt(0) ?? 0).toString(16).padStart(2, "0"))
    .join("")
    .padEnd(32, "0")
    .slice(0, 32);
export const op = (name: string): string => id(name).padEnd(34, "0");

export const org: Org = {
  stations: [
    { id: id("angsu"), name: "昂素所" },
    { id: id("chengchuan"), name: "城川所" },
  ],
  units: [
    { id: id("u1"), name: "昂素快反", station: id("angsu") },
    { id: id("u2"), name: "城川巡逻", station: id("chengchuan") },
  ],
  people: [
    { id: id("suhe"), name: "苏和", role: "officer", station: id("angsu"), unit: id("u1") },
    { id: id("baiyin"), name: "白音", role: "officer", station: id("angsu"), unit: id("u1") },
    { id: id("ma"), name: "马永宁", role: "officer", station: id("chengchuan"), unit: id("u2") },
    { id: id("naren"), name: "娜日苏", role: "dispatcher", station: null, unit: null },
  ],
  vehicles: [{ id: id("car"), name: "蒙K 2 号车", unit: id("u1"), station: id("angsu") }],
  zones: [],
  categories: [
    { code: "dispute", zh: "纠纷", en: "Dispute" },
    { code: "theft", zh: "盗窃", en: "Theft" },
  ],
  results: [{ code: "mediated", zh: "现场调解", en: "Mediated" }],
};

export function row(
  name: string,
  part: Partial<Omit<WallItem, "deadline">> & { deadline: Partial<WallItem["deadline"]> & { id: string } },
): WallItem {
  return {
    incident: id(name),
    number: "260312-0021",
    tag: "",
    title: name,
    place: "昂素镇",
    station: id("angsu"),
    status: "delivered",
    level: null,
    exercise: false,
    order: id(`${name}-o`),
    target: { kind: "person", id: id("suhe"), name: "苏和" },
    device_last_contact_ms: NOW - 10_000,
    attempts: null,
    score: null,
    reason: null,
    return_requested: false,
    told: null,
    told_at: null,
    step: null,
    nudged: null,
    ...part,
    deadline: { start_ms: NOW - 20_000, due_ms: NOW + 10_000, done_ms: null, state: "running", ...part.deadline },
  };
}

const none: WallColumnData = {
  rows: [],
  overdue: 0,
  next_due_ms: null,
  recent: [],
  today: { met: 0, missed: 0, undetermined: 0, others: 0 },
  more: 0,
};
export const column = (rows: readonly WallItem[], part: Partial<WallColumnData> = {}): WallColumnData => ({
  ...none,
  rows,
  ...part,
});
export function wall(part: Partial<Wall> = {}): Wall {
  return {
    now_ms: NOW,
    signing: none,
    feedback: none,
    callback: none,
    undelivered: [],
    undelivered_more: 0,
    silent: [],
    devices: { online: 41, total: 46 },
    completeness: { basis_points: 8900, silent: 0, unknown: 0 },
    waiting: { held: 0, rejected: 0, opaque: 0, compromised: 0 },
    conflicts: { facts: 0, steps: 0 },
    handovers: [],
    ...part,
  };
}

export function entry(name: string, t: string, clock: string, part: Partial<Entry> = {}): Entry {
  const ms = at(clock);
  return {
    op: op(name),
    set: id(`set-${name}`).padEnd(64, "0"),
    idx: 1,
    t,
    kind: null,
    at: ms,
    received_at: ms,
    late_by: null,
    written_at: part.at ?? ms,
    flags: [],
    by: id("suhe"),
    by_name: "苏和",
    said_by: null,
    said_by_name: null,
    via: null,
    order: null,
    about: null,
    field: null,
    redacted: null,
    device: "苏和手机",
    chain: id("phone-suhe"),
    text: null,
    value: null,
    decision: "accepted",
    why: null,
    time: null,
    ...part,
  };
}

export const claim = (name: string, kind: string, clock: string, part: Partial<Entry> = {}): Entry =>
  entry(name, "milestone.claim", clock, { kind, order: id("o1"), via: "self", ...part });

export const milestone = (name: string, clock: string, part: Partial<Milestone> = {}): Milestone => ({
  op: op(name),
  by: id("suhe"),
  at: at(clock),
  via: "self",
  said_by: null,
  late_by: null,
  ...part,
});

export function order(part: Partial<Order> = {}): Order {
  return {
    id: id("o1"),
    to: ["person", id("suhe")],
    kind: "dispatch",
    round: 0,
    issued_at: at("14:32:07"),
    issued_by: id("naren"),
    open: true,
    status: "issued",
    returned: false,
    withdrawn: false,
    reassigned_to: null,
    return_request: null,
    milestones: {},
    gaps: [],
    ...part,
  };
}

export const summary = (part: Partial<Summary> = {}): Summary => ({
  id: id("incident"),
  number: "260312-0021",
  tag: "",
  title: "草场纠纷",
  category: "dispute",
  place: "昂素镇",
  station: id("angsu"),
  status: "arrived",
  round: 0,
  level: 2,
  tier: 0,
  source: "desk",
  created_at: at("14:32:00"),
  updated_at: at("14:36:00"),
  conflicts: 0,
  orders: 1,
  exercise: false,
  duplicate_of: null,
  ...part,
});

export function view(part: Partial<View> = {}): View {
  return {
    id: id("incident"),
    created: null,
    number: "260312-0021",
    status: "arrived",
    round: 0,
    station: id("angsu"),
    gaps: [],
    duplicate_of: null,
    fields: {},
    orders: [],
    milestones: {},
    feedback: [],
    entries: [],
    links: [],
    claims: [],
    callbacks: [],
    ...part,
  };
}

export const incident = (timeline: readonly Entry[], part: Partial<View> = {}): Incident => ({
  now_ms: NOW,
  summary: summary(),
  view: view(part),
  deadlines: [],
  verdicts: [],
  remarks: [],
  moves: [],
  timeline,
  sources: [],
  silences: [],
  people: {},
  as_of: null,
  seal: null,
});
