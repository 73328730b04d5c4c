/**
 * A centre small enough for one test: a real HTTP server on this machine that answers from a table and keeps what was
 * posted. The page's own `fetch` is pointed at it.
 */
import { request as ask, createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
}
export interface Centre {
  /** Answers by `METHOD /path`; a function is asked at every request. */
  readonly answers: Map<string, Answer | (() => Answer | Promise<Answer>)>;
  readonly posted: { path: string; body: unknown; csrf: string | undefined }[];
  /** How often each `METHOD /path` was asked. */
  readonly asked: Map<string, number>;
  /** Requests not answered yet. */
  open(): number;
  /** Out of reach: requests find nobody. */
  unplug(): void;
  plugIn(): void;
}

const nativeFetch = globalThis.fetch;

export async function centre(answers: Record<string, Answer | (() => Answer | Promise<Answer>)>): Promise<Centre> {
  const table = new Map(Object.entries(answers));
  const posted: Centre["posted"] = [];
  const asked = new Map<string, number>();
  let reachable = true;
  let open = 0;
  const server: Server = createServer((request, response) => {
    const name = `${request.method} ${request.url}`;
    asked.set(name, (asked.get(name) ?? 0) + 1);
    let text = "";
    request.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on("end", async () => {
      if (request.method !== "GET")
        posted.push({
          path: request.url ?? "",
          body: text === "" ? null : JSON.parse(text),
          csrf: request.headers["x-csrf-token"] as string | undefined,
        });
      const found = table.get(name) ?? { status: 404, body: { code: "not_found" } };
      const { status = 200, body = null } = typeof found === "function" ? await found() : found;
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  globalThis.fetch = ((path: string, init: RequestInit = {}) =>
    new Promise((done, fail) => {
      if (!reachable) return fail(new TypeError("Failed to fetch"));
      init.signal?.addEventListener("abort", () => fail(new DOMException("aborted", "AbortError")));
      const { method = "GET", headers, body } = init;
      open += 1;
      const sent = ask(base + path, { method, headers: headers as Record<string, string> }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        response.on("end", () => {
          open -= 1;
          done(new Response(text, { status: response.statusCode ?? 0 }));
        });
      });
      sent.on("error", () => fail(new TypeError("Failed to fetch")));
      sent.end(body);
    })) as typeof fetch;
  onTestFinished(async () => {
    globalThis.fetch = nativeFetch;
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return {
    answers: table,
    posted,
    asked,
    open: () => open,
    unplug: () => {
      reachable = false;
    },
    plugIn: () => {
      reachable = true;
    },
  };
}
