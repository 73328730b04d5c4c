/**
 * The facts of an incident (SPEC IN) as every desk of the centre names them and shows their values.
 *
 * Knows which facts there are, in which order people read them, and what their codes are called. Decides nothing.
 *
 *     fieldWord("place")                       // 地点
 *     valueWord("level", 2, codes, nowMs)      // 二级
 */
import { instant, maskedPhone } from "../ui/format";
import { natureWord } from "../words/common";
import { book, inWords, language } from "../words/language";
import { t as common, tierWord } from "./words";

const zh = {
  f_title: "案由",
  f_category: "类别",
  f_place: "地点",
  f_point: "坐标",
  f_narrative: "报警内容",
  f_caller_name: "报警人",
  f_caller_phone: "报警电话",
  f_level: "等级",
  f_tier: "到场档",
  f_nature: "性质",
  f_result: "处理结果",
  f_casualties: "受伤",
  f_rescued: "救助",
  f_seized: "查扣",
  f_source_no: "来源编号",
  f_city_received_at: "市局接警",
  f_city_issued_at: "市局派单",
};
const t = book(zh, {
  f_title: "Title",
  f_category: "Category",
  f_place: "Place",
  f_point: "Position",
  f_narrative: "Report",
  f_caller_name: "Caller",
  f_caller_phone: "Caller's phone",
  f_level: "Level",
  f_tier: "On scene within",
  f_nature: "Nature",
  f_result: "Result",
  f_casualties: "Injured",
  f_rescued: "Rescued",
  f_seized: "Seized",
  f_source_no: "Source number",
  f_city_received_at: "City received",
  f_city_issued_at: "City issued",
});

/** Shown in this order; a field nobody foresaw comes after them. */
export const FIELDS = [
  "title",
  "category",
  "place",
  "point",
  "narrative",
  "caller_name",
  "caller_phone",
  "level",
  "tier",
  "nature",
  "result",
  "casualties",
  "rescued",
  "seized",
  "source_no",
  "city_received_at",
  "city_issued_at",
] as const;

/** Where a field stands among the others. */
export function fieldRank(field: string): number {
  const at = FIELDS.indexOf(field as (typeof FIELDS)[number]);
  return at < 0 ? FIELDS.length : at;
}

export function fieldWord(field: string): string {
  const known = FIELDS.find((one) => one === field);
  return known ? t(`f_${known}`) : field;
}

interface Code {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
}
/** The code lists of the organisation, in both languages. */
export interface Codes {
  readonly categories: readonly Code[];
  readonly results: readonly Code[];
}

/** A fact's value as people read it; a caller's number is masked. */
export function valueWord(field: string, value: unknown, codes: Codes | null, nowMs: number): string {
  const coded = { category: codes?.categories, result: codes?.results }[field]?.find(({ code }) => code === value);
  if (coded) return inWords(coded);
  if (field === "nature" && typeof value === "string") return natureWord(value);
  if (field === "level" && typeof value === "number") return common("level", value);
  if (field === "tier" && typeof value === "number") return tierWord(value);
  if (field.startsWith("city_") && typeof value === "number") return instant(value, nowMs, language.value);
  if (field === "point" && Array.isArray(value)) return value.map((part) => (Number(part) / 1e7).toFixed(5)).join(", ");
  if (field === "caller_phone" && typeof value === "string") return value.includes("*") ? value : maskedPhone(value);
  return String(value);
}
