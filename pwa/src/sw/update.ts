/**
 * New versions of the pages, without losing a keystroke: the new service worker waits until somebody who knows
 * that nothing is being written says go.
 *
 * Responsible for: registering the worker, looking for updates (on start, when the page is shown, hourly),
 * telling once that one is ready, and switching over. Refuses to know when it is safe: the device layer decides.
 *
 *     watchForUpdate();                                         // once, at start
 *     watch(updateReady, () => { if (outbox.idle) applyUpdate(); });   // the page reloads on the new version
 */
import { readonly, shallowRef } from "vue";

const HOUR_MS = 3_600_000;

const stands = shallowRef(false);
/** Whether a newer version stands ready; reactive. */
export const updateReady = readonly(stands);

let waiting: ServiceWorker | undefined;
let replaced = false;
let applying = false;

/**
 * Register the worker; set `updateReady` and call `onReady` when a newer version stands ready. Also called when another tab has
 * already switched over: then `applyUpdate` only reloads. Without service workers (plain HTTP) nothing happens.
 */
export async function watchForUpdate(onReady: () => void = () => undefined): Promise<void> {
  const container = navigator.serviceWorker;
  if (!container) return;
  const tell = (): void => {
    stands.value = true;
    onReady();
  };
  const hadController = container.controller !== null;
  container.addEventListener("controllerchange", () => {
    if (applying) location.reload();
    else if (hadController) {
      replaced = true;
      tell();
    }
  });
  const registration = await container.register("/sw.js", { scope: "/", updateViaCache: "none" });

  const settle = (worker: ServiceWorker | null): void => {
    if (worker?.state !== "installed" || !container.controller || waiting === worker) return;
    waiting = worker;
    tell();
  };
  settle(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => settle(worker));
  });

  // Without a network the check rejects; the next one comes soon enough.
  const look = (): void => void registration.update().catch(() => undefined);
  look();
  setInterval(look, HOUR_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
  });
}

/** Switch to the version that stands ready and reload. Call it only when no write is under way. */
export function applyUpdate(): void {
  if (replaced) location.reload();
  else if (waiting) {
    applying = true;
    waiting.postMessage({ type: "activate" });
  }
}
