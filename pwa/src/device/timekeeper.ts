/**
 * What this phone remembers of its clocks, so that others can tell later when it wrote what (SPEC TM1 to TM4).
 *
 * Responsible for readings around an exchange, for a heartbeat every 15 s, for what of both must not be lost with the page, and
 * for the samples that go into the chain. Refuses to talk to anybody, to judge what a sample proves, and to keep anything
 * from being written: a phone that never met the centre has nothing to say here, and writes all the same.
 *
 * A session ends with the page. What it owes its chain is in the vault, written in the transaction of the set that needs it;
 * the next page finds it there.
 *
 *     const sent = keeper.read();
 *     const reply = await link.hello({ …, wall_ms: sent.wallMs, mono: sent.mono });
 *     await keeper.heard(sent, reply);
 *     await keeper.place(chain, (draft) => writer.write(draft));      // before sets are sent
 */
import { toHex } from "../sync/ids";
import {
  beat,
  begun,
  type Clocks,
  KEEP_EVERY_MS,
  keep,
  OBS,
  opOf,
  placed,
  sample,
  toPlace,
  UNSENT_MS,
  wrote,
} from "../sync/samples";
import type { Clock } from "./now";
import { heard, type Offset, stepped } from "./offset";
import type { Sight } from "./sight";
import type { Metas, Vault } from "./vault";
import type { Draft, Moment, Rider } from "./writer";

/** Both clocks at one moment, and how often the page had been out of sight by then; null: it was just then. */
export interface Reading {
  readonly wallMs: number;
  readonly mono: [Uint8Array, number];
  readonly hides: number | null;
}

export interface TimekeeperParts {
  vault: Pick<Vault, "metas" | "setMeta">;
  clock: Clock;
  sight: Sight;
  /** What the screens are told of the offset; read and written here. */
  status: { offsetMs: number | null; spreadMs: number | null };
}

/** Names of the notes in the vault: this and the session in hex. */
const NOTES = "time:";
const OPS_MAX = 20;
/** A wall clock that moves by more against the monotonic one, while somebody looks on, was set. */
const SET_MS = 1_000;

const isShown = (from: Reading, to: Reading): boolean => from.hides !== null && from.hides === to.hides;

export class Timekeeper implements Rider {
  /** The newest beacon heard, for the headers of what is written from now on. */
  beacon: Uint8Array | null = null;

  readonly #parts: TimekeeperParts;
  readonly #note: string;
  #clocks: Clocks;
  #seen: Reading;
  #sampledM: number | null = null;
  /** Own sets of this session that wait to be sent and have no sample after them in the chain: id and m. */
  readonly #unsent = new Map<string, number>();
  /** What sessions before this one still owe, by the name of their note; null: not looked for yet. */
  #ended: Map<string, Clocks> | null = null;
  /** The last draft of a placing: with it, what was due is in the chain. */
  #placing: Draft | null = null;

  constructor(parts: TimekeeperParts) {
    this.#parts = parts;
    this.#seen = this.read();
    this.#clocks = begun(this.#seen.mono[0]);
    this.#note = NOTES + toHex(this.#seen.mono[0]);
  }

  /** Both clocks now. */
  read(): Reading {
    const { clock, sight } = this.#parts;
    return { wallMs: clock.nowMs(), mono: clock.mono(), hides: sight.hides() };
  }

  /** A beacon came; one of a station is not always newer than that we have. They begin with their time (SPEC TM12). */
  given(beacon: Uint8Array | null | undefined, ofStation: boolean): void {
    if (beacon && !(ofStation && this.beacon && toHex(beacon) <= toHex(this.beacon))) this.beacon = beacon;
  }

  /** Every 15 s: look at both clocks, and notice a clock that was set. */
  beat(): void {
    const now = this.read();
    this.#clocks = beat(this.#clocks, now.mono[1], now.wallMs);
    const movedMs = now.wallMs - this.#seen.wallMs - (now.mono[1] - this.#seen.mono[1]);
    // Ahead of the timer it also comes by sleep, and nothing sleeps that somebody looks at; behind it only by being set.
    const wasSet = movedMs < -SET_MS || (movedMs > SET_MS && isShown(this.#seen, now));
    this.#seen = now;
    const known = this.#offset();
    if (wasSet && known) Object.assign(this.#parts.status, stepped(known, movedMs));
  }

  /** The centre said what time it is, in answer to what left at `sent`. */
  async heard(sent: Reading, { now_ms, uncertainty_ms }: { now_ms: number; uncertainty_ms: number }): Promise<void> {
    const now = this.read();
    const tookMs = now.mono[1] - sent.mono[1];
    const tripMs = Math.max(tookMs, now.wallMs - sent.wallMs);
    const said = { sentMs: sent.wallMs, tripMs, serverMs: now_ms, uncertaintyMs: uncertainty_ms };
    Object.assign(this.#parts.status, heard(this.#offset(), said));
    this.#seen = now;
    const found = sample({
      m1: sent.mono[1],
      wall1Ms: sent.wallMs,
      serverMs: now_ms,
      uncertaintyMs: uncertainty_ms,
      m4: now.mono[1],
      wall4Ms: now.wallMs,
      hidden: !isShown(sent, now),
    });
    if (typeof found === "string") return;
    const before = this.#clocks.waiting;
    this.#clocks = keep(this.#clocks, found);
    this.#sampledM = found.m;
    // It stands after something that was written: not to be lost with the page.
    if (this.#clocks.oldestM !== null && this.#clocks.waiting !== before)
      await this.#parts.vault.setMeta(this.#note, this.#clocks).catch(() => undefined);
  }

  /** Whether another sample would tell something before what waits is sent. */
  get wantsSample(): boolean {
    const nowM = this.read().mono[1];
    const sampledM = this.#sampledM;
    if (sampledM === null || nowM - sampledM > KEEP_EVERY_MS) return true;
    const unsentM = this.#oldestM;
    return unsentM !== null && sampledM < unsentM && nowM - unsentM > UNSENT_MS;
  }

  /** Whether something was written after the newest sample in the chain. */
  get isOwing(): boolean {
    return this.#clocks.oldestM !== null;
  }

  /** Write what the chain has to say of the clocks, before sets are sent; mostly nothing, and then false. */
  async place(chain: string, write: (draft: Draft) => Promise<unknown>): Promise<boolean> {
    this.#ended ??= await this.#sessionsBefore();
    const due = toPlace(this.#clocks, this.read().mono[1], this.#oldestM);
    const ops = due.map((kept) => opOf(this.#clocks.session, kept));
    for (const one of this.#ended.values())
      ops.unshift(...toPlace(one, Number.MAX_SAFE_INTEGER, null).map((kept) => opOf(one.session, kept)));
    for (let at = 0; at < ops.length; at += OPS_MAX) {
      const some = ops.slice(at, at + OPS_MAX);
      const draft: Draft = { entity: chain, kind: "chain", scope: `device:${chain}`, lane: 1, ops: some };
      if (at + OPS_MAX >= ops.length) this.#placing = draft;
      await write(draft);
    }
    return ops.length > 0;
  }

  /** The set is settled at the centre: nothing waits on its account. */
  settled(ids: Iterable<string>): void {
    for (const id of ids) this.#unsent.delete(id);
  }

  // ---- riding along with what is written ---------------------------------------------------------

  notes(draft: Draft, at: Moment): Metas {
    if (draft === this.#placing) return { ...this.#gone(), [this.#note]: owing(placed(this.#clocks)) };
    return isPlacing(draft) ? {} : { [this.#note]: wrote(this.#clocks, at.m, at.wallMs) };
  }

  written(draft: Draft, id: string, { m, wallMs }: Moment): void {
    if (draft === this.#placing) {
      this.#clocks = placed(this.#clocks);
      for (const [one, at] of this.#unsent) if (at <= (this.#clocks.placedM ?? -1)) this.#unsent.delete(one);
      this.#ended = new Map();
      this.#placing = null;
    } else if (!isPlacing(draft)) {
      this.#clocks = wrote(this.#clocks, m, wallMs);
      this.#unsent.set(id, m);
    }
  }

  // ------------------------------------------------------------------------------------------------

  get #oldestM(): number | null {
    return this.#unsent.size > 0 ? Math.min(...this.#unsent.values()) : null;
  }

  #offset(): Offset | null {
    const { offsetMs, spreadMs } = this.#parts.status;
    return offsetMs === null ? null : { offsetMs, spreadMs: spreadMs ?? Number.POSITIVE_INFINITY };
  }

  #gone(): Metas {
    return Object.fromEntries([...(this.#ended ?? new Map()).keys()].map((name) => [name, null]));
  }

  /** Sessions of pages that are over. One of another tab that is still open is among them; it says some things twice. */
  async #sessionsBefore(): Promise<Map<string, Clocks>> {
    const known = await this.#parts.vault.metas<Clocks>(NOTES);
    known.delete(this.#note);
    return known;
  }
}

const isPlacing = ({ ops }: Draft): boolean => ops[0]?.t === OBS;

/** A session that owes its chain nothing leaves no note. */
const owing = (clocks: Clocks): Clocks | null => (clocks.oldestM === null ? null : clocks);
