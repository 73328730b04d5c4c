/**
 * The outbox: what goes next, and what the centre said about it.
 *
 * Responsible for: the order of sending (priority lane first, each lane by seq), batches within the limits, and
 * writing every answer down. Refuses to lose: only the answers of EX2 take a set off the list, and nothing is ever
 * removed from the vault. What a station keeps stays on it (HB4). Knows no network and no timer; `rounds.ts` has both.
 *
 *     const batch = await outbox.next({ sets: 200, bytes: 1_048_576 });
 *     await outbox.answered(batch, reply.results, clock.nowMs());
 */
import { decode } from "../sync/canon";
import { withoutBody } from "../sync/changeset";
import { DURABLE, KEPT, type PushOutcome, type PushResult } from "../sync/exchange";
import { setId, toHex } from "../sync/ids";
import { CONTRADICTED, DAMAGED, type Keeper, type Mark, type OwnSet, type PushAnswer, type Vault } from "./vault";

/** Answers that say the centre could not even store the bytes (EX2). Sending again changes nothing until somebody acts. */
const NOT_STORED = new Set(["bad_signature", "too_large", "malformed", DAMAGED]);
/** Rulings the author should read: the set is safe at the centre and does not count there. */
const REFUSED = new Set(["rejected", "held"]);

/** Something is safe on the word of a station alone. */
const HEARSAY = "hearsay";

/** Between two offers of a set to the station that keeps it. */
const AGAIN_MS = 120_000;

/** The station that is offered something. `heardMs`: it has heard of the centre at that time, and was read since. */
export interface Offered {
  server: string;
  nowMs: number;
  heardMs?: number;
}

/** One set of a batch with its mark; `mark` is null for a set that only memory holds. */
export interface Parcel {
  set: OwnSet;
  mark: Mark | null;
}

/** One that is to be sent, before its bytes are read. */
interface Waiting {
  lane: number;
  seq: number;
  bytes: number;
  mark: Mark | null;
  set: OwnSet | null;
}

/** What the outbox screen shows; `unsent`, `bytes` and `oldestMs` are of everything that waits, listed or not. */
export interface Listed {
  refused: Parcel[];
  waiting: Parcel[];
  confirmed: Parcel[];
  unsent: number;
  bytes: number;
  oldestMs: number | null;
}

/** A later word of the centre about an own set: a decision that stands now, or null for a question. */
export interface Heard {
  set: string;
  answer: PushAnswer | null;
}

export interface Counts {
  head: number;
  acked: number;
  /** Of those that are not, how many a station keeps. */
  kept: number;
  refusals: number;
}

/** What the answers to a push came to: own sets that are safe at the centre, and how many a station keeps now. */
export interface Answers {
  durable: Set<string>;
  kept: number;
  /** Of those that are safe, the ones of which only a station had said so before. */
  borneOut: OwnSet[];
}

function isDurable(answer: PushAnswer | undefined): boolean {
  return answer !== undefined && DURABLE.has(answer.r as PushOutcome);
}

/** True for an answer its author has to look at. */
export function needsAuthor(answer: PushAnswer): boolean {
  return NOT_STORED.has(answer.r) || REFUSED.has(answer.r) || REFUSED.has(answer.d ?? "");
}

/** An answer as a repeat of the push would have brought it; it came another way. */
export function resultOf(id: Uint8Array, { r, why, idx, atMs, d, no }: PushAnswer): PushResult {
  return { id, r: r as PushOutcome, why, idx, at_ms: atMs, d, no } as PushResult;
}

/** Whether the bytes of a set still give its id. A failing card changes them behind our back. */
async function isWhole({ raw, id }: OwnSet): Promise<boolean> {
  try {
    const [header] = decode(raw) as [Uint8Array];
    return toHex(await setId(header)) === id;
  } catch {
    return false;
  }
}

const byLane = (a: { lane: number; seq: number }, b: { lane: number; seq: number }): number =>
  b.lane - a.lane || a.seq - b.seq;

export class Outbox {
  readonly #vault: Vault;
  /** Not-stored sets are tried again only when a person asks. */
  #again = false;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /**
   * The next batch within the limits, in the order of sending; at least one set when anything waits. Sets of the chain
   * `but` stay: the centre has no place for it yet (SPEC FK6). So do those that the station `at` keeps and would say nothing new of (HB4).
   */
  async next(
    limits: { sets: number; bytes: number },
    unkept: readonly OwnSet[] = [],
    but: string | null = null,
    at: Offered | null = null,
  ): Promise<Parcel[]> {
    const batch: Parcel[] = [];
    let bytes = 0;
    for (const one of (await this.#waiting(unkept, but, at)).sort(byLane)) {
      bytes += one.bytes;
      if (batch.length > 0 && (batch.length >= limits.sets || bytes > limits.bytes)) break;
      const set = one.set ?? (one.mark && (await this.#vault.own(one.mark.chain, one.mark.seq)));
      if (set) batch.push({ set, mark: one.mark });
    }
    return batch;
  }

  /** How many sets `next` has to give, batch after batch. */
  async offered(unkept: readonly OwnSet[], but: string | null = null, at: Offered | null = null): Promise<number> {
    return (await this.#waiting(unkept, but, at)).length;
  }

  async #waiting(unkept: readonly OwnSet[], but: string | null, at: Offered | null): Promise<Waiting[]> {
    const waiting: Waiting[] = [];
    for (const mark of await this.#vault.unsent()) {
      if (mark.chain === but || mark.answer?.r === DAMAGED) continue;
      if (at && isKept(mark, at)) continue;
      if (this.#again || !NOT_STORED.has(mark.answer?.r ?? "")) waiting.push({ ...mark, mark, set: null });
    }
    for (const set of unkept)
      if (set.chain !== but) waiting.push({ ...set, bytes: set.raw.byteLength, mark: null, set });
    return waiting;
  }

  /** A person said "send now", or it was long ago: sets the centre could not store are tried once more (EX14). */
  tryAgain(): void {
    this.#again = true;
  }

  /**
   * Write the answers down, in the order the sets were sent; `station` (hex) gave them where it was one. An answer that
   * names another set than the one in its place is ignored: that set stays unsent and is sent again, unless its bytes here
   * are no longer its own. Those are kept and not sent.
   */
  async answered(
    batch: readonly Parcel[],
    results: readonly PushResult[],
    atMs: number,
    station: string | null = null,
  ): Promise<Answers> {
    const durable = new Set<string>();
    const borneOut: OwnSet[] = [];
    let [kept, lies] = [0, 0];
    const marks: Mark[] = [];
    for (const [at, { set, mark }] of batch.entries()) {
      const result = results[at];
      if (!result) continue;
      const another = result.id && toHex(result.id) !== set.id;
      if (another && (await isWhole(set))) continue;
      if (result.r === KEPT && !another) {
        // Memory alone cannot say so to the page after this one: such a set is offered again.
        if (!mark || !station) continue;
        marks.push({ ...mark, kept: keptBy(mark, { server: station, atMs: result.at_ms ?? atMs, offeredMs: atMs }) });
        kept += 1;
        continue;
      }
      const answer: PushAnswer = {
        r: another ? DAMAGED : result.r,
        why: result.why ?? null,
        idx: result.idx ?? null,
        atMs: result.at_ms ?? null,
        d: result.d ?? null,
        no: result.no ?? null,
      };
      if (!mark && station) continue; // memory lets go of nothing on a station's word
      if (isDurable(answer)) durable.add(set.id);
      if (!mark) continue;
      if (isDurable(answer) && mark.wordOf) borneOut.push(set);
      if (isDurable(answer) && mark.wordOf && !station && answer.r !== "duplicate") lies += 1;
      marks.push(answeredBy(mark, answer, atMs, station));
    }
    await this.#contradicted(lies);
    await this.#put(marks, station);
    this.#again = false;
    return { durable, kept, borneOut };
  }

  async #put(marks: Mark[], station: string | null): Promise<void> {
    if (station && marks.some(({ wordOf }) => wordOf)) await this.#vault.setMeta(HEARSAY, true);
    await this.#vault.putMarks(marks);
  }

  /** Take back an own set that this storage lost, with the answer that came along; `station` as in `answered`. */
  async adopt(set: OwnSet, answer: PushAnswer, atMs: number, station: string | null): Promise<void> {
    if (station) await this.#vault.setMeta(HEARSAY, true);
    await this.#vault.adopt(set, (mark) => answeredBy(mark, answer, atMs, station));
  }

  /** The centre was met: it is offered once more what only stations said that it has (HB15). */
  async oweHearsay(): Promise<void> {
    if (!(await this.#vault.meta(HEARSAY))) return;
    await this.#oweAgain(await this.#safe(({ wordOf }) => !!wordOf));
    await this.#vault.setMeta(HEARSAY, false);
  }

  /** The centre holds a chain up to `have` and not the next set: if that one was said to be safe, it and what follows is owed again (EX14). */
  async contradicted(chain: string, have: number): Promise<void> {
    const next = await this.#vault.mark(chain, have + 1);
    if (!next || next.unsent || !isDurable(next.answer) || !(await this.#isWhole(next))) return;
    await this.#contradicted(await this.#oweAgain(await this.#safe((mark) => mark.chain === chain && mark.seq > have)));
  }

  /** The centre denies what was said to be safe there: it is told so with the next hello. */
  async #contradicted(sets: number): Promise<void> {
    if (sets > 0) await this.#vault.setMeta(CONTRADICTED, sets + ((await this.#vault.meta<number>(CONTRADICTED)) ?? 0));
  }

  async #safe(isMeant: (mark: Mark) => boolean): Promise<Mark[]> {
    return (await this.#vault.marks()).filter((mark) => !mark.unsent && isDurable(mark.answer) && isMeant(mark));
  }

  /** Gives how many of them still have their words, and are offered. */
  async #oweAgain(safe: readonly Mark[]): Promise<number> {
    const whole: Mark[] = [];
    for (const mark of safe) if (await this.#isWhole(mark)) whole.push({ ...mark, unsent: 1 });
    await this.#vault.putMarks(whole);
    return whole.length;
  }

  /** Whether a set still has its words; one that has not is offered to nobody. */
  async #isWhole({ chain, seq }: Mark): Promise<boolean> {
    const set = await this.#vault.own(chain, seq);
    return set !== null && withoutBody(set.raw).byteLength < set.raw.byteLength;
  }

  /** The centre's log is another than it was: everything that was safe in the old one is owed again (SPEC TL11), whoever said so. */
  async oweEverything(): Promise<void> {
    const said = (await this.#vault.marks()).filter(({ answer }) => isDurable(answer));
    await this.#oweAgain(said.map(({ wordOf: _ended, ...mark }) => mark));
  }

  /**
   * What a pull told of own sets: the first ruling of the centre on one that waits is its answer, whoever handed it in (HB4);
   * the newest decision of people takes the place of the answer, a question calls for the author again (SPEC RL6, RL9).
   * `changed` when any mark did. `station` as in `answered`: what one told of a decision is asked of the centre once more (HB15).
   */
  async heard(
    news: readonly Heard[],
    atMs: number,
    station: string | null = null,
  ): Promise<{ changed: boolean; durable: Set<string> }> {
    const durable = new Set<string>();
    if (news.length === 0) return { changed: false, durable };
    const marks = new Map((await this.#vault.marks()).map((mark) => [mark.id, mark]));
    const changed = new Map<string, Mark>();
    for (const { set, answer } of news) {
      const mark = changed.get(set) ?? marks.get(set);
      if (!mark) continue;
      // The answer to one that waits is of a log that is another one now, or none.
      if (answer && !mark.unsent && (mark.answer?.idx ?? 0) >= (answer.idx ?? 0)) continue;
      if (answer && mark.unsent) durable.add(set);
      if (!answer) changed.set(set, { ...mark, attention: 1 });
      else changed.set(set, answeredBy(mark, answer, mark.unsent ? atMs : mark.answeredAtMs, station));
    }
    await this.#put([...changed.values()], station);
    return { changed: changed.size > 0, durable };
  }

  /** The author has read a refusal, as the mark was `shown`. What is owed stays on the list all the same, unless it never can be sent. */
  async read(shown: Mark): Promise<void> {
    const mark = await this.#vault.mark(shown.chain, shown.seq);
    if (!mark || (mark.unsent && mark.answer?.r !== DAMAGED)) return;
    const { attention: _read, unsent: _waits, ...rest } = mark;
    await this.#vault.putMarks([rest]);
  }

  /** Own sets for the screen, newest first: what the author must look at, what else waits, what was confirmed. */
  async list(most: { waiting: number; confirmed: number }): Promise<Listed> {
    const parcels = async (marks: Mark[]): Promise<Parcel[]> => {
      const found: Parcel[] = [];
      for (const mark of marks) {
        const set = await this.#vault.own(mark.chain, mark.seq);
        if (set) found.push({ set, mark });
      }
      return found;
    };
    const newest = (a: Mark, b: Mark): number => b.wroteAtMs - a.wroteAtMs || b.seq - a.seq;
    const unsent = (await this.#vault.unsent()).sort(newest);
    const waiting = unsent.filter((mark) => !mark.attention).slice(0, most.waiting);
    const answered = (await this.#vault.answered(most.confirmed)).filter((mark) => !mark.unsent && !mark.attention);
    return {
      refused: await parcels((await this.#vault.attention()).sort(newest)),
      waiting: await parcels(waiting),
      confirmed: await parcels(answered),
      unsent: unsent.length,
      bytes: unsent.reduce((sum, mark) => sum + mark.bytes, 0),
      oldestMs: unsent.at(-1)?.wroteAtMs ?? null,
    };
  }

  async counts(): Promise<Counts> {
    const { head, unsent, kept, attention } = await this.#vault.counts();
    return { head, acked: head - unsent, kept, refusals: attention };
  }
}

/** The mark with this answer. What is safe at the centre is no station's concern any more; what only a `station` says of it is
 *  so on its word. Who has read an answer need not read it again. */
function answeredBy(mark: Mark, answer: PushAnswer, atMs: number | undefined, station: string | null): Mark {
  const { attention, wordOf: _said, ...rest } = mark;
  const next: Mark = { ...rest, answer, ...(atMs === undefined ? {} : { answeredAtMs: atMs }) };
  if (isSame(answer, mark.answer) ? attention : needsAuthor(answer)) next.attention = 1;
  if (!isDurable(answer)) return next;
  const { unsent: _owed, kept: _there, ...safe } = next;
  return station ? { ...safe, wordOf: station } : safe;
}

/** Whether two answers tell of one decision, whichever way they came. */
function isSame({ idx, d, why }: PushAnswer, other: PushAnswer | undefined): boolean {
  return idx !== null && other?.idx === idx && other.d === d && other.why === why;
}

/** Whether a station keeps a set, and has nothing new to say of it. A clock that was set back does not silence it. */
function isKept({ kept = [] }: Mark, { server: at, nowMs, heardMs = 0 }: Offered): boolean {
  const keeper = kept.find(({ server }) => server === at);
  return keeper !== undefined && !(keeper.atMs < heardMs && Math.abs(nowMs - keeper.offeredMs) >= AGAIN_MS);
}

/** The stations that keep a set, with this one among them. */
function keptBy({ kept = [] }: Mark, keeper: Keeper): Keeper[] {
  return [...kept.filter(({ server }) => server !== keeper.server), keeper];
}
