/**
 * Change sets: one user action, hashed, chained and signed (SPEC CS). Mirrors `sync/changeset.py`.
 *
 * Responsible for the bytes of a set: writing one onto a chain, reading one, and saying why bytes are not one. It does
 * not know what ops mean or how a signature is computed: signing is handed in (WebCrypto signs asynchronously).
 *
 *     const written = await write(writer, draft, { wallMs, offsetMs, mono, salt, sign });
 *     const read = await readSet(written.raw);     // ChangeSet, or a Refusal with its code
 */
import { CanonError, decode, encode, type Value } from "./canon";
import { pack, type Stamp, send, ZERO } from "./clock";
import { type Bytes, bodyHash, chainId, concat, equalBytes, setId } from "./ids";

export const VERSION = 1;
export const SCHEMA = [1, 1] as const;
export const SET_BYTES_MAX = 262_144;
export const HEADER_BYTES_MAX = 4_096;
export const OP_BYTES_MAX = 65_536;
export const OPS_MAX = 20;
export const SCOPE_CHARS_MAX = 128;
export const KIND_CHARS_MAX = 32;
export const SIGNATURE_BYTES = 64;
export const FLAG_HLC_RESET = 1;
export const FLAG_RESTORED_STORAGE = 2;
export const FLAG_NO_STRICT_DURABILITY = 4;
export const PUBLIC_KEY_BYTES: Readonly<Record<string, number>> = { Ed25519: 32, ES256: 65 };

export type Op = { readonly t: string; readonly [field: string]: Value };

export interface Header {
  readonly v: number;
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly prev: Uint8Array | null;
  readonly hlc: Uint8Array;
  readonly wallMs: number;
  readonly mono: readonly [Uint8Array, number];
  readonly user: Uint8Array;
  readonly seen: readonly [number, Uint8Array] | null;
  readonly beacon: Uint8Array | null;
  readonly scope: string;
  readonly lane: number;
  readonly schema: readonly [number, number];
  readonly flags: number;
  readonly bodyHash: Uint8Array;
  readonly continues: readonly [Uint8Array, number, Uint8Array, string] | null;
}

export interface Body {
  readonly salt: Uint8Array;
  readonly kind: string;
  readonly entity: Uint8Array;
  readonly ops: readonly Op[];
}

/** A set that was read: shapes and hashes hold, the signature is unchecked. `body` is null when it was redacted. */
export interface ChangeSet {
  readonly header: Header;
  readonly signature: Uint8Array;
  readonly body: Body | null;
  readonly setId: Bytes;
  readonly raw: Uint8Array;
}

export type RefusalCode = "not_canonical" | "bad_shape" | "too_large" | "bad_body" | "bad_chain_open" | "newer_version";

/** Why bytes are not a set (CS7). */
export interface Refusal {
  readonly refused: RefusalCode;
  readonly detail: string;
}

/** What a person wants to say, before it is written onto a chain. */
export interface Draft {
  readonly user: Uint8Array;
  readonly scope: string;
  readonly kind: "incident" | "chain";
  readonly entity: Uint8Array;
  readonly ops: readonly Op[];
  readonly lane: 0 | 1;
}

/** Where a chain stands: the next `seq`, the set before it, and the clock. Every write gives a new one back. */
export interface Writer {
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly prev: Uint8Array | null;
  readonly stamp: Stamp;
}

export interface Circumstances {
  readonly wallMs: number;
  readonly offsetMs: number | null;
  readonly mono: readonly [Uint8Array, number];
  readonly salt: Uint8Array;
  readonly sign: (message: Bytes) => Promise<Uint8Array>;
  readonly seen?: readonly [number, Uint8Array] | null;
  readonly beacon?: Uint8Array | null;
  readonly continues?: Header["continues"];
  readonly flags?: number;
}

export interface Written {
  readonly raw: Bytes;
  readonly setId: Bytes;
  readonly writer: Writer;
}

const SIGNING_PREFIX = new TextEncoder().encode("ortoo/sig/1\0");

export const openingWriter = (chain: Uint8Array): Writer => ({ chain, seq: 0, prev: null, stamp: ZERO });

/** What a signature covers (CS3). */
export function signingBytes(id: Uint8Array): Bytes {
  return concat(SIGNING_PREFIX, id);
}

/** Write `draft` as the next set of the chain. Throws `CanonError` for values outside CB1. */
export async function write(writer: Writer, draft: Draft, now: Circumstances): Promise<Written> {
  const { stamp, reset } = send(writer.stamp, now.wallMs, now.offsetMs);
  const body = encode([now.salt, draft.kind, draft.entity, draft.ops as unknown as Value[]]);
  const header = encode([
    VERSION,
    writer.chain,
    writer.seq,
    writer.prev,
    pack(stamp),
    now.wallMs,
    [...now.mono],
    draft.user,
    now.seen ? [...now.seen] : null,
    now.beacon ?? null,
    draft.scope,
    draft.lane,
    [...SCHEMA],
    (now.flags ?? 0) | (reset ? FLAG_HLC_RESET : 0),
    await bodyHash(body),
    now.continues ? [...now.continues] : null,
  ]);
  const id = await setId(header);
  const raw = encode([header, await now.sign(signingBytes(id)), body]);
  return { raw, setId: id, writer: { chain: writer.chain, seq: writer.seq + 1, prev: id, stamp } };
}

/** The first op of every chain: the key that signs it and the nonce that made its id (CS5). */
export function chainOpenOp(alg: string, pub: Uint8Array, nonce: Uint8Array, app: string): Op {
  return { t: "chain.open", alg, pub, nonce, app };
}

/** What a device says of a scope that it follows no longer: its lines, up to `n`, are deleted (SC5). */
export function purgedOp(scope: string, epoch: number, n: number): Op {
  return { t: "scope.purged", scope, epoch, n };
}

/** Read one envelope: exact shapes, canonical bytes, matching body. The signature is left to the caller. */
export async function readSet(raw: Uint8Array): Promise<ChangeSet | Refusal> {
  if (raw.length > SET_BYTES_MAX) return refuse("too_large", `${raw.length} of at most ${SET_BYTES_MAX} bytes`);
  try {
    return await readWhole(raw);
  } catch (error) {
    if (error instanceof CanonError) return refuse("not_canonical", error.message);
    throw error;
  }
}

/** What is stored and sent of an envelope once its words were taken away: header and signature (RD1). Of bytes that have
 *  rotted nothing is left. */
export function withoutBody(raw: Uint8Array): Bytes {
  try {
    const [header, signature] = decode(raw) as Value[];
    return encode([header, signature, null] as Value[]);
  } catch (error) {
    if (error instanceof CanonError) return new Uint8Array(0);
    throw error;
  }
}

export function isRefusal(read: ChangeSet | Refusal): read is Refusal {
  return "refused" in read;
}

const refuse = (refused: RefusalCode, detail: string): Refusal => ({ refused, detail });

async function readWhole(raw: Uint8Array): Promise<ChangeSet | Refusal> {
  const parts = decode(raw);
  if (!isEnvelope(parts)) return refuse("bad_shape", "an envelope is [header, signature, body]");
  const [headerBytes, signature, bodyBytes] = parts;
  if (headerBytes.length > HEADER_BYTES_MAX) return refuse("too_large", `header of ${headerBytes.length} bytes`);
  const items = decode(headerBytes);
  if (!opens(items)) return refuse("bad_shape", "the header does not begin with version, chain, seq and prev");
  if (items[0] > VERSION || newerReader(items)) return refuse("newer_version", `version ${items[0]}`);
  const header = headerOf(items);
  if (header === null || signature.length !== SIGNATURE_BYTES)
    return refuse("bad_shape", "the header's fields or the signature do not have their types");
  if (header.continues !== null && header.seq !== 0)
    return refuse("bad_shape", "only the first set of a chain may continue another");
  const id = await setId(headerBytes);
  if (bodyBytes === null) return { header, signature, body: null, setId: id, raw };
  if (!equalBytes(await bodyHash(bodyBytes), header.bodyHash))
    return refuse("bad_body", "the body does not match the hash in its header");
  const body = bodyOf(decode(bodyBytes));
  if (body === null) return refuse("bad_shape", "the body is not [salt, kind, entity, ops]");
  if (bodyBytes.length > OP_BYTES_MAX && body.ops.some((op) => encode(op).length > OP_BYTES_MAX))
    return refuse("too_large", `an op is larger than ${OP_BYTES_MAX} bytes`);
  if (header.seq === 0 && !(await opensChain(header, body)))
    return refuse("bad_chain_open", "the first set of a chain must open it with its key");
  return { header, signature, body, setId: id, raw };
}

const isBytes = (value: unknown, size?: number): value is Uint8Array =>
  value instanceof Uint8Array && (size === undefined || value.length === size);
const isNatural = (value: unknown): value is number => typeof value === "number" && value >= 0;

function isEnvelope(value: Value): value is [Uint8Array, Uint8Array, Uint8Array | null] {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    isBytes(value[0]) &&
    isBytes(value[1]) &&
    (value[2] === null || isBytes(value[2]))
  );
}

/** The four positions that every version shares (CS1). */
function opens(value: Value): value is [number, Uint8Array, number, Uint8Array | null, ...Value[]] {
  if (!Array.isArray(value) || value.length < 4) return false;
  const [version, chain, seq, prev] = value;
  if (!isNatural(version) || version < 1 || !isBytes(chain, 16) || !isNatural(seq)) return false;
  return seq === 0 ? prev === null : isBytes(prev, 32);
}

function newerReader(items: readonly Value[]): boolean {
  const schema = items[12];
  return (
    items.length === 16 && Array.isArray(schema) && schema.length === 2 && isNatural(schema[1]) && schema[1] > SCHEMA[1]
  );
}

function headerOf(items: readonly Value[]): Header | null {
  if (items.length !== 16) return null;
  const [v, chain, seq, prev, hlc, wallMs, mono, user, seen, beacon, scope, lane, schema, flags, hash, continues] =
    items;
  const holds =
    isBytes(hlc, 8) &&
    typeof wallMs === "number" &&
    Array.isArray(mono) &&
    mono.length === 2 &&
    isBytes(mono[0], 8) &&
    typeof mono[1] === "number" &&
    isBytes(user, 16) &&
    (seen === null || (Array.isArray(seen) && seen.length === 2 && isNatural(seen[0]) && isBytes(seen[1], 16))) &&
    (beacon === null || isBytes(beacon, 16)) &&
    typeof scope === "string" &&
    [...scope].length <= SCOPE_CHARS_MAX &&
    (lane === 0 || lane === 1) &&
    Array.isArray(schema) &&
    schema.length === 2 &&
    schema.every(isNatural) &&
    isNatural(flags) &&
    isBytes(hash, 32) &&
    (continues === null || isContinuation(continues as Value));
  if (!holds) return null;
  return {
    v,
    chain,
    seq,
    prev,
    hlc,
    wallMs,
    mono,
    user,
    seen,
    beacon,
    scope,
    lane,
    schema,
    flags,
    bodyHash: hash,
    continues,
  } as unknown as Header;
}

function isContinuation(value: Value): boolean {
  return (
    Array.isArray(value) &&
    value.length === 4 &&
    isBytes(value[0], 16) &&
    isNatural(value[1]) &&
    isBytes(value[2], 32) &&
    typeof value[3] === "string"
  );
}

function isOp(value: Value): value is Op {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !isBytes(value) &&
    typeof value["t"] === "string"
  );
}

function bodyOf(value: Value): Body | null {
  if (!Array.isArray(value) || value.length !== 4) return null;
  const [salt, kind, entity, ops] = value;
  if (!isBytes(salt, 16) || typeof kind !== "string" || !isBytes(entity, 16) || !Array.isArray(ops)) return null;
  if ([...kind].length > KIND_CHARS_MAX || ops.length < 1 || ops.length > OPS_MAX || !ops.every(isOp)) return null;
  return { salt, kind, entity, ops: ops as Op[] };
}

async function opensChain(header: Header, body: Body): Promise<boolean> {
  const op = body.ops[0] as Op;
  const { alg, pub, nonce, app } = op as { alg?: Value; pub?: Value; nonce?: Value; app?: Value; t: string };
  if (body.kind !== "chain" || !equalBytes(body.entity, header.chain) || op.t !== "chain.open") return false;
  if (typeof alg !== "string" || !Object.hasOwn(PUBLIC_KEY_BYTES, alg) || !isBytes(pub, PUBLIC_KEY_BYTES[alg]))
    return false;
  if (!isBytes(nonce, 16) || typeof app !== "string") return false;
  return equalBytes(await chainId(pub, nonce), header.chain);
}
