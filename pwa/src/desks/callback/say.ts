/** Words that several parts of the desk build alike: what is proved of a time, how a complaint stands, by when. */
import { about, wallTime } from "../../ui/format";
import { language } from "../../words/language";
import type { Complaint, Limits, Recorded } from "./types";
import { t } from "./words";

/** `凭证 0–26 分`; empty where nothing is proved. */
export function interval(recorded: Recorded | null): string {
  if (recorded === null || recorded.lo === null || recorded.hi === null) return "";
  return t("proved", recorded.grade, recorded.lo, recorded.hi);
}

/** How long a rectification may take, by its kind. */
export const kindsOf = ({ within_ms, complex_days }: Limits) => [
  { value: "ordinary" as const, label: t("ordinary", about(within_ms, language.value)) },
  { value: "complex" as const, label: t("complex", complex_days) },
];

/** What is open of a complaint, or how it ended, in a few words. */
export function standing(complaint: Complaint): string {
  const { step, ended, again } = complaint;
  if (step !== null) return t(step, complaint.rectification?.station_name ?? "");
  if (ended) return t("wasEnded");
  return t(again ? "wasSettled" : "wasAnswered");
}

/** `剩 21 小时`, or how long past; only while somebody is to put it right. */
export function dueText(complaint: Complaint, nowMs: number): string {
  const { due_ms, step } = complaint;
  if (due_ms === null || (step !== "to_rectify" && step !== "rectifying")) return "";
  return due_ms < nowMs ? wallTime(due_ms - nowMs, language.value) : t("left", about(due_ms - nowMs, language.value));
}
export const isOver = (complaint: Complaint, nowMs: number): boolean =>
  complaint.due_ms !== null &&
  complaint.due_ms < nowMs &&
  (complaint.step === "to_rectify" || complaint.step === "rectifying");
