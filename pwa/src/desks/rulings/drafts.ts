/** What was chosen and written for each line and not signed yet: it outlives a look at the timeline. Gone with the page. */
import { reactive, ref } from "vue";

export interface Draft {
  /** Which choice, by its place; null while none is chosen. */
  choice: number | null;
  text: string;
}
const drafts = reactive(new Map<string, Draft>());

/** The line that has the keyboard. */
export const current = ref<string | null>(null);

export function draftOf(key: string): Draft {
  const found = drafts.get(key);
  if (found) return found;
  drafts.set(key, { choice: null, text: "" });
  return drafts.get(key) as Draft;
}
export function forget(key: string): void {
  drafts.delete(key);
}
