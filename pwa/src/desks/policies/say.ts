/** Limits, scopes and dates in words. */
import type { Plans } from "../../sync/incident/plans";
import type { Mode } from "../../sync/incident/versions";
import { clock, day, dayNumber, duration } from "../../ui/format";
import { inWords, language } from "../../words/language";
import { bucketsText, bucketUnit, type Field, parted, timesOf } from "./model";
import type { Org } from "./types";
import { t } from "./words";

export const spanWord = (ms: number): string => {
  const { count, unit } = parted(ms);
  return `${count} ${t(`u_${unit}`)}`;
};
export const tierWord = (tier: number | string): string => (Number(tier) === 0 ? t("asap") : t("tier", String(tier)));
export const categoryWord = (code: string, org: Org | null): string => {
  const found = org?.categories.find((one) => one.code === code);
  return found ? inWords(found) : code;
};
export const targetWord = (id: string, org: Org | null): string =>
  [...(org?.units ?? []), ...(org?.vehicles ?? [])].find((one) => one.id === id)?.name ?? id.slice(0, 8);
export const clockWord = (id: string): string => t(id as "C1");
export const modeWord = (mode: Mode): string => t(`m_${mode}`);

/** From when to when a version holds; the beginning of time is not a date. */
export function datesWord(fromMs: number, untilMs: number | null, nowMs: number): string {
  const from = fromMs === 0 ? t("fromStart") : dateWord(fromMs, nowMs);
  if (untilMs !== null) return t("until", from, dateWord(untilMs, nowMs));
  return fromMs === 0 ? from : t("since", from);
}

/** `3月12日 14:32`, with the year when it is another one, without the date when it is today. */
export function dateWord(ms: number, nowMs: number): string {
  const year = new Date(ms).getUTCFullYear();
  const other = year === new Date(nowMs).getUTCFullYear() ? "" : language.value === "en" ? ` ${year}` : `${year}年`;
  const date = language.value === "en" ? `${day(ms, language.value)}${other}` : `${other}${day(ms, language.value)}`;
  return dayNumber(ms) === dayNumber(nowMs) && other === "" ? clock(ms) : `${date} ${clock(ms)}`;
}

const by = (value: unknown, name: (key: string) => string, say: (entry: number) => string): string =>
  Object.entries(value as Record<string, number>)
    .map(([key, entry]) => `${name(key)} ${say(entry)}`)
    .join(language.value === "en" ? ", " : "，");

/** What a field says. */
export function fieldWord(field: Field, value: unknown, org: Org | null): string {
  if (value === undefined || value === null) return t("none");
  switch (field) {
    case "sign_basis":
    case "tier_basis":
    case "satisfaction":
      return t(`${field}_${value}` as "sign_basis_issued");
    case "missed_max_grade":
    case "met_max_grade":
      return t(`grade_${value as 0 | 1 | 2 | 3}`);
    case "callback_days":
      return `${value} ${t("days")}`;
    case "callback_tries":
      return `${value} ${t("times")}`;
    case "rectify_complex_days":
      return `${value} ${t("workdays")}`;
    case "callback_times_of_day":
      return timesOf(value as number[]);
    case "rest_days":
    case "work_days":
      return (value as string[]).length > 0 ? (value as string[]).join(" ") : t("notSaid");
    case "arrive_within_ms":
      return by(value, tierWord, spanWord);
    case "tiers_by_level":
      return Object.keys(value).length > 0 ? by(value, (level) => t("level", Number(level)), tierWord) : t("notSaid");
    case "tiers_by_force":
      return Object.keys(value).length > 0 ? by(value, (id) => targetWord(id, org), tierWord) : t("notSaid");
    case "first_feedback_by_category":
    case "final_feedback_by_category":
      return Object.keys(value).length > 0 ? by(value, (code) => categoryWord(code, org), spanWord) : t("notSaid");
    case "buckets":
      return Object.entries(value as Record<string, number[]>)
        .map(
          ([id, edges]) => `${clockWord(id)} ${bucketsText(edges, bucketUnit(edges))} ${t(`u_${bucketUnit(edges)}`)}`,
        )
        .join(language.value === "en" ? "; " : "；");
    case "plans":
      return Object.entries(value as Plans)
        .map(([tier, steps]) => `${tier === "" ? t("allTiers") : tierWord(tier)} ${steps.length}`)
        .join(language.value === "en" ? ", " : "，");
    default:
      return spanWord(value as number);
  }
}

export const lasting = (lo: number | null, hi: number | null): string => {
  const say = (ms: number | null): string => (ms === null ? "…" : duration(Math.max(0, ms), language.value));
  return say(lo) === say(hi) ? say(lo) : `${say(lo)} – ${say(hi)}`;
};
