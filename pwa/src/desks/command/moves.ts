/**
 * What a dispatcher does, as requests. Each returns when the centre has written it; a refusal throws `Problem`.
 * The centre signs and judges; nothing is kept here for later, because a command that comes late is another command.
 *
 *     await move(id, { move: "nudge", channel: "radio", order });
 */
import { ask } from "../../centre/loaded";
import type { DelayReply } from "../../sync/incident/kinds";
import type { Hex, Target } from "./types";

type Channel = "radio" | "phone";
export type Step = "signed" | "departed" | "arrived" | "cleared" | "feedback";

export type Move =
  | { move: "issue_order"; to: Target; kind: "dispatch" | "backup" | "advisory" }
  | { move: "withdraw_order"; order: Hex; why: string }
  | { move: "reassign"; order: Hex; to: Target; why?: string }
  | { move: "review_return"; order: Hex; ok: boolean; why?: string }
  | { move: "transfer"; station: Hex; why: string }
  | { move: "link"; to: Hex }
  | { move: "unlink"; op: Hex }
  | { move: "withdraw"; why: string }
  | { move: "close"; result?: string }
  | { move: "reopen"; why: string }
  | {
      move: "proxy";
      kind: Step;
      said_by: Hex;
      via: Channel;
      order?: Hex;
      at?: number;
      final?: boolean;
      result?: string;
      text?: string;
    }
  | { move: "note"; text: string }
  | { move: "nudge"; channel: Channel | "message"; order?: Hex; to?: Target; reached?: boolean; text?: string }
  | { move: "correct"; entry: Hex; text: string }
  | { move: "override_verdict"; clock: string; order?: Hex; round: number; result: string; why: string }
  | { move: "answer_delay"; entry: Hex; reply: DelayReply; text?: string }
  | { move: "set_fact"; f: string; v: unknown; preds: readonly Hex[] };

export function move(incident: Hex, what: Move): Promise<unknown> {
  return ask("POST", `/api/incidents/${incident}/moves`, what);
}

/** Take the words of records away, everywhere and for good. */
export function redact(incident: Hex, sets: readonly Hex[], ground: string, text: string): Promise<unknown> {
  return ask("POST", `/api/incidents/${incident}/redactions`, { sets, ground, text });
}

export interface NewIncident {
  title: string;
  station: Hex;
  category?: string;
  place?: string;
  caller_name?: string;
  caller_phone?: string;
  narrative?: string;
  level?: number;
  tier?: number;
  exercise?: boolean;
  order?: { to: Target };
}

export function create(incident: NewIncident): Promise<{ id: Hex; number: string | null }> {
  return ask("POST", "/api/incidents", incident);
}
