/**
 * Leaving a chain: because the centre said so, because some of this browser's storage was set back, or because own sets are
 * no longer what was signed (SPEC FK). A new key, a new chain that names the old one, nothing lost.
 *
 * Responsible for: keeping the next chain before anything is asked, so that writing goes on without a network; writing again
 * what was damaged; asking for the old chain's place. Refuses to decide when to talk (`rounds.ts`), and to append to a chain in doubt.
 *
 *     await leaving.leave("copied");       // from now on everything is written on the new chain
 *     await leaving.ask(link);             // and now it has the old one's place; throws LinkError
 */
import { decode } from "../sync/canon";
import {
  chainOpenOp,
  FLAG_NO_STRICT_DURABILITY,
  FLAG_RESTORED_STORAGE,
  isRefusal,
  openingWriter,
  readSet,
  signingBytes,
} from "../sync/changeset";
import type { Stamp } from "../sync/clock";
import { again, legible } from "../sync/forks";
import { fromHex, opId, setId, toHex } from "../sync/ids";
import { keyFor, newAttempt } from "./enrol";
import { type Link, LinkError, NEEDS_CODE } from "./link";
import { type DeviceSession, keptSession } from "./session";
import { ChainLeft, DAMAGED, type KeyRecord, type Mark, type OwnSet, REWRITTEN, SESSION, type Vault } from "./vault";
import { type ChainWriter, type Draft, type Hand, signSet } from "./writer";

export interface LeavingParts {
  vault: Vault;
  writer: ChainWriter;
  hand: Hand;
  app: string;
  session: () => DeviceSession;
  /** The session as it now stands in the vault. */
  adopt: (session: DeviceSession) => void;
}

export class Leaving {
  readonly #parts: LeavingParts;

  constructor(parts: LeavingParts) {
    this.#parts = parts;
  }

  /** Append nothing more to this chain. Throws `VaultRefused` when the next one cannot be kept. */
  leave(why: string): Promise<void> {
    return this.#turn(why, null);
  }

  /** Look whether own sets are still what was signed, and leave the chain at the first that is not. True when one was not. */
  async mend(): Promise<boolean> {
    const suspects = await this.#unsure();
    const broken = await firstDamaged(this.#parts.writer.key, suspects);
    if (broken === null) return false;
    // Of a chain without a place nothing was sent: all of it goes onto the next.
    const from = this.#parts.session().insteadOf ? 0 : (suspects[broken]?.seq ?? 0);
    await this.#turn(DAMAGED, { from, sets: suspects.filter(({ seq }) => seq >= from) });
    return true;
  }

  /** Ask for the place of the chain that was left. Throws `LinkError`; `rotation_needs_login` is remembered. */
  async ask(link: Link): Promise<void> {
    const { vault, session } = this.#parts;
    const { chain } = session();
    const opening = await vault.own(chain, 0);
    if (!opening) return;
    const { insteadOf: _place, ...rest } = session();
    try {
      const { token } = await link.rotate(opening.raw);
      await this.#keep({ ...rest, token });
    } catch (error) {
      if (!(error instanceof LinkError) || error.code !== NEEDS_CODE) throw error;
      await this.#keep({ ...session(), needsCode: true });
      throw error;
    }
  }

  /** Go on as what another tab had this phone enrolled as, or moved to, meanwhile. False when there is nothing newer. */
  async follow(): Promise<boolean> {
    const { vault, session, adopt } = this.#parts;
    const kept = await keptSession(vault);
    if (!kept || kept.token === session().token) return false;
    adopt(kept);
    return true;
  }

  async #keep(session: DeviceSession): Promise<void> {
    await this.#parts.vault.setMeta(SESSION, session);
    this.#parts.adopt(session);
  }

  /** Sets of the chain in use that nobody else has, and the newest: what the next write and the next push build on. */
  async #unsure(): Promise<OwnSet[]> {
    const { vault, writer } = this.#parts;
    const sets = new Map<number, OwnSet>();
    for (const { chain, seq, kept } of await vault.unsent()) {
      const set = chain === writer.chain && !kept ? await vault.own(chain, seq) : null;
      if (set) sets.set(seq, set);
    }
    const head = await vault.head(writer.chain);
    if (head) sets.set(head.seq, head);
    return [...sets.values()].sort((a, b) => a.seq - b.seq);
  }

  async #turn(why: string, damage: { from: number; sets: OwnSet[] } | null): Promise<void> {
    const { vault, writer, session, adopt } = this.#parts;
    let next: DeviceSession | null = null;
    try {
      await writer.leave(async (stamp) => {
        const old = session();
        const place = old.insteadOf ?? old.chain;
        const last = await this.#lastOf(place, place === old.chain ? damage?.from : undefined);
        const key = await keyFor(await newAttempt(), this.#parts.hand.clock);
        next = { ...old, chain: key.chain, insteadOf: place };
        const made = await this.#opened(key, stamp, [fromHex(place), last.seq, fromHex(last.id, 32), why]);
        const sets = [made.set];
        const aside: Mark[] = [];
        if (damage) await this.#writeAgain(key, made.next, damage.sets, sets, aside);
        await vault.turn({ from: old.chain, key, session: next, sets, aside });
        return key;
      });
    } catch (error) {
      if (!(error instanceof ChainLeft)) throw error;
      next = await keptSession(vault); // another tab was faster
    }
    if (next) adopt(next);
  }

  async #lastOf(chain: string, before = Number.MAX_SAFE_INTEGER): Promise<{ seq: number; id: string }> {
    const { vault } = this.#parts;
    const last = (await vault.before(chain, before)) ?? (await vault.before(chain, before + 1));
    return last ?? { seq: 0, id: "00".repeat(32) };
  }

  async #opened(key: KeyRecord, stamp: Stamp, continues: [Uint8Array, number, Uint8Array, string]) {
    const draft: Draft = {
      entity: key.chain,
      kind: "chain",
      scope: `device:${key.chain}`,
      lane: 1,
      ops: [chainOpenOp(key.alg, key.publicKey, key.nonce, this.#parts.app)],
    };
    const head = { ...openingWriter(fromHex(key.chain)), stamp };
    return signSet(this.#parts.hand, key, draft, head, { flags: await this.#flags(), continues });
  }

  async #flags(): Promise<number> {
    const strict = await this.#parts.vault.strict();
    return FLAG_RESTORED_STORAGE | (strict ? 0 : FLAG_NO_STRICT_DURABILITY);
  }

  /** What of the damaged sets was not answered, once more on the new chain (SPEC FK7); `sets` and `aside` grow. */
  async #writeAgain(
    key: KeyRecord,
    head: Parameters<typeof signSet>[3],
    damaged: readonly OwnSet[],
    sets: OwnSet[],
    aside: Mark[],
  ): Promise<void> {
    const { vault, hand } = this.#parts;
    const marks = new Map((await vault.unsent()).map((mark) => [`${mark.chain} ${mark.seq}`, mark]));
    const renamed = new Map<string, Uint8Array>();
    const flags = await this.#flags();
    let at = head;
    for (const one of damaged) {
      const mark = marks.get(`${one.chain} ${one.seq}`);
      if (!mark || mark.kept) continue; // others have it
      const left = one.kind === "chain" ? null : await legible(one.raw);
      if (!left) {
        // What a chain says of itself and of its clocks has no place in another.
        aside.push(setAside(mark, one.kind === "chain" ? REWRITTEN : DAMAGED, null, hand.clock.nowMs()));
        continue;
      }
      const was = fromHex(one.id, 32);
      const orig = { chain: fromHex(one.chain), seq: one.seq, set: was, hlc: left.hlc };
      const ops = again(left.ops, orig, { happenedMs: one.wroteAtMs, renamed });
      const scope = left.scope ?? `device:${one.chain}`;
      const lane = one.lane === 1 ? 1 : 0;
      const made = await signSet(hand, key, { entity: one.entity, scope, lane, ops }, at, { flags });
      const id = fromHex(made.set.id, 32);
      for (const index of ops.keys()) renamed.set(toHex(opId(was, index)), opId(id, index));
      sets.push({ ...made.set, wroteAtMs: one.wroteAtMs });
      aside.push(setAside(mark, REWRITTEN, made.set.id, hand.clock.nowMs()));
      at = made.next;
    }
  }
}

function setAside(mark: Mark, r: string, why: string | null, atMs: number): Mark {
  const next: Mark = { ...mark, answer: { r, why, idx: null, atMs: null, d: null, no: null }, answeredAtMs: atMs };
  if (r === DAMAGED) next.attention = 1;
  else delete next.unsent;
  return next;
}

/** Position of the first set whose bytes do not give its id, or whose signature does not hold under its key. */
export async function firstDamaged(key: KeyRecord, sets: readonly OwnSet[]): Promise<number | null> {
  const name = key.alg === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  const publicKey = await crypto.subtle.importKey("raw", key.publicKey as Uint8Array<ArrayBuffer>, name, false, [
    "verify",
  ]);
  const algorithm = key.alg === "Ed25519" ? "Ed25519" : { name: "ECDSA", hash: "SHA-256" };
  for (const [at, set] of sets.entries()) {
    const read = await readSet(set.raw);
    // One that a newer app wrote on this vault cannot be read here, and is no worse for it.
    if (isRefusal(read) && read.refused !== "newer_version") return at;
    const [header, signature] = decode(set.raw) as [Uint8Array, Uint8Array<ArrayBuffer>];
    const id = await setId(header);
    if (toHex(id) !== set.id) return at;
    if (!(await crypto.subtle.verify(algorithm, publicKey, signature, signingBytes(id)))) return at;
  }
  return null;
}
