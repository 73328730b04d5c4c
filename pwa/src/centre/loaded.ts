/**
 * Something the server knows, kept fresh on screen: loaded once, again at every hint, never two questions at a time.
 *
 * Responsible for: coalescing (a hint during a question means one more question afterwards), keeping the last good
 * answer when a question fails, and remembering a few answers so that a screen that was open before is there at
 * once. Refuses to know what the answer means, and never invents one.
 *
 *     const wall = useLoaded<Wall>(() => "/api/wall", { live: true });
 *     wall.data.value      // null until the first answer; the last good answer afterwards
 *     wall.problem.value   // why the newest question brought nothing, null when it did
 */
import { onScopeDispose, type ShallowRef, shallowRef, watch } from "vue";
import { api, Problem } from "../session";
import { follow } from "./live";
import { answered, unanswered } from "./reach";

/** Between the starts of two questions: under load a desk asks twice a second, not two hundred times. */
const REST_MS = 400;
/** An incident was given to another station (SPEC SC6). */
export const HANDED_OVER = "handed_over";
/** Answers remembered for screens that are not open now. */
const REMEMBERED = 12;

const remembered = new Map<string, unknown>();

export interface Loaded<Answer> {
  readonly data: Readonly<ShallowRef<Answer | null>>;
  readonly problem: Readonly<ShallowRef<Problem | null>>;
  /** Ask again now, or as soon as the question on its way is answered. */
  reload(): Promise<void>;
}

/** Forget every answer: another person signs in. */
export function forgetAll(): void {
  remembered.clear();
}

function remember(path: string, answer: unknown): void {
  remembered.delete(path);
  remembered.set(path, answer);
  const oldest = remembered.keys().next();
  if (remembered.size > REMEMBERED && !oldest.done) remembered.delete(oldest.value);
}

/** Ask, and tell `reach` how it went. Every request of a desk of the centre goes through here. */
export async function ask<Answer>(...request: Parameters<typeof api>): Promise<Answer> {
  try {
    const answer = await api<Answer>(...request);
    answered();
    return answer;
  } catch (error) {
    if (error instanceof Problem && error.status === 0) unanswered();
    else if (error instanceof Problem) answered();
    throw error;
  }
}

/** How a list that comes in pages is read as one: how many pages are wanted, and one page with the next older one behind it. */
export interface Pages<Answer> {
  wanted(): number;
  join(newer: Answer, older: Answer): Answer;
}

/** The cursor of the page after, as every list of the centre gives it. */
const nextOf = (answer: unknown): number | null => (answer as { next?: number | null } | null)?.next ?? null;

/** Keep the answer at `path()` fresh for as long as the calling component lives; a null path asks nothing. */
export function useLoaded<Answer>(
  path: () => string | null,
  options: { live?: boolean; pages?: Pages<Answer> } = {},
): Loaded<Answer> {
  const data = shallowRef<Answer | null>(null);
  const problem = shallowRef<Problem | null>(null);
  let onItsWay: Promise<void> | null = null;
  let again = false;
  let open = true;
  let startedAtMs = Number.NEGATIVE_INFINITY;
  let abort = new AbortController();

  async function once(): Promise<void> {
    const from = path();
    if (from === null) return;
    try {
      let answer: Answer = await ask<Answer>("GET", from, undefined, abort.signal);
      for (let page = 1; options.pages && page < options.pages.wanted(); page += 1) {
        const before = nextOf(answer);
        if (before === null) break;
        const older = await ask<Answer>("GET", `${from}&before=${before}`, undefined, abort.signal);
        answer = options.pages.join(answer, older);
      }
      if (from !== path()) return;
      remember(from, answer);
      data.value = answer;
      problem.value = null;
    } catch (error) {
      if (from === path() && error instanceof Problem) {
        problem.value = error;
        // It is somebody else's to read by now, and is not shown a moment longer.
        if (error.code === HANDED_OVER) {
          remembered.delete(from);
          data.value = null;
        }
      } else if (!(error instanceof DOMException)) throw error;
    }
  }

  async function cycle(): Promise<void> {
    while (again && open) {
      const restMs = startedAtMs + REST_MS - performance.now();
      if (restMs > 0) await new Promise((done) => setTimeout(done, restMs));
      startedAtMs = performance.now();
      again = false;
      if (open) await once();
    }
    onItsWay = null;
  }

  function reload(): Promise<void> {
    again = true;
    onItsWay ??= cycle();
    return onItsWay;
  }

  watch(
    path,
    (from) => {
      abort.abort();
      abort = new AbortController();
      data.value = (from === null ? null : (remembered.get(from) as Answer | undefined)) ?? null;
      problem.value = null;
      startedAtMs = Number.NEGATIVE_INFINITY; // another address is another question
      void reload();
    },
    { immediate: true },
  );
  const stop = options.live ? follow(() => void reload()) : () => undefined;
  onScopeDispose(() => {
    stop();
    open = false;
    abort.abort();
  });
  return { data, problem, reload };
}
