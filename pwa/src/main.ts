/**
 * The composition root of the pages: starts the clock, the router and the service worker, and puts the app on the page.
 * Nothing is decided here; see `home.ts` for `/` and `desks.ts` for every other place.
 */
import { createApp } from "vue";
import App from "./App.vue";
import { startRouter } from "./router";
import { watchForUpdate } from "./sw/update";
import { startClock } from "./ui/now";
import "./ui/tokens.css";
import "./ui/base.css";

startRouter();
startClock();
createApp(App).mount("#app");
if (import.meta.env.PROD) void watchForUpdate(); // without a worker (no TLS) the pages still work, online
