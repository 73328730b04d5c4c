/** The row that had the keyboard when the wall was left, so that coming back from a timeline continues there. */
import { shallowRef } from "vue";
import type { Choice } from "./model";

export const kept = shallowRef<Choice | null>(null);
