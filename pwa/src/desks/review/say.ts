/** What a line of the merged timeline says beside a review: a bold word, then what was said. Knows the words, decides nothing. */
import { fieldWord, valueWord } from "../../centre/facts";
import { milestoneWord, wordOf } from "../../centre/words";
import { t as kit, natureWord } from "../../words/common";
import { faultWords, replyWord } from "../../words/feedback";
import type { Entry, Incident, Org } from "./types";
import { t } from "./words";

type Word = Parameters<typeof t>[0];
const PLAIN: Readonly<Record<string, Word>> = {
  "incident.create": "create",
  "milestone.withdraw": "claimBack",
  "milestone.dispute": "claimOut",
  "order.issue": "issue",
  "order.reassign": "reassign",
  "order.withdraw": "orderBack",
  "order.return_request": "returnAsk",
  "order.return_review": "returnReview",
  "incident.transfer": "transfer",
  "incident.link": "link",
  "incident.unlink": "unlink",
  "incident.withdraw": "callerWithdraws",
  "incident.close": "close",
  "incident.reopen": "reopen",
  "callback.attempt": "callback",
  "callback.withdraw": "callbackBack",
  "nature.rule": "natureRuled",
  "verdict.override": "foundOtherwise",
  "delay.answer": "delayAnswer",
  "entry.correct": "correct",
};
const ENTRIES: readonly string[] = ["note", "delay_reason", "nudge", "call", "handover", "answer"];
const plain = (word: Word): string => (t as (word: Word) => string)(word);
/** Parts on one line; a part that already ends its sentence loses the stop before the comma. */
function join(parts: readonly (string | null | undefined | false)[]): string {
  const said = parts.filter((part): part is string => typeof part === "string" && part !== "");
  return said.map((part, at) => (at < said.length - 1 ? part.replace(/[。.；;，,]+$/, "") : part)).join(kit("comma"));
}

/** Who an order went to. */
export function targetName(org: Org | null, to: readonly [string, string]): string {
  const rows = to[0] === "unit" ? org?.units : to[0] === "person" ? org?.people : org?.vehicles;
  return rows?.find(({ id }) => id === to[1])?.name ?? "";
}

export function say(entry: Entry, org: Org | null, nowMs: number): { title: string; text: string } {
  const value = (typeof entry.value === "object" && entry.value !== null ? entry.value : {}) as Record<string, unknown>;
  const who = entry.said_by_name ?? entry.by_name;
  const why = entry.decision === "accepted" || entry.decision === "accepted_late" ? entry.why : null;
  if (entry.redacted) return { title: titleOf(entry, value), text: t("redacted") };
  switch (entry.t) {
    case "milestone.claim": {
      const result = typeof value["result"] === "string" ? valueWord("result", value["result"], org, nowMs) : "";
      const via = entry.via === "radio" || entry.via === "phone" ? wordOf(entry.via) : "";
      return { title: titleOf(entry, value), text: join([who, via, result, entry.text]) };
    }
    case "fact.set":
      return {
        title: fieldWord(entry.field ?? ""),
        text: join([valueWord(entry.field ?? "", entry.value, org, nowMs), entry.by_name]),
      };
    case "order.issue":
    case "order.reassign": {
      const to = value["to"];
      return {
        title: titleOf(entry, value),
        text: Array.isArray(to) ? targetName(org, to as unknown as [string, string]) : "",
      };
    }
    case "feedback.review": {
      const faults = Array.isArray(value["faults"]) ? faultWords(value["faults"].map(String)) : [];
      return { title: titleOf(entry, value), text: join([entry.by_name, ...faults, entry.text]) };
    }
    case "nature.rule":
      return { title: titleOf(entry, value), text: join([natureWord(String(value["nature"])), why]) };
    case "delay.answer":
      return {
        title: titleOf(entry, value),
        text: join([entry.by_name, replyWord(String(value["reply"])), entry.text]),
      };
    case "callback.attempt":
      return { title: titleOf(entry, value), text: join([wordOf(String(value["outcome"])), why, entry.text]) };
    default:
      return { title: titleOf(entry, value), text: join([entry.by_name, why, entry.text]) };
  }
}

export interface Line {
  readonly entry: Entry;
  readonly title: string;
  readonly text: string;
  /** The facts that were written in the same action. */
  readonly note: string;
}

/** Facts that need not be read twice: the page's own head and what a reviewer has no use for. */
const LEFT_OUT: readonly string[] = [
  "caller_name",
  "caller_phone",
  "point",
  "source_no",
  "city_received_at",
  "city_issued_at",
];
/** Hex digits of an op id that name its set (SPEC ID5). */
const SET_HEX = 32;

/** A step of the nudging plan that the centre took by itself: counted here, told in the timeline. */
export const isReminder = ({ t, kind, value }: Entry): boolean =>
  t === "entry.add" && kind === "nudge" && typeof value === "object" && value !== null && "step" in value;

/** The merged timeline, one line per action: facts stand as a note under what they came with. */
export function folded(incident: Pick<Incident, "timeline">, org: Org | null, nowMs: number): Line[] {
  const setOf = (entry: Entry): string => entry.op.slice(0, SET_HEX);
  const heads = new Set(incident.timeline.filter(({ t }) => t !== "fact.set").map(setOf));
  const facts = incident.timeline.filter((entry) => entry.t === "fact.set" && heads.has(setOf(entry)));
  const noted = (entry: Entry): string =>
    join(
      facts
        .filter((fact) => setOf(fact) === setOf(entry) && !LEFT_OUT.includes(fact.field ?? "") && !fact.redacted)
        .map((fact) => `${fieldWord(fact.field ?? "")} ${valueWord(fact.field ?? "", fact.value, org, nowMs)}`),
    );
  const led = new Set<string>();
  return incident.timeline
    .filter((entry) => !facts.includes(entry) && !isReminder(entry))
    .map((entry) => {
      const isFirst = !led.has(setOf(entry));
      led.add(setOf(entry));
      return { entry, ...say(entry, org, nowMs), note: isFirst ? noted(entry) : "" };
    });
}

function titleOf(entry: Entry, value: Record<string, unknown>): string {
  if (entry.t === "milestone.claim")
    return entry.kind === "feedback"
      ? t(value["final"] === true ? "final" : "interim")
      : milestoneWord(entry.kind ?? "");
  if (entry.t === "entry.add") return ENTRIES.includes(entry.kind ?? "") ? plain(entry.kind as Word) : t("note");
  if (entry.t === "feedback.review") return t(value["verdict"] === "return" ? "reviewReturned" : "reviewPassed");
  if (entry.t === "fact.set") return fieldWord(entry.field ?? "");
  const word = PLAIN[entry.t];
  return word ? plain(word) : t("otherOp");
}
