/**
 * The state of one incident: items in any order in, one view out (SPEC CE, IN). Mirrors `sync/incident/state.py`; the
 * canonical bytes of `view()` are equal in both languages.
 *
 *     const state = new IncidentState(entity);
 *     state.add(itemsOf(changeset, ruling));
 *     state.view().status          // "signed"
 */
import type { Value } from "../canon";
import { latest, type Member, members } from "../cells";
import { ascending, byTime, type Item, keyOf } from "../fold";
import { standsOver } from "../rulings";
import type { DelayReply } from "./kinds";
import { type Stamped, stamped, text } from "./orders";
import { isKnown, problem } from "./shapes";
import { type DerivedView, derive } from "./status";

export interface Entry extends Stamped {
  kind: string;
  text: string;
  data: { [key: string]: Value } | null;
  received_at: number | null;
  late_by: number | null;
  correction: (Stamped & { text: string }) | null;
  /** What the desk said to a delay reason (FB4). */
  answer: (Stamped & { reply: DelayReply; text: string | null }) | null;
}
/** The whole incident as plain values. */
export interface View extends DerivedView {
  sets: { tags: Member[] };
  latest: { colour: string | null };
  entries: Entry[];
  unknown: { op: Uint8Array; t: string }[];
  /** Ops that count and whose words were taken away: by whom, on what ground, when (RD1). */
  redacted: { op: Uint8Array; by: Uint8Array; ground: string; at: number }[];
}

/** Ops that nothing in `derived()` looks at: they leave it as it was computed. */
const APART: ReadonlySet<string> = new Set([
  "entry.add",
  "entry.correct",
  "delay.answer",
  "set.add",
  "set.remove",
  "latest.set",
]);
/** Where items are filed whose op this version does not know, or knows in another shape (IN1). */
const MISFIT = "";

/** Everything known of one incident. What `derived()` and `view()` give shares its parts: read it, do not change it. */
export class IncidentState {
  readonly entity: Uint8Array;
  private readonly known = new Map<string, Item>();
  private readonly byT = new Map<string, Map<string, Item>>();
  private cached: DerivedView | null = null;

  constructor(entity: Uint8Array) {
    this.entity = entity;
  }

  /** Every item, in no particular order. */
  get items(): Item[] {
    return [...this.known.values()];
  }

  /** Take items in. One already known is replaced only by the same item under a ruling that stands over its own (RL6, HB3). */
  add(items: readonly Item[]): void {
    for (const item of items) {
      const known = this.known.get(item.key);
      if (known) {
        if (!standsOver(item.idx, known.idx)) continue;
        this.byT.get(filedUnder(known))?.delete(item.key);
      }
      this.known.set(item.key, item);
      const t = filedUnder(item);
      const filed = this.byT.get(t);
      if (filed) filed.set(item.key, item);
      else this.byT.set(t, new Map([[item.key, item]]));
      if (!APART.has(t)) this.cached = null;
    }
  }

  /** Status, round, orders, milestones and facts. */
  derived(): DerivedView {
    this.cached ??= derive(this.entity, (t) => this.counted(t));
    return this.cached;
  }

  view(): View {
    return {
      ...this.derived(),
      sets: { tags: members(this.ofField("set.add", "tags"), this.ofField("set.remove", "tags")) },
      latest: { colour: (latest(this.ofField("latest.set", "colour"))?.fields["v"] ?? null) as string | null },
      entries: this.entries(),
      unknown: this.counted(MISFIT)
        .sort((a, b) => ascending(a.key, b.key))
        .map(({ op, t }) => ({ op, t })),
      redacted: this.items
        .sort((a, b) => ascending(a.key, b.key))
        .flatMap(({ op, redaction, counts }) =>
          redaction && counts ? [{ op, by: redaction.by, ground: redaction.ground, at: redaction.atMs }] : [],
        ),
    };
  }

  private counted(t: string): Item[] {
    return [...(this.byT.get(t)?.values() ?? [])].filter(({ counts }) => counts);
  }

  private ofField(t: string, field: string): Item[] {
    return this.counted(t).filter((item) => item.fields["f"] === field);
  }

  private entries(): Entry[] {
    const corrections = this.counted("entry.correct");
    const answers = this.counted("delay.answer");
    const about = (items: Item[], key: string) => latest(items.filter(({ fields }) => keyOf(fields["entry"]) === key));
    return this.counted("entry.add")
      .sort(byTime)
      .map((item) => {
        const correction = about(corrections, item.key);
        const answer = about(answers, item.key);
        return {
          ...stamped(item),
          kind: item.fields["kind"] as string,
          text: item.fields["text"] as string,
          data: (item.fields["data"] ?? null) as Entry["data"],
          received_at: item.atMs,
          late_by: item.lateByMs,
          correction: correction && { ...stamped(correction), text: correction.fields["text"] as string },
          answer: answer && {
            ...stamped(answer),
            reply: answer.fields["reply"] as DelayReply,
            text: text(answer.fields["text"]),
          },
        };
      });
  }
}

/** Its kind of op when this version understands it; a skeleton lacks words and is understood all the same. */
function filedUnder(item: Item): string {
  return isKnown(item.t) && (item.redaction !== null || problem(item.fields) === null) ? item.t : MISFIT;
}
