// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { effectScope, ref } from "vue";
import { useDoing } from "../../src/centre/doing";
import { follow, QUIET_MS, type Stream, streamBy } from "../../src/centre/live";
import { forgetAll, useLoaded } from "../../src/centre/loaded";
import { explain } from "../../src/centre/problems";
import { reach } from "../../src/centre/reach";
import { enter, sits, toLogin, wasSent } from "../../src/centre/seat";
import { place } from "../../src/router";
import { type Person, Problem } from "../../src/session";
import { speak } from "../../src/words/language";
import { centre } from "./served";

class Wire extends EventTarget implements Stream {
  static readonly open: Wire[] = [];
  readyState = 1;
  constructor() {
    super();
    Wire.open.push(this);
  }
  close(): void {
    this.readyState = 2;
  }
  say(type: string): void {
    this.dispatchEvent(new Event(type));
  }
}
const newest = (): Wire => Wire.open.at(-1) ?? new Wire();

beforeEach(() => {
  Wire.open.length = 0;
  streamBy(() => new Wire());
  forgetAll();
  reach.sinceMs = null;
});

describe("hints", () => {
  it("one stream serves every listener, and closes with the last one", () => {
    const [a, b] = [vi.fn(), vi.fn()];
    const [stopA, stopB] = [follow(a), follow(b)];
    expect(Wire.open).toHaveLength(1);
    newest().say("moved");
    expect([a.mock.calls.length, b.mock.calls.length]).toEqual([1, 1]);
    stopA();
    newest().say("moved");
    expect([a.mock.calls.length, b.mock.calls.length]).toEqual([1, 2]);
    stopB();
    expect(newest().readyState).toBe(2);
  });

  it("asks anyway after a quiet quarter of a minute, and opens a stream that was refused again", () => {
    vi.useFakeTimers();
    const heard = vi.fn();
    const stop = follow(heard);
    newest().close();
    vi.advanceTimersByTime(QUIET_MS - 1);
    expect(heard).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(Wire.open).toHaveLength(2);
    newest().say("hello"); // something may have moved while it was away
    expect(heard).toHaveBeenCalledTimes(2);
    stop();
    vi.useRealTimers();
  });
});

describe("something kept fresh", () => {
  const inScope = <T>(make: () => T): { made: T; end: () => void } => {
    const scope = effectScope();
    const made = scope.run(make) as T;
    return { made, end: () => scope.stop() };
  };

  it("many hints while a question is on its way make one more question, not many", async () => {
    let n = 0;
    let answer: (() => void) | undefined;
    const gate = (): Promise<void> =>
      new Promise((done) => {
        answer = done;
      });
    const held = [gate()];
    const here = await centre({
      "GET /api/wall": async () => {
        n += 1;
        await held.shift();
        return { body: { n } };
      },
    });
    const { made, end } = inScope(() => useLoaded<{ n: number }>(() => "/api/wall", { live: true }));
    await vi.waitFor(() => expect(here.asked.get("GET /api/wall")).toBe(1));
    for (let i = 0; i < 20; i += 1) newest().say("moved");
    answer?.();
    await vi.waitFor(() => expect(made.data.value).toEqual({ n: 2 }));
    expect(here.asked.get("GET /api/wall")).toBe(2);
    end();
  });

  it("keeps the last good answer when the centre falls silent, says since when, and recovers", async () => {
    const here = await centre({ "GET /api/wall": { body: { n: 1 } } });
    const { made, end } = inScope(() => useLoaded<{ n: number }>(() => "/api/wall"));
    await vi.waitFor(() => expect(made.data.value).toEqual({ n: 1 }));
    here.unplug();
    await made.reload();
    expect([made.data.value, made.problem.value?.code]).toEqual([{ n: 1 }, "no_answer"]);
    const since = reach.sinceMs;
    expect(since).not.toBeNull();
    await made.reload();
    expect(reach.sinceMs).toBe(since);
    here.plugIn();
    await made.reload();
    expect([made.problem.value, reach.sinceMs]).toEqual([null, null]);
    end();
  });

  it("an answer to an address that is no longer wanted is not shown; one seen before is there at once", async () => {
    let release: (() => void) | undefined;
    await centre({
      "GET /api/incidents/a": async () => {
        await new Promise<void>((done) => {
          release = done;
        });
        return { body: "a" };
      },
      "GET /api/incidents/b": { body: "b" },
    });
    const which = ref("b");
    const { made, end } = inScope(() => useLoaded<string>(() => `/api/incidents/${which.value}`));
    await vi.waitFor(() => expect(made.data.value).toBe("b"));
    which.value = "a";
    await vi.waitFor(() => expect(release).toBeDefined());
    expect(made.data.value).toBeNull();
    which.value = "b";
    await vi.waitFor(() => expect(made.data.value).toBe("b"));
    release?.();
    await made.reload();
    expect(made.data.value).toBe("b");
    end();
  });
});

describe("refusals", () => {
  it("are told in the reader's language, with the code and what the server said beside them", () => {
    const refused = new Problem(409, {
      code: "not_ready",
      cause: "The record is not in a state that allows this.",
      detail: "The centre ruled: rejected.",
    });
    expect(explain(refused)).toEqual({
      what: "这件事现在不能这么办，别人可能刚改过。",
      cure: "看一眼最新情形再决定。",
      detail: "The centre ruled: rejected.",
      code: "not_ready",
    });
    speak("en");
    expect(explain(refused).cure).toBe("Look at the newest state, then decide.");
    speak("zh-CN");
    const unknown = new Problem(418, { code: "teapot", cause: "It is a teapot.", cure: "Pour." });
    expect(explain(unknown)).toMatchObject({ what: "It is a teapot.", cure: "Pour.", code: "teapot" });
  });

  it("hold an action open: what was refused can be tried again, and twice at once is once", async () => {
    const { busy, problem, run } = useDoing();
    const act = vi.fn(async () => {
      throw new Problem(503, { code: "queue_full" });
    });
    expect(await Promise.all([run(act), run(act)])).toEqual([false, false]);
    expect([act.mock.calls.length, problem.value?.code, busy.value]).toEqual([1, "queue_full", false]);
    expect(await run(async () => undefined)).toBe(true);
    expect(problem.value).toBeNull();
  });
});

describe("who sits here", () => {
  const someone = (name: string, role: string): Person => ({
    id: name,
    name,
    role,
    roles: [role],
    station: null,
    unit: null,
  });
  it("the same person comes back to where the session ended; another begins at home in a fresh page", () => {
    const fresh = vi.spyOn(location, "replace").mockImplementation(() => undefined);
    sits(someone("naren", "dispatcher"));
    toLogin({ name: "devices" });
    expect([place.value.name, wasSent()]).toEqual(["login", true]);
    enter(someone("naren", "dispatcher"));
    expect([place.value.name, wasSent(), fresh.mock.calls.length]).toEqual(["devices", false, 0]);
    toLogin({ name: "devices" });
    enter(someone("gaowa", "callback"));
    expect(fresh).toHaveBeenCalledWith("/desk/callback");
  });
});
