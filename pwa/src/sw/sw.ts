/**
 * The service worker: keeps the pages so that they open without a network, and nothing else. A phone keeps the phone's pages;
 * a desk's are kept from when somebody first opens one, so that no phone carries what only the centre uses.
 *
 * It answers any address with the kept page, except `/api` and `/sync`, which it never touches and never stores:
 * data lives in the device layer's own databases, where a write is durable. It imports no desk. What comes by Web Push
 * is shown by `push.ts`.
 * A new version waits; the page sends `{type: "activate"}` when nothing is being written (`update.ts`).
 */
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";
import { knocks } from "./push";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

/** Files of the desks; their names change with what is in them, so one that is kept is never stale. */
const DESKS = "desks";
registerRoute(
  ({ url, sameOrigin }) => sameOrigin && url.pathname.startsWith("/assets/"),
  async ({ request }) => {
    const kept = await caches.match(request, { cacheName: DESKS });
    if (kept) return kept;
    const answer = await fetch(request);
    if (answer.ok) await (await caches.open(DESKS)).put(request, answer.clone());
    return answer;
  },
);

registerRoute(new NavigationRoute(createHandlerBoundToURL("/index.html"), { denylist: [/^\/(api|sync)(\/|$)/] }));

knocks(self);

self.addEventListener("message", (event) => {
  if (event.data?.type === "activate") void self.skipWaiting();
});
// The very first install takes the open page too, so that it opens again even if the network goes at once. A new version
// brings files of other names; those of the old one go.
self.addEventListener("activate", (event) =>
  event.waitUntil(Promise.all([self.clients.claim(), caches.delete(DESKS)])),
);
