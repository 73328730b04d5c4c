/**
 * How values read: instants, durations, clocks, distances and numbers, in both languages. Pure: everything comes
 * in as an argument, all times are milliseconds since 1970, all days are those of Asia/Shanghai, 24 h.
 *
 * Refuses to know the current time and the current language; screens pass `now.value` and `language.value`.
 *
 *     duration(192_000, "zh-CN")   // 3 分 12 秒
 *     remaining(-14_000)           // +0:14
 *     instant(at, nowMs, "en")     // 14:32:07 today, 12 Mar 14:32 on another day
 */
import type { Language } from "../words/language";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Asia/Shanghai has been UTC+8 without summer time since 1992; phones need no time-zone data for it. */
const SHANGHAI_MS = 8 * HOUR;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const THIN = "\u202f";
const MINUS = "\u2212";

const two = (n: number): string => String(n).padStart(2, "0");

function shanghai(atMs: number): Date {
  return new Date(atMs + SHANGHAI_MS); // read with getUTC…
}

/** `14:32:07`. */
export function clockSeconds(atMs: number): string {
  const at = shanghai(atMs);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
}

/** `14:32`. */
export function clock(atMs: number): string {
  return clockSeconds(atMs).slice(0, 5);
}

/** `3月12日`, `12 Mar`. */
export function day(atMs: number, language: Language): string {
  const at = shanghai(atMs);
  const month = at.getUTCMonth();
  return language === "en" ? `${at.getUTCDate()} ${MONTHS[month]}` : `${month + 1}月${at.getUTCDate()}日`;
}

/** `2026年3月12日`, `12 Mar 2026`: for what is kept longer than a year. */
export function dayOfYear(atMs: number, language: Language): string {
  const year = shanghai(atMs).getUTCFullYear();
  return language === "en" ? `${day(atMs, language)} ${year}` : `${year}年${day(atMs, language)}`;
}

/** Which day in Shanghai, as a whole number: equal for two instants of the same day. */
export function dayNumber(atMs: number): number {
  return Math.floor((atMs + SHANGHAI_MS) / DAY);
}

/** Today to the second, another day to the minute with its date. */
export function instant(atMs: number, nowMs: number, language: Language): string {
  if (dayNumber(atMs) === dayNumber(nowMs)) return clockSeconds(atMs);
  return `${day(atMs, language)} ${clock(atMs)}`;
}

interface Units {
  readonly s: string;
  readonly min: string;
  readonly h: string;
  readonly d: (n: number) => string;
}
const UNITS: Record<Language, Units> = {
  "zh-CN": { s: "秒", min: "分", h: "小时", d: () => "天" },
  en: { s: "s", min: "min", h: "h", d: (n) => (n === 1 ? "day" : "days") },
};

/** Two units below a day (`3 分 12 秒`, `1 小时 12 分`), hours up to three days (`26 小时`), then days. */
export function duration(ms: number, language: Language): string {
  const unit = UNITS[language];
  const seconds = Math.floor(Math.max(0, ms) / SECOND);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) return `${seconds} ${unit.s}`;
  if (minutes < 60) return joined(minutes, unit.min, seconds % 60, unit.s);
  if (hours < 24) return joined(hours, unit.h, minutes % 60, unit.min);
  if (hours < 72) return `${hours} ${unit.h}`;
  const days = Math.floor(hours / 24);
  return `${days} ${unit.d(days)}`;
}

function joined(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

/** One unit, rounded down, for ages and silences: `12 分`, `2 小时`, `26 小时`, `4 天`. */
export function about(ms: number, language: Language): string {
  const floor = ms < MINUTE ? SECOND : ms < HOUR ? MINUTE : HOUR;
  return duration(Math.floor(ms / floor) * floor, language);
}

/** A running clock, rounded down: `0:07`, `12:21`, `1:12:05`. */
export function elapsed(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / SECOND);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** A countdown: the second that is still running counts (`0:30` at the start, `0:00` at the deadline), then `+0:14`. */
export function remaining(ms: number): string {
  return ms >= 0 ? elapsed(Math.ceil(ms / SECOND) * SECOND) : `+${elapsed(-ms)}`;
}

/** A countdown for a wall: a running clock up to three hours, then hours or days, since seconds say nothing there. */
export function wallTime(ms: number, language: Language): string {
  if (Math.abs(ms) < 3 * HOUR) return remaining(ms);
  const text = Math.abs(ms) < DAY ? about(Math.abs(ms), language) : daysOf(Math.abs(ms), language);
  return ms >= 0 ? text : `+${text}`;
}

function daysOf(ms: number, language: Language): string {
  const days = Math.floor(ms / DAY);
  return `${days} ${UNITS[language].d(days)}`;
}

/** Half the width of an interval: `±2 秒`, `±5 分`; below a second `±1 秒`, for nothing judges finer. */
export function plusMinus(ms: number, language: Language): string {
  const unit = UNITS[language];
  const seconds = Math.max(1, Math.ceil(ms / SECOND));
  if (seconds < 100) return `±${seconds} ${unit.s}`;
  if (seconds < 6000) return `±${Math.ceil(seconds / 60)} ${unit.min}`;
  return `±${Math.ceil(seconds / 3600)} ${unit.h}`;
}

/** `14:57:30–14:57:34`. */
export function interval(fromMs: number, toMs: number): string {
  return `${clockSeconds(fromMs)}–${clockSeconds(toMs)}`;
}

/** A clock's offset with its sign: `+40 分`, `+4 秒`, `−0.2 秒`. */
export function offset(ms: number, language: Language): string {
  const tenths = Math.round(Math.abs(ms) / 100);
  const seconds = Math.round(tenths / 10);
  const text = tenths >= 20 ? about(seconds * SECOND, language) : `${(tenths / 10).toFixed(1)} ${UNITS[language].s}`;
  return `${ms < 0 && tenths > 0 ? MINUS : "+"}${text}`;
}

/** `640 米`, `18.4 公里`. */
export function distance(metres: number, language: Language): string {
  if (metres < 1000) return `${Math.round(metres)} ${language === "en" ? "m" : "米"}`;
  const km = metres / 1000;
  return `${km < 100 ? km.toFixed(1) : thousands(Math.round(km))} ${language === "en" ? "km" : "公里"}`;
}

/** How old a position is and how exact: `3 分钟前 ±12 米`, `3 min old ±12 m`. */
export function positionAge(ageMs: number, accuracyMetres: number, language: Language): string {
  const accuracy = `±${distance(accuracyMetres, language)}`;
  return `${ago(ageMs, language)} ${accuracy}`;
}

/** `9 秒前`, `3 分钟前`, `2 小时前`; `9 s old` of a thing, `9 s ago` of an act. */
export function ago(ms: number, language: Language, en: "old" | "ago" = "old"): string {
  if (language === "en") return `${about(ms, language)} ${en}`;
  return `${about(ms, language).replace(/分$/, "分钟")}前`;
}

/** `0.3 KB`, `2.4 MB`. */
export function size(bytes: number): string {
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Basis points as a percentage: 9230 → `92.3%`, 8900 → `89%`. */
export function percent(basisPoints: number): string {
  const text = (basisPoints / 100).toFixed(1);
  return `${text.endsWith(".0") ? text.slice(0, -2) : text}%`;
}

/** A thin space every three digits, from five digits on: `4321`, `20 930`. */
export function thousands(n: number): string {
  const digits = String(Math.trunc(Math.abs(n)));
  const sign = n < 0 ? MINUS : "";
  return sign + (digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, THIN));
}

/** A caller's number unless it was granted: the first three and the last four digits of a mobile number. */
export function maskedPhone(phone: string): string {
  const digits = phone.replace(/\D/g, "");
  return digits.length === 11 ? `${digits.slice(0, 3)} **** ${digits.slice(7)}` : "****";
}

/** A number somebody may see in full: `138 1234 2046`. */
export function fullPhone(phone: string): string {
  const digits = phone.replace(/\D/g, "");
  return digits.length === 11 ? `${digits.slice(0, 3)} ${digits.slice(3, 7)} ${digits.slice(7)}` : phone;
}
