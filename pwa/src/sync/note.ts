/**
 * Signed notes and checkpoints: a few lines of text that say how far the log has come (SPEC TL5, TL6). Mirrors
 * `sync/note.py`; reads and checks, for only the centre signs.
 *
 *     const note = readNote(text);
 *     if (await isSigned(note, origin, key, verify)) readCheckpoint(note.text).size;
 */
import { type Bytes, concat, equalBytes, sha256, toHex } from "./ids";
import { HASH_BYTES } from "./merkle";

export const SIGNATURES_MAX = 16;
export const NOTE_CHARS_MAX = 8_192;
const ED25519 = Uint8Array.of(1);
const MARK = "— ";

/** Takes algorithm name, public key, message and signature; never throws on bad input. */
export type Verify = (alg: string, pub: Uint8Array, message: Uint8Array, signature: Uint8Array) => Promise<boolean>;

export type NoteCode = "bad_note" | "bad_checkpoint";

/** Text that is no signed note, or a note that is no checkpoint. */
export class NoteError extends Error {
  override name = "NoteError";
  readonly code: NoteCode;
  constructor(code: NoteCode, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

export interface Signature {
  readonly name: string;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** `text` with the newline that ends it, which is what the signatures cover. */
export interface Note {
  readonly text: string;
  readonly signatures: readonly Signature[];
}

/** How far a log has come. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly extensions: readonly string[];
}

const utf8 = new TextEncoder();

/** 4 bytes that tell one key of a name from another. Source: C2SP signed-note. */
export async function keyId(name: string, pub: Uint8Array): Promise<Bytes> {
  return (await sha256(concat(utf8.encode(`${name}\n`), ED25519, pub))).slice(0, 4);
}

/** A public key as text, `name+id+key`, as other tools of transparency logs read it. */
export async function verifierKey(name: string, pub: Uint8Array): Promise<string> {
  return `${name}+${toHex(await keyId(name, pub))}+${toBase64(concat(ED25519, pub))}`;
}

/** What people compare aloud: 32 hex digits of the key's SHA-256, in groups of four. */
export async function fingerprint(pub: Uint8Array): Promise<string> {
  const digits = toHex((await sha256(concat(pub))).slice(0, 16));
  return digits.match(/.{4}/g)?.join(" ") ?? "";
}

/** The parts of a signed note. Throws `NoteError` for text that is not exactly how a note is written. */
export function readNote(note: string): Note {
  const chars = [...note];
  if (chars.length > NOTE_CHARS_MAX) throw new NoteError("bad_note", `longer than ${NOTE_CHARS_MAX} characters`);
  if (chars.some((char) => char < " " && char !== "\n")) throw new NoteError("bad_note", "a control character");
  const gap = note.lastIndexOf("\n\n");
  if (gap < 1 || !note.endsWith("\n") || gap + 2 >= note.length)
    throw new NoteError("bad_note", "no empty line between text and signatures");
  const lines = note.slice(gap + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) throw new NoteError("bad_note", `more than ${SIGNATURES_MAX} signatures`);
  return { text: note.slice(0, gap + 1), signatures: lines.map(signatureIn) };
}

function signatureIn(line: string): Signature {
  const said = line.startsWith(MARK) ? line.slice(MARK.length) : "";
  const space = said.indexOf(" ");
  const name = said.slice(0, Math.max(0, space));
  if (!isName(name)) throw new NoteError("bad_note", "a signature line is not written as one");
  const data = fromBase64(said.slice(space + 1));
  if (data === null || data.length < 5) throw new NoteError("bad_note", "a signature is not base64");
  return { name, keyId: data.slice(0, 4), signature: data.slice(4) };
}

/** Whether a key may be called so: not empty, no white space, no plus sign. */
export const isName = (name: string): boolean => /^[^\s+\u0085]+$/u.test(name);

export function toBase64(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data));
}

/** Standard base64 in its one written form: what is decoded must encode to the same text. */
function fromBase64(text: string): Bytes | null {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return null;
  const data = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return toBase64(data) === text ? data : null;
}

/** Whether the note has a signature of this key and none of this key that does not hold (TL5). */
export async function isSigned(note: Note, name: string, pub: Uint8Array, verify: Verify): Promise<boolean> {
  const wanted = await keyId(name, pub);
  const own = note.signatures.filter((line) => line.name === name && equalBytes(line.keyId, wanted));
  for (const line of own) if (!(await verify("Ed25519", pub, utf8.encode(note.text), line.signature))) return false;
  return own.length > 0;
}

/** The checkpoint in a note's text. Throws `NoteError` with `bad_checkpoint` for any other text (TL6). */
export function readCheckpoint(text: string): Checkpoint {
  const [origin = "", ...rest] = text.replace(/\n$/, "").split("\n");
  const [size, root, ...extensions] = rest;
  if (!text.endsWith("\n") || size === undefined || root === undefined || origin === "" || rest.includes(""))
    throw new NoteError("bad_checkpoint", "a checkpoint is origin, size and root, each on a line");
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new NoteError("bad_checkpoint", "the size is not a decimal number");
  const hash = fromBase64(root);
  if (hash === null || hash.length !== HASH_BYTES)
    throw new NoteError("bad_checkpoint", "the root is not 32 bytes in base64");
  return { origin, size: Number(size), root: hash, extensions };
}
