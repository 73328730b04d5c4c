/**
 * A caller who was not satisfied: what has happened, what is open, who may take the next step, and what is sent. Pure.
 *
 *     actsOf(complaint, { roles: ["station"], station })   // ["rectified"], when that station is asked
 */
import type { Step as Open } from "../../sync/incident/ladder";
import type { Complaint } from "./types";

export interface Seat {
  readonly roles: readonly string[];
  readonly station: string | null;
}
export type Act = "rectify" | "rectified" | "call" | "supervise" | "end";

const holds = (seat: Seat, ...roles: string[]): boolean => roles.some((role) => seat.roles.includes(role));
/** Who calls back; the others here see complaints alone. */
export const mayCall = (seat: Seat): boolean => holds(seat, "callback", "dispatcher", "commander");

/** What somebody here may do about a complaint now, what is awaited first. */
export function actsOf({ step, rectification, listed, ended }: Complaint, seat: Seat): Act[] {
  if (step === null) return [];
  const acts: Act[] = [];
  const answers =
    holds(seat, "dispatcher", "commander") || (holds(seat, "station") && rectification?.station === seat.station);
  if (step === "to_rectify" && mayCall(seat)) acts.push("rectify");
  if (step === "rectifying" && answers) acts.push("rectified");
  if (step === "to_call_again" && mayCall(seat)) acts.push("call", "rectify");
  if (step === "rectifying" && mayCall(seat)) acts.push("rectify");
  if (holds(seat, "supervisor")) acts.push(listed && !ended ? "end" : "supervise");
  return acts;
}

/** What was written so far. */
export interface Draft {
  readonly text: string;
  readonly station: string | null;
  readonly kind: "ordinary" | "complex";
  readonly result: "resolved" | "unfounded" | "referred" | null;
}
export const EMPTY: Draft = { text: "", station: null, kind: "ordinary", result: null };

export type Lack = "text" | "station" | "result";
export function lackOf(act: Act, draft: Draft, complaint: Complaint): Lack | null {
  if (act === "rectify" && stationOf(draft, complaint) === null) return "station";
  if (act === "end" && draft.result === null) return "result";
  return act !== "call" && draft.text.trim() === "" ? "text" : null;
}
export const stationOf = (draft: Draft, complaint: Complaint): string | null =>
  draft.station ?? complaint.rectification?.station ?? complaint.station;

/** The move that a step is. */
export function moveOf(act: Exclude<Act, "call">, draft: Draft, complaint: Complaint): object {
  const text = draft.text.trim();
  switch (act) {
    case "rectify":
      return {
        move: "rectify",
        attempt: complaint.attempt,
        order: { station: stationOf(draft, complaint), kind: draft.kind, text },
      };
    case "rectified":
      return { move: "rectified", rectify: complaint.rectification?.ordered.op, text };
    case "supervise":
      return { move: "supervise", attempt: complaint.attempt, text };
    case "end":
      return { move: "end_supervision", supervise: complaint.listed?.op, result: draft.result, text };
  }
}

export type Post = "said" | "still" | "ordered" | "rectified" | "called" | "listed" | "ended";
export interface RoadStep {
  readonly post: Post;
  readonly at: number | null;
  readonly state: "done" | "now" | "todo";
}
const NOW: Readonly<Record<Open, Post>> = {
  to_rectify: "ordered",
  rectifying: "rectified",
  to_call_again: "called",
  to_supervise: "listed",
  supervised: "ended",
};
/** The road of a complaint: what was done, the post that is awaited, and what would come after it. */
export function roadOf(complaint: Complaint): RoadStep[] {
  const { rectification, listed, ended, said_at, step, again } = complaint;
  const rectified: [Post, number | null][] = [
    ["ordered", rectification?.ordered.at ?? null],
    ["rectified", rectification?.done?.at ?? null],
  ];
  const supervised: [Post, number | null][] = [
    ["listed", listed?.at ?? null],
    ["ended", ended?.at ?? null],
  ];
  const posts: [Post, number | null][] = again
    ? [...rectified.filter(([, at]) => at !== null), ["still", said_at], ...supervised]
    : [["said", said_at], ...rectified, ["called", complaint.called_at], ...(listed ? supervised : [])];
  const awaited = step && NOW[step];
  const shown = posts.filter(([, at]) => at !== null || step !== null);
  return shown.map(([post, at]) => ({ post, at, state: at !== null ? "done" : post === awaited ? "now" : "todo" }));
}

/** Those a station is asked about first, then in the order they came. */
export function inOrder(complaints: readonly Complaint[]): Complaint[] {
  return [...complaints].sort((a, b) => Number(b.mine && b.step !== null) - Number(a.mine && a.step !== null));
}
