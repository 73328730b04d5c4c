/**
 * What the log-in says before anybody has signed in: whether this desk's clock is right, and what is missing in what
 * was typed. Pure.
 *
 *     missing("", "x")          // "login"
 *     clockNote(-4_200)         // { side: "fast", ms: 4200 }
 */

/** Which field keeps the form from being sent; null when it can be. */
export function missing(login: string, password: string): "login" | "password" | null {
  if (login.trim() === "") return "login";
  return password === "" ? "password" : null;
}

/** Below this nobody on a desk can tell, and requests take that long anyway. */
const UNNOTICED_MS = 2_000;

export interface ClockNote {
  readonly side: "right" | "fast" | "slow";
  readonly ms: number;
}

/** How this machine's clock stands when the server's is `aheadMs` ahead of it. */
export function clockNote(aheadMs: number): ClockNote {
  const ms = Math.abs(aheadMs);
  if (ms <= UNNOTICED_MS) return { side: "right", ms };
  return { side: aheadMs > 0 ? "slow" : "fast", ms };
}
