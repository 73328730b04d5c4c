/** Incidents for the officer's tests, folded from real sets by the shared rules; nothing is made up by hand. */
import { type Incident, incidentOf } from "../../src/device/views";
import { type ChangeSet, type Op, readSet, type Writer, write } from "../../src/sync/changeset";
import { ZERO } from "../../src/sync/clock";
import { itemsOf } from "../../src/sync/fold";
import { fromHex, toHex } from "../../src/sync/ids";
import { IncidentState } from "../../src/sync/incident/state";
import { type TimelineItem, timeline } from "../../src/sync/incident/timeline";
import type { Ruling } from "../../src/sync/rulings";

export const ME = "a1".repeat(16);
export const MATE = "a2".repeat(16);
export const DESK = "d4".repeat(16);
export const UNIT = "b2".repeat(16);
export const STATION = "e5".repeat(16);
export const ORDER = "22".repeat(16);
export const INCIDENT = "11".repeat(16);
export const NOON = 1_773_288_000_000; // 2026-03-12 12:00:00 in Shanghai

/** One action: who, when (minutes after noon), and what. `ruled` false: mine and still on the phone. */
export interface Act {
  by: string;
  min: number;
  ops: Op[];
  ruled?: boolean;
  decision?: string;
  why?: string;
}

export const created = (over: Op[] = [], source = "desk", by = DESK): Act => ({
  by,
  min: 0,
  ops: [{ t: "incident.create", source, station: fromHex(STATION), tag: "台-1" }, ...over],
});
export const issued = (to: [string, string] = ["unit", UNIT], order = ORDER, min = 0): Act => ({
  by: DESK,
  min,
  ops: [{ t: "order.issue", order: fromHex(order), to: [to[0], fromHex(to[1])], kind: "dispatch", round: 0 }],
});
export const claimed = (kind: string, min: number, over: Partial<Act> & { data?: Op["data"] } = {}): Act => {
  const { data, ...rest } = over;
  const op = { t: "milestone.claim", kind, round: 0, via: "self", order: fromHex(ORDER) };
  return { by: ME, min, ops: [data === undefined ? op : { ...op, data }], ...rest };
};

export interface Told {
  incident: Incident;
  items: TimelineItem[];
  /** Op ids, hex, by action. */
  ops: string[][];
}

export async function told(acts: Act[], id = INCIDENT): Promise<Told> {
  const state = new IncidentState(fromHex(id));
  const ops: string[][] = [];
  let idx = 0;
  for (const act of acts) {
    idx += 1;
    const atMs = NOON + act.min * 60_000;
    const head: Writer = { chain: fromHex(act.by), seq: idx, prev: new Uint8Array(32), stamp: ZERO };
    const draft = {
      user: fromHex(act.by),
      scope: "x",
      kind: "incident",
      entity: fromHex(id),
      ops: act.ops,
      lane: 0,
    } as const;
    const mono = [new Uint8Array(8), 0] as const;
    const sign = async () => new Uint8Array(64);
    const made = await write(head, draft, {
      wallMs: atMs,
      offsetMs: 0,
      mono,
      salt: new Uint8Array(16).fill(idx),
      sign,
    });
    const set = (await readSet(made.raw)) as ChangeSet;
    const payload = {
      d: act.decision ?? "accepted",
      why: act.why ?? null,
      eff: set.header.hlc,
      flags: [],
      no: idx === 1 ? "260312-0021" : null,
    };
    const ruling: Ruling = { idx, atMs: atMs + 1_000, kind: "set", payload };
    const items = itemsOf(set, act.ruled === false ? null : ruling);
    state.add(items);
    ops.push(items.map((item) => toHex(item.op)));
  }
  return { incident: incidentOf(state.view()), items: timeline(state.items, state.view()), ops };
}
