/**
 * One action on its way: busy while it lasts, and the problem when it was refused, until it is tried again.
 *
 *     const { busy, problem, run } = useDoing();
 *     await run(() => move(id, { move: "note", text })) && emit("done");
 */
import { type Ref, ref, type ShallowRef, shallowRef } from "vue";
import { Problem } from "../session";

export interface Doing {
  readonly busy: Ref<boolean>;
  readonly problem: ShallowRef<Problem | null>;
  /** True when it was done. A second call while one is on its way does nothing. */
  run(act: () => Promise<unknown>): Promise<boolean>;
}

export function useDoing(): Doing {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  return {
    busy,
    problem,
    async run(act) {
      if (busy.value) return false;
      busy.value = true;
      problem.value = null;
      try {
        await act();
        return true;
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        problem.value = error;
        return false;
      } finally {
        busy.value = false;
      }
    },
  };
}
