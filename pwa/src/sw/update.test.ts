// @vitest-environment happy-dom
/** How an update waits: a stand-in for the browser's registration, since no page here is served by a worker. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";

class Worker extends EventTarget {
  state = "installing";
  readonly posted: unknown[] = [];
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
  become(state: string): void {
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}
class Registration extends EventTarget {
  waiting: Worker | null = null;
  installing: Worker | null = null;
  readonly update = vi.fn(async () => undefined);
}
class Container extends EventTarget {
  controller: Worker | null = null;
  readonly registration = new Registration();
  readonly register = vi.fn(async () => this.registration);
}

let container: Container;
const reload = vi.fn();

/** The module keeps its state for the life of a page, so every story loads it anew. */
async function page(): Promise<typeof import("./update")> {
  vi.resetModules();
  return import("./update");
}

beforeEach(() => {
  vi.useFakeTimers();
  container = new Container();
  Object.defineProperty(navigator, "serviceWorker", { configurable: true, value: container });
  vi.stubGlobal("location", { reload });
  reload.mockReset();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("the first install is not an update", async () => {
  const { watchForUpdate } = await page();
  const ready = vi.fn();
  await watchForUpdate(ready);
  expect(container.register).toHaveBeenCalledWith("/sw.js", { scope: "/", updateViaCache: "none" });
  container.registration.installing = new Worker();
  container.registration.dispatchEvent(new Event("updatefound"));
  container.registration.installing.become("installed");
  container.controller = container.registration.installing;
  container.dispatchEvent(new Event("controllerchange"));
  expect(ready).not.toHaveBeenCalled();
  expect(reload).not.toHaveBeenCalled();
});

it("a new version waits until it is told to take over, and reloads once it has", async () => {
  const { watchForUpdate, applyUpdate, updateReady } = await page();
  const ready = vi.fn();
  container.controller = new Worker();
  await watchForUpdate(ready);
  const next = new Worker();
  container.registration.installing = next;
  container.registration.dispatchEvent(new Event("updatefound"));
  applyUpdate(); // nothing stands ready yet
  expect(next.posted).toEqual([]);
  next.become("installed");
  expect(ready).toHaveBeenCalledTimes(1);
  expect(updateReady.value).toBe(true);
  expect(next.posted).toEqual([]); // still: the outbox may be writing
  applyUpdate();
  expect(next.posted).toEqual([{ type: "activate" }]);
  expect(reload).not.toHaveBeenCalled();
  container.dispatchEvent(new Event("controllerchange"));
  expect(reload).toHaveBeenCalledTimes(1);
});

it("one that was waiting already is told at once", async () => {
  const { watchForUpdate } = await page();
  const ready = vi.fn();
  container.controller = new Worker();
  container.registration.waiting = new Worker();
  container.registration.waiting.state = "installed";
  await watchForUpdate(ready);
  expect(ready).toHaveBeenCalledTimes(1);
});

it("when another tab has switched, this one reloads only when told to", async () => {
  const { watchForUpdate, applyUpdate } = await page();
  const ready = vi.fn();
  container.controller = new Worker();
  await watchForUpdate(ready);
  container.dispatchEvent(new Event("controllerchange"));
  expect(ready).toHaveBeenCalledTimes(1);
  expect(reload).not.toHaveBeenCalled();
  applyUpdate();
  expect(reload).toHaveBeenCalledTimes(1);
});

it("looks on start, when shown and every hour, and shrugs when there is no network", async () => {
  const { watchForUpdate } = await page();
  container.registration.update.mockRejectedValue(new TypeError("Failed to fetch"));
  await watchForUpdate(() => undefined);
  expect(container.registration.update).toHaveBeenCalledTimes(1);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(container.registration.update).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(container.registration.update).toHaveBeenCalledTimes(3);
});
