/** What outlives a look at a timeline: the row that had the keyboard, and a hand-over that is half written. */
import { ref, shallowRef } from "vue";
import type { Choice } from "./model";

export const kept = shallowRef<Choice | null>(null);
export const handoverDraft = ref("");
