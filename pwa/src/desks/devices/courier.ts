/**
 * What became of a file that somebody carried here, as the desk tells it. Pure.
 *
 *     tallyOf(report)     // { fresh: 4, kept: 0, known: 0, waiting: 1, lost: 0 }
 */
import { t } from "./courierWords";

interface Remark {
  readonly record: number;
  readonly code: string;
}

export interface CourierReport {
  readonly whole: boolean;
  readonly results: { readonly [result: string]: number };
  readonly faults: readonly Remark[];
  readonly faults_in_all: number;
}

export interface BundleTaken {
  readonly report: CourierReport;
  /** The bytes of the answer in base64. */
  readonly answer: string | null;
  /** At a station: how many sets were owed to the centre and are no longer. */
  readonly settled: number;
}

/** What a station owes to the centre, as a file in base64; `left`: what has no room in it. */
export interface Backlog {
  readonly file: string | null;
  readonly sets: number;
  readonly left: number;
}

export const blobOf = (base64: string): Blob => new Blob([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))]);
/** Something to download; whoever is done with it revokes it. */
export const linkTo = (base64: string): string => URL.createObjectURL(blobOf(base64));

export interface Tally {
  fresh: number;
  /** Kept at a station until the centre has ruled. */
  kept: number;
  known: number;
  waiting: number;
  lost: number;
}

const LOST = ["bad_signature", "too_large", "malformed"];
/** Kept, and not counted before a person has looked. */
const WAITING = ["held", "rejected", "opaque"];

export function tallyOf({ results }: CourierReport): Tally {
  const of = (names: readonly string[]): number => names.reduce((sum, name) => sum + (results[name] ?? 0), 0);
  const all = of(Object.keys(results));
  const [known, kept, lost] = [of(["duplicate"]), of(["kept"]), of(LOST)];
  return { fresh: all - known - kept - lost, kept, known, waiting: of(WAITING), lost };
}

type FaultWord =
  | "truncated"
  | "damaged"
  | "badEnd"
  | "badManifest"
  | "unknownKind"
  | "outOfPlace"
  | "otherLog"
  | "unproved"
  | "logChanged";
const FAULTS: Record<string, FaultWord> = {
  truncated: "truncated",
  bad_length: "truncated",
  bundle_too_large: "truncated",
  damaged: "damaged",
  bad_end: "badEnd",
  bad_manifest: "badManifest",
  bad_record: "unknownKind",
  not_canonical: "unknownKind",
  unknown_kind: "unknownKind",
  out_of_place: "outOfPlace",
  trailing: "outOfPlace",
  log_unknown: "otherLog",
  other_log: "otherLog",
  bad_note: "unproved",
  bad_checkpoint: "unproved",
  bad_signature: "unproved",
  bad_ruling: "unproved",
  not_in_log: "unproved",
  undeclared_epoch: "logChanged",
  split: "logChanged",
  inconsistent: "logChanged",
  not_mirrored: "logChanged",
};

/** What is wrong with a record, in words, with its code. */
export function faultWord(code: string): string {
  const word = FAULTS[code];
  return word ? `${t(word)} (${code})` : code;
}
