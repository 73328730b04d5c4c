/**
 * A device as a witness of the log: it keeps the highest checkpoint it met and notices when the log did not only grow
 * (SPEC TL9). Mirrors `sync/witness.py`.
 *
 *     const next = await judge(held, note, proof, { log, verify });
 *     if (typeof next === "string") alarm(next);   // "smaller", "split", …
 */
import { equalBytes, toHex } from "./ids";
import { isConsistent } from "./merkle";
import { isSigned, NoteError, readCheckpoint, readNote, type Verify } from "./note";

/** The kind of `org` row that names a log: its key, its epoch and what earlier epochs lost (TL8). */
export const ORG_ROW = "logs";

export type LogAlarm =
  | "bad_note"
  | "bad_checkpoint"
  | "bad_signature"
  | "other_key"
  | "other_log"
  | "undeclared_epoch"
  | "smaller"
  | "split"
  | "inconsistent";

/** A log as the organisation names it: its origin and key, and origins of epochs whose end was declared. */
export interface Log {
  readonly origin: string;
  readonly pub: Uint8Array;
  readonly before: readonly string[];
}

/** The highest checkpoint a device has checked, and the key it was signed with. `note` is kept as a witness. */
export interface Held {
  readonly origin: string;
  readonly pub: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly note: string;
}

/** The name of a log: one per centre and epoch (TL6). */
export const originOf = (server: Uint8Array, epoch: Uint8Array): string => `ortoo/${toHex(server)}/${toHex(epoch)}`;

/** The log that a row of the organisation names; null for a row of another shape. */
export function logOf(server: Uint8Array, row: Readonly<Record<string, unknown>>): Log | null {
  const { pub, epoch, lost } = row;
  if (!(pub instanceof Uint8Array) || !(epoch instanceof Uint8Array)) return null;
  const ended = Array.isArray(lost) ? lost.flatMap((one) => (one?.epoch instanceof Uint8Array ? [one.epoch] : [])) : [];
  return { origin: originOf(server, epoch), pub, before: ended.map((one) => originOf(server, one)) };
}

/** What to hold from now on, or an alarm. `proof` leads from the held size to the new one. */
export async function judge(
  held: Held | null,
  note: string,
  proof: readonly Uint8Array[],
  by: { log: Log; verify: Verify },
): Promise<Held | LogAlarm> {
  try {
    const read = readNote(note);
    const found = readCheckpoint(read.text);
    const { log, verify } = by;
    if (held && !equalBytes(held.pub, log.pub)) return "other_key";
    if (found.origin !== log.origin) return "other_log";
    if (!(await isSigned(read, found.origin, log.pub, verify))) return "bad_signature";
    const fresh: Held = { origin: found.origin, pub: log.pub, size: found.size, root: found.root, note };
    if (!held) return fresh;
    if (held.origin !== found.origin) return log.before.includes(held.origin) ? fresh : "undeclared_epoch";
    if (found.size < held.size) return "smaller";
    if (found.size === held.size) return equalBytes(found.root, held.root) ? held : "split";
    return (await isConsistent(held.size, held.root, found.size, found.root, proof)) ? fresh : "inconsistent";
  } catch (error) {
    if (error instanceof NoteError) return error.code;
    throw error;
  }
}
