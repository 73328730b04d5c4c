/**
 * The composition root of the pages: starts the clock, the router and the service worker, and decides what `/` is.
 *
 * An enrolled device opens the officer's desk at `/`, without asking the network. Otherwise a signed-in person is
 * taken to the desk of the role, and everybody else to the log-in. Nothing else is decided here.
 */
import { createApp } from "vue";
import App from "./App.vue";
import { homeOf } from "./nav";
import { go, place, startRouter } from "./router";
import { loadSession, session } from "./session";
import { watchForUpdate } from "./sw/update";
import { startClock } from "./ui/now";
import "./ui/tokens.css";
import "./ui/base.css";

async function decideHome(): Promise<void> {
  if (place.value.name !== "home") return;
  const device = await import("./device/session");
  if (await device.enrolled()) return;
  try {
    await loadSession();
  } catch {
    // no answer: the log-in page says so and tries again
  }
  go(session.person ? homeOf(session.person.role) : { name: "login" }, { replace: true });
}

startRouter();
startClock();
await decideHome();
createApp(App).mount("#app");
if (import.meta.env.PROD) void watchForUpdate(); // without a worker (no TLS) the pages still work, online
