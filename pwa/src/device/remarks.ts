/**
 * What was pulled about own sets: the centre's first ruling on what a station handed in (SPEC HB4), and what people there
 * said after the first answer: that a held one counts now, or does not, and what they ask its author (RL6, RL9).
 *
 * Responsible for finding these words in what was pulled, and the author's answers in the vault. Refuses to store.
 *
 *     (await remarksOf(set, await cache.entriesOf(set.entity), own)).at(-1)?.text;      // "是您本人写的吗？"
 */
import { isRefusal, readSet } from "../sync/changeset";
import { toHex } from "../sync/ids";
import { isProvisional, KIND_ASK, KIND_REVIEW, KIND_SET, type Ruling } from "../sync/rulings";
import type { Entry } from "./cache";
import type { Heard } from "./outbox";
import { type Line, rulingIn } from "./pulled";
import type { OwnSet, PushAnswer } from "./vault";

export interface Remark {
  kind: "ask" | "review";
  idx: number;
  atMs: number;
  /** Who decided or asks, hex; null where the centre itself decided. */
  by: string | null;
  text: string;
  /** What a review decided; null for a question. */
  decision: string | null;
  /** What the author answered to a question since. */
  answers: Answer[];
}

interface Answer {
  text: string;
  atMs: number;
  /** The newest ruling heard of when it was written. */
  seenIdx: number;
}

/** The answer as a repeat of the push would give it. */
export function answerOf(idx: number | null, atMs: number | null, d: string, why: string | null): PushAnswer {
  return { r: "duplicate", why, idx, atMs, d, no: null };
}

/**
 * Later decisions and questions in these lines, about whichever sets, and the first rulings on those that are `owed`. What a
 * station thinks of a set is none (HB3).
 */
export function heardIn(lines: readonly Line[], owed: ReadonlySet<string>): Heard[] {
  return lines.flatMap(({ ruling, entry }): Heard[] => {
    if (isProvisional(ruling.idx)) return [];
    if (ruling.kind === KIND_ASK) return [{ set: entry.set, answer: null }];
    if (ruling.kind !== KIND_REVIEW && !(ruling.kind === KIND_SET && owed.has(entry.set))) return [];
    const { d, why, no } = ruling.payload;
    const answer = answerOf(ruling.idx, ruling.atMs, String(d), typeof why === "string" ? why : null);
    return [{ set: entry.set, answer: { ...answer, no: typeof no === "string" ? no : null } }];
  });
}

/** Every decision and question about one own set, oldest first, each once. */
export async function remarksOf(set: OwnSet, entries: readonly Entry[], own: readonly OwnSet[]): Promise<Remark[]> {
  const found = new Map<number, Ruling>();
  for (const entry of entries) {
    const ruling = entry.set === set.id ? rulingIn(entry.ruling) : null;
    if (ruling && (ruling.kind === KIND_ASK || ruling.kind === KIND_REVIEW)) found.set(ruling.idx, ruling);
  }
  const answers = await answersTo(set, own);
  return [...found.values()].map((ruling) => remarkOf(ruling, answers)).sort((a, b) => a.idx - b.idx);
}

function remarkOf({ kind, idx, atMs, payload }: Ruling, answers: readonly Answer[]): Remark {
  const { by, text, d } = payload;
  const isQuestion = kind === KIND_ASK;
  return {
    kind: isQuestion ? "ask" : "review",
    idx,
    atMs,
    by: by instanceof Uint8Array ? toHex(by) : null,
    text: typeof text === "string" ? text : "",
    decision: isQuestion ? null : String(d),
    answers: isQuestion ? answers.filter((answer) => answer.seenIdx >= idx) : [],
  };
}

async function answersTo(set: OwnSet, own: readonly OwnSet[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const one of own) {
    const read = one.entity === set.entity ? await readSet(one.raw) : null;
    if (!read || isRefusal(read)) continue;
    for (const op of read.body?.ops ?? []) {
      const about = (op["data"] as { set?: unknown } | undefined)?.set;
      if (op.t !== "entry.add" || op["kind"] !== "answer" || !(about instanceof Uint8Array)) continue;
      const seenIdx = read.header.seen?.[0] ?? 0;
      if (toHex(about) === set.id) answers.push({ text: String(op["text"]), atMs: one.wroteAtMs, seenIdx });
    }
  }
  return answers.sort((a, b) => a.atMs - b.atMs);
}
