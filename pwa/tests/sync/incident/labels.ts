/**
 * The short names of the incident vectors, and how much of a view a story is about; the twin of
 * `tests/sync/incident/labels.py`.
 *
 *     expand(["@su", { op: "#a", eff: "!1000" }])      // a 16-byte id, an op id of 17 bytes, a packed stamp
 */
import { readFileSync } from "node:fs";
import { type Item, item } from "../../../src/sync/fold";
import { IncidentState } from "../../../src/sync/incident/state";

// biome-ignore lint/suspicious/noExplicitAny: vectors are JSON whose shape is that of their section
export type Told = any;

export const INCIDENT = expand("@incident") as Uint8Array;

/** The cases of one section of a vector file. */
export function cases(name: string, section: string): Told[] {
  return vectors(name)[section];
}

/** A vector file, whole. */
export function vectors(name: string): Told {
  const file = new URL(`../../../../tests/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

/** The same value with every label as the bytes it stands for. */
export function expand(value: Told): Told {
  if (typeof value === "string" && value.startsWith("!")) return eff(Number(value.slice(1)));
  if (typeof value === "string" && /^[@#]/.test(value)) {
    const bytes = new Uint8Array(value[0] === "@" ? 16 : 17);
    bytes.set(new TextEncoder().encode(value.slice(1)));
    return bytes;
  }
  if (Array.isArray(value)) return value.map(expand);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, expand(part)]));
}

export function eff(ms: number, counter = 0): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, (BigInt(ms) << 16n) | BigInt(counter));
  return bytes;
}

/** One item of a story. */
export function itemOf(told: Told): Item {
  const ruled = told.ruled === undefined ? "accepted" : told.ruled;
  const fields = expand(told.says);
  return item({
    op: expand(told.op),
    t: fields.t,
    fields,
    user: expand(told.by),
    chain: expand(told.by),
    seq: 1,
    eff: eff(told.ms),
    idx: ruled === null ? null : (told.idx ?? 1),
    atMs: ruled === null ? null : (told.received ?? told.ms),
    decision: ruled,
    why: told.why ?? null,
    flags: told.flags ?? [],
    number: told.number ?? null,
    redaction: told.redacted
      ? { by: expand(told.redacted.by), ground: told.redacted.ground, atMs: told.redacted.at }
      : null,
  });
}

/** The incident of a story. */
export function stateOf(told: Told[]): IncidentState {
  const state = new IncidentState(INCIDENT);
  state.add(told.map(itemOf));
  return state;
}

const isMap = (value: Told): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** As much of `whole` as `like` speaks of: the named keys of a map, lists whole. */
export function part(whole: Told, like: Told): Told {
  if (isMap(like) && isMap(whole))
    return Object.fromEntries(
      Object.entries(like).flatMap(([name, inner]) => (name in whole ? [[name, part(whole[name], inner)]] : [])),
    );
  if (Array.isArray(like) && Array.isArray(whole) && like.length === whole.length)
    return whole.map((one, at) => part(one, like[at]));
  return whole;
}
