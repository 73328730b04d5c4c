/**
 * The evidence file of one incident, taken apart (SPEC XP). Mirrors `sync/evidence/file.py`; only the centre writes one.
 *
 *     const file = readFile(bytes);
 *     if (isUnreadable(file)) …   // { code: "not_canonical", where: "byte 17", … }
 */
import { CanonError, decode, encode, type Value } from "../canon";
import { type Bytes, concat, sha256, toHex } from "../ids";
import { toBase64 } from "../note";

export const FORMAT = "ortoo/export/1";
export const FILE_BYTES_MAX = 268_435_456;

/** One ruling as its bytes, and the proof that it is in the log (TL2). */
export interface EntryOf {
  readonly ruling: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** What ties the sets of one chain together: its first envelope, and `[header, signature]` of sets in between. */
export interface ChainOf {
  readonly opening: Uint8Array;
  readonly links: readonly (readonly [Uint8Array, Uint8Array])[];
}

/** Everything in the file. */
export interface Content {
  readonly atMs: number;
  readonly by: string;
  readonly entity: Uint8Array;
  readonly server: Uint8Array;
  readonly epoch: Uint8Array;
  readonly pub: Uint8Array;
  readonly checkpoint: string;
  readonly n: number;
  readonly head: Uint8Array;
  readonly entries: readonly EntryOf[];
  readonly sets: readonly Uint8Array[];
  readonly chains: readonly ChainOf[];
}

export interface Evidence {
  readonly content: Content;
  readonly contentBytes: Uint8Array;
  readonly seal: string;
}

/** Why a file cannot be taken apart, and the place. */
export interface Unreadable {
  readonly code: "too_large" | "not_canonical" | "not_an_export";
  readonly where: string;
  readonly detail: string;
}

export const isUnreadable = (file: Evidence | Unreadable): file is Unreadable => "code" in file;

/** What the centre signs (XP2). */
export async function sealText(entity: Uint8Array, contentBytes: Uint8Array): Promise<string> {
  return `${FORMAT}\n${toHex(entity)}\n${toBase64(await sha256(concat(contentBytes)))}\n`;
}

const isBytes = (value: unknown, size?: number): value is Bytes =>
  value instanceof Uint8Array && (size === undefined || value.length === size);
const isNatural = (value: unknown): value is number => typeof value === "number" && value >= 0;

/** The file in its parts, or why it is none. */
export function readFile(data: Uint8Array): Evidence | Unreadable {
  if (data.length > FILE_BYTES_MAX)
    return { code: "too_large", where: "the file", detail: `${data.length} of at most ${FILE_BYTES_MAX} bytes` };
  let start = 0;
  try {
    const parts = decode(data);
    if (!Array.isArray(parts) || parts.length !== 3) return none("the file", `it is not [${FORMAT}, content, seal]`);
    const [form, contentBytes, seal] = parts;
    if (form !== FORMAT || !isBytes(contentBytes) || typeof seal !== "string")
      return none("the file", `it is not [${FORMAT}, content, seal]`);
    start = data.length - encode(seal).length - contentBytes.length;
    const content = contentOf(decode(contentBytes));
    return content ? { content, contentBytes, seal } : none("the content", "its parts do not have their types");
  } catch (error) {
    if (!(error instanceof CanonError)) throw error;
    return { code: "not_canonical", where: `byte ${start + error.offset}`, detail: error.code };
  }
}

const none = (where: string, detail: string): Unreadable => ({ code: "not_an_export", where, detail });

const NAMES = "at_ms by chains checkpoint entity entries epoch head n pub server sets";

function contentOf(value: Value): Content | null {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array) return null;
  if (Object.keys(value).sort().join(" ") !== NAMES) return null;
  const { at_ms, by, entity, server, epoch, pub, checkpoint, n, head } = value;
  const entries = listOf(value["entries"], entryOf);
  const sets = listOf(value["sets"], (one) => (isBytes(one) ? one : null));
  const chains = listOf(value["chains"], chainOf);
  if (typeof at_ms !== "number" || typeof by !== "string" || typeof checkpoint !== "string" || !isNatural(n))
    return null;
  if (!isBytes(entity, 16) || !isBytes(server, 16) || !isBytes(epoch, 8) || !isBytes(pub, 32) || !isBytes(head, 16))
    return null;
  if (!entries || !sets || !chains) return null;
  return { atMs: at_ms, by, entity, server, epoch, pub, checkpoint, n, head, entries, sets, chains };
}

function listOf<One>(value: Value | undefined, read: (one: Value) => One | null): One[] | null {
  if (!Array.isArray(value)) return null;
  const found: One[] = [];
  for (const one of value) {
    const read_ = read(one);
    if (read_ === null) return null;
    found.push(read_);
  }
  return found;
}

function entryOf(value: Value): EntryOf | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [ruling, hashes] = value;
  const proof = listOf(hashes, (one) => (isBytes(one, 32) ? one : null));
  return isBytes(ruling) && proof ? { ruling, proof } : null;
}

function chainOf(value: Value): ChainOf | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [opening, listed] = value;
  const links = listOf(listed, linkOf);
  return isBytes(opening) && links ? { opening, links } : null;
}

function linkOf(value: Value): readonly [Uint8Array, Uint8Array] | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [header, signature] = value;
  return isBytes(header) && isBytes(signature) ? [header, signature] : null;
}
