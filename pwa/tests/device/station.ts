/**
 * A small station in memory, for the device's tests: it keeps what phones push, rules on it provisionally, mirrors its
 * centre whenever it is told to be in touch, and hands on what it keeps (SPEC HB).
 *
 *     const station = new Station(centre, 1);
 *     phone.server = station;          // the network of the township leads here
 *     await station.inTouch();         // and for once to the centre too
 */
import { decodeMessage, encode, type Value } from "../../src/sync/canon";
import { isRefusal, readSet } from "../../src/sync/changeset";
import { effectiveStamp } from "../../src/sync/fold";
import { fromHex, toHex } from "../../src/sync/ids";
import { encodeRuling, leafHash, PROVISIONAL_FROM, SCOPE_HEAD_ZERO, scopeHead } from "../../src/sync/rulings";
import type { Centre } from "./centre";
import { SCOPE, STATION } from "./phone";

interface Scope {
  epoch: number;
  lines: { ruling: Uint8Array; raw: Uint8Array | null }[];
  heads: Uint8Array[];
}

export class Station {
  readonly centre: Centre;
  readonly server: Uint8Array;
  /** The one scope of its own, beside the month of the township. */
  readonly hub: string;
  /** What it mirrors; a test may take something away. */
  readonly mirrored = new Map<string, Scope>();
  readonly own: Scope = { epoch: 7, lines: [], heads: [] };
  /** What it owes to the centre, by set id. */
  readonly spool = new Map<string, Uint8Array>();
  /** Hellos and pushes as they came: what a phone says, and how many sets it offers. */
  readonly calls: string[] = [];
  readonly greetings: { chain: string; token: string | null; request: string }[] = [];
  readonly offered: number[] = [];
  readonly asked: (number | undefined)[] = [];
  /** A reply may fail to say who keeps the sets. */
  isNameless = false;
  /** It says of every set that the centre has it, and keeps none. */
  lies = false;
  fault: null | "down" | "portal" | "busy" = null;
  beacon: Uint8Array | null = null;
  #log: object = { origin: "test", epoch: new Uint8Array(8), size: 0 };
  #size = 0;
  #leaf: Uint8Array = new Uint8Array(16);
  #ruled = new Map<string, number>();

  constructor(centre: Centre, nr: number) {
    this.centre = centre;
    this.server = new Uint8Array(16).fill(nr);
    this.hub = `hub:${toHex(this.server)}:${SCOPE}`;
  }

  /** The line to the centre is there for a moment: everything is handed up, and what the centre has is mirrored. */
  async inTouch(): Promise<void> {
    const envelopes = [...this.spool.values()].map((raw) => decodeMessage(raw) as Value);
    if (envelopes.length > 0)
      await this.centre.fetch("/sync/v1/push", {
        body: encode({ sets: envelopes }) as Uint8Array<ArrayBuffer>,
      });
    this.spool.clear();
    for (const [name, { epoch, lines, heads }] of this.centre.scopes)
      this.mirrored.set(name, { epoch, lines: [...lines], heads: [...heads] });
    this.#ruled = new Map(this.centre.held);
    const { epoch, lost, newestLeaf } = this.centre;
    this.#size = this.centre.size;
    this.#leaf = newestLeaf;
    this.#log = { origin: "test", epoch, size: this.#size, ...(lost.length ? { lost: [...lost] } : {}) };
    this.beacon = this.centre.beacon ?? this.beacon;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const path = String(input).split("/").at(-1) ?? "";
    this.calls.push(path);
    if (this.fault === "down") throw new TypeError("Failed to fetch");
    if (this.fault === "portal")
      return new Response("<html>log in</html>", { headers: { "content-type": "text/html" } });
    if (this.fault === "busy") return refused(503, "queue_full");
    if (path === "rotate") return refused(409, "centre_only");
    let body = new Uint8Array(await new Response(init?.body ?? null).arrayBuffer());
    if (new Headers(init?.headers).get("content-encoding") === "gzip") {
      const plain = new Response(new Blob([body]).stream().pipeThrough(new DecompressionStream("gzip")));
      body = new Uint8Array(await plain.arrayBuffer());
    }
    const said = (body.length > 0 ? decodeMessage(body) : {}) as Record<string, Value>;
    const answer = await this.#answer(path, said);
    if (!answer) return refused(404, "not_found");
    return new Response(encode(answer as Value) as Uint8Array<ArrayBuffer>, {
      headers: { "content-type": "application/msgpack" },
    });
  };

  async #answer(path: string, said: Record<string, Value>): Promise<object | null> {
    if (path === "push") return this.#push(said["sets"] as Value[]);
    if (path === "pull") {
      this.asked.push(said["signed"] as number | undefined);
      return this.#pull(said["cursors"] as [string, number, number][]);
    }
    if (path !== "hello") return null;
    const [chain = null, token = null, request = null] = ["chain", "token", "request_id"].map((key) => {
      const value = said[key];
      return value instanceof Uint8Array ? toHex(value) : null;
    });
    this.greetings.push({ chain: chain ?? "", token, request: request ?? "" });
    const scopes = [...this.mirrored, [this.hub, this.own] as const];
    return {
      request_id: said["request_id"],
      wall_ms: said["wall_ms"],
      role: "station",
      server: this.server,
      station: fromHex(STATION),
      now_ms: this.centre.nowMs,
      uncertainty_ms: 500,
      beacon: this.beacon,
      log: this.#log,
      have: -1,
      person: new Uint8Array(16),
      scopes: scopes.map(([name, { epoch, lines }]) => [name, epoch, lines.length]),
      limits: { set_bytes: 262_144, batch_bytes: 1_048_576, batch_sets: 200 },
      retry_after_ms: null,
    };
  }

  async #push(sets: Value[]): Promise<object> {
    this.offered.push(sets.length);
    const results: object[] = [];
    for (const parts of sets) {
      const raw = encode(parts);
      const set = await readSet(raw);
      if (isRefusal(set)) {
        results.push({ r: "malformed", why: set.refused });
        continue;
      }
      const id = toHex(set.setId);
      if (this.lies) {
        results.push({ r: "stored", id: set.setId, idx: 1, d: "accepted" });
        continue;
      }
      if (this.#ruled.has(id)) {
        results.push({ r: "duplicate", id: set.setId, idx: this.#ruled.get(id), d: "accepted" });
        continue;
      }
      if (!this.spool.has(id) && set.body?.kind !== "chain") {
        const { chain, seq, hlc } = set.header;
        const e = set.body?.entity ?? null;
        const eff = effectiveStamp(hlc, this.centre.nowMs);
        await this.list({ set: set.setId, chain, seq, e, d: "accepted", why: null, eff, flags: [], no: null }, raw);
      }
      this.spool.set(id, raw);
      results.push({ r: "kept", id: set.setId, at_ms: this.centre.nowMs });
    }
    return { results, have: -1, ...(this.isNameless ? {} : { server: this.server }) };
  }

  /** A provisional ruling in the scope of its own (HB3). */
  async list(
    payload: { [key: string]: Value },
    raw: Uint8Array,
    lie: { kind?: string; idx?: number } = {},
  ): Promise<void> {
    const idx = PROVISIONAL_FROM + this.own.lines.length;
    const ruling = encodeRuling({ idx, atMs: this.centre.nowMs, kind: "set", payload, ...lie });
    this.own.lines.push({ ruling, raw });
    this.own.heads.push(await scopeHead(this.own.heads.at(-1) ?? SCOPE_HEAD_ZERO, await leafHash(ruling)));
  }

  #pull(cursors: [string, number, number][]): object {
    const scopes = cursors.flatMap(([name, epoch, n]) => {
      const scope = name === this.hub ? this.own : this.mirrored.get(name);
      if (!scope || epoch > scope.epoch || (epoch === scope.epoch && n > scope.lines.length)) return []; // HB2
      const after = epoch === scope.epoch ? n : 0;
      const entries = scope.lines
        .slice(after)
        .map(({ ruling, raw }, at) => [after + at + 1, ruling, raw && decodeMessage(raw)]);
      const to = after + entries.length;
      const head = scope.heads[to - 1] ?? SCOPE_HEAD_ZERO;
      return [{ scope: name, epoch: scope.epoch, from: after + 1, to, n: to, head, entries }];
    });
    const { beacon } = this;
    return {
      size: this.#size,
      leaf: this.#leaf,
      now_ms: this.centre.nowMs,
      scopes,
      complete: true,
      beacon,
      server: this.server,
    };
  }
}

function refused(status: number, code: string): Response {
  return new Response(JSON.stringify({ status, code, title: code }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}
