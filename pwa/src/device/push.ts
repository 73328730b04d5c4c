/**
 * Web Push on this phone, as far as it is true: whether a knock reaches it when it is locked.
 *
 * Responsible for: the state that a screen may show, asking for permission (only when a person says so), keeping the centre
 * in the know (on duty it may knock, off duty not), and a test that ends in arrived or not. Nothing else in the device
 * layer depends on any of it: every alarm goes its way without.
 *
 *     const push = new Push({ session, onDuty, browser: browserPush() });
 *     await push.settle();          // at the start, and when duty changes
 *     push.state.value;             // "on": the centre may knock at this phone
 */
import { type ShallowRef, shallowRef } from "vue";
import type { Arrived } from "./knocks";
import { CENTRE_ONLY } from "./link";
import type { DeviceSession } from "./session";
import { ensure, type Manager, PushTrouble, sendTest, silence } from "./subscription";

/**
 * `unsupported`: this browser cannot. `unasked`: nobody was asked. `blocked`: the browser was told no. `off`: allowed, not
 * wanted. `on`: the centre may knock. `resting`: off duty. `untold`: the centre was not reached, so it may not know.
 * `notOffered`: this centre has none. `noService`: the browser's push service does not answer. `refused`: by the centre.
 */
export type PushState =
  | "unsupported"
  | "unasked"
  | "blocked"
  | "off"
  | "on"
  | "resting"
  | "untold"
  | "notOffered"
  | "noService"
  | "refused";

/** A test: on its way, arrived, taken by the service and not here, or not even taken. */
export type Trial =
  | { step: "sending" | "waiting" }
  | { step: "arrived"; atMs: number; tookMs: number }
  | { step: "lost" }
  | { step: "failed"; why: string };

/** What of a browser is used here; null stands for one that has no push. */
export interface BrowserPush {
  permission(): NotificationPermission;
  askPermission(): Promise<NotificationPermission>;
  manager(): Promise<Manager>;
  lastArrived(): Promise<Arrived | null>;
}

export interface PushParts {
  session: () => DeviceSession;
  onDuty: () => boolean;
  browser: BrowserPush | null;
  nowMs: () => number;
}

/** A test that is not here by then is not coming: a locked phone in a dead zone gets it later, and says so then. */
export const ARRIVES_MS = 30_000;
const LOOK_MS = 500;

export class Push {
  readonly state: ShallowRef<PushState> = shallowRef("unasked");
  readonly trial: ShallowRef<Trial | null> = shallowRef(null);
  /** The last test that ever arrived here. */
  readonly last: ShallowRef<Arrived | null> = shallowRef(null);
  readonly #parts: PushParts;
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: PushParts) {
    this.#parts = parts;
    if (!parts.browser) this.state.value = "unsupported";
  }

  /** Find out what is so, and let the centre know. Asks nobody anything. One after the other. */
  settle(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#settle(false));
    return this.#turn;
  }

  /** Turn it on: asks for permission where nobody was asked. Only ever called by a touch. */
  async turnOn(): Promise<void> {
    const { browser } = this.#parts;
    if (!browser) return;
    if (browser.permission() === "default") await browser.askPermission();
    this.#turn = this.#turn.then(() => this.#settle(true));
    await this.#turn;
  }

  /** Turn it off, here and at the centre. */
  async turnOff(): Promise<void> {
    const { browser, session } = this.#parts;
    this.trial.value = null;
    const kept = await (await browser?.manager())?.getSubscription();
    await kept?.unsubscribe();
    await silence(session().token).catch(() => undefined); // the service answers it that there is none any more
    await this.settle();
  }

  /** Have a test sent, and watch for it. */
  async test(): Promise<void> {
    const { browser, session, nowMs } = this.#parts;
    if (!browser) return;
    this.trial.value = { step: "sending" };
    const beganMs = nowMs();
    try {
      const sent = await sendTest(session().token);
      if (!sent.taken) {
        this.trial.value = { step: "failed", why: sent.why };
        return;
      }
      this.trial.value = { step: "waiting" };
      while (nowMs() - beganMs < ARRIVES_MS) {
        if (await this.#hasArrived(sent.test)) {
          const atMs = this.last.value?.atMs ?? nowMs();
          this.trial.value = { step: "arrived", atMs, tookMs: Math.max(0, atMs - beganMs) };
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      this.trial.value = { step: "lost" };
    } catch (error) {
      if (!(error instanceof PushTrouble)) throw error;
      this.trial.value = { step: "failed", why: error.code };
    }
  }

  async #hasArrived(test: string): Promise<boolean> {
    this.last.value = (await this.#parts.browser?.lastArrived()) ?? null;
    return this.last.value?.test === test;
  }

  async #settle(wanted: boolean): Promise<void> {
    const { browser, session, onDuty } = this.#parts;
    if (!browser) return;
    try {
      this.last.value = await browser.lastArrived();
      const permission = browser.permission();
      if (permission !== "granted") {
        this.state.value = permission === "denied" ? "blocked" : "unasked";
        return;
      }
      const manager = await browser.manager();
      if (!wanted && !(await manager.getSubscription())) this.state.value = "off";
      else if (onDuty() || wanted) {
        await ensure(manager, session().token);
        this.state.value = "on";
        if (!onDuty()) await this.#rest();
      } else await this.#rest();
    } catch (error) {
      this.state.value = error instanceof PushTrouble ? troubleOf(error.code) : "noService";
    }
  }

  async #rest(): Promise<void> {
    await silence(this.#parts.session().token);
    this.state.value = "resting";
  }
}

function troubleOf(code: string): PushState {
  // A station leaves it to the centre, which is asked at the next meeting.
  if (["no_answer", "not_stored", "queue_full", CENTRE_ONLY].includes(code)) return "untold";
  if (code === "not_offered" || code === "no_push") return "notOffered";
  return code === "no_service" ? "noService" : "refused";
}
