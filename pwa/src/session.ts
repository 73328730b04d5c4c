/**
 * Who sits at this desk: the log-in session as the server tells it, and the way desks talk JSON to the server.
 *
 * Responsible for: `session` (reactive), `loadSession`, `signIn`, `signOut`, and `api`, which adds the CSRF token,
 * reads problem answers into `Problem`, and corrects the screen clock. Refuses to know any desk's data.
 * Phones do not use it: they speak `/sync` with signed sets.
 *
 *     const wall = await api<Wall>("GET", "/api/wall");
 *     await api("POST", `/api/incidents/${id}/moves`, { move: "nudge", order, channel: "radio" });
 */
import { shallowReactive } from "vue";
import { correct } from "./ui/now";

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly roles: readonly string[];
  readonly station: string | null;
  readonly unit: string | null;
}

/** `known` is false until the server has answered once; `person` is null when nobody is signed in. */
export const session = shallowReactive<{
  known: boolean;
  person: Person | null;
  csrf: string;
  server: { role: string; name: string } | null;
}>({
  known: false,
  person: null,
  csrf: "",
  server: null,
});

/** The server did not do it: a stable code, what happened and what to do, as in `application/problem+json`. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly why: string;
  readonly cure: string;
  readonly detail: unknown;
  constructor(
    status: number,
    body: { code?: string; title?: string; cause?: string; cure?: string; detail?: unknown },
  ) {
    super(body.title ?? body.code ?? `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? (status === 0 ? "no_answer" : `http_${status}`);
    this.why = body.cause ?? "";
    this.cure = body.cure ?? "";
    this.detail = body.detail;
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Ask the server. Throws `Problem`; status 0 means that no answer came at all. */
export async function api<Answer = unknown>(
  method: Method,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answer> {
  const headers: Record<string, string> = { accept: "application/json" };
  const isFile = body instanceof Blob; // goes as it is
  if (body !== undefined) headers["content-type"] = isFile ? "application/octet-stream" : "application/json";
  if (method !== "GET") headers["x-csrf-token"] = session.csrf;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: isFile ? body : body === undefined ? null : JSON.stringify(body),
      credentials: "same-origin",
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { code: "no_answer" });
  }
  const answer: unknown = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return answer as Answer;
  if (response.status === 401) session.person = null;
  throw new Problem(response.status, (answer ?? {}) as object);
}

interface SessionAnswer {
  person: Person | null;
  csrf: string;
  server?: { role: string; name: string; now_ms: number };
}

function take(answer: SessionAnswer, askedAtMs: number): void {
  session.known = true;
  session.person = answer.person;
  session.csrf = answer.csrf;
  if (!answer.server) return;
  session.server = answer.server;
  correct(answer.server.now_ms - (askedAtMs + Date.now()) / 2); // the middle of the round trip
}

/** Ask who is signed in. */
export async function loadSession(): Promise<void> {
  const askedAtMs = Date.now();
  take(await api<SessionAnswer>("GET", "/api/session"), askedAtMs);
}

export async function signIn(login: string, password: string): Promise<void> {
  if (!session.csrf) await loadSession();
  const askedAtMs = Date.now();
  take(await api<SessionAnswer>("POST", "/api/session", { login, password }), askedAtMs);
}

export async function signOut(): Promise<void> {
  await api("DELETE", "/api/session");
  session.person = null;
  await loadSession();
}
