/** How desks talk to the server: what goes out, and what every kind of answer becomes. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { homeOf, navOf } from "./nav";
import { api, loadSession, Problem, session, signIn, signOut } from "./session";
import { nowMs } from "./ui/now";

interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}
let sent: Sent[];
let answers: (() => Response)[];

const json =
  (body: unknown, status = 200) =>
  () =>
    new Response(status === 204 ? null : JSON.stringify(body), {
      status,
      headers: { "content-type": "application/json" },
    });
const narsu = { id: "a1", name: "娜日苏", role: "dispatcher", roles: ["dispatcher"], station: null, unit: null };

beforeEach(() => {
  sent = [];
  answers = [];
  Object.assign(session, { known: false, person: null, csrf: "", server: null });
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    const body = typeof init.body === "string" ? JSON.parse(init.body) : null;
    sent.push({ method: init.method ?? "GET", path, headers: init.headers as Record<string, string>, body });
    const answer = answers.shift();
    if (!answer) throw new TypeError("Failed to fetch");
    return answer();
  });
});
afterEach(() => vi.unstubAllGlobals());

it("signs in with the token it was given first, and out again", async () => {
  answers = [
    json({ person: null, csrf: "t1" }),
    json({ person: narsu, csrf: "t2", server: { role: "centre", name: "旗中心", now_ms: Date.now() } }),
    json(null, 204),
    json({ person: null, csrf: "t3" }),
  ];
  await signIn("15062317", "herdsman");
  expect(session.person?.name).toBe("娜日苏");
  expect(session.server?.name).toBe("旗中心");
  expect(sent[1]).toMatchObject({
    method: "POST",
    path: "/api/session",
    body: { login: "15062317", password: "herdsman" },
  });
  expect(sent[1]?.headers["x-csrf-token"]).toBe("t1");
  await signOut();
  expect(sent[2]).toMatchObject({ method: "DELETE" });
  expect(sent[2]?.headers["x-csrf-token"]).toBe("t2");
  expect([session.person, session.csrf]).toEqual([null, "t3"]);
});

it("sets the clock of the screens by the server's", async () => {
  answers = [
    json({ person: null, csrf: "t", server: { role: "centre", name: "旗中心", now_ms: Date.now() + 3_600_000 } }),
  ];
  await loadSession();
  expect(Math.round((nowMs() - Date.now()) / 60_000)).toBe(60);
});

it("turns a refusal into its code, its cause and its cure", async () => {
  answers = [
    json({ code: "no_authority", title: "不能改派", cause: "这起警情不归本所。", cure: "请指挥席改派。" }, 403),
  ];
  const problem = await api("POST", "/api/incidents/x/moves", { move: "reassign" }).catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({
    status: 403,
    code: "no_authority",
    why: "这起警情不归本所。",
    cure: "请指挥席改派。",
  });
});

it("tells no answer, an answer that is not JSON, and the end of a session apart", async () => {
  expect(await api("GET", "/api/wall").catch((error: unknown) => error)).toMatchObject({
    status: 0,
    code: "no_answer",
  });
  answers = [() => new Response("<h1>Bad gateway</h1>", { status: 502 })];
  expect(await api("GET", "/api/wall").catch((error: unknown) => error)).toMatchObject({
    status: 502,
    code: "http_502",
  });
  session.person = narsu;
  answers = [json({ code: "not_signed_in" }, 401)];
  await expect(api("GET", "/api/wall")).rejects.toMatchObject({ code: "not_signed_in" });
  expect(session.person).toBeNull();
});

it("an asked-for stop is a stop, not a problem", async () => {
  const stop = new AbortController();
  stop.abort();
  await expect(api("GET", "/api/wall", undefined, stop.signal)).rejects.toBeInstanceOf(TypeError);
});

it("numbers the desks the same for everyone, and sends each role to its own", () => {
  expect(navOf("dispatcher").map(({ digit }) => digit)).toEqual(["1", "2", "4", "5", "6", "7", "8"]);
  expect(navOf("callback").map(({ digit, place }) => [digit, place.name])).toEqual([
    ["1", "wall"],
    ["5", "callback"],
  ]);
  expect(homeOf("callback")).toEqual({ name: "callback" });
  expect(homeOf("reviewer")).toEqual({ name: "reviews" });
  expect(homeOf("admin")).toEqual({ name: "devices" });
  expect(homeOf("officer")).toEqual({ name: "enrol" });
});
