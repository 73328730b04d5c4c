/** Answers typed and not yet saved, by call: looking at a timeline or another call loses none of them. */
import { type Ref, ref, shallowRef } from "vue";
import { type Answer, BLANK } from "./model";

/** An attempt that was just saved: of which call, its op id, and what was answered. */
export interface Saved {
  readonly name: string;
  readonly incident: string;
  readonly title: string;
  readonly attempt: string;
  readonly answer: Answer;
}

/** More unfinished calls than one seat can have; the oldest goes. */
const KEPT = 50;
const drafts = new Map<string, Ref<Answer>>();

export function draftOf(name: string): Ref<Answer> {
  const known = drafts.get(name);
  if (known) return known;
  const fresh = shallowRef<Answer>(BLANK);
  drafts.set(name, fresh);
  const oldest = drafts.keys().next();
  if (drafts.size > KEPT && !oldest.done) drafts.delete(oldest.value);
  return fresh;
}

/** The answers of a call that was taken back, to be put right. */
export function restore(name: string, answer: Answer): void {
  draftOf(name).value = answer;
}

export function forget(name: string): void {
  drafts.delete(name);
}

/** Calls put off by this seat, until it is closed or reloaded. */
export const later = shallowRef<readonly string[]>([]);
/** The call that was open when the desk was left. */
export const current = shallowRef<string | null>(null);
/** Whether calls are looked at or complaints, and which complaint. */
export const view = ref<"calls" | "ladder">("calls");
export const complained = shallowRef<string | null>(null);
