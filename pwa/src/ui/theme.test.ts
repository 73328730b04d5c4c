// @vitest-environment happy-dom
/** Theme and language before the first paint (public/boot.js) and afterwards must speak of the same keys. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { speak } from "../words/language";
import { turnTo } from "./theme";

const boot = readFileSync(`${import.meta.dirname}/../../public/boot.js`, "utf8");
const root = document.documentElement;

function start(dark = false): void {
  vi.stubGlobal("matchMedia", () => ({ matches: dark }));
  root.removeAttribute("data-theme");
  root.lang = "zh-CN";
  new Function(boot)();
}
beforeEach(() => localStorage.clear());
afterEach(() => vi.unstubAllGlobals());

it("a first visit follows the system and speaks Chinese", () => {
  start(false);
  expect([root.dataset["theme"], root.lang]).toEqual(["day", "zh-CN"]);
  start(true);
  expect(root.dataset["theme"]).toBe("night");
});

it("what a person chose stands at the next start, against the system", () => {
  turnTo("night");
  speak("en");
  start(false);
  expect([root.dataset["theme"], root.lang]).toEqual(["night", "en"]);
  turnTo("day");
  speak("zh-CN");
  start(true);
  expect([root.dataset["theme"], root.lang]).toEqual(["day", "zh-CN"]);
});

it("starts all the same with rubbish in storage, or with none", () => {
  localStorage.setItem("ortoo.theme", "<script>");
  localStorage.setItem("ortoo.language", "klingon");
  start(true);
  expect([root.dataset["theme"], root.lang]).toEqual(["night", "zh-CN"]);
  vi.stubGlobal("localStorage", {
    getItem: () => {
      throw new DOMException("denied", "SecurityError");
    },
  });
  start(false);
  expect(root.dataset["theme"]).toBe("day");
});
