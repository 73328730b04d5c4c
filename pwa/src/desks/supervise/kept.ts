/** What was looked at when the desk was left, so that coming back from a timeline continues there. */
import { reactive } from "vue";
import type { Choice } from "./model";
import type { GroupBy, Instant, PeriodKind } from "./types";

export const kept = reactive<{
  kind: PeriodKind;
  /** A moment of the period; null: the one that runs. */
  atMs: number | null;
  fromMs: number;
  toMs: number;
  by: GroupBy;
  set: string;
  pair: { readonly start: Instant; readonly end: Instant } | null;
  chosen: Choice | null;
}>({ kind: "week", atMs: null, fromMs: 0, toMs: 0, by: "station", set: "watches", pair: null, chosen: null });
