/**
 * The service worker: keeps the pages so that they open without a network, and nothing else.
 *
 * It answers any address with the kept page, except `/api` and `/sync`, which it never touches and never stores:
 * data lives in the device layer's own databases, where a write is durable. It imports no desk.
 * A new version waits; the page sends `{type: "activate"}` when nothing is being written (`update.ts`).
 */
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";
import { NavigationRoute, registerRoute } from "workbox-routing";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

registerRoute(new NavigationRoute(createHandlerBoundToURL("/index.html"), { denylist: [/^\/(api|sync)(\/|$)/] }));

self.addEventListener("message", (event) => {
  if (event.data?.type === "activate") void self.skipWaiting();
});
// The very first install takes the open page too, so that its desks load even if the network goes at once.
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
