/** Lock screen alerts: what a phone may say of them, and that a person, and nothing else, turns them on. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { knockWord, reaches } from "../../src/desks/officer/knock";
import { type Arrived, readTold } from "../../src/device/knocks";
import { ARRIVES_MS, type BrowserPush, Push } from "../../src/device/push";
import type { DeviceSession } from "../../src/device/session";
import { type Manager, SERVICE_MS } from "../../src/device/subscription";

const KEY = "BKey_one";
const bytes = (text: string): ArrayBuffer => {
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0)).buffer;
};

/** A browser without a screen: it says what it is told to, and counts how often it asked a person. */
class Browser implements BrowserPush {
  answer: NotificationPermission = "granted";
  now: NotificationPermission = "default";
  asked = 0;
  subscription: PushSubscription | null = null;
  arrived: Arrived | null = null;
  serviceAnswers = true;
  made = 0;

  permission = () => this.now;
  askPermission = async () => {
    this.asked += 1;
    this.now = this.answer;
    return this.now;
  };
  lastArrived = async () => this.arrived;
  manager = async (): Promise<Manager> => ({
    getSubscription: async () => this.subscription,
    subscribe: (options) => {
      if (!this.serviceAnswers) return new Promise(() => undefined);
      this.made += 1;
      const endpoint = `https://push.example/${this.made}`;
      this.subscription = {
        endpoint,
        options: { applicationServerKey: bytes(String(options?.applicationServerKey)), userVisibleOnly: true },
        toJSON: () => ({ endpoint, keys: { p256dh: "BPoint", auth: "secret" } }),
        unsubscribe: async () => {
          this.subscription = null;
          return true;
        },
      } as unknown as PushSubscription;
      return Promise.resolve(this.subscription);
    },
  });
}

/** The centre's half: what it holds, and what it was asked. */
class Centre {
  key: string | null = KEY;
  held: { endpoint: string } | null = null;
  asked: string[] = [];
  away = false;
  refuses: { status: number; code: string } | null = null;
  taken = true;
  onTest: (test: string) => void = () => undefined;

  fetch = async (path: string, init: RequestInit): Promise<Response> => {
    if (this.away) throw new TypeError("Failed to fetch");
    expect(new Headers(init.headers).get("authorization")).toBe("Bearer ortoo_d1_x");
    const call = `${init.method} ${path.replace("/api/push/", "")}`;
    this.asked.push(call);
    if (this.refuses) return Response.json({ code: this.refuses.code }, { status: this.refuses.status });
    if (call === "GET key") return Response.json({ key: this.key });
    if (call === "PUT subscription") {
      this.held = JSON.parse(String(init.body));
      return Response.json({ created_at: 1, succeeded_at: null });
    }
    if (call === "POST test") {
      const name = "ab".repeat(16);
      this.onTest(name);
      return Response.json({ test: name, taken: this.taken, why: this.taken ? "http_201" : "http_403" });
    }
    this.held = null;
    return new Response(null, { status: 204 });
  };
}

let browser: Browser;
let centre: Centre;
let onDuty: boolean;
let push: Push;

beforeEach(() => {
  vi.useFakeTimers();
  browser = new Browser();
  centre = new Centre();
  onDuty = true;
  vi.stubGlobal("fetch", centre.fetch);
  const session = () => ({ token: "ortoo_d1_x" }) as DeviceSession;
  push = new Push({ session, onDuty: () => onDuty, browser, nowMs: () => Date.now() });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("nobody is asked anything until a person says so, and then once", async () => {
  await push.settle();
  expect([push.state.value, browser.asked, centre.asked.length]).toEqual(["unasked", 0, 0]);
  await push.turnOn();
  expect([push.state.value, browser.asked]).toEqual(["on", 1]);
  expect(centre.held).toEqual({ endpoint: "https://push.example/1", p256dh: "BPoint", auth: "secret" });
  expect(knockWord(push), "registered is not arrived").toBe("knockUntried");
  await push.settle();
  expect([browser.asked, browser.made]).toEqual([1, 1]);
});

test("a no is a no, and says where to change it", async () => {
  browser.answer = "denied";
  await push.turnOn();
  expect([push.state.value, knockWord(push), browser.made]).toEqual(["blocked", "knockBlocked", 0]);
  await push.turnOn();
  expect(browser.asked, "a browser that was told no is not asked again").toBe(1);
});

test("off duty the centre forgets, on duty it knows again, and the browser keeps its subscription", async () => {
  await push.turnOn();
  onDuty = false;
  await push.settle();
  expect([push.state.value, centre.held]).toEqual(["resting", null]);
  expect(browser.subscription).not.toBeNull();
  onDuty = true;
  await push.settle();
  expect([push.state.value, centre.held?.endpoint, browser.made]).toEqual(["on", "https://push.example/1", 1]);
  onDuty = false;
  await push.turnOff();
  await push.turnOn();
  expect([push.state.value, centre.held], "turned on off duty it waits for duty").toEqual(["resting", null]);
});

test("turned off it is off on both ends", async () => {
  await push.turnOn();
  await push.turnOff();
  expect([push.state.value, browser.subscription, centre.held]).toEqual(["off", null, null]);
  await push.settle();
  expect(centre.held, "nothing turns it on again by itself").toBeNull();
});

test("a centre with another key gets another subscription without asking anybody", async () => {
  await push.turnOn();
  centre.key = "BKey_two";
  await push.settle();
  expect([push.state.value, browser.made, centre.held?.endpoint]).toEqual(["on", 2, "https://push.example/2"]);
  expect(browser.asked).toBe(1);
});

test("a vendor's service that never answers is out of reach, and the screen says so", async () => {
  browser.serviceAnswers = false;
  const turning = push.turnOn();
  await vi.advanceTimersByTimeAsync(SERVICE_MS);
  await turning;
  expect([push.state.value, knockWord(push), centre.held]).toEqual(["noService", "knockCannot", null]);
});

test.each([
  [{ away: true }, "untold"],
  [{ refuses: { status: 503, code: "not_stored" } }, "untold"],
  [{ refuses: { status: 409, code: "centre_only" } }, "untold"],
  [{ refuses: { status: 403, code: "device_revoked" } }, "refused"],
  [{ refuses: { status: 422, code: "bad_subscription" } }, "refused"],
  [{ key: null }, "notOffered"],
] as const)("what the centre says is what is shown: %o", async (is, state) => {
  Object.assign(centre, is);
  await push.turnOn();
  expect(push.state.value).toBe(state);
  Object.assign(centre, { away: false, refuses: null, key: KEY });
  await push.turnOn();
  expect(push.state.value).toBe("on");
});

test("it reaches this phone when a test has arrived, and no sooner", async () => {
  await push.turnOn();
  centre.onTest = (name) => {
    setTimeout(() => {
      browser.arrived = { test: name, atMs: Date.now() };
    }, 2_000);
  };
  const testing = push.test();
  await vi.advanceTimersByTimeAsync(1_000);
  expect([push.trial.value?.step, reaches(push)]).toEqual(["waiting", false]);
  await vi.advanceTimersByTimeAsync(2_000);
  await testing;
  expect(push.trial.value).toMatchObject({ step: "arrived", tookMs: 2_000 });
  expect(knockWord(push)).toBe("knockOn");
});

test("a test that is lost takes the yes away, also one that arrived before", async () => {
  browser.arrived = { test: "cd".repeat(16), atMs: Date.now() };
  await push.turnOn();
  expect(reaches(push)).toBe(true);
  const testing = push.test();
  await vi.advanceTimersByTimeAsync(ARRIVES_MS + 1_000);
  await testing;
  expect([push.trial.value?.step, reaches(push)]).toEqual(["lost", false]);
  centre.taken = false;
  await push.test();
  expect(push.trial.value).toEqual({ step: "failed", why: "http_403" });
  centre.away = true;
  await push.test();
  expect(push.trial.value).toEqual({ step: "failed", why: "no_answer" });
});

test("a browser without push says so and stays quiet", async () => {
  const none = new Push({ session: () => ({}) as DeviceSession, onDuty: () => true, browser: null, nowMs: Date.now });
  await none.settle();
  await none.turnOn();
  await none.test();
  expect([none.state.value, knockWord(none)]).toEqual(["unsupported", "knockCannot"]);
});

test.each([
  ['{"what":"nudge","incident":"INC","order":"0"}   ', { what: "nudge" }],
  [`{"what":"order","order":"${"0a".repeat(16)}","place":"昂素镇"}`, { what: "order", order: "0a".repeat(16) }],
  ["", { what: "order" }],
  ["[]", { what: "order" }],
  ["not json", { what: "order" }],
  [undefined, { what: "order" }],
])("of what a push says only its kind and its ids are read: %s", (text, told) => {
  expect(readTold(text)).toEqual(told);
});
