/**
 * A small centre in memory, for the device's tests: it reads and answers the real bytes of the exchange, numbers rulings,
 * keeps scopes with rolling heads, and can be told to misbehave as networks and servers do.
 *
 *     const centre = await Centre.open({ person, chain });
 *     centre.fault = "down";          // fetch now rejects as it does without a network
 *     const link = new Link({ session: () => session, fetch: centre.fetch });
 */
import { decodeMessage, encode, type Value } from "../../src/sync/canon";
import {
  type ChangeSet,
  isRefusal,
  type Op,
  openingWriter,
  readSet,
  type Writer,
  write,
} from "../../src/sync/changeset";
import { effectiveStamp } from "../../src/sync/fold";
import { chainId, fromHex, setId, toHex } from "../../src/sync/ids";
import { DECIDING, encodeRuling, leafHash, readRuling, SCOPE_HEAD_ZERO, scopeHead } from "../../src/sync/rulings";
import { snapshotHash } from "../../src/sync/snapshot";

export type Fault = null | "down" | "portal" | "busy" | "revoked" | "unspoken" | "answer_lost" | "full";

interface Line {
  ruling: Uint8Array;
  raw: Uint8Array | null;
}
interface Scope {
  epoch: number;
  lines: Line[];
  heads: Uint8Array[];
}

export class Centre {
  fault: Fault = null;
  /** What a suspended phone is told becomes of it (EX12), whether that it clears itself is noted, and what it said of that. */
  wipe: "empty" | "now" | null = null;
  notes = true;
  /** A call that gets no answer. */
  silent: "push" | null = null;
  readonly wiping: number[] = [];
  /** As each hello said it (EX13). */
  readonly storage: unknown[] = [];
  /** How many sets hellos said to be contradicted, where they did (EX14). */
  readonly contradicted: unknown[] = [];
  /** What happens before it is noted. */
  meanwhile: (() => Promise<void>) | null = null;
  epoch = fromHex("0102030405060708", 8);
  /** Epochs that ended, and how many entries of each are left. */
  lost: [Uint8Array, number][] = [];
  /** What hellos and pulls are given to put into headers. */
  beacon: Uint8Array | null = null;
  /** What a pull that asks for it is given of the signed log. */
  checkpoint: { note: string; proof: Uint8Array[] } | null = null;
  /** The sizes that pulls asked from. */
  readonly asked: number[] = [];
  /** What the centre rules on a set; accepted unless a test says otherwise. */
  rule: (set: ChangeSet) => { d: string; why: string | null } = () => ({ d: "accepted", why: null });
  /** A push result in place of storing, by set id. */
  refuse: (set: ChangeSet) => string | null = () => null;
  nowMs = 1_773_297_000_000;
  /** Every push as lists of seq, in the order sent. */
  readonly pushes: number[][] = [];
  readonly calls: string[] = [];
  /** Every answer by call, as a proxy that keeps what it was told not to keep has them. */
  readonly heard = new Map<string, Response[]>();
  /** What the next such call is answered with, in place of an answer of today. */
  readonly replays = new Map<string, Response>();
  /** What every hello showed. */
  readonly greetings: { chain: string; token: string | null; request: string; head: number }[] = [];
  /** Why a chain must be left, by chain. */
  readonly rotate = new Map<string, string>();
  /** The contiguous seq the centre says it holds, where that is not what it does. */
  have: number | null = null;
  /** Which chain took the place of which. */
  readonly places = new Map<string, string>();
  /** Set id to the index of its ruling. */
  readonly held = new Map<string, number>();
  readonly scopes = new Map<string, Scope>();
  /** By hash in hex: what was published of a scope at its entry n. */
  readonly snapshots = new Map<string, { scope: string; n: number; hash: Uint8Array; packed: Uint8Array }>();
  /** Cut every answer with part of a snapshot to this many bytes, then go down. */
  breakAfter: number | null = null;
  /** First byte of every piece that was sent. */
  readonly pieces: number[] = [];

  readonly #placed = new Map<string, string>();
  readonly #device: string;
  readonly #station: string;
  #idx = 0;
  newestLeaf: Uint8Array = new Uint8Array(16);
  #desk: Writer | null = null;

  private constructor(device: string, station: string) {
    this.#device = device;
    this.#station = station;
  }

  /** How many rulings there are. */
  get size(): number {
    return this.#idx;
  }

  static async open(device: string, station: string): Promise<Centre> {
    const centre = new Centre(device, station);
    const chain = await chainId(new Uint8Array(32).fill(9), new Uint8Array(16));
    centre.#desk = openingWriter(chain);
    for (const scope of ["org", `device:${device}`, station])
      centre.scopes.set(scope, { epoch: 1, lines: [], heads: [] });
    return centre;
  }

  /** A set by the desk chain on an incident, ruled and listed at once; its clock may run ahead. */
  async desk(entity: string, user: string, ops: Op[], aheadMs = 0): Promise<string> {
    const draft = {
      user: fromHex(user),
      scope: this.#station,
      kind: "incident",
      entity: fromHex(entity),
      ops,
      lane: 0,
    } as const;
    const mono = [new Uint8Array(8), 0] as const;
    const sign = async () => new Uint8Array(64);
    // Not the opening set: the desk's own chain is of no interest here.
    const head = this.#desk as Writer;
    const writer = head.seq === 0 ? { ...head, seq: 1, prev: new Uint8Array(32) } : head;
    const made = await write(writer, draft, {
      wallMs: this.nowMs + aheadMs,
      offsetMs: 0,
      mono,
      salt: new Uint8Array(16),
      sign,
    });
    this.#desk = made.writer;
    await this.#store(made.raw, (await readSet(made.raw)) as ChangeSet);
    return toHex(made.setId);
  }

  /** A person decides about a set of the device. */
  async review(raw: Uint8Array, d: string, why: string | null, text: string): Promise<void> {
    const set = (await readSet(raw)) as ChangeSet;
    const { chain, seq, hlc } = set.header;
    const e = set.body?.entity ?? null;
    const eff = effectiveStamp(hlc, this.nowMs);
    const by = new Uint8Array(16).fill(7);
    const of = { set: set.setId, chain, seq, e, d, why, eff, flags: [], no: null, at: this.nowMs };
    const scopes = [`device:${this.#device}`, ...(d.startsWith("accepted") ? [this.#station] : [])];
    await this.#list(scopes, "review", { ...of, by, text }, raw);
  }

  /** A person asks the author of a set. */
  async ask(raw: Uint8Array, text: string): Promise<void> {
    const set = (await readSet(raw)) as ChangeSet;
    const of = { set: set.setId, chain: set.header.chain, e: set.body?.entity ?? null };
    await this.#list(`device:${this.#device}`, "ask", { ...of, by: new Uint8Array(16).fill(7), text }, null);
  }

  /** A ruling about an incident that decides nothing about any set. */
  async tell(kind: string, entity: string, more: { [key: string]: Value }): Promise<void> {
    await this.#list(this.#station, kind, { e: fromHex(entity), ...more }, null);
  }

  /** An incident is given to another station: what is listed of it here comes without its sets from now on (SC6). */
  async move(entity: string, to: string): Promise<void> {
    await this.tell("scope", entity, { add: `station:${to}:2026-03`, del: [this.#station] });
    for (const line of this.scopes.get(this.#station)?.lines ?? []) {
      const { e } = readRuling(line.ruling).payload;
      if (e instanceof Uint8Array && toHex(e) === entity) line.raw = null;
    }
  }

  /** A station lists beside a scope what somebody said of an incident, as it was listed there first. */
  async beside(hub: string, entity: string): Promise<void> {
    const user = "d4".repeat(16);
    const id = await this.desk(entity, user, [{ t: "entry.add", kind: "note", text: "\u7ebf\u4eba\u5df4\u56fe" }]);
    const lines = this.scopes.get(this.#station)?.lines ?? [];
    const at = lines.findIndex(
      ({ raw, ruling }) => raw && toHex(readRuling(ruling).payload["set"] as Uint8Array) === id,
    );
    const { raw } = lines[at] as Line;
    this.scopes.get(this.#station)?.lines.splice(at, 1);
    this.scopes.get(this.#station)?.heads.splice(at, 1);
    const of = readRuling((lines[at - 1] as Line).ruling).payload;
    await this.#list(hub, "set", { ...of, set: fromHex(id, 32) } as { [key: string]: Value }, raw);
  }

  async org(what: string, id: string, row: Value): Promise<void> {
    await this.#list("org", "org", { what, id: fromHex(id), row }, null);
  }

  /** Publish what a scope comes to now; who begins is offered that. `named`: a ruling says so, as it must. */
  async publish(name: string, named = true): Promise<void> {
    const { epoch, lines, heads } = this.scopes.get(name) as Scope;
    const records = new Map<string, Map<string, Value[]>>();
    const asides: Value[] = [];
    const rows = new Map<string, Value[]>();
    for (const { ruling, raw } of lines) {
      const { idx, atMs, kind, payload } = readRuling(ruling);
      const { what, id, row } = payload as Record<string, Value>;
      if (kind === "org") rows.set(`${what} ${toHex(id as Uint8Array)}`, [what, id, row] as Value[]);
      if (!raw && kind !== "org" && !DECIDING.has(kind)) asides.push(ruling);
      const set = raw && (await readSet(raw));
      if (!set || isRefusal(set)) continue;
      const { user, chain, seq } = set.header;
      const { e, d, why, eff, flags, no } = payload as Record<string, Value>;
      const redaction = kind === "redact" ? [payload["by"] as Value, payload["ground"] as Value, atMs] : null;
      const ops = encode((kind === "redact" ? payload["ops"] : (set.body?.ops ?? [])) as Value);
      const of = records.get(toHex(e as Uint8Array)) ?? new Map<string, Value[]>();
      const at = payload["at"] ?? atMs;
      of.set(toHex(set.setId), [
        set.setId,
        user,
        chain,
        seq,
        eff,
        idx,
        at,
        d,
        why,
        flags,
        no,
        ops,
        redaction,
      ] as Value[]);
      records.set(toHex(e as Uint8Array), of);
    }
    const entities = [...records].sort().map(([e, of]) => [fromHex(e), encode([...of.values()])] as Value[]);
    const head = heads.at(-1) ?? SCOPE_HEAD_ZERO;
    const salt = new Uint8Array(16).fill(5);
    const org = [...rows.values()].filter(([, , row]) => row !== null);
    const raw = encode({ v: 1, scope: name, epoch, n: lines.length, head, salt, org, entities, asides });
    const hash = await snapshotHash(raw);
    const stream = new Blob([raw as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
    const packed = new Uint8Array(await new Response(stream).arrayBuffer());
    this.snapshots.set(toHex(hash), { scope: name, n: lines.length, hash, packed });
    const payload = { scope: name, epoch, n: lines.length, hash: named ? hash : new Uint8Array(32) };
    await this.#list(name, "snapshot", payload, null);
  }

  /** Take the words of a set away (hex), in every scope that lists it. */
  async redact(id: string, by: string): Promise<void> {
    for (const [name, { lines }] of this.scopes) {
      for (const line of [...lines]) {
        const ruling = readRuling(line.ruling);
        const set = line.raw && (await readSet(line.raw));
        if (!set || isRefusal(set) || toHex(set.setId) !== id || ruling.kind !== "set" || !set.body) continue;
        const ops = set.body.ops.map(({ t, kind }) => ({ t, ...(kind ? { kind } : {}), text: "" }));
        const [header, signature] = decodeMessage(line.raw as Uint8Array) as Value[];
        const stripped = encode([header, signature, null] as Value[]);
        line.raw = stripped;
        const more = { at: ruling.atMs, by: fromHex(by), ground: "minor", text: "", ops };
        await this.#list(name, "redact", { ...ruling.payload, ...more } as { [key: string]: Value }, stripped);
      }
    }
  }

  /** List something in a scope, so that it has a past. */
  async listAgain(scope: string): Promise<void> {
    await this.#list(scope, "org", { what: "modes", id: new Uint8Array(16), row: null }, null);
  }

  /** A copy with the first `kept` rulings is put back, in whose place another log goes on. */
  putBack(kept: number): void {
    this.lost.push([this.epoch, kept]);
    this.epoch = this.epoch.map((byte) => byte + 1);
    for (const [id, idx] of this.held) if (idx > kept) this.held.delete(id);
    for (const scope of this.scopes.values()) {
      scope.epoch += 1;
      const left = scope.lines.filter(({ ruling }) => readRuling(ruling).idx <= kept).length;
      scope.lines.length = left;
      scope.heads.length = left;
    }
  }

  /** Forget a scope's past: its lines come again under a new epoch. */
  renew(scope: string): void {
    const old = this.scopes.get(scope);
    if (old) old.epoch += 1;
  }

  async #list(
    scopes: string | readonly string[],
    kind: string,
    payload: { [key: string]: Value },
    raw: Uint8Array | null,
  ): Promise<void> {
    this.#idx += 1;
    const ruling = encodeRuling({ idx: this.#idx, atMs: this.nowMs, kind, payload });
    const leaf = await leafHash(ruling);
    this.newestLeaf = leaf.slice(0, 16);
    for (const scope of typeof scopes === "string" ? [scopes] : scopes) {
      const to = this.scopes.get(scope);
      if (!to) throw new Error(`no scope ${scope}`);
      to.lines.push({ ruling, raw });
      to.heads.push(await scopeHead(to.heads.at(-1) ?? SCOPE_HEAD_ZERO, leaf));
    }
  }

  async #store(raw: Uint8Array, set: ChangeSet): Promise<void> {
    const { d, why } = this.rule(set);
    const aside = set.body?.kind === "chain" || !d.startsWith("accepted");
    const creates = set.body?.ops.some((op) => op.t === "incident.create") ?? false;
    const no = creates && !aside ? `260312-${String(this.held.size + 1).padStart(4, "0")}` : null;
    const { chain, seq, hlc } = set.header;
    const eff = effectiveStamp(hlc, this.nowMs);
    const e = set.body?.entity ?? null;
    const payload = { set: set.setId, chain, seq, e, d, why, eff, flags: [], no };
    await this.#list(aside ? `device:${this.#device}` : this.#station, "set", payload, raw);
    this.held.set(toHex(set.setId), this.#idx);
    this.#placed.set(toHex(set.setId), `${toHex(chain)}/${seq}`);
  }

  /** The decision on a set that stands now, as far as a scope still lists it. */
  #standing(id: string): object {
    let stands: object = { idx: this.held.get(id) };
    for (const { lines } of this.scopes.values())
      for (const { ruling } of lines) {
        const { idx, atMs, kind, payload } = readRuling(ruling);
        const { set, d, why } = payload;
        if (!DECIDING.has(kind) || !(set instanceof Uint8Array) || toHex(set) !== id) continue;
        if (idx >= (this.held.get(id) ?? 0)) stands = { idx, at_ms: atMs, d, why };
      }
    return stands;
  }

  #contiguous(chain: string): number {
    const places = new Set([...this.held.keys()].map((id) => this.#placed.get(id)));
    let have = -1;
    while (places.has(`${chain}/${have + 1}`)) have += 1;
    return have;
  }

  /** A set for newer readers is kept unread (SPEC CS7). */
  async #opaque(raw: Uint8Array): Promise<object> {
    const [header] = decodeMessage(raw) as [Uint8Array];
    const [, chain, seq] = decodeMessage(header) as [Value, Uint8Array, number];
    const id = await setId(header);
    const eff = new Uint8Array(8);
    const payload = { set: id, chain, seq, e: null, d: "opaque", why: "newer_version", eff, flags: [], no: null };
    await this.#list(`device:${this.#device}`, "set", payload, raw);
    this.held.set(toHex(id), this.#idx);
    this.#placed.set(toHex(id), `${toHex(chain)}/${seq}`);
    return { r: "opaque", id, why: "newer_version", d: "opaque", idx: this.#idx, at_ms: this.nowMs };
  }

  async #push(sets: Value[]): Promise<object> {
    const seqs: number[] = [];
    const results: object[] = [];
    for (const parts of sets) {
      const raw = encode(parts);
      const set = await readSet(raw);
      if (isRefusal(set)) {
        results.push(set.refused === "newer_version" ? await this.#opaque(raw) : { r: "malformed", why: set.refused });
        continue;
      }
      seqs.push(set.header.seq);
      const refused = this.refuse(set);
      const id = toHex(set.setId);
      if (refused) results.push({ r: refused, id: set.setId });
      else if (this.held.has(id)) results.push({ r: "duplicate", id: set.setId, ...this.#standing(id) });
      else {
        await this.#store(raw, set);
        const { d, why } = this.rule(set);
        const r = d.startsWith("accepted") ? "stored" : d;
        results.push({ r, id: set.setId, why, d, idx: this.#idx, at_ms: this.nowMs });
      }
    }
    this.pushes.push(seqs);
    return { results, have: -1 };
  }

  #pull(cursors: [string, number, number][], budget: number): object {
    let left = budget;
    let complete = true;
    const scopes = cursors.map(([name, epoch, n]) => {
      const scope = this.scopes.get(name) ?? { epoch: 1, lines: [], heads: [] };
      const after = epoch === scope.epoch ? n : 0;
      const entries: [number, Uint8Array, Value][] = [];
      const offered = [...this.snapshots.values()].filter((one) => one.scope === name && one.n > after).at(-1);
      if (offered) {
        const { hash, n: at, packed } = offered;
        const from = { scope: name, epoch: scope.epoch, from: after + 1, to: after, n: scope.lines.length };
        complete = false;
        const head = scope.heads[after - 1] ?? SCOPE_HEAD_ZERO;
        return { ...from, head, entries, snapshot: { hash, n: at, size: packed.byteLength } };
      }
      for (let at = after; at < scope.lines.length && (left > 0 || entries.length === 0); at++) {
        const { ruling, raw } = scope.lines[at] as Line;
        entries.push([at + 1, ruling, raw && decodeMessage(raw)]);
        left -= ruling.length + (raw?.length ?? 0);
      }
      const to = after + entries.length;
      complete &&= to === scope.lines.length;
      const head = scope.heads[to - 1] ?? SCOPE_HEAD_ZERO;
      return { scope: name, epoch: scope.epoch, from: after + 1, to, n: scope.lines.length, head, entries };
    });
    return { size: this.#idx, leaf: this.newestLeaf, now_ms: this.nowMs, scopes, complete };
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const path = String(input).split("/").at(-1) ?? "";
    const old = this.replays.get(path);
    if (old && this.replays.delete(path)) return old.clone();
    const answer = await this.#served(path, init);
    this.heard.set(path, [...(this.heard.get(path) ?? []), answer.clone()]);
    if (this.fault === "answer_lost") throw new TypeError("Failed to fetch");
    return answer;
  };

  async #served(path: string, init?: RequestInit): Promise<Response> {
    this.calls.push(path);
    if (this.fault === "down" || path === this.silent) throw new TypeError("Failed to fetch");
    if (this.fault === "portal")
      return new Response("<html>log in</html>", { headers: { "content-type": "text/html" } });
    if (this.fault === "busy") return problem(503, "queue_full", { after: "1" });
    const chain = new Headers(init?.headers).get("authorization")?.split(" ").at(-1) ?? "";
    if (this.fault === "full" && (path === "push" || path === "rotate"))
      return problem(503, "not_stored", { after: "5" });
    if (this.fault === "unspoken" && path === "hello") return problem(400, "unspoken_version");
    const kept = this.snapshots.get(path);
    if (kept) return this.#piece(kept.packed, new Headers(init?.headers).get("range") ?? "");
    let body = new Uint8Array(await new Response(init?.body ?? null).arrayBuffer());
    if (new Headers(init?.headers).get("content-encoding") === "gzip") {
      const plain = new Response(new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip")));
      body = new Uint8Array(await plain.arrayBuffer());
    }
    const said = (body.length > 0 ? decodeMessage(body) : {}) as Record<string, Value>;
    if (this.fault === "revoked" && path !== "push") {
      const isClearing = typeof said["wiping"] === "number";
      if (isClearing) {
        this.wiping.push(Number(said["wiping"]));
        await this.meanwhile?.();
      }
      return problem(403, "device_revoked", {
        chain,
        wipe: this.wipe,
        noted: isClearing && this.notes,
        log: `test/${toHex(this.epoch)}`,
      });
    }
    const answer = await this.#answer(path, said);
    if (!answer) return problem(404, "not_found");
    if (answer instanceof Response) return answer;
    return new Response(encode(answer as Value) as Uint8Array<ArrayBuffer>, {
      headers: { "content-type": "application/msgpack" },
    });
  }

  #piece(packed: Uint8Array, range: string): Response {
    const [from, to] = range.replace("bytes=", "").split("-").map(Number) as [number, number];
    const piece = packed.slice(from, Math.min(to + 1, from + (this.breakAfter ?? Number.MAX_SAFE_INTEGER)));
    if (this.breakAfter !== null) this.fault = "down";
    this.pieces.push(from);
    return new Response(piece as Uint8Array<ArrayBuffer>, { status: 206 });
  }

  async #rotated(raw: Uint8Array): Promise<object> {
    const set = await readSet(raw);
    if (isRefusal(set) || !set.header.continues) return problem(400, "bad_rotation");
    const [chain, place] = [toHex(set.header.chain), toHex(set.header.continues[0])];
    if ((this.places.get(place) ?? chain) !== chain) return problem(403, "rotation_needs_login", { chain });
    this.places.set(place, chain);
    this.scopes.set(`device:${chain}`, { epoch: 1, lines: [], heads: [] });
    return { chain: set.header.chain, token: `token of ${chain}` };
  }

  async #answer(path: string, said: Record<string, Value>): Promise<object | null> {
    if (path === "push") return this.#push(said["sets"] as Value[]);
    if (path === "pull") {
      const reply = this.#pull(said["cursors"] as [string, number, number][], said["budget"] as number);
      if (typeof said["signed"] !== "number") return { ...reply, beacon: this.beacon };
      this.asked.push(said["signed"]);
      return { ...reply, checkpoint: this.checkpoint, beacon: this.beacon };
    }
    if (path === "rotate") return this.#rotated(encode(said["set"] as Value));
    if (path !== "hello") return null;
    const [chain, token, request] = ["chain", "token", "request_id"].map((key) => hexOf(said[key]));
    this.storage.push(said["storage"]);
    if ("contradicted" in said) this.contradicted.push(said["contradicted"]);
    this.greetings.push({
      chain: chain ?? "",
      token: token ?? null,
      request: request ?? "",
      head: Number(said["head"]),
    });
    if (chain && this.places.has(chain)) return problem(403, "rotation_needs_login", { chain });
    const rotate = this.rotate.get(chain ?? "") ?? null;
    return {
      request_id: said["request_id"],
      wall_ms: said["wall_ms"],
      token: rotate || this.fault === "full" ? null : fromHex(this.greetings.length.toString(16).padStart(32, "0")),
      rotate,
      role: "centre",
      server: new Uint8Array(16),
      now_ms: this.nowMs,
      uncertainty_ms: 50,
      beacon: this.beacon,
      log: { origin: "test", epoch: this.epoch, size: this.#idx, ...(this.lost.length ? { lost: this.lost } : {}) },
      have: this.have ?? this.#contiguous(chain ?? ""),
      person: new Uint8Array(16),
      scopes: [...this.scopes].map(([name, { epoch, lines }]) => [name, epoch, lines.length]),
      limits: { set_bytes: 262_144, batch_bytes: 1_048_576, batch_sets: 200 },
      retry_after_ms: null,
    };
  }
}

const hexOf = (value: Value | undefined): string | null => (value instanceof Uint8Array ? toHex(value) : null);

/** A problem answer; `after` is its Retry-After, `chain` whom it names. */
function problem(status: number, code: string, more: { after?: string; [said: string]: unknown } = {}): Response {
  const { after, ...said } = more;
  return new Response(JSON.stringify({ status, code, title: code, ...said }), {
    status,
    headers: { "content-type": "application/problem+json", ...(after ? { "retry-after": after } : {}) },
  });
}
