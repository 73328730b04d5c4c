/**
 * Feedback, its review and what is ruled of an incident's nature (SPEC FB). Mirrors `sync/incident/feedback.py`. It sets no
 * limits and finds no fault itself.
 *
 *     standingOf(view).state      // "returned"
 */
import type { Value } from "../canon";
import { latest } from "../cells";
import { ascending, byTime, type Item, keyOf } from "../fold";
import type { Fault } from "./kinds";
import { ordered, round, type Stamped, stamped, text, why } from "./orders";

export interface Review extends Stamped {
  verdict: "pass" | "return";
  faults: Fault[];
  score: number | null;
  text: string | null;
}
export interface Feedback extends Stamped {
  order: Uint8Array | null;
  round: number;
  final: boolean;
  result: string | null;
  text: string | null;
  received_at: number | null;
  /** It is the last final feedback of its order and round (FB1). */
  current: boolean;
  review: Review | null;
}
export interface Nature {
  intake: (Stamped & { v: Value }) | null;
  ruled: (Stamped & { v: string; why: string }) | null;
}
export type FeedbackState = "none" | "interim" | "final" | "returned" | "passed";
/** Where the feedback of a round is (FB3): current final feedback by what became of it, by event time. */
export interface Standing {
  state: FeedbackState;
  waiting: Feedback[];
  returned: (Feedback & { review: Review })[];
  passed: (Feedback & { review: Review })[];
}
interface WithFeedback {
  readonly round: number;
  readonly feedback: readonly Feedback[];
}

const slotOf = (item: Item): string => `${round(item)} ${keyOf(item.fields["order"])}`;
const dataOf = (item: Item) => item.fields["data"] as { final: boolean; result?: Value; text?: Value };

/** The feedback of an incident with what became of each, by event time; the `feedback` of the view (FB1, FB2). */
export function told(counting: readonly Item[], reviews: readonly Item[]): Feedback[] {
  const given = counting.filter((item) => item.fields["kind"] === "feedback");
  const current = new Map<string, Item>();
  for (const item of ordered(given)) if (dataOf(item).final) current.set(slotOf(item), item);
  const said = new Map(ordered(reviews).map((item) => [keyOf(item.fields["claim"]), item]));
  return given.sort(byTime).map((item) => {
    const data = dataOf(item);
    const review = said.get(item.key);
    return {
      ...stamped(item),
      order: (item.fields["order"] ?? null) as Uint8Array | null,
      round: round(item),
      final: data.final,
      result: text(data.result),
      text: text(data.text),
      received_at: item.atMs,
      current: current.get(slotOf(item)) === item,
      review: review ? reviewOf(review) : null,
    };
  });
}

const reviewOf = (item: Item): Review => ({
  ...stamped(item),
  verdict: item.fields["verdict"] as Review["verdict"],
  faults: item.fields["faults"] as Fault[],
  score: (item.fields["score"] ?? null) as number | null,
  text: text(item.fields["text"]),
});

/** The category at intake and the nature a reviewer ruled, both kept (FB5). */
export function natureOf(categories: readonly Item[], rulings: readonly Item[]): Nature {
  const intake = ordered(categories).find((item) => item.fields["v"] !== undefined);
  const ruled = latest(rulings);
  return {
    intake: intake ? { ...stamped(intake), v: intake.fields["v"] as Value } : null,
    ruled: ruled ? { ...stamped(ruled), v: ruled.fields["nature"] as string, why: why(ruled) } : null,
  };
}

/** Where the feedback of a view's current round is (FB3). */
export function standingOf(view: WithFeedback): Standing {
  const ofRound = view.feedback.filter((entry) => entry.round === view.round);
  const current = ofRound.filter((entry) => entry.current);
  const waiting = current.filter((entry) => entry.review === null);
  const judged = (verdict: Review["verdict"]) =>
    current.filter((entry): entry is Feedback & { review: Review } => entry.review?.verdict === verdict);
  const returned = judged("return");
  const passed = judged("pass");
  let state: FeedbackState = ofRound.length > 0 ? "interim" : "none";
  if (returned.length > 0) state = "returned";
  else if (waiting.length > 0) state = "final";
  else if (passed.length > 0) state = "passed";
  return { state, waiting, returned, passed };
}

/** The feedback of a round whose review counts (C8): what waits longest; when nothing waits, what was reviewed last. */
export function underReview(view: Pick<WithFeedback, "feedback">, round: number): Feedback | null {
  const current = view.feedback.filter((one) => one.round === round && one.current);
  if (current.some(({ review }) => review === null)) {
    const received = current.filter((one) => one.review === null && one.received_at !== null);
    const byReceipt = (a: Feedback, b: Feedback) => (a.received_at as number) - (b.received_at as number);
    return received.sort((a, b) => byReceipt(a, b) || ascending(keyOf(a.op), keyOf(b.op)))[0] ?? null;
  }
  const reviewed = current.flatMap((one) => (one.review ? [{ one, review: one.review }] : []));
  const [last] = reviewed.sort(({ review: a }, { review: b }) => b.at - a.at || ascending(keyOf(b.op), keyOf(a.op)));
  return last?.one ?? null;
}
