// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { listedKeys, onKeydown, openLayer, registerKeys } from "./keys";

beforeEach(() => document.addEventListener("keydown", onKeydown));
afterEach(() => {
  document.removeEventListener("keydown", onKeydown);
  document.body.replaceChildren();
});

function press(init: KeyboardEventInit, target: EventTarget = document.body): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  target.dispatchEvent(event);
  return event;
}

it("runs a registered key, keeps it from the browser, and stops when taken back", () => {
  const run = vi.fn();
  const release = registerKeys([{ key: "n", label: "催办", run }]);
  expect(press({ key: "n" }).defaultPrevented).toBe(true);
  expect(press({ key: "N" }).defaultPrevented).toBe(true); // caps lock
  release();
  expect(press({ key: "n" }).defaultPrevented).toBe(false);
  expect(run).toHaveBeenCalledTimes(2);
});

it("leaves plain keys to a field, and to an input method anywhere; Ctrl and Alt still work", () => {
  const plain = vi.fn();
  const save = vi.fn();
  const wall = vi.fn();
  const release = registerKeys([
    { key: "n", label: "催办", run: plain },
    { key: "Ctrl+Enter", label: "保存", run: save },
    { key: "Alt+1", label: "盯办墙", run: wall },
  ]);
  const field = document.body.appendChild(document.createElement("textarea"));
  press({ key: "n" }, field);
  press({ key: "n", isComposing: true });
  expect(plain).not.toHaveBeenCalled();
  press({ key: "Enter", ctrlKey: true }, field);
  press({ key: "Enter", metaKey: true }, field);
  press({ key: "¡", code: "Digit1", altKey: true }, field); // what a Mac makes of Alt 1
  expect(save).toHaveBeenCalledTimes(2);
  expect(wall).toHaveBeenCalledTimes(1);
  release();
});

it("gives a key to whoever asked for it last, and back again", () => {
  const nav = vi.fn();
  const score = vi.fn();
  const releaseNav = registerKeys([{ key: "1", label: "盯办墙", run: nav }]);
  const releaseScore = registerKeys([{ key: "1", label: "满意", run: score }]);
  press({ key: "1" });
  expect([nav.mock.calls.length, score.mock.calls.length]).toEqual([0, 1]);
  expect(listedKeys()).toEqual([{ key: "1", label: "满意" }]);
  releaseScore();
  press({ key: "1" });
  expect([nav.mock.calls.length, score.mock.calls.length]).toEqual([1, 1]);
  releaseNav();
});

it("lets a key that yields give way to one registered before it", () => {
  const score = vi.fn();
  const nav = vi.fn();
  const releaseScore = registerKeys([{ key: "1", label: "满意", run: score }]);
  const releaseNav = registerKeys([{ key: "1", label: "盯办墙", run: nav, yields: true }]);
  press({ key: "1" });
  expect([nav.mock.calls.length, score.mock.calls.length]).toEqual([0, 1]);
  expect(listedKeys()).toEqual([{ key: "1", label: "满意" }]);
  releaseScore();
  press({ key: "1" });
  expect(nav).toHaveBeenCalledTimes(1);
  releaseNav();
});

it("lists exactly what works now, and gives an open dialog the keyboard to itself", () => {
  let allowed = false;
  const behind = vi.fn();
  const release = registerKeys([
    { key: "g", label: () => "改派", run: behind },
    { key: "s", label: "停用", run: behind, when: () => allowed },
    { key: "Alt+g", label: "改派", run: behind, unlisted: true },
  ]);
  expect(listedKeys()).toEqual([{ key: "g", label: "改派" }]);
  allowed = true;
  expect(
    listedKeys()
      .map(({ key }) => key)
      .sort(),
  ).toEqual(["g", "s"]);

  const closeLayer = openLayer();
  const inside = vi.fn();
  const releaseInside = registerKeys([{ key: "y", label: "退回", run: inside }]);
  press({ key: "g" });
  press({ key: "y" });
  expect(behind).not.toHaveBeenCalled();
  expect(inside).toHaveBeenCalledTimes(1);
  expect(listedKeys()).toEqual([{ key: "y", label: "退回" }]);
  releaseInside();
  closeLayer();
  closeLayer(); // closing twice is closing once
  press({ key: "g" });
  expect(behind).toHaveBeenCalledTimes(1);
  release();
});
