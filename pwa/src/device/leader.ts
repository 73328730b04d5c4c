/**
 * One tab does the talking. The leader sends, pulls and keeps the live line open; the others write to the same vault
 * and tell it. Nothing here protects data: two leaders at once only send things twice, which changes nothing
 * (`[chain, seq]` in the vault is what prevents a fork).
 *
 * Responsible for: a Web Lock, a BroadcastChannel, and taking over from a leader that has gone silent (a frozen tab
 * keeps its lock for ever). Refuses to know what is said on the channel beyond its own heartbeat.
 *
 *     const tabs = joinTabs({ lead: () => startRounds(), hear: (news) => replica.refresh(news.entities) });
 *     tabs.tell({ t: "wrote" });
 *     tabs.leave();
 */

/** What tabs tell each other: a set was written, incidents changed, marks changed, the chain was left, the phone
 *  was cleared; how does the line stand, and how. */
export type News =
  | { t: "wrote" }
  | { t: "changed"; ids: string[] }
  | { t: "marks" }
  | { t: "session" }
  | { t: "cleared" }
  | { t: "ask" }
  | { t: "status"; status: unknown; beacon: Uint8Array | null };

const NAME = "ortoo-leader";
const BEAT_MS = 10_000;
/** A leader silent for longer is taken for frozen, if somebody is looking at this tab. */
const SILENT_MS = 35_000;

export interface Tabs {
  /** Tell every other tab. */
  tell(news: News): void;
  leave(): void;
}

/**
 * Join the tabs of this browser. `lead` is called when this tab begins to lead and returns how to stop.
 * A browser without Web Locks or BroadcastChannel leads in every tab.
 */
export function joinTabs(tab: { lead: () => () => void; hear: (news: News) => void }): Tabs {
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(NAME);
  const leaving = new AbortController();
  let stop: (() => void) | null = null;
  let heardMs = performance.now();

  const begin = (): void => {
    stop ??= tab.lead();
    channel?.postMessage({ t: "beat" });
  };
  const end = (): void => {
    stop?.();
    stop = null;
  };

  function ask(steal: boolean): void {
    const hold = async (): Promise<void> => {
      if (leaving.signal.aborted) return;
      begin();
      await new Promise<void>((resolve) => leaving.signal.addEventListener("abort", () => resolve(), { once: true }));
    };
    // `steal` and `signal` may not be combined; a stolen lock rejects the promise of the tab that held it.
    const options: LockOptions = steal ? { steal: true } : { signal: leaving.signal };
    navigator.locks.request(NAME, options, hold).catch(() => {
      end();
      if (!leaving.signal.aborted && !steal) ask(false); // taken over while frozen: queue up behind
    });
  }

  if (channel) {
    channel.onmessage = (event: MessageEvent<News | { t: "beat" }>) => {
      heardMs = performance.now();
      if (event.data.t !== "beat") tab.hear(event.data);
    };
  }
  if (typeof navigator === "undefined" || !navigator.locks || !channel) begin();
  else ask(false);

  const beat = setInterval(() => {
    if (stop) channel?.postMessage({ t: "beat" });
    else if (document.visibilityState === "visible" && performance.now() - heardMs > SILENT_MS) {
      heardMs = performance.now();
      ask(true);
    }
  }, BEAT_MS);

  return {
    tell: (news) => channel?.postMessage(news),
    leave() {
      clearInterval(beat);
      leaving.abort();
      end();
      channel?.close();
    },
  };
}
