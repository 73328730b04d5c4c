/**
 * What stands behind the time of an entry, as its badge shows it: the grade, how wide, from when to when, and why no
 * tighter.
 *
 *     proofOf(entry.time)   // { grade: 1, interval: { fromMs, toMs }, reason: "之后还没对过时" }
 */
import { clockSeconds } from "../../../ui/format";
import { language } from "../../../words/language";
import { causeWord } from "../../../words/verdicts";
import type { ProvedTime } from "../types";
import { t } from "./words";

const SEPARATOR = { "zh-CN": "；", en: "; " } as const;
/** A time is shown to the second: what is surer than half of one needs no ±. */
const WORTH_SHOWING_MS = 500;

export interface Proof {
  readonly grade: 0 | 1 | 2 | 3;
  readonly uncertaintyMs?: number | undefined;
  readonly interval?: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly reason?: string | undefined;
}

/** What a badge says of a time. */
export function proofOf(time: ProvedTime): Proof {
  const { grade, lo_ms, hi_ms } = time;
  const said = time.why.map(causeWord);
  if (lo_ms === null || hi_ms === null) {
    const bound = hi_ms === null ? [] : [t("notAfter", clockSeconds(hi_ms))];
    return { grade, reason: [...bound, ...said].join(SEPARATOR[language.value]) || undefined };
  }
  const half = Math.ceil((hi_ms - lo_ms) / 2);
  return {
    grade,
    uncertaintyMs: half > WORTH_SHOWING_MS ? half : undefined,
    interval: { fromMs: lo_ms, toMs: hi_ms },
    reason: said.join(SEPARATOR[language.value]) || undefined,
  };
}
