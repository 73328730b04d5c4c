/**
 * A push arrives: say that there is something, and nothing of what it is. A lock screen is read by anybody.
 *
 * Responsible for: the notification, waking open pages so that they fetch by themselves, the way into the app when it is
 * touched, and a fresh subscription when the browser takes the old one away. Knows no incident and imports no desk.
 *
 *     knocks(self);      // once, in the worker
 */
import { arrived, readTold, spoken, type Told, type Word } from "../device/knocks";
import { ensure } from "../device/subscription";
import { SESSION, VAULT_NAME } from "../device/vaultName";

const WORDS: Record<string, Record<string, string>> = {
  "zh-CN": { order: "有新警情", nudge: "有警情等你处理", test: "锁屏提醒到了" },
  en: { order: "New incident", nudge: "An incident waits for you", test: "Lock screen alerts reach this phone" },
};
const BUZZ_MS = [350, 150, 350, 150, 350];

export function knocks(worker: ServiceWorkerGlobalScope): void {
  worker.addEventListener("push", (event) => event.waitUntil(tell(worker, readTold(event.data?.text()))));
  worker.addEventListener("notificationclick", (event) => {
    event.notification.close();
    event.waitUntil(enter(worker, (event.notification.data as { incident?: string } | null)?.incident ?? null));
  });
  worker.addEventListener("pushsubscriptionchange", (event) => (event as ExtendableEvent).waitUntil(renew(worker)));
}

async function tell(worker: ServiceWorkerGlobalScope, told: Told): Promise<void> {
  const language = await spoken();
  const words = WORDS[language] ?? WORDS["zh-CN"];
  const options: NotificationOptions & { renotify: boolean; vibrate: number[]; timestamp: number } = {
    body: words?.[told.what] ?? words?.["order"] ?? "",
    // A second word about one order takes the place of the first, and is heard all the same.
    tag: told.order ?? told.test ?? told.what,
    renotify: true,
    requireInteraction: told.what === "order",
    vibrate: BUZZ_MS,
    timestamp: Date.now(),
    icon: "/icon-192.png",
    lang: language,
    data: told.incident ? { incident: told.incident } : null,
  };
  await worker.registration.showNotification("驿传", options);
  if (told.test) await arrived({ test: told.test, atMs: Date.now() });
  else for (const page of await pages(worker)) page.postMessage({ type: "knock" } satisfies Word);
}

/** The phone's pages. A worker knows of a page only where it was opened: at its start, or at enrolment, and never at a desk. */
async function pages(worker: ServiceWorkerGlobalScope): Promise<readonly WindowClient[]> {
  const all = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  return all.filter(({ url }) => ["/", "/enrol"].includes(new URL(url).pathname));
}

/** Bring the phone's page to the front, or open one, at this incident. */
async function enter(worker: ServiceWorkerGlobalScope, incident: string | null): Promise<void> {
  const [page] = await pages(worker);
  if (!page) {
    await worker.clients.openWindow(incident ? `/#${incident}` : "/");
    return;
  }
  page.postMessage({ type: "open", incident } satisfies Word);
  await page.focus();
}

/** Subscribe anew and tell the centre; where that fails now, the app does it at its next start. */
async function renew(worker: ServiceWorkerGlobalScope): Promise<void> {
  const token = await keptToken();
  if (token) await ensure(worker.registration.pushManager, token).catch(() => undefined);
}

/** The device's token, out of the vault as it lies there; null in a browser that is no device. Makes and changes nothing. */
function keptToken(): Promise<string | null> {
  return new Promise((resolve) => {
    const opening = indexedDB.open(VAULT_NAME);
    opening.onupgradeneeded = () => opening.transaction?.abort(); // there was none: there shall be none
    opening.onerror = () => resolve(null);
    opening.onsuccess = () => {
      const db = opening.result;
      const reading = db.transaction("meta").objectStore("meta").get(SESSION);
      reading.onsuccess = () => resolve((reading.result as { token?: string } | null | undefined)?.token ?? null);
      reading.onerror = () => resolve(null);
      reading.transaction?.addEventListener("complete", () => db.close());
    };
  });
}
