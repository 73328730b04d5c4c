/** The wire: bytes, gzip, the live line in pieces, and who it was that answered. */
import { expect, test } from "vitest";
import { Link, type LinkError } from "../../src/device/link";
import { decodeMessage, encode, type Value } from "../../src/sync/canon";

type Fetch = typeof fetch;
const CHAIN = "ab".repeat(16);
const link = (answer: (path: string, init: RequestInit) => Response | Promise<Response>) =>
  new Link({
    session: () => ({ token: "secret", chain: CHAIN }),
    fetch: ((path: string, init: RequestInit) => answer(path, init)) as Fetch,
  });
const message = (value: object) =>
  new Response(encode(value as Value) as Uint8Array<ArrayBuffer>, {
    headers: { "content-type": "application/msgpack" },
  });
const trouble = async (response: Response): Promise<LinkError> =>
  link(() => response)
    .pull({ cursors: [], budget: 1 })
    .then(
      () => {
        throw new Error("it went through");
      },
      (error: LinkError) => error,
    );

test("a push carries the envelopes as they were signed, packed when large, with the token and nothing cached", async () => {
  const envelopes = [
    encode([Uint8Array.of(1), Uint8Array.of(2), null]),
    encode([new Uint8Array(2_000), Uint8Array.of(2), null]),
  ];
  let init: RequestInit = {};
  await link((_path, sent) => {
    init = sent;
    return message({ results: [], have: -1 });
  }).push(envelopes);
  const headers = new Headers(init.headers);
  expect(headers.get("authorization")).toBe("Bearer secret");
  expect(headers.get("content-encoding")).toBe("gzip");
  expect(init).toMatchObject({ cache: "no-store", credentials: "omit", redirect: "error" });
  const packed = new Blob([init.body as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
  const said = decodeMessage(new Uint8Array(await new Response(packed).arrayBuffer())) as { sets: Value[] };
  expect(said.sets.map((set) => encode(set))).toEqual(envelopes);
});

test("a page of somebody else with status 200 is a captive portal, not the centre", async () => {
  const error = await trouble(new Response("<html>", { headers: { "content-type": "text/html; charset=utf-8" } }));
  expect(error).toMatchObject({ kind: "portal" });
});

test("the right type with the wrong bytes is garbled, not an answer", async () => {
  const error = await trouble(new Response("hello", { headers: { "content-type": "application/msgpack" } }));
  expect(error).toMatchObject({ kind: "garbled" });
});

test("a problem answer keeps its code; busy ones say when (EX6)", async () => {
  const problem = (status: number, headers: Record<string, string> = {}) =>
    new Response(JSON.stringify({ code: "a_code", title: "t" }), {
      status,
      headers: { "content-type": "application/problem+json", ...headers },
    });
  expect(await trouble(problem(401))).toMatchObject({ kind: "refused", code: "a_code" });
  expect(await trouble(problem(503, { "retry-after": "7" }))).toMatchObject({ kind: "busy", retryAfterMs: 7_000 });
  expect(await trouble(problem(429, { "retry-after": "86400" }))).toMatchObject({ retryAfterMs: 600_000 });
  expect(await trouble(new Response("bad gateway", { status: 502 }))).toMatchObject({ kind: "busy" });
});

test("a refusal that ends a chain or an enrolment counts when it names this phone's (EX11)", async () => {
  const PLACE = "cd".repeat(16);
  const told = async (code: string, chain: string | undefined, insteadOf?: string): Promise<string> => {
    const problem = new Response(JSON.stringify({ code, title: "t", ...(chain ? { chain } : {}) }), {
      status: 403,
      headers: { "content-type": "application/problem+json" },
    });
    const session = { token: "t", chain: CHAIN, ...(insteadOf ? { insteadOf } : {}) };
    const asked = new Link({ session: () => session, fetch: async () => problem }).rotate(Uint8Array.of(0xc0));
    return asked.then(
      () => "",
      (error: LinkError) => error.code,
    );
  };
  expect(await told("rotation_needs_login", CHAIN)).toBe("rotation_needs_login");
  expect(await told("rotation_needs_login", CHAIN, PLACE)).toBe("rotation_needs_login");
  expect(await told("rotation_needs_login", PLACE, PLACE)).toBe("garbled");
  expect(await told("rotation_needs_login", undefined)).toBe("garbled");
  expect(await told("device_revoked", CHAIN)).toBe("device_revoked");
  expect(await told("device_revoked", PLACE, PLACE)).toBe("device_revoked"); // whose token is still in use
  expect(await told("device_revoked", CHAIN, PLACE)).toBe("garbled");
  expect(await told("not_signed_in", undefined)).toBe("not_signed_in");
});

test("whatever a refusal calls a log, only the name of one is heard (EX12)", async () => {
  const heard = async (log: unknown): Promise<unknown> => {
    const problem = new Response(JSON.stringify({ code: "device_revoked", title: "t", chain: CHAIN, log }), {
      status: 403,
      headers: { "content-type": "application/problem+json" },
    });
    const link = new Link({ session: () => ({ token: "t", chain: CHAIN }), fetch: async () => problem });
    return link.rotate(Uint8Array.of(0xc0)).catch((error: LinkError) => error.log);
  };
  const name = `ortoo/${"3c".repeat(16)}/${"85".repeat(8)}`;
  expect(await heard(name)).toBe(name);
  for (const wrong of [undefined, null, 7, {}, [name], name.repeat(9)]) expect(await heard(wrong)).toBeNull();
});

function stream(pieces: string[], open = false): Response {
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const piece of pieces) {
        controller.enqueue(new TextEncoder().encode(piece));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      if (!open) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

test("the live line is read wherever the network cuts it, and what cannot be read is only a missed hint", async () => {
  const heard: unknown[] = [];
  const pieces = [
    "retry: 3000\nevent: hello\nda",
    'ta: {}\n\n: beat\n\nevent: moved\r\ndata: {"scope":"station:',
    'e5:2026-03","n":7}\r\n\r\nevent: moved\ndata: {oops\n\nevent: later\ndata: 1\n\n',
  ];
  await link(() => stream(pieces)).events(
    { open: () => heard.push("open"), moved: (scope, n) => heard.push([scope, n]) },
    new AbortController().signal,
  );
  expect(heard).toEqual(["open", ["station:e5:2026-03", 7]]);
});

test("stopping the live line is not an error; somebody else's page in its place is", async () => {
  const stop = new AbortController();
  const on = { open: () => stop.abort(), moved: () => undefined };
  const open = (_path: string, init: RequestInit): Response => {
    const response = stream(["event: hello\ndata: {}\n\n"], true);
    init.signal?.addEventListener("abort", () => void response.body?.cancel().catch(() => undefined));
    return response;
  };
  const aborted = link((path, init) => {
    const body = open(path, init).body as ReadableStream<Uint8Array>;
    const cut = new TransformStream<Uint8Array, Uint8Array>();
    void body.pipeTo(cut.writable, init.signal ? { signal: init.signal } : {}).catch(() => undefined);
    return new Response(cut.readable, { headers: { "content-type": "text/event-stream" } });
  });
  await expect(aborted.events(on, stop.signal)).resolves.toBeUndefined();
  const portal = link(() => new Response("<html>", { headers: { "content-type": "text/html" } }));
  const never = new AbortController().signal;
  await expect(portal.events(on, never)).rejects.toMatchObject({ kind: "portal" });
});
