/**
 * What became of a file that somebody carried here, as the desk tells it. Pure.
 *
 *     tallyOf(report)     // { fresh: 4, known: 0, waiting: 1, lost: 0 }
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
}

const LOST = ["bad_signature", "too_large", "malformed"];
/** Kept, and not counted before a person has looked. */
const WAITING = ["held", "rejected", "opaque"];

export function tallyOf({ results }: CourierReport): { fresh: number; known: number; waiting: number; lost: number } {
  const of = (names: readonly string[]): number => names.reduce((sum, name) => sum + (results[name] ?? 0), 0);
  const all = of(Object.keys(results));
  const [known, lost] = [of(["duplicate"]), of(LOST)];
  return { fresh: all - known - lost, known, waiting: of(WAITING), lost };
}

const FAULTS: Record<string, "truncated" | "damaged" | "badEnd" | "badManifest" | "unknownKind" | "outOfPlace"> = {
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
};

/** What is wrong with a record, in words, with its code. */
export function faultWord(code: string): string {
  const word = FAULTS[code];
  return word ? `${t(word)} (${code})` : code;
}
