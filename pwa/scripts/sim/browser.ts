/**
 * A browser without a browser: one page at a time, every source of time and chance handed in from outside.
 *
 * Responsible for the globals that `src/device` expects (storage, keys, fetch, timers, clocks), for stopping a page after
 * a given number of steps as a dead battery would, and for knowing when a page has come to rest. Refuses to know what a
 * page does. Hashing and signing are done at once and not in threads, so that nothing overtakes anything.
 *
 * What the page wants of the world is collected in `wishes`: calls to be carried, timers to be kept.
 *
 *     enter(page, wallMs, monoMs);
 *     void page.device.record(draft);
 *     await settled();
 *     takeWishes();      // { calls: [{ page, call, path, … }], timers: [{ page, timer, afterMs }] }
 */
import "fake-indexeddb/auto";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Device } from "../../src/device/device";
import type { Disk } from "./disk";
import { subtle } from "./keys";

/** One installation of the app: its storage, its chance. Outlives its pages. */
export interface Phone {
  name: string;
  disk: Disk;
  seed: string;
  drawn: number;
}

interface Call {
  resolve: (response: Response) => void;
  reject: (error: Error) => void;
}

/** One page of a phone, from its start until it is closed or the power goes. */
export class Page {
  readonly id: number;
  readonly phone: Phone;
  readonly calls = new Map<number, Call>();
  readonly timers = new Map<number, () => void>();
  readonly listeners: { name: string; hear: () => void }[] = [];
  device: Device | null = null;
  alive = true;
  /** Steps of storage until the power goes; null: it stays. */
  steps: number | null = null;

  constructor(id: number, phone: Phone) {
    this.id = id;
    this.phone = phone;
  }

  die(): void {
    this.alive = false;
    this.calls.clear();
    this.timers.clear();
    this.listeners.length = 0;
    this.phone.disk.powerLoss();
  }

  /** False when there is no power left for this step. */
  step(): boolean {
    if (!this.alive) return false;
    if (this.steps === null) return true;
    this.steps -= 1;
    if (this.steps >= 0) return true;
    this.die();
    return false;
  }
}

export interface Wishes {
  calls: { page: number; call: number; path: string; method: string; token: string; range: string; body: string }[];
  timers: { page: number; timer: number; afterMs: number }[];
  faults: string[];
}

const later = globalThis.setImmediate;
let active: Page | null = null;
let wallMs = 0;
let monoMs = 0;
let waiting = 0;
let given = 0;
let wishes: Wishes = { calls: [], timers: [], faults: [] };

function page(): Page {
  if (!active) throw new Error("nobody's page asks for the world");
  return active;
}

/** From here on the code that runs belongs to this page, and this is what its clocks say. */
export function enter(next: Page, wall: number, mono: number): void {
  active = next;
  wallMs = wall;
  monoMs = mono;
}

/** Resolves when the page has nothing left to do but wait for the world. */
export async function settled(): Promise<void> {
  do await new Promise<void>((resolve) => later(resolve));
  while (waiting > 0);
}

export function takeWishes(): Wishes {
  const taken = wishes;
  wishes = { calls: [], timers: [], faults: [] };
  return taken;
}

/** The next bytes of a phone's own chance. */
function draw(phone: Phone, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 32) {
    phone.drawn += 1;
    const block = createHash("sha256").update(`${phone.seed}/${phone.drawn}`).digest();
    bytes.set(block.subarray(0, size - at), at);
  }
  return bytes;
}

function getRandomValues<T extends Uint8Array>(into: T): T {
  into.set(draw(page().phone, into.length));
  return into;
}

function fetching(input: unknown, init?: RequestInit): Promise<Response> {
  const path = String(input);
  // The live line carries hints only; without one every round comes from a timer, a write or a person.
  if (path.endsWith("/events")) return Promise.reject(new TypeError("no line"));
  const from = page();
  given += 1;
  const call = given;
  const body = init?.body ?? "";
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body as Uint8Array);
  const headers = new Headers(init?.headers);
  const [token, range] = ["authorization", "range"].map((name) => headers.get(name) ?? "") as [string, string];
  const method = init?.method ?? "GET";
  wishes.calls.push({ page: from.id, call, path, method, token, range, body: bytes.toString("base64") });
  return new Promise((resolve, reject) => from.calls.set(call, { resolve, reject }));
}

/** A body that is read at once: streams would finish at a moment nobody chose. */
class Answer {
  readonly #said: string | Uint8Array;
  constructor(said: string | Uint8Array) {
    this.#said = said;
  }
  async text(): Promise<string> {
    return Buffer.from(this.#said).toString("utf8");
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(Buffer.from(this.#said)).buffer;
  }
}

/** A blob that is joined, cut or unpacked at once: a stream again would finish at a moment nobody chose. */
class Parcel {
  readonly #whole: Uint8Array;
  constructor(parts: Uint8Array[]) {
    this.#whole = Buffer.concat(parts);
  }
  get size(): number {
    return this.#whole.length;
  }
  slice(from: number, to: number): Parcel {
    return new Parcel([this.#whole.subarray(from, to)]);
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(this.#whole).buffer;
  }
  stream(): { pipeThrough: () => { getReader: () => { read: () => Promise<{ done: boolean; value?: Uint8Array }> } } } {
    const left = [this.#whole];
    const read = async () => {
      const packed = left.pop();
      return packed ? { done: false, value: new Uint8Array(gunzipSync(packed)) } : { done: true };
    };
    return { pipeThrough: () => ({ getReader: () => ({ read }) }) };
  }
}

function keepTimer(hear: () => void, afterMs = 0): number {
  given += 1;
  const from = page();
  from.timers.set(given, hear);
  wishes.timers.push({ page: from.id, timer: given, afterMs });
  return given;
}

function put(name: string, value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

put("setImmediate", (work: (...given: unknown[]) => void, ...given: unknown[]) => {
  const from = active;
  waiting += 1;
  return later(() => {
    waiting -= 1;
    if (from && !from.step()) return;
    active = from;
    work(...given);
  });
});
put("setTimeout", keepTimer);
put("clearTimeout", (timer?: number) => timer !== undefined && active?.timers.delete(timer));
put("setInterval", () => 0); // tabs beat for each other, and here no tab hears another
put("clearInterval", () => undefined);
put("fetch", fetching);
put("crypto", { subtle: subtle((size) => draw(page().phone, size)), getRandomValues });
put("performance", { now: () => monoMs });
put("navigator", undefined);
put("BroadcastChannel", undefined);
put("CompressionStream", undefined);
put("DecompressionStream", class {});
put("Blob", Parcel);
put("Response", Answer);
// The device goes to another page only when it has cleared itself: this one ends (SPEC EX12).
put("location", { protocol: "https:", replace: () => page().die() });
put("caches", {
  open: async () => ({
    match: async (url: string) => {
      const found = page().phone.disk.pages.get(url);
      return found === undefined ? undefined : new Answer(found);
    },
    put: async (url: string, answer: Answer) => void page().phone.disk.pages.set(url, await answer.text()),
  }),
});
put("document", {
  visibilityState: "visible",
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  createElement: () => null,
  get cookie() {
    return [...page().phone.disk.cookies].map((pair) => pair.join("=")).join("; ");
  },
  set cookie(text: string) {
    const [name = "", value = ""] = (text.split(";")[0] ?? "").split("=");
    page().phone.disk.cookies.set(name, value);
  },
});
put("addEventListener", (name: string, hear: () => void) => page().listeners.push({ name, hear }));
put("__APP_VERSION__", "sim");
Object.defineProperty(globalThis, "indexedDB", { get: () => page().phone.disk.factory, configurable: true });
Date.now = () => wallMs;
Math.random = () => Buffer.from(draw(page().phone, 4)).readUInt32BE() / 2 ** 32;
AbortSignal.timeout = () => new AbortController().signal; // the world answers or refuses every call in time
process.on("unhandledRejection", (error) => {
  wishes.faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
});
