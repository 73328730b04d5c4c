/**
 * This phone as a witness of the centre's log: it keeps the highest checkpoint it has checked and notices when the next one
 * does not grow out of it (SPEC TL9).
 *
 * Responsible for asking about once a minute, for keeping what was checked and an alarm with both notes as the proof of
 * it. Refuses to stop anything: whatever the log does, what is written here goes on being kept and sent.
 *
 *     const signed = await watch.due();                  // null: not yet
 *     await watch.heard(hello.server, reply.checkpoint); // gives the alarm, null while all is well
 */
import type { CarriedCheckpoint } from "../sync/bundle";
import type { GivenCheckpoint } from "../sync/exchange";
import { toHex } from "../sync/ids";
import { readCheckpoint, readNote, type Verify } from "../sync/note";
import { knowsEd25519, verify } from "../sync/verify";
import { type Held, judge, type Log, type LogAlarm, logOf, ORG_ROW } from "../sync/witness";
import type { OrgRow } from "./cache";
import type { Clock } from "./now";
import type { Vault } from "./vault";

/** What was wrong, with the note that was held and the one that came: whoever looks into it needs both. */
export interface Alarm {
  readonly code: LogAlarm;
  readonly atMs: number;
  readonly held: string | null;
  readonly note: string;
}

export interface WatchParts {
  vault: Pick<Vault, "meta" | "setMeta">;
  /** The rows of the organisation as pulled. */
  org: () => Promise<readonly OrgRow[]>;
  clock: Clock;
}

const ASK_EVERY_MS = 60_000;
const HELD = "log.held";
const ALARM = "log.alarm";

/** An older browser cannot check the signature; it still sees whether the log only grew. */
const unchecked: Verify = async () => true;

export class LogWatch {
  readonly #parts: WatchParts;
  #askedAtMono: number | null = null;
  #asked = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
  }

  /** The size to ask from; null when the last answer is young. */
  async due(): Promise<number | null> {
    const mono = this.#parts.clock.mono()[1];
    if (this.#askedAtMono !== null && mono - this.#askedAtMono < ASK_EVERY_MS) return null;
    this.#askedAtMono = mono;
    this.#asked = (await this.#parts.vault.meta<Held>(HELD))?.size ?? 0;
    return this.#asked;
  }

  alarm(): Promise<Alarm | null> {
    return this.#parts.vault.meta<Alarm>(ALARM);
  }

  /** Judge what came. An alarm stays until the log is sound again. */
  async heard(server: Uint8Array, given: GivenCheckpoint | null): Promise<Alarm | null> {
    const { vault, org } = this.#parts;
    if (!given) return this.alarm();
    const id = toHex(server);
    const row = (await org()).find((one) => one.what === ORG_ROW && one.id === id)?.row;
    const log = row && logOf(server, row);
    if (!log) return this.alarm(); // the row that names the log is still to come
    const held = await vault.meta<Held>(HELD);
    // Another tab has heard more meanwhile: this proof leads from elsewhere than from what is held.
    if ((held?.size ?? 0) !== this.#asked) return this.alarm();
    return this.#judged(held, log, given);
  }

  /** Origin and size of what is held, null for nothing: what an answer that is carried here is to grow out of. */
  async checked(): Promise<[string, number] | null> {
    const held = await this.#parts.vault.meta<Held>(HELD);
    return held ? [held.origin, held.size] : null;
  }

  /** A checkpoint that somebody carried here. An older one is no alarm, and one whose proof leads from elsewhere says nothing. */
  async carried(log: Log, given: CarriedCheckpoint): Promise<Alarm | null> {
    const held = await this.#parts.vault.meta<Held>(HELD);
    const { size } = readCheckpoint(readNote(given.note).text);
    const isNews = size === held?.size || (size > (held?.size ?? 0) && given.after === (held?.size ?? 0));
    return isNews ? this.#judged(held, log, given) : this.alarm();
  }

  async #judged(held: Held | null, log: Log, given: GivenCheckpoint): Promise<Alarm | null> {
    const { vault, clock } = this.#parts;
    const by = { log, verify: (await knowsEd25519()) ? verify : unchecked };
    const next = await judge(held, given.note, given.proof, by);
    if (typeof next === "string") {
      const alarm: Alarm = { code: next, atMs: clock.nowMs(), held: held?.note ?? null, note: given.note };
      await vault.setMeta(ALARM, alarm);
      return alarm;
    }
    if (next !== held) await vault.setMeta(HELD, next);
    if (await this.alarm()) await vault.setMeta(ALARM, null);
    return null;
  }
}
