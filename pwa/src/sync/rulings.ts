/**
 * The centre's log entries: how a decision is read, hashed and listed in scopes (SPEC RL, SC). Mirrors `sync/rulings.py`.
 *
 *     const ruling = readRuling(bytes);          // { idx, atMs, kind: "set", payload }
 *     head = await scopeHead(head, await leafHash(bytes));
 */
import { CanonError, decode, encode, type Value } from "./canon";
import { KIND_CHARS_MAX, type Op } from "./changeset";
import { type Bytes, concat, sha256, taggedHash } from "./ids";

export const COUNTED: ReadonlySet<string> = new Set(["accepted", "accepted_late"]);
export const KIND_SET = "set";
export const KIND_SCOPE = "scope";
export const KIND_REVIEW = "review";
export const KIND_ASK = "ask";
export const KIND_REDACT = "redact";
export const KIND_SNAPSHOT = "snapshot";
export const KIND_VERDICT = "verdict";
/** Kinds that decide about one set, each whole in itself: the newest of them stands (RL6). */
export const DECIDING: ReadonlySet<string> = new Set([KIND_SET, KIND_REVIEW, KIND_REDACT]);
/** Rulings from this index on are a station's own opinion and in no log (HB3). */
export const PROVISIONAL_FROM = 2 ** 52;
export const SCOPE_HEAD_ZERO: Bytes = new Uint8Array(16);
export const ENTITY_HEAD_ZERO: Bytes = new Uint8Array(16);

export interface Ruling {
  readonly idx: number;
  readonly atMs: number;
  readonly kind: string;
  readonly payload: { readonly [key: string]: Value };
}

/** What every ruling that decides about a set says of it. `at`: its receipt, in all but the first (RL6). */
export interface Decision {
  readonly set: Uint8Array;
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly e: Uint8Array | null;
  readonly d: string;
  readonly why: string | null;
  readonly eff: Uint8Array;
  readonly flags: readonly string[];
  readonly no: string | null;
  readonly at?: number;
}

/** The payload of a `redact` ruling, typed: the decision that stood, who took the words away, and what is left (RD1). */
export interface RedactRuling extends Decision {
  readonly by: Uint8Array;
  readonly ground: string;
  readonly text: string;
  readonly ops: readonly Op[];
}

/** When the set that a ruling decides about was received: the centre's clock at its first ruling (RL6). */
export function receivedAtMs(ruling: Ruling): number {
  return (ruling.payload as unknown as Decision).at ?? ruling.atMs;
}

/** Whether a ruling of this index is a station's, which stands only while the centre has ruled nothing (HB3). */
export function isProvisional(idx: number): boolean {
  return idx >= PROVISIONAL_FROM;
}

/**
 * Whether of two rulings on one set that of index `idx` decides: any before none (null), the centre's before a station's
 * (HB3), the newer before the older (RL6).
 */
export function standsOver(idx: number | null, other: number | null): boolean {
  if (idx === null || other === null) return idx !== null;
  return isProvisional(idx) === isProvisional(other) ? idx > other : isProvisional(other);
}

/** Canonical bytes of a ruling. */
export function encodeRuling(ruling: Ruling): Bytes {
  return encode([1, ruling.idx, ruling.atMs, ruling.kind, ruling.payload as Value]);
}

/** The ruling written as `data`. Throws `CanonError`, `unsupported` for canonical bytes of another shape. */
export function readRuling(data: Uint8Array): Ruling {
  const value = decode(data);
  if (!Array.isArray(value) || value.length !== 5) throw new CanonError("unsupported");
  const [v, idx, atMs, kind, payload] = value;
  const isMap =
    typeof payload === "object" && payload !== null && !Array.isArray(payload) && !(payload instanceof Uint8Array);
  if (v !== 1 || typeof idx !== "number" || idx < 1 || typeof atMs !== "number" || !isMap)
    throw new CanonError("unsupported");
  if (typeof kind !== "string" || [...kind].length > KIND_CHARS_MAX) throw new CanonError("unsupported");
  return { idx, atMs, kind, payload: payload as { [key: string]: Value } };
}

/** The centre's scope that a station's own one stands beside; of any other name itself (HB3). */
export function inside(scope: string): string {
  return scope.startsWith("hub:") ? scope.split(":").slice(2).join(":") : scope;
}

/** The incident that leaves `scope` with this line of it, null where none does (SC6). */
export function leaving({ kind, payload }: Ruling, scope: string): Uint8Array | null {
  const names = kind === KIND_SCOPE ? payload["del"] : null;
  return Array.isArray(names) && names.includes(inside(scope)) ? (payload["e"] as Uint8Array) : null;
}

/** 32 bytes: the Merkle leaf of a ruling (RFC 6962 section 2.1). */
export function leafHash(rulingBytes: Uint8Array): Promise<Bytes> {
  return sha256(concat(Uint8Array.of(0), rulingBytes));
}

/** 16 bytes: the head over the rulings about one entity after one more (TL10). */
export async function entityHead(previous: Uint8Array, leaf: Uint8Array): Promise<Bytes> {
  return (await taggedHash("ortoo/entity/1", previous, leaf)).slice(0, 16);
}

/** 16 bytes: the head of a scope after one more entry (SC2). */
export async function scopeHead(previous: Uint8Array, leaf: Uint8Array): Promise<Bytes> {
  return (await taggedHash("ortoo/scope/1", previous, leaf)).slice(0, 16);
}
