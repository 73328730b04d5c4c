/**
 * The push of this very browser, for `push.ts`; null where there is none: no service worker (no TLS), no push manager, no
 * notifications (an iPhone whose app is not on the home screen).
 *
 *     const browser = browserPush();
 */
import { lastArrived, type Word } from "./knocks";
import type { BrowserPush } from "./push";
import { PushTrouble, SERVICE_MS } from "./subscription";

export function browserPush(): BrowserPush | null {
  const serviceWorker = typeof navigator === "undefined" ? undefined : navigator.serviceWorker;
  if (!serviceWorker || !("PushManager" in globalThis) || !("Notification" in globalThis)) return null;
  return {
    permission: () => Notification.permission,
    askPermission: () => Notification.requestPermission(),
    manager: async () => (await withWorker(serviceWorker.ready)).pushManager,
    lastArrived,
  };
}

/** A page without a worker waits for one for ever: then there is no push. */
async function withWorker(ready: Promise<ServiceWorkerRegistration>): Promise<ServiceWorkerRegistration> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PushTrouble("no_service")), SERVICE_MS);
  });
  return Promise.race([ready, late]).finally(() => clearTimeout(timer));
}

/** Hear what the service worker says to this page. Returns how to stop. */
export function hearWorker(hear: (word: Word) => void): () => void {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return () => undefined;
  const listen = (event: MessageEvent): void => {
    const word = event.data as Word | null;
    if (word?.type === "knock" || word?.type === "open") hear(word);
  };
  serviceWorker.addEventListener("message", listen);
  return () => serviceWorker.removeEventListener("message", listen);
}
