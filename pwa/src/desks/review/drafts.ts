/** What was chosen and written for each feedback and not signed yet: it outlives a look at the timeline. Gone with the page. */
import { reactive, ref } from "vue";
import { BLANK, type Draft } from "./model";

const drafts = reactive(new Map<string, Draft>());

/** The line that has the keyboard. */
export const current = ref<string | null>(null);

export function draftOf(claim: string): Draft {
  if (!drafts.has(claim)) drafts.set(claim, { ...BLANK, faults: [] });
  return drafts.get(claim) as Draft;
}
export function forget(claim: string): void {
  drafts.delete(claim);
}
