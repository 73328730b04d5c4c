/**
 * The messages of the exchange (SPEC EX), as types. Mirrors `sync/exchange.py`. Bodies are MessagePack maps; what we
 * send is canonical, which every MessagePack reader takes, and the server's replies hold no floats, so one codec serves.
 *
 *     const reply = read<HelloReply>(bytes);
 */
import { decodeMessage, encode, type Value } from "./canon";
import { type Bytes, concat } from "./ids";

export interface HelloRequest {
  v: 1;
  app: string;
  chain: Uint8Array;
  head: number;
  pending: number;
  oldest_ms: number | null;
  wall_ms: number;
  mono: [Uint8Array, number];
  request_id: Uint8Array;
  /** As the last hello gave it (FK3). */
  token: Uint8Array | null;
  /** It is about to delete what it holds; so many sets go with it that are not at the centre (EX12). */
  wiping?: number;
  /** How much of what it may store is used, in percent (EX13). */
  storage?: number;
  /** So many of its sets were called safe that the centre had not got (EX14). */
  contradicted?: number;
}

export interface HelloReply {
  /** As the hello that is answered said them (EX11). */
  request_id: Uint8Array;
  wall_ms: number;
  role: string;
  server: Uint8Array;
  now_ms: number;
  uncertainty_ms: number;
  /** `lost`: epochs that ended, and how many entries of each are in this one (TL12). */
  log: { origin: string; epoch: Uint8Array; size: number; lost?: [Uint8Array, number][] };
  have: number;
  person: Uint8Array;
  scopes: [string, number, number][];
  limits: { set_bytes: number; batch_bytes: number; batch_sets: number };
  retry_after_ms: number | null;
  /** To be shown at the next hello (FK3). */
  token?: Uint8Array | null;
  /** Why this chain may get no more sets (FK4). */
  rotate?: string | null;
  /** Goes into the header of what is signed from now on (TM12). */
  beacon?: Uint8Array | null;
  /** The row of the organisation that a station stands for (HB5). */
  station?: Uint8Array | null;
}

/** What `role` says of a server between phones and the centre (HB). */
export const STATION = "station";

/** When the centre had the question and when it answered, by its own clock; `t1` as asked. */
export interface TimeReply {
  t1: number;
  t2: number;
  t3: number;
  uncertainty_ms: number;
}

/** The chain that took the place of another, and its bearer token (FK5). */
export interface RotateReply {
  chain: Uint8Array;
  token: string;
}

export type PushOutcome =
  | "stored"
  | "duplicate"
  | "fork"
  | "held"
  | "rejected"
  | "opaque"
  | "bad_signature"
  | "too_large"
  | "malformed"
  | "kept";

/** At a station, and not yet at the centre: nothing is safe by it (HB4). */
export const KEPT: PushOutcome = "kept";
/** Results that mean the bytes are safe at the centre (EX2). */
export const DURABLE: ReadonlySet<PushOutcome> = new Set(["stored", "duplicate", "fork", "held", "rejected", "opaque"]);

export interface PushResult {
  r: PushOutcome;
  id?: Uint8Array | null;
  why?: string | null;
  idx?: number | null;
  at_ms?: number | null;
  d?: string | null;
  no?: string | null;
}

export interface PushReply {
  results: PushResult[];
  have: number;
  /** The station that keeps what it answers with `kept` (HB4). */
  server?: Uint8Array | null;
}

export interface PullRequest {
  cursors: [string, number, number][];
  budget: number;
  /** The size of the highest checkpoint checked here, 0 for none; left out: no other is wanted (TL9). */
  signed?: number;
}

/** The newest signed checkpoint, and what shows that it grew out of the one that was named. */
export interface GivenCheckpoint {
  note: string;
  proof: Uint8Array[];
}

export interface ScopePage {
  scope: string;
  epoch: number;
  from: number;
  to: number;
  n: number;
  head: Uint8Array;
  entries: [number, Uint8Array, [Uint8Array, Uint8Array, Uint8Array | null] | null][];
  snapshot?: Offer;
}

/** A snapshot of a scope at `n`, to be fetched under its hash: `size` bytes of gzip (SN3). */
export interface Offer {
  hash: Uint8Array;
  n: number;
  size: number;
}

export interface PullReply {
  /** The newest ruling of the whole log, and the first 16 bytes of its leaf hash (zeros for none). */
  size: number;
  leaf: Uint8Array;
  now_ms: number;
  scopes: ScopePage[];
  complete: boolean;
  checkpoint?: GivenCheckpoint | null;
  beacon?: Uint8Array | null;
  /** The station that answers (HB4). */
  server?: Uint8Array | null;
}

/** The bytes of a request. */
export function write(message: object): Bytes {
  return encode(message as Value);
}

/** A rotation with its set as the bytes it was written in. */
export function writeRotate(envelope: Uint8Array): Bytes {
  const head = encode({ set: null });
  return concat(head.subarray(0, head.length - 1), envelope); // the nil gives its place to the envelope
}

/** A push of envelopes kept as the bytes they were written in: spliced, never encoded again. */
export function writePush(envelopes: readonly Uint8Array[]): Bytes {
  const head = encode({ sets: envelopes.map(() => null) });
  const size = head.length - envelopes.length + envelopes.reduce((sum, envelope) => sum + envelope.length, 0);
  const whole = new Uint8Array(size);
  // The nils of the empty list stand at its end; each gives its place to an envelope.
  let at = head.length - envelopes.length;
  whole.set(head.subarray(0, at));
  for (const envelope of envelopes) {
    whole.set(envelope, at);
    at += envelope.length;
  }
  return whole;
}

/** A reply. Unknown keys are kept and ignored; throws for bytes that are not MessagePack. */
export function read<Reply>(data: Uint8Array): Reply {
  return decodeMessage(data) as Reply;
}
