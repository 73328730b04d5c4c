/**
 * Bundles: a file that carries sets to the centre by hand, and what was ruled of them back (SPEC BU). Mirrors
 * `sync/bundle.py`.
 *
 * Responsible for the bytes of such a file: writing it record by record, and telling in one pass which records are whole,
 * what they are, and what is not whole. It opens no file; bytes come in pieces, signing and verifying are handed in.
 *
 *     for await (const { code, kind, value } of readBundle(file.stream(), verify)) …
 */
import { CanonError, decode, encode, type Value } from "./canon";
import { PUBLIC_KEY_BYTES, SET_BYTES_MAX } from "./changeset";
import { type Bytes, chainId, concat, equalBytes, taggedHash } from "./ids";
import { HASH_BYTES, rootFromInclusion } from "./merkle";
import { type Checkpoint, isSigned, NoteError, readCheckpoint, readNote, type Verify } from "./note";
import { leafHash, type Ruling, readRuling } from "./rulings";
import type { Log } from "./witness";

const utf8 = new TextEncoder();
export const MAGIC: Bytes = utf8.encode("ortoo/bundle/1\n");
export const FILE_BYTES_MAX = 2 ** 31;
export const RECORD_BYTES_MAX = SET_BYTES_MAX + 8_192;
const LENGTH_BYTES = 4;
const FRAME_BYTES = LENGTH_BYTES + HASH_BYTES;
const REPLY_KEY_BYTES = 65;
const BY_CHARS_MAX = 64;

/** Who made the bundle, when, and what follows (BU3); see `sync/bundle.py`. */
export interface Manifest {
  readonly by: string;
  readonly at_ms: number;
  readonly chain: Uint8Array;
  readonly alg: string;
  readonly pub: Uint8Array;
  readonly nonce: Uint8Array;
  readonly to?: Uint8Array;
  readonly counts?: { readonly [kind: string]: number };
  readonly reply?: Uint8Array;
  readonly signed?: readonly [string, number];
  readonly beacon?: Uint8Array;
}

/** A ruling and the proof that it is in the log under the checkpoint before it (TL2). */
export interface ProvedEntry {
  readonly ruling: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** A signed checkpoint and the proof that it grew out of the one of `after` entries (TL3). */
export interface CarriedCheckpoint {
  readonly note: string;
  readonly after: number;
  readonly proof: Uint8Array[];
}

/** What was found at place `n`, from byte `offset` on; with a code of BU5 when it is not whole or not known. */
export type BundleRecord = { readonly n: number; readonly offset: number; readonly code: string } & (
  | { readonly kind: "manifest"; readonly value: Manifest }
  | { readonly kind: "set"; readonly value: Uint8Array }
  | { readonly kind: "ruling"; readonly value: ProvedEntry }
  | { readonly kind: "checkpoint"; readonly value: CarriedCheckpoint }
  | { readonly kind: "end"; readonly value: { readonly head: Uint8Array; readonly signature: Uint8Array } }
  | { readonly kind: ""; readonly value: null }
);

const recordHash = (payload: Uint8Array): Promise<Bytes> => taggedHash("ortoo/bundle/record/1", payload);
const nextHead = (head: Uint8Array, record: Uint8Array): Promise<Bytes> =>
  taggedHash("ortoo/bundle/head/1", head, record);
const signingBytes = (head: Uint8Array): Bytes => concat(utf8.encode("ortoo/bundle/end/1\0"), head);

/** Writes a bundle, piece by piece: `begin` first, `end` last. */
export class BundleWriter {
  #head: Bytes = new Uint8Array(HASH_BYTES);

  async begin(manifest: Manifest): Promise<Bytes> {
    return concat(MAGIC, await this.add("manifest", manifest as unknown as Value));
  }

  async add(kind: string, value: Value): Promise<Bytes> {
    const payload = encode([kind, value]);
    const hash = await recordHash(payload);
    this.#head = await nextHead(this.#head, hash);
    const length = new Uint8Array(LENGTH_BYTES);
    new DataView(length.buffer).setUint32(0, payload.length);
    return concat(length, hash, payload);
  }

  async end(sign: (message: Bytes) => Promise<Uint8Array>): Promise<Bytes> {
    const head = this.#head;
    return this.add("end", [head, await sign(signingBytes(head))]);
  }
}

/** Bytes in pieces, taken from as much as is asked for; keeps no more than that and one piece. */
export class Pieces {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array[] = [];
  #size = 0;
  offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `size` bytes; null when there are fewer. */
  async take(size: number): Promise<Uint8Array | null> {
    if (!(await this.#reach(size))) return null;
    const [first] = this.#held;
    const all = first && first.length >= size ? first : concat(...this.#held);
    const rest = all === first ? this.#held.slice(1) : [];
    this.#held = all.length > size ? [all.subarray(size), ...rest] : rest;
    this.#size -= size;
    this.offset += size;
    return all.subarray(0, size);
  }

  /** The next `size` bytes, or as many as there are. */
  async takeMost(size: number): Promise<Uint8Array> {
    return (await this.take(size)) ?? (await this.take(this.#size)) ?? new Uint8Array(0);
  }

  async isOver(): Promise<boolean> {
    return !(await this.#reach(1));
  }

  async #reach(size: number): Promise<boolean> {
    while (this.#size < size) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      this.#held.push(value);
      this.#size += value.length;
    }
    return true;
  }
}

/** Bytes at hand, in pieces of one size. */
export async function* inPieces(data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

/** Every record in order, whole or not; its last is the end when all of it is there (BU1, BU2, BU5). */
export async function* readBundle(source: AsyncIterable<Uint8Array>, verify: Verify): AsyncGenerator<BundleRecord> {
  const pieces = new Pieces(source);
  const begun = await pieces.takeMost(MAGIC.length);
  if (begun.length < MAGIC.length || !equalBytes(begun, MAGIC)) {
    const isCut = equalBytes(begun, MAGIC.subarray(0, begun.length));
    yield faulty(0, 0, isCut ? "truncated" : "not_a_bundle");
    return;
  }
  let maker: Manifest | null = null;
  let head: Bytes = new Uint8Array(HASH_BYTES);
  for (let n = 1; ; n++) {
    const { offset } = pieces;
    if (await pieces.isOver()) {
      yield faulty(n, offset, "truncated");
      return;
    }
    if (offset >= FILE_BYTES_MAX) {
      yield faulty(n, offset, "bundle_too_large");
      return;
    }
    const frame = await pieces.take(FRAME_BYTES);
    const size = frame ? new DataView(frame.buffer, frame.byteOffset).getUint32(0) : 0;
    if (frame && (size < 1 || size > RECORD_BYTES_MAX)) {
      yield faulty(n, offset, "bad_length");
      return;
    }
    const payload = frame && (await pieces.take(size));
    if (!payload) {
      yield faulty(n, offset, "truncated");
      return;
    }
    const hash = frame.slice(LENGTH_BYTES);
    if (!equalBytes(await recordHash(payload), hash)) {
      head = await nextHead(head, hash);
      yield faulty(n, offset, "damaged");
      continue;
    }
    const one = await recordIn(n, offset, payload);
    if (one.kind === "end") {
      const { value } = one;
      const isAll = maker !== null && equalBytes(value.head, head);
      const holds = isAll && (await verify(maker?.alg ?? "", maker?.pub ?? head, signingBytes(head), value.signature));
      yield holds ? one : faulty(n, offset, "bad_end");
      if (!(await pieces.isOver())) yield faulty(n + 1, pieces.offset, "trailing");
      return;
    }
    head = await nextHead(head, hash);
    if (one.kind === "manifest" && n > 1) yield faulty(n, offset, "out_of_place");
    else yield one;
    if (one.kind === "manifest" && n === 1) maker = one.value;
  }
}

const faulty = (n: number, offset: number, code: string): BundleRecord => ({ n, offset, code, kind: "", value: null });

/** One record whose hash holds. */
async function recordIn(n: number, offset: number, payload: Uint8Array): Promise<BundleRecord> {
  let value: Value;
  try {
    value = decode(payload);
  } catch (error) {
    if (error instanceof CanonError) return faulty(n, offset, "not_canonical");
    throw error;
  }
  if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== "string")
    return faulty(n, offset, "bad_record");
  const [kind, said] = value as [string, Value];
  const at = { n, offset, code: "" };
  if (kind === "manifest") {
    const made = manifestIn(said);
    const isSound = made !== null && equalBytes(await chainId(made.pub, made.nonce), made.chain);
    return isSound ? { ...at, kind, value: made } : faulty(n, offset, "bad_manifest");
  }
  if (kind === "set")
    return said instanceof Uint8Array ? { ...at, kind, value: said } : faulty(n, offset, "bad_record");
  if (kind !== "ruling" && kind !== "checkpoint" && kind !== "end") return faulty(n, offset, "unknown_kind");
  const parts = Array.isArray(said) ? said : [];
  const [first, second, third] = parts;
  if (kind === "ruling" && parts.length === 2 && first instanceof Uint8Array && areHashes(second))
    return { ...at, kind, value: { ruling: first, proof: second } };
  if (kind === "checkpoint" && parts.length === 3 && typeof first === "string" && isNatural(second) && areHashes(third))
    return { ...at, kind, value: { note: first, after: second, proof: third } };
  if (kind === "end" && parts.length === 2 && isBytes(first, HASH_BYTES) && second instanceof Uint8Array)
    return { ...at, kind, value: { head: first, signature: second } };
  return faulty(n, offset, "bad_record");
}

const isBytes = (value: unknown, size: number): value is Uint8Array =>
  value instanceof Uint8Array && value.length === size;
const isNatural = (value: unknown): value is number => typeof value === "number" && value >= 0;
const areHashes = (value: unknown): value is Uint8Array[] =>
  Array.isArray(value) && value.every((one) => isBytes(one, HASH_BYTES));
const isMap = (value: unknown): value is Record<string, Value> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** The manifest a map stands for, null for another shape; what is not known is left out. */
function manifestIn(said: Value): Manifest | null {
  if (!isMap(said)) return null;
  const { by, at_ms, chain, alg, pub, nonce, to, counts, reply, signed, beacon } = said;
  if (typeof by !== "string" || [...by].length > BY_CHARS_MAX || typeof at_ms !== "number") return null;
  if (!isBytes(chain, 16) || !isBytes(nonce, 16) || typeof alg !== "string" || !(pub instanceof Uint8Array))
    return null;
  if (!Object.hasOwn(PUBLIC_KEY_BYTES, alg) || PUBLIC_KEY_BYTES[alg] !== pub.length) return null;
  const there: [Value | undefined, number][] = [
    [to, 16],
    [reply, REPLY_KEY_BYTES],
    [beacon, 16],
  ];
  if (there.some(([value, size]) => value !== undefined && value !== null && !isBytes(value, size))) return null;
  if (counts !== undefined && !(isMap(counts) && Object.values(counts).every(isNatural))) return null;
  const isPair = Array.isArray(signed) && signed.length === 2 && typeof signed[0] === "string" && isNatural(signed[1]);
  if (signed !== undefined && signed !== null && !isPair) return null;
  return said as unknown as Manifest;
}

/** What the rulings of a bundle rest on: a checkpoint signed by the log's key (BU6). */
export class Proving {
  readonly #log: Log;
  readonly #verify: Verify;
  #under: Checkpoint | null = null;

  constructor(log: Log, verify: Verify) {
    this.#log = log;
    this.#verify = verify;
  }

  /** Let the rulings that follow rest on this checkpoint. Gives a code when it proves nothing, else nothing. */
  async restOn({ note }: CarriedCheckpoint): Promise<string> {
    this.#under = null;
    try {
      const read = readNote(note);
      const found = readCheckpoint(read.text);
      if (found.origin !== this.#log.origin) return "other_log";
      if (!(await isSigned(read, found.origin, this.#log.pub, this.#verify))) return "bad_signature";
      this.#under = found;
      return "";
    } catch (error) {
      if (error instanceof NoteError) return error.code;
      throw error;
    }
  }

  /** The ruling, where it is in the log; else a code. */
  async proven({ ruling: bytes, proof }: ProvedEntry): Promise<Ruling | "bad_ruling" | "not_in_log"> {
    let ruling: Ruling;
    try {
      ruling = readRuling(bytes);
    } catch (error) {
      if (error instanceof CanonError) return "bad_ruling";
      throw error;
    }
    const under = this.#under;
    if (!under || ruling.idx > under.size) return "not_in_log";
    const root = await rootFromInclusion(ruling.idx - 1, under.size, await leafHash(bytes), proof);
    return root && equalBytes(root, under.root) ? ruling : "not_in_log";
  }
}
