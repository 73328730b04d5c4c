/**
 * The wire: hello, push, pull, time and the live line, over fetch.
 *
 * Responsible for: the bearer token, gzip, timeouts, and telling apart no network, a captive portal that answers
 * everything with its own page, a proxy that answers out of its memory (EX11), a busy server and a refusal in words.
 * Refuses to know when to talk and what to do with an answer; it never retries and never deletes.
 *
 *     const link = new Link({ session: () => session });
 *     const reply = await link.hello({ v: 1, app, chain, head: 11, pending: 3, … });
 *     // throws LinkError: { kind: "offline" | "portal" | "busy" | "refused" | "garbled", code, … }
 */
import { CanonError } from "../sync/canon";
import {
  type HelloReply,
  type HelloRequest,
  type PullReply,
  type PullRequest,
  type PushReply,
  type RotateReply,
  read,
  type TimeReply,
  write,
  writePush,
  writeRotate,
} from "../sync/exchange";
import { equalBytes, toHex } from "../sync/ids";
import type { DeviceSession } from "./session";

/** The place is taken: only a one-time code lets this phone on. */
export const NEEDS_CODE = "rotation_needs_login";
export const REVOKED = "device_revoked";
/** The centre speaks another version of the exchange (SPEC EX10). */
export const NEEDS_UPDATE = "unspoken_version";
/** A station does not do this (SPEC HB8). */
export const CENTRE_ONLY = "centre_only";

/** Why an exchange did not happen. `offline`: no answer came. `portal`: somebody else answered. `busy`: later.
 *  `refused`: the server said no, in words. `garbled`: an answer that is not what the rules say. */
export type LinkTrouble = "offline" | "portal" | "busy" | "refused" | "garbled";

/** A suspended phone is cleared once it owes nothing, or at once (EX12). */
export type Wipe = "empty" | "now";

export class LinkError extends Error {
  override name = "LinkError";
  readonly kind: LinkTrouble;
  /** Stable code of a problem answer, else the kind. */
  readonly code: string;
  readonly retryAfterMs: number | null;
  /** What becomes of this phone, which was suspended (EX12); `noted`: that it clears itself is written down. */
  readonly wipe: Wipe | null;
  readonly noted: boolean;
  /** The name of the centre's log, where it says so. */
  readonly log: string | null;
  constructor(
    kind: LinkTrouble,
    message: string,
    more: {
      code?: string;
      retryAfterMs?: number | null;
      cause?: unknown;
      wipe?: Wipe | null;
      noted?: boolean;
      log?: string | null;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.kind = kind;
    this.code = more.code ?? kind;
    this.retryAfterMs = more.retryAfterMs ?? null;
    this.wipe = more.wipe ?? null;
    this.noted = more.noted ?? false;
    this.log = more.log ?? null;
  }
}

const MSGPACK = "application/msgpack";
/** Below this, gzip costs more than it saves. */
const GZIP_FROM_BYTES = 900;
/** A small answer on a bad link; a push or a page of a pull may take longer. */
const SHORT_MS = 15_000;
const LONG_MS = 60_000;
/** The live line carries a comment every 15 s; without one for this long it is dead. */
const LINE_SILENT_MS = 40_000;
/** Origin, `/` and epoch of a log take some sixty. */
const LOG_NAME_CHARS = 200;
/** "Network Authentication Required" (RFC 6585): a portal that says so. */
const WANTS_LOGIN = 511;
/** An answer larger than this is not read (SPEC EX: output cap). */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;

/** As whom one talks. */
type Self = Pick<DeviceSession, "token" | "chain" | "insteadOf">;

export interface LinkOptions {
  session: () => Self;
  base?: string;
  fetch?: typeof fetch;
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export class Link {
  readonly #session: () => Self;
  readonly #base: string;
  readonly #fetch: typeof fetch;

  constructor(options: LinkOptions) {
    this.#session = options.session;
    this.#base = options.base ?? "";
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  async hello(message: HelloRequest): Promise<HelloReply> {
    const reply = await this.#post<HelloReply>("hello", write(message), SHORT_MS);
    const mine = equalBytes(reply.request_id, message.request_id) && reply.wall_ms === message.wall_ms;
    if (!mine) throw new LinkError("garbled", "the answer is to another hello");
    return reply;
  }

  push(sets: Uint8Array[]): Promise<PushReply> {
    return this.#post("push", writePush(sets), LONG_MS);
  }

  /** Ask for the place of the chain that was left, with the first set of the one in use. */
  async rotate(opening: Uint8Array): Promise<RotateReply> {
    const { chain } = this.#session();
    const reply = await this.#post<RotateReply>("rotate", writeRotate(opening), SHORT_MS);
    if (toHex(reply.chain) !== chain) throw new LinkError("garbled", "another chain was given a place");
    return reply;
  }

  /** What time it is there; `t1` is the wall clock here. */
  async time(t1: number): Promise<TimeReply> {
    const reply = await this.#post<TimeReply>("time", write({ t1 }), SHORT_MS);
    if (reply.t1 !== t1) throw new LinkError("garbled", "the answer is to another question");
    return reply;
  }

  pull(message: PullRequest): Promise<PullReply> {
    return this.#post("pull", write(message), LONG_MS);
  }

  /** Part of a snapshot: at most `bytes` of it from byte `from` on, so that a broken link goes on where it stopped. */
  async snapshot(hash: string, from: number, bytes: number): Promise<Uint8Array> {
    const headers = { range: `bytes=${from}-${from + bytes - 1}` };
    const signal = AbortSignal.timeout(LONG_MS);
    const response = await this.#ask(`snapshot/${hash}`, { headers, signal });
    if (response.status !== 206) throw await troubleOf(response, this.#session());
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw new LinkError("offline", "the answer broke off", { cause });
    }
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${this.#session().token}`);
    try {
      // A captive portal likes to redirect; nothing of ours ever does.
      return await this.#fetch(`${this.#base}/sync/v1/${path}`, {
        ...init,
        headers,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
    } catch (cause) {
      throw new LinkError("offline", "no answer came", { cause });
    }
  }

  async #post<Reply>(path: string, message: Uint8Array, withinMs: number): Promise<Reply> {
    const headers: Record<string, string> = { "content-type": MSGPACK, accept: MSGPACK };
    let body = message;
    if (message.byteLength >= GZIP_FROM_BYTES && typeof CompressionStream !== "undefined") {
      body = await gzip(message);
      headers["content-encoding"] = "gzip";
    }
    const signal = AbortSignal.timeout(withinMs);
    const response = await this.#ask(path, { method: "POST", headers, body: body as Uint8Array<ArrayBuffer>, signal });
    if (!response.ok || kindOf(response) !== MSGPACK) throw await troubleOf(response, this.#session());
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw new LinkError("offline", "the answer broke off", { cause });
    }
    if (bytes.byteLength > MAX_REPLY_BYTES) throw new LinkError("garbled", "the answer is too large");
    try {
      return read<Reply>(bytes);
    } catch (cause) {
      if (cause instanceof CanonError) throw new LinkError("garbled", "the answer is not a message", { cause });
      throw cause;
    }
  }

  /**
   * Keep the live line open until the server ends it, it goes silent, or `signal` says stop. Calls `open` when the
   * server has greeted and `moved` for every hint. Throws `LinkError`; ending is not an error.
   */
  async events(
    on: { open: () => void; moved: (scope: string, n: number) => void },
    signal: AbortSignal,
  ): Promise<void> {
    const dead = new AbortController();
    const stop = (): void => dead.abort();
    signal.addEventListener("abort", stop, { once: true });
    let silence = setTimeout(stop, LINE_SILENT_MS);
    try {
      const response = await this.#ask("events", { headers: { accept: "text/event-stream" }, signal: dead.signal });
      if (!response.ok || kindOf(response) !== "text/event-stream" || !response.body)
        throw await troubleOf(response, this.#session());
      const reader = response.body
        .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array<ArrayBuffer>, string>)
        .getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(stop, LINE_SILENT_MS);
        text += value.replaceAll("\r\n", "\n");
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          heard(text.slice(0, end), on);
          text = text.slice(end + 2);
        }
        if (text.length > 65_536) throw new LinkError("garbled", "an event without end");
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof LinkError) throw error;
      throw new LinkError("offline", "the live line broke", { cause: error });
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
      dead.abort();
    }
  }
}

/** One server-sent event: `event:` and `data:` lines; comments are the heartbeat. */
function heard(block: string, on: { open: () => void; moved: (scope: string, n: number) => void }): void {
  let name = "message";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data += line.slice(5).trim();
  }
  if (name === "hello") on.open();
  if (name !== "moved") return;
  try {
    const { scope, n } = JSON.parse(data) as { scope?: unknown; n?: unknown };
    if (typeof scope === "string" && typeof n === "number") on.moved(scope, n);
  } catch {
    // a hint that cannot be read is no hint; the timer pulls anyway
  }
}

function kindOf(response: Response): string {
  return (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function retryAfterMs(response: Response): number | null {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 600) * 1000 : null;
}

/** Whom a refusal with this code must name (EX11): it makes a phone leave its chain, or stop. */
function whom(code: string, { chain, insteadOf }: Self): string | null {
  if (code === NEEDS_CODE) return chain;
  return code === REVOKED ? (insteadOf ?? chain) : null;
}

/** A refusal in words, as far as it is looked at. */
interface Problem {
  code?: string;
  title?: string;
  chain?: string;
  wipe?: Wipe | null;
  noted?: boolean;
  log?: unknown;
}

/** What an answer that is not the wanted one means. */
async function troubleOf(response: Response, self: Self): Promise<LinkError> {
  const later = retryAfterMs(response);
  if (kindOf(response) === "application/problem+json") {
    const problem = (await response.json().catch(() => ({}))) as Problem;
    const code = problem.code ?? `http_${response.status}`;
    const named = whom(code, self);
    if (named && named !== problem.chain) return new LinkError("garbled", "another chain is refused");
    const kind = response.status === 429 || response.status >= 500 ? "busy" : "refused";
    const { wipe = null, noted = false } = problem;
    const log = typeof problem.log === "string" && problem.log.length <= LOG_NAME_CHARS ? problem.log : null;
    return new LinkError(kind, problem.title ?? code, { code, retryAfterMs: later, wipe, noted, log });
  }
  if (response.status === WANTS_LOGIN) return new LinkError("portal", "the network wants a log-in");
  if (response.status === 429 || response.status >= 500) {
    return new LinkError("busy", `HTTP ${response.status}`, { retryAfterMs: later });
  }
  return new LinkError("portal", `somebody else answered: HTTP ${response.status}`);
}
