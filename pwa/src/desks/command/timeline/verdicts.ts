/**
 * What the panel of clocks says of a verdict, in a few short lines: how long it took as far as that is proved, against
 * which limit, on what it rests, and by which version of the policy. Pure.
 *
 *     explain(verdict)   // ["用时 19–21 秒，限 30 秒，富余 9 秒", "依据 0 凭证", "按默认规定"]
 */
import { duration } from "../../../ui/format";
import { t as common } from "../../../words/common";
import { language } from "../../../words/language";
import { causeWord } from "../../../words/verdicts";
import type { Hex, ShownVerdict } from "../types";
import { t } from "./words";

const GRADES = ["grade0", "grade1", "grade2", "grade3"] as const;
const SEPARATOR = { "zh-CN": "；", en: "; " } as const;
/** Results that only say how it stands now. */
const OPEN: ReadonlySet<string> = new Set(["pending", "overdue", "no_limit"]);

/** The verdict on a clock of an order, or of the incident, in a round. */
export function verdictOn(
  verdicts: readonly ShownVerdict[],
  clock: string,
  order: Hex | null,
  round: number,
): ShownVerdict | null {
  return verdicts.find((one) => one.clock === clock && one.order === order && one.round === round) ?? null;
}

/** Whether it is a finding, which stands in the place of what is still counting. */
export const isFound = ({ result }: ShownVerdict): boolean => !OPEN.has(result);

/** Findings by the op that ends their clock; a basis of signing that is only shown beside is left to the panel. */
export function endings(verdicts: readonly ShownVerdict[]): ReadonlyMap<string, readonly ShownVerdict[]> {
  const found = new Map<string, readonly ShownVerdict[]>();
  for (const one of verdicts) {
    if (one.end === null || !one.judges || !isFound(one)) continue;
    found.set(one.end.op, [...(found.get(one.end.op) ?? []), one]);
  }
  return found;
}

/** Why it was found so, line by line. */
export function explain(verdict: ShownVerdict): string[] {
  const { grade, why, policy } = verdict;
  const lines = [tookLine(verdict)];
  if (verdict.result === "not_delivered") lines.push(t("nobodysFault"));
  if (verdict.result === "unproven") lines.push(t("waitedLong"));
  if (grade !== null) lines.push(t("restsOn", `${grade} ${common(GRADES[grade as 0] ?? "grade3")}`));
  if (why.length > 0) lines.push(why.map(causeWord).join(SEPARATOR[language.value]));
  lines.push(policy.row === null ? t("byDefault") : t("byPolicy", policy.name));
  return lines.filter((line) => line !== "");
}

function tookLine({ lo_ms, hi_ms, within_ms, slack_ms, result }: ShownVerdict): string {
  const parts = [tookWord(lo_ms, hi_ms)];
  if (within_ms !== null) parts.push(t("limit", span(within_ms)));
  if (slack_ms !== null) parts.push(result === "met" ? t("spare", span(slack_ms)) : t("beyond", span(slack_ms)));
  return parts.filter((part) => part !== "").join(language.value === "en" ? ", " : "，");
}

function tookWord(lo: number | null, hi: number | null): string {
  if (lo === null && hi === null) return "";
  if (lo === null || lo <= 0) return hi === null ? "" : t("atMost", span(Math.max(0, hi)));
  if (hi === null) return t("atLeast", span(lo));
  const [from, to] = [span(lo), span(hi)];
  return from === to ? t("took", from) : t("tookBetween", from, to);
}

/** Tenths of a second below ten: a limit of half a minute is judged by them. */
function span(ms: number): string {
  if (ms >= 10_000) return duration(ms, language.value);
  const tenths = Math.floor(ms / 100) / 10;
  return `${tenths} ${language.value === "en" ? "s" : "秒"}`;
}
