/**
 * Writing onto this device's chain. A local write is never refused for clock, rights, network or lock reasons; when the
 * storage itself refuses, the set lives in memory, loudly, and is sent from there.
 *
 * Responsible for: one write at a time in this tab, signing on the newest head, signing again when another tab was
 * faster or the chain was left, and carrying what the vault refused until it fits or the centre has it. Refuses to know
 * what the ops mean, and why a chain is left (`leaving.ts`).
 *
 *     const { id, ops, kept } = await writer.write({ entity, scope, lane: 1, ops: [{ t: "entry.add", … }] });
 *     kept      // false: only memory holds it
 */
import { shallowReactive } from "vue";
import {
  FLAG_NO_STRICT_DURABILITY,
  type Header,
  isRefusal,
  type Op,
  openingWriter,
  readSet,
  type Writer,
  write,
} from "../sync/changeset";
import { compareStamps, receive, type Stamp, unpack, ZERO } from "../sync/clock";
import { fromHex, opId, toHex } from "../sync/ids";
import type { Clock } from "./now";
import { ChainLeft, type KeyRecord, type Metas, type OwnSet, SeqTaken, type Vault } from "./vault";

/** One user action. Ids are hex; ops are canonical values (SPEC IN). */
export interface Draft {
  entity: string;
  scope: string;
  /** 0 normal, 1 priority. */
  lane: 0 | 1;
  ops: Op[];
  /** `incident` unless said otherwise. */
  kind?: "incident" | "chain";
}

export interface Written {
  id: string;
  /** Op ids, hex, in the order of the ops. */
  ops: string[];
  set: OwnSet;
  kept: boolean;
}

/** The newest own set does not read back as it was written: append nothing more to this chain. */
export class ChainDamaged extends Error {
  override name = "ChainDamaged";
}

/** By whom and when something is signed. */
export interface Hand {
  person: string;
  clock: Clock;
  offsetMs: () => number | null;
  seen: () => [number, Uint8Array] | null;
  beacon: () => Uint8Array | null;
}

/** Both clocks as a set names them: wall ms, and monotonic ms of this page's session. */
export interface Moment {
  wallMs: number;
  m: number;
}

/** Whoever has something to say for the transaction of a set. */
export interface Rider {
  /** What the vault keeps with it, null: what it forgets. */
  notes(draft: Draft, at: Moment): Metas;
  /** The set is written, in the vault or for want of room in memory. */
  written(draft: Draft, id: string, at: Moment): void;
}

export interface WriterParts extends Hand {
  vault: Vault;
  key: KeyRecord;
  /** The key this device writes with by now, when the chain was left in another tab. */
  current?: () => Promise<KeyRecord>;
  rider?: Rider;
}

/** Sign one draft as the next set after `head`; `set` is what the vault keeps. */
export async function signSet(
  hand: Hand,
  key: KeyRecord,
  draft: Draft,
  head: Writer,
  more: { flags: number; continues?: Header["continues"] },
): Promise<{ set: OwnSet; next: Writer; at: Moment }> {
  const { person, clock, offsetMs, seen, beacon } = hand;
  const [wallMs, mono] = [clock.nowMs(), clock.mono()];
  const kind = draft.kind ?? "incident";
  const { scope, lane, ops } = draft;
  const written = await write(
    head,
    { user: fromHex(person), scope, lane, kind, entity: fromHex(draft.entity), ops },
    {
      wallMs,
      offsetMs: offsetMs(),
      mono,
      salt: crypto.getRandomValues(new Uint8Array(16)),
      seen: seen(),
      beacon: beacon(),
      ...more,
      sign: (message) => signWith(key, message),
    },
  );
  const set: OwnSet = {
    chain: key.chain,
    seq: head.seq,
    id: toHex(written.setId),
    entity: draft.entity,
    kind,
    lane,
    wroteAtMs: written.writer.stamp.ms,
    raw: written.raw,
  };
  return { set, next: written.writer, at: { wallMs, m: mono[1] } };
}

/** Tabs of one phone; more collisions than this in a row mean that something else is wrong. */
const MOST_TRIES = 20;

/** Sign with the key's own algorithm; 64 bytes either way (CS3: ES256 is raw r‖s, as WebCrypto gives it). */
export async function signWith(key: KeyRecord, message: Uint8Array): Promise<Uint8Array> {
  const algorithm = key.alg === "Ed25519" ? "Ed25519" : { name: "ECDSA", hash: "SHA-256" };
  return new Uint8Array(await crypto.subtle.sign(algorithm, key.privateKey, message as Uint8Array<ArrayBuffer>));
}

export class ChainWriter {
  /** Sets the vault refused, oldest first. Reactive: the screens must be loud about them. */
  readonly unkept: OwnSet[] = shallowReactive([]);

  readonly #parts: WriterParts;
  #key: KeyRecord;
  readonly #drafts = new Map<string, Draft>();
  readonly #sent = new Set<string>();
  #head: Writer | null = null;
  #heard: Stamp = ZERO;
  #flags: number | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#key = parts.key;
  }

  get key(): KeyRecord {
    return this.#key;
  }

  get chain(): string {
    return this.#key.chain;
  }

  /**
   * Leave the chain: `work` is given the clock's last stamp, keeps the next chain in the vault and returns its key. Nothing is
   * written meanwhile; what only memory held and the centre does not have is written again on the next chain.
   */
  leave(work: (stamp: Stamp) => Promise<KeyRecord>): Promise<void> {
    const turn = this.#queue.then(async () => {
      const stamp = await this.#position().then(
        (head) => head.stamp,
        () => this.#heard, // the newest set cannot be read: that is why it is left
      );
      this.#moveTo(await work(stamp));
      await this.#writeUnkept();
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Another tab has left the chain. */
  moveTo(key: KeyRecord): void {
    if (key.chain !== this.#key.chain) this.#moveTo(key);
  }

  #moveTo(key: KeyRecord): void {
    const stamp = this.#head?.stamp;
    if (stamp && compareStamps(stamp, this.#heard) > 0) this.#heard = stamp;
    this.#key = key;
    this.#head = null;
  }

  /** Write one action. Writes of this tab stand in line; each is on disk (or in `unkept`) when the promise resolves. */
  write(draft: Draft): Promise<Written> {
    const turn = this.#queue.then(() => this.#write(draft));
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Write the first set of the chain, once: a chain that another tab has opened meanwhile is open. */
  async open(draft: Draft): Promise<void> {
    const head = await this.#position();
    if (head.seq !== 0) return;
    const { set, next, at } = await this.#sign(draft, head);
    const { vault, rider } = this.#parts;
    try {
      await vault.append(set, rider?.notes(draft, at));
      rider?.written(draft, set.id, at);
      this.#head = next;
    } catch (error) {
      if (!(error instanceof SeqTaken)) throw error;
    }
  }

  /** Stamps from a pull: the clock moves on, but never after one that is far ahead (HL2). */
  hear(stamps: Stamp[]): void {
    const { clock, offsetMs } = this.#parts;
    const last = this.#head?.stamp ?? this.#heard;
    const { stamp } = receive(last, clock.nowMs(), offsetMs(), stamps);
    this.#heard = stamp;
    if (this.#head) this.#head = { ...this.#head, stamp };
  }

  /**
   * The centre holds these. What only memory held is tried on the vault once more, so that the chain here stays whole; if
   * that fails too it may go, because it is safe there and comes back with a pull.
   */
  confirmed(ids: ReadonlySet<string>): Promise<void> {
    const turn = this.#queue.then(async () => {
      if (this.unkept.length === 0) return;
      for (const id of ids) if (this.#drafts.has(id)) this.#sent.add(id);
      await this.#keepAll();
      const left = this.unkept.filter((set) => !this.#sent.has(set.id));
      if (left.length < this.unkept.length) this.unkept.splice(0, this.unkept.length, ...left);
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #position(): Promise<Writer> {
    if (this.#head) return this.#head;
    const { vault } = this.#parts;
    const key = this.#key;
    this.#flags ??= (await vault.strict()) ? 0 : FLAG_NO_STRICT_DURABILITY;
    const newest = await vault.head(key.chain);
    if (!newest) return { ...openingWriter(fromHex(key.chain)), stamp: this.#heard };
    const set = await readSet(newest.raw);
    const isNewer = isRefusal(set) && set.refused === "newer_version";
    if (!isNewer && (isRefusal(set) || toHex(set.setId) !== newest.id))
      throw new ChainDamaged(`set ${newest.seq} of ${key.chain}`);
    // A newer app wrote it on this vault: its id and time are all that is needed to go on.
    const own = isRefusal(set) ? { ms: newest.wroteAtMs, counter: 0 } : unpack(set.header.hlc);
    const stamp = compareStamps(own, this.#heard) > 0 ? own : this.#heard;
    return { chain: fromHex(key.chain), seq: newest.seq + 1, prev: fromHex(newest.id, 32), stamp };
  }

  async #sign(draft: Draft, head: Writer): Promise<{ set: OwnSet; next: Writer; at: Moment; ops: string[] }> {
    const { set, next, at } = await signSet(this.#parts, this.#key, draft, head, { flags: this.#flags ?? 0 });
    const id = fromHex(set.id, 32);
    return { set, next, at, ops: draft.ops.map((_op, index) => toHex(opId(id, index))) };
  }

  async #write(draft: Draft): Promise<Written> {
    for (let tries = 1; ; tries++) {
      if (this.unkept.length > 0) await this.#keepAll();
      const { set, next, at, ops } = await this.#sign(draft, await this.#position());
      const { vault, rider } = this.#parts;
      try {
        if (this.unkept.length > 0) throw new Error("the vault still refuses earlier sets");
        await vault.append(set, rider?.notes(draft, at));
        rider?.written(draft, set.id, at);
        this.#head = next;
        return { id: set.id, ops, set, kept: true };
      } catch (error) {
        if (error instanceof SeqTaken && tries < MOST_TRIES) {
          this.#head = null; // another tab was faster
          continue;
        }
        if (error instanceof ChainLeft && this.#parts.current && tries < MOST_TRIES) {
          this.#moveTo(await this.#parts.current());
          continue;
        }
        this.#head = next;
        rider?.written(draft, set.id, at);
        this.#drafts.set(set.id, draft);
        this.unkept.push(set);
        return { id: set.id, ops, set, kept: false };
      }
    }
  }

  /** Oldest first, so that the vault always holds an unbroken beginning of the chain. */
  async #keepAll(): Promise<void> {
    while (this.unkept.length > 0) {
      const set = this.unkept[0] as OwnSet;
      try {
        await this.#parts.vault.append(set);
      } catch (error) {
        if (error instanceof ChainLeft && this.#parts.current) this.#moveTo(await this.#parts.current());
        else if (!(error instanceof SeqTaken)) return;
        // Another tab took the number. What the centre has is safe there; the rest is written again on the new head.
        this.#head = null;
        return this.#writeUnkept();
      }
      this.unkept.shift();
      this.#drafts.delete(set.id);
    }
  }

  /** Write again, on the chain's newest head, what only memory holds and the centre does not. */
  async #writeUnkept(): Promise<void> {
    for (const one of this.unkept.splice(0, this.unkept.length)) {
      const draft = this.#drafts.get(one.id);
      this.#drafts.delete(one.id);
      if (draft && !this.#sent.has(one.id)) await this.#write(draft);
    }
  }
}
