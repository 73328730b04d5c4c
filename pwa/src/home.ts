/**
 * What `/` is in this browser: an enrolled device is at home there, without asking the network; otherwise a signed-in
 * person goes to the desk of the role, and everybody else to the log-in.
 *
 *     const home = await homeHere();   // { name: "home" } on a phone, { name: "wall" } for a dispatcher
 */
import { homeOf } from "./nav";
import type { Place } from "./router";
import { loadSession, session } from "./session";

export async function homeHere(): Promise<Place> {
  const device = await import("./device/session");
  if (await device.enrolled()) return { name: "home" };
  try {
    if (!session.known) await loadSession();
  } catch {
    // no answer: the log-in says so and asks again
  }
  return session.person ? homeOf(session.person.role) : { name: "login" };
}
