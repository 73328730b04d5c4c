/**
 * When to talk to the centre: rounds of hello, push and pull, and the live line between them.
 *
 * Responsible for the triggers (start, `online`, the page shown again, every write, a timer, a button), for trying again
 * without waiting for another write, and for what the phone knows about being reachable. Refuses to know what a set means;
 * the replica applies, the outbox remembers.
 *
 *     const rounds = new Rounds({ link, outbox, replica, clock, status, … });
 *     rounds.start();
 *     rounds.kick();          // something was written: go now
 *     rounds.stop();
 */
import { OPS_MAX, purgedOp } from "../sync/changeset";
import {
  DURABLE,
  type HelloReply,
  type HelloRequest,
  KEPT,
  type Offer,
  type PushResult,
  STATION,
} from "../sync/exchange";
import { fromHex, toHex } from "../sync/ids";
import type { Cursor } from "./cache";
import type { Clearing } from "./clearing";
import type { Leaving } from "./leaving";
import { CENTRE_ONLY, type Link, LinkError, type LinkTrouble, NEEDS_CODE, REVOKED, type Wipe } from "./link";
import type { Clock } from "./now";
import type { Outbox } from "./outbox";
import type { Replica } from "./replica";
import type { DeviceSession } from "./session";
import type { Reading, Timekeeper } from "./timekeeper";
import { CONTRADICTED, type Vault, VaultRefused } from "./vault";
import type { Alarm, LogWatch } from "./watch";
import type { Draft } from "./writer";

/** How much of what this browser may store is used, in percent (EX13); undefined where it does not say. */
async function storageUsed(): Promise<number | undefined> {
  try {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    return quota > 0 ? Math.min(100, Math.ceil((usage * 100) / quota)) : undefined;
  } catch {
    return undefined;
  }
}

/** The server that answered last. */
export interface Met {
  isStation: boolean;
  /** Its row in the organisation, hex; null for the centre, and where it does not say. */
  station: string | null;
}

/** What the screens may know about the exchange. Reactive; written here and nowhere else. */
export interface Status {
  reachable: boolean;
  trouble: { kind: LinkTrouble; code: string; detail: string } | null;
  /** In the centre's time, like `nextTryMs`. */
  lastContactMs: number | null;
  /** Server − device, ms, and by how much that may be wrong; null until the first hello. */
  offsetMs: number | null;
  spreadMs: number | null;
  sending: { done: number; all: number } | null;
  nextTryMs: number | null;
  met?: Met | null;
  /** The centre's log did not only grow since this phone last looked (TL9). */
  alarm?: Alarm | null;
}

export interface RoundsParts {
  link: Link;
  outbox: Outbox;
  replica: Replica;
  clock: Clock;
  status: Status;
  app: string;
  vault: Pick<Vault, "greeting" | "greeted" | "isUnderWay" | "meta">;
  keeper: Timekeeper;
  /** Write a set of the device's own, without a round on its account. */
  write: (draft: Draft) => Promise<unknown>;
  watch: LogWatch;
  leaving: Leaving;
  clearing: Clearing;
  session: () => DeviceSession;
  /** Marks were written: recount. */
  answered: () => void;
  /** A round is over, well or badly; `status` says which. */
  settled: () => void;
  /** A number in [0, 1) for jitter. */
  chance?: () => number;
}

/** Between rounds while all is well: 15–30 s, so that a station's phones do not knock together. */
const CALM_MS = [15_000, 30_000] as const;
/** After trouble: doubling from here to there, each with up to half as much again. */
const BACKOFF_MS = [2_000, 20_000] as const;
/** The centre has no room, or its store is away; that passes. */
const NOT_STORED = "not_stored";
/** A refusal does not heal by asking again soon. */
const REFUSED_MS = 60_000;
/** Hello again when the last one is older: contact, pending count and time sample stay fresh. */
const HELLO_MS = 12_000;
/** How much to ask for at once; halved when a link breaks, doubled when it holds. */
const BUDGET_BYTES = { least: 8_192, first: 131_072, most: 1_048_576 };
const MOST_SETS = 200;
/** What was stored nowhere may have been changed on its way (SPEC EX14). */
const REFUSED_AGAIN_MS = 600_000;
/** A live line shorter than this did not hold. */
const LINE_HELD_MS = 10_000;

export class Rounds {
  readonly #parts: RoundsParts;
  readonly #chance: () => number;
  readonly #stopped = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | null = null;
  #again = false;
  #failures = 0;
  #budget = BUDGET_BYTES.first;
  /** When a line that opened last led to a round. */
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** As much of a snapshot as has come. */
  #half = { id: "", bytes: new Uint8Array(0) };
  #hello: { reply: HelloReply; atMono: number } | null = null;
  /** The server of this round is a station that has not heard of the log as it is by now (SPEC HB5). */
  #isBehind = false;
  /** When what the centre could not store was tried last. */
  #triedMono = Number.NEGATIVE_INFINITY;
  #line = false;
  /** The scopes that the last hello named; the line tells of these families alone. */
  #named: ReadonlySet<string> = new Set();
  #hangUp = new AbortController();

  constructor(parts: RoundsParts) {
    this.#parts = parts;
    this.#chance = parts.chance ?? Math.random;
  }

  /** Begin, and hear every trigger a browser offers. */
  start(): void {
    const signal = this.#stopped.signal;
    const go = (): void => this.kick();
    addEventListener("online", go, { signal });
    addEventListener("pageshow", go, { signal });
    addEventListener("offline", () => this.#lost(new LinkError("offline", "the device says so")), { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && go(), { signal });
    this.kick();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
    this.#hangUp.abort();
  }

  /** Go now, or right after the round that is running. */
  kick(): void {
    if (this.#stopped.signal.aborted) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#parts.status.nextTryMs = null;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#again) {
        this.#again = false;
        this.kick();
      }
    });
  }

  /** A person pressed "send now": hello afresh, and once more what the centre could not store. */
  async now(): Promise<void> {
    this.#hello = null;
    this.#parts.outbox.tryAgain();
    this.kick();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { status } = this.#parts;
    try {
      await this.#round();
      this.#failures = 0;
      this.#budget = Math.min(BUDGET_BYTES.most, this.#budget * 2);
      this.#wait(CALM_MS[0] + this.#chance() * (CALM_MS[1] - CALM_MS[0]));
      void this.#live();
    } catch (error) {
      const trouble = error instanceof LinkError ? error : new LinkError("garbled", String(error), { cause: error });
      if (trouble.code === REVOKED || trouble.code === NEEDS_CODE) {
        // Tabs that cannot hear each other share the vault all the same.
        if (await this.#parts.leaving.follow()) this.#again = true;
        else {
          await this.#parts.replica.refusedBy(trouble.log);
          await this.#handOver();
          if (trouble.wipe) await this.#clear(trouble.wipe);
        }
      }
      this.#failures += 1;
      this.#hello = null;
      this.#budget = Math.max(BUDGET_BYTES.least, this.#budget / 2);
      this.#lost(trouble);
      const backoff = Math.min(BACKOFF_MS[1], BACKOFF_MS[0] * 2 ** Math.min(10, this.#failures - 1));
      const least = trouble.kind === "refused" ? REFUSED_MS : (trouble.retryAfterMs ?? backoff);
      this.#wait(least * (1 + this.#chance() / 2));
    } finally {
      status.sending = null;
      this.#parts.settled();
    }
  }

  /** A suspended device, and one whose place another has taken, may still hand over what it holds, and nothing else. */
  async #handOver(): Promise<void> {
    await this.#parts.outbox.oweHearsay();
    try {
      await this.#push({ sets: MOST_SETS, bytes: this.#budget });
    } catch (error) {
      if (!(error instanceof LinkError)) throw error; // no luck now; the next round tries again
    }
  }

  /** Drop what this phone was given to read; once it owes nothing, or at once, everything (SPEC EX12). */
  async #clear(wipe: Wipe): Promise<void> {
    const { clearing, link, outbox, replica } = this.#parts;
    await clearing.given();
    await outbox.oweHearsay(); // a station may have answered by now
    const { head } = await outbox.counts();
    const isOwing = (await outbox.next({ sets: 1, bytes: 1 }, replica.unkept)).length > 0;
    if (wipe === "empty" && isOwing) return;
    const { message } = await this.#greeting();
    const noted = await link.hello({ ...message, wiping: message.pending }).then(
      () => false, // it counts again
      (error: unknown) => error instanceof LinkError && error.noted,
    );
    if (wipe === "now") await clearing.everything(null);
    else if (noted && replica.unkept.length === 0) await clearing.everything(head);
  }

  /** The centre's time as far as this phone knows it; all times in the status are of this clock. */
  #nowMs(): number {
    return this.#parts.clock.nowMs() + (this.#parts.status.offsetMs ?? 0);
  }

  #wait(ms: number): void {
    if (this.#stopped.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.kick(), ms);
    this.#parts.status.nextTryMs = this.#nowMs() + ms;
  }

  #reached(): void {
    const { status } = this.#parts;
    status.reachable = true;
    status.trouble = null;
    status.lastContactMs = this.#nowMs();
  }

  #lost(error: LinkError): void {
    const { status } = this.#parts;
    status.reachable = false;
    status.trouble = { kind: error.kind, code: error.code, detail: error.message };
  }

  async #round(): Promise<void> {
    const { clock, outbox, replica } = this.#parts;
    const [, mono] = clock.mono();
    if (mono - this.#triedMono >= REFUSED_AGAIN_MS) {
      this.#triedMono = mono;
      outbox.tryAgain();
    }
    const hello = await this.#admitted();
    const limits = { sets: Math.min(MOST_SETS, hello.limits.batch_sets), bytes: hello.limits.batch_bytes };
    await this.#place();
    const unstored = await this.#offer(limits);
    await this.#bring(limits);
    const heardMs = await this.#pull(hello, limits); // a centre that has no room to store has much to tell
    await replica.deliverDue();
    if (unstored) throw unstored;
    await this.#place();
    await this.#push(limits, heardMs); // what the pull made us write: that an order was delivered
  }

  /** Hand in what waits. Gives the refusal of a centre that has no room to store: it can be read all the same. */
  async #offer(limits: { sets: number; bytes: number }): Promise<LinkError | undefined> {
    try {
      await this.#push(limits);
    } catch (error) {
      if (!(error instanceof LinkError) || error.code !== NOT_STORED) throw error;
      this.#parts.status.sending = null;
      return error;
    }
    return undefined;
  }

  /** What is to be sent needs samples of the clocks around it (SPEC TM4). */
  async #place(): Promise<void> {
    const { keeper, replica, session, write } = this.#parts;
    if ((await replica.owed()).pending > 0) await keeper.place(session().chain, write);
  }

  /** Hello, from a chain that may go on: one that may not is left first, and another takes its place (SPEC FK4, FK5). */
  async #admitted(): Promise<HelloReply> {
    const { replica, session } = this.#parts;
    if (session().needsCode) throw new LinkError("refused", "its place is taken", { code: NEEDS_CODE });
    if (session().insteadOf && !(await this.#placed())) return this.#greet(); // at a station: as the chain that was left
    let hello: HelloReply;
    try {
      hello = await this.#greet();
    } catch (error) {
      if (error instanceof LinkError && error.code === NEEDS_CODE) await this.#leave("continued");
      throw error;
    }
    if (!hello.rotate) return hello;
    this.#hello = null;
    // Another tab may have written, and sent, since the head was told.
    const caughtUp = hello.rotate === "rolled_back" && (await replica.owed()).head >= hello.have;
    if (caughtUp || !(await this.#leave(hello.rotate))) return caughtUp ? this.#greet() : hello;
    await this.#placed();
    return this.#greet();
  }

  /** Ask for the place of the chain that was left. False at a station, which has none to give (SPEC HB5). */
  async #placed(): Promise<boolean> {
    try {
      await this.#parts.leaving.ask(this.#parts.link);
    } catch (error) {
      if (error instanceof LinkError && error.code === CENTRE_ONLY) return false;
      throw error;
    }
    this.#hello = null; // it was said as the chain that was left
    return true;
  }

  /** False when the storage takes no other chain now: what is written goes on as it can. */
  async #leave(why: string): Promise<boolean> {
    try {
      await this.#parts.leaving.leave(why);
      return true;
    } catch (error) {
      if (error instanceof VaultRefused) return false;
      throw error;
    }
  }

  /** What a hello says now. */
  async #greeting(): Promise<{ message: HelloRequest; request: Uint8Array; sent: Reading }> {
    const { app, keeper, replica, session, vault } = this.#parts;
    const { chain, insteadOf } = session();
    const owed = await replica.owed(insteadOf ?? chain);
    const storage = await storageUsed();
    const { token, request } = await vault.greeting(crypto.getRandomValues(new Uint8Array(16)));
    const contradicted = await vault.meta<number>(CONTRADICTED);
    const sent = keeper.read();
    const message: HelloRequest = {
      v: 1,
      app,
      chain: fromHex(insteadOf ?? chain),
      head: owed.head,
      pending: owed.pending,
      oldest_ms: owed.oldestMs,
      wall_ms: sent.wallMs,
      mono: sent.mono,
      request_id: request,
      token,
      ...(storage === undefined ? {} : { storage }),
      ...(contradicted ? { contradicted } : {}),
    };
    return { message, request, sent };
  }

  async #greet(overtaken = false): Promise<HelloReply> {
    const { clock, keeper, link, outbox, replica, vault, session } = this.#parts;
    if (this.#hello && clock.mono()[1] - this.#hello.atMono < HELLO_MS) return this.#hello.reply;
    const { insteadOf } = session();
    const { message, request, sent } = await this.#greeting();
    const reply = await link.hello(message);
    await keeper.heard(sent, reply); // at once: what is done first makes the answer look slower than it was
    keeper.given(reply.beacon, reply.role === STATION);
    // A hello that came after a later one of another tab looks like a copy's: it is not, and the next one is in order.
    if (reply.rotate === "copied" && !overtaken && !(await vault.isUnderWay(request))) return this.#greet(true);
    if (reply.token) await vault.greeted(request, reply.token).catch(() => undefined);
    this.#reached();
    if (insteadOf && reply.role !== STATION) throw new LinkError("busy", "another server answers by now");
    this.#hello = { reply, atMono: sent.mono[1] };
    this.#parts.status.met = {
      isStation: reply.role === STATION,
      station: reply.station ? toHex(reply.station) : null,
    };
    this.#isBehind = await replica.met(reply);
    if (reply.role !== STATION) await outbox.contradicted(insteadOf ?? session().chain, reply.have);
    if (reply.retry_after_ms)
      throw new LinkError("busy", "the server asks for time", { retryAfterMs: reply.retry_after_ms });
    return reply;
  }

  /** Hand in what waits; `heardMs`: also what the station keeps that is talked to, which has heard of the centre then. */
  async #push(most: { sets: number; bytes: number }, heardMs = 0): Promise<void> {
    const { link, outbox, replica, status, clock, session, leaving } = this.#parts;
    const { chain, insteadOf } = session();
    const limits = { sets: most.sets, bytes: Math.min(this.#budget, most.bytes) };
    let done = 0;
    const met = this.#hello?.reply;
    let at = met?.role === STATION ? toHex(met.server) : null;
    const to = () => at && { server: at, nowMs: clock.nowMs(), heardMs };
    const but = insteadOf ? chain : null;
    const all = await outbox.offered(replica.unkept, but, to() || null);
    for (;;) {
      const batch = await outbox.next(limits, replica.unkept, but, to() || null);
      if (batch.length === 0) break;
      status.sending = { done, all: Math.max(all, done + batch.length) };
      const reply = await link.push(batch.map(({ set }) => set.raw));
      this.#reached();
      if (reply.server && toHex(reply.server) !== at) {
        at = toHex(reply.server); // another server than the one that was greeted
        status.met = { isStation: true, station: null };
        this.#hello = null;
      }
      const results = this.#isBehind ? reply.results.map(noMoreThanKept) : reply.results;
      const { durable, kept, borneOut } = await outbox.answered(batch, results, clock.nowMs(), at);
      this.#parts.keeper.settled(durable);
      done += durable.size + kept;
      await replica.confirmed(durable, borneOut);
      this.#parts.answered();
      // What the centre could not read may be damaged here: then it is written again on another chain (SPEC FK7).
      if (reply.results.some(({ r }) => r === "bad_signature" || r === "malformed") && (await leaving.mend())) {
        this.#hello = null;
        this.#again = true;
        break;
      }
      // Nothing moved: the refusals are written down, the rest waits for the next round.
      if (durable.size + kept === 0) break;
    }
    status.sending = null;
  }

  /** Hand in what others wrote, where the centre's log is not the one it was (SPEC TL12). */
  async #bring(most: { sets: number; bytes: number }): Promise<void> {
    const { link, replica } = this.#parts;
    const limits = { sets: most.sets, bytes: Math.min(this.#budget, most.bytes) };
    const waiting = await replica.others();
    while (waiting.length > 0) {
      let [count, bytes] = [0, 0];
      for (const set of waiting.slice(0, limits.sets)) {
        bytes += set.byteLength;
        if (count > 0 && bytes > limits.bytes) break;
        count += 1;
      }
      await link.push(waiting.splice(0, count));
      this.#reached();
    }
    await replica.broughtOthers();
  }

  /** Read everything. Gives when a station that was read has heard of the centre last, 0 at the centre. */
  async #pull(hello: HelloReply, limits: { sets: number; bytes: number }): Promise<number> {
    const { keeper, link, replica, status, watch } = this.#parts;
    this.#heed(hello);
    const scopes = await replica.following(hello);
    const isStation = hello.role === STATION;
    const left = await replica.keepOnly(
      scopes.map(([scope]) => scope),
      hello,
    );
    await this.#purged(left);
    const asked = this.#isBehind ? scopes.filter(([scope]) => scope.startsWith("hub:")) : scopes;
    for (;;) {
      const cursors = await replica.cursors(asked);
      const signed = isStation ? null : await watch.due();
      const reply = await link.pull({ cursors, budget: this.#budget, ...(signed === null ? {} : { signed }) });
      this.#reached();
      if (reply.server && !isStation) throw new LinkError("busy", "another server answers by now");
      keeper.given(reply.beacon, isStation);
      let moved = false;
      for (const page of reply.scopes)
        if (page.snapshot) moved = (await replica.begin(page, await this.#fetched(page.snapshot))) || moved;
      moved = (await replica.apply(reply)) || moved;
      if (signed !== null) status.alarm = await watch.heard(hello.server, reply.checkpoint ?? null);
      if (!reply.complete && moved) {
        // A long history holds no signature up.
        if (this.#again) {
          await this.#place();
          await this.#offer(limits);
        }
        continue;
      }
      if (!isStation && reply.complete && (await replica.settleDoubts())) continue;
      return isStation ? timeIn(reply.beacon) : 0;
    }
  }

  /** A line that was opened before a scope was named may not tell of it: the next one does. */
  #heed({ scopes }: HelloReply): void {
    const named = new Set(scopes.map(([scope]) => scope));
    if (scopes.some(([scope]) => !this.#named.has(scope))) this.#hangUp.abort();
    this.#named = named;
  }

  /** One hint. A scope that no hello has named yet was born since. */
  #hinted(scope: string): void {
    if (!this.#named.has(scope)) this.#hello = null;
    this.kick();
  }

  /** Sign that what these scopes told is deleted here (SPEC SC5). */
  async #purged(left: readonly Cursor[]): Promise<void> {
    if (left.length === 0) return;
    const { replica, session, write } = this.#parts;
    const ops = left.map(({ scope, epoch, n }) => purgedOp(scope, epoch, n));
    const { chain } = session();
    while (ops.length > 0)
      await write({ entity: chain, kind: "chain", scope: `device:${chain}`, lane: 0, ops: ops.splice(0, OPS_MAX) });
    await replica.purged();
  }

  /** A snapshot, piece by piece; what has come stays for the next round when the link breaks. */
  async #fetched({ hash, size }: Offer): Promise<Uint8Array> {
    const id = toHex(hash);
    if (this.#half.id !== id) this.#half = { id, bytes: new Uint8Array(0) };
    while (this.#half.bytes.byteLength < size) {
      const { bytes } = this.#half;
      const part = await this.#parts.link.snapshot(id, bytes.byteLength, this.#budget);
      this.#reached();
      if (part.byteLength === 0) throw new LinkError("garbled", "an empty piece");
      const longer = new Uint8Array(bytes.byteLength + part.byteLength);
      longer.set(bytes);
      longer.set(part, bytes.byteLength);
      this.#half = { id, bytes: longer };
    }
    const { bytes } = this.#half;
    this.#half = { id: "", bytes: new Uint8Array(0) };
    return bytes;
  }

  /** What moved between the last pull and this opening was hinted to nobody: look once, but not for a line that flaps. */
  #opened(): void {
    this.#reached();
    if (performance.now() - this.#lookedMs < CALM_MS[0]) return;
    this.#lookedMs = performance.now();
    this.kick();
  }

  /**
   * Keep the live line open; every hint leads to a round. When a line that had held ends, go and see at once; one that
   * breaks as soon as it opens waits for the next round, so that a proxy that hates it costs nothing.
   */
  async #live(): Promise<void> {
    if (this.#line || this.#stopped.signal.aborted) return;
    this.#line = true;
    const openedMs = performance.now();
    try {
      this.#hangUp = new AbortController();
      const on = { open: () => this.#opened(), moved: (scope: string) => this.#hinted(scope) };
      await this.#parts.link.events(on, this.#hangUp.signal);
    } catch {
      // the round that follows says what is the matter
    }
    this.#line = false;
    if (performance.now() - openedMs > LINE_HELD_MS) this.kick();
  }
}

/** What a station says that speaks of a log which has ended: the bytes are there, and nothing is said of the centre (HB5). */
function noMoreThanKept(result: PushResult): PushResult {
  return DURABLE.has(result.r) ? { ...result, r: KEPT, at_ms: null } : result;
}

/** The time of a beacon (SPEC TM12). */
function timeIn(beacon: Uint8Array | null | undefined): number {
  return beacon ? Number.parseInt(toHex(beacon.subarray(0, 6)), 16) : 0;
}
