/** Who is at home where: the same question on a phone, at a desk, and in a browser nobody knows. */
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openVault } from "./device/vault";
import { homeHere } from "./home";
import { session } from "./session";

let answer: (() => Response) | null;
let asked: number;

beforeEach(() => {
  Object.assign(session, { known: false, person: null, csrf: "", server: null });
  answer = null;
  asked = 0;
  vi.stubGlobal("fetch", async () => {
    asked += 1;
    if (!answer) throw new TypeError("Failed to fetch");
    return answer();
  });
});
afterEach(() => vi.unstubAllGlobals());

const seat = (role: string) => () =>
  new Response(
    JSON.stringify({ person: { id: "a1", name: "高娃", role, roles: [role], station: null, unit: null }, csrf: "t" }),
  );

it("nobody: the log-in, also when no server answers", async () => {
  expect(await homeHere()).toEqual({ name: "login" });
  answer = () => new Response(JSON.stringify({ person: null, csrf: "t" }));
  expect(await homeHere()).toEqual({ name: "login" });
});

it("somebody signed in: the desk of the role, asked for once", async () => {
  answer = seat("callback");
  expect(await homeHere()).toEqual({ name: "callback" });
  expect(await homeHere()).toEqual({ name: "callback" });
  expect(asked).toBe(1);
});

it("an enrolled device is at home at once, and asks nobody", async () => {
  const vault = openVault();
  await vault.setMeta("session", {
    token: "t",
    chain: "00".repeat(16),
    person: { id: "b2", name: "苏和", role: "officer" },
  });
  vault.close();
  answer = seat("dispatcher");
  expect(await homeHere()).toEqual({ name: "home" });
  expect(asked).toBe(0);
});
