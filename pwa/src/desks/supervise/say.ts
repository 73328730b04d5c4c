/**
 * Figures in words: which device has not told everything, what is not judged and why, what a row and a period are called.
 *
 *     missing(mark, since)   // 2 台终端没回传，最久 26 小时，积压不知道，补到后数字会变
 */
import { tierWord } from "../../centre/words";
import { day, dayOfYear, percent } from "../../ui/format";
import { language } from "../../words/language";
import { causeWord } from "../../words/verdicts";
import type { Figures, Group, GroupBy, Instant, Period, Watermark } from "./types";
import { t } from "./words";

const comma = (): string => (language.value === "en" ? ", " : "，");
const list = (): string => (language.value === "en" ? ", " : "、");

/** Who has not told everything, and that what they hold is unknown. */
export function missing(mark: Watermark, since: (ms: number) => string): string {
  if (mark.total === 0) return t("noDevices");
  const parts = [];
  if (mark.longest_silent_ms !== null) parts.push(t("silent", mark.silent, since(mark.longest_silent_ms)));
  if (mark.unknown > 0) parts.push(t("unheard", mark.unknown));
  if (mark.holding > 0) parts.push(t("holding", mark.holding));
  if (parts.length === 0) return t("allTold");
  if (mark.silent > 0 || mark.unknown > 0) parts.push(t("backlog"));
  if (mark.oldest_ms !== null) parts.push(t("oldest", since(mark.oldest_ms)));
  return [...parts, t("willChange")].join(comma());
}

export function causesText(codes: readonly string[]): string {
  return codes.map(causeWord).join(list());
}

/** What stands beside buckets and rate: everything that is in neither, the undetermined with their causes. */
export function restText(figures: Figures, hasLimit: boolean): string[] {
  const causes = Object.entries(figures.causes).map(([code, n]) => `${causeWord(code)} ${n}`);
  const overrides = Object.values(figures.overrides).reduce((sum, n) => sum + n, 0);
  const parts = [];
  if (figures.undetermined > 0) {
    const why =
      causes.length === 0 ? "" : language.value === "en" ? ` (${causes.join(", ")})` : `（${causes.join("、")}）`;
    parts.push(t("foot_undetermined", figures.undetermined) + why);
  }
  if (figures.unproven > 0) parts.push(t("foot_unproven", figures.unproven));
  if (figures.not_delivered > 0) parts.push(t("foot_not_delivered", figures.not_delivered));
  if (figures.overdue > 0) parts.push(t("foot_overdue", figures.overdue));
  if (figures.pending > 0) parts.push(t("foot_pending", figures.pending));
  if (hasLimit && figures.unlimited > 0) parts.push(t("foot_unlimited", figures.unlimited));
  if (overrides > 0) parts.push(t("foot_overrides", overrides));
  return parts.length === 0 && hasLimit && figures.n > 0 ? [t("allJudged")] : parts;
}

/** What a row of a table is called. */
export function groupName(group: Pick<Group, "key" | "name">, by: GroupBy, isOwn: boolean): string {
  if (group.key === "*") return t(isOwn ? "everythingOwn" : "everything");
  if (group.key === "") return t(by === "target" ? "noneTarget" : "none");
  return by === "tier" ? tierWord(Number(group.key)) : group.name;
}

/** How complete it is, in a line for paper. */
export function completeText(mark: Watermark, since: (ms: number) => string): string {
  if (mark.basis_points === null) return missing(mark, since);
  const share = percent(mark.basis_points);
  const said = language.value === "en" ? `${share} ${t("complete")}: ` : `${t("complete")} ${share}：`;
  return said + missing(mark, since);
}

/** `3月2日–3月8日`; a day alone once. For paper with its years. */
export function periodText(period: Period, withYear = false): string {
  const said = withYear ? dayOfYear : day;
  const first = said(period.from_ms, language.value);
  const last = said(period.to_ms - 1, language.value);
  return first === last ? first : `${first}${withYear ? " – " : "–"}${last}`;
}

export function pairText(start: Instant, end: Instant): string {
  return t("pairOf", t(`i_${start}`), t(`i_${end}`));
}
