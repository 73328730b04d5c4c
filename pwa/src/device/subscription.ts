/**
 * The browser's Web Push subscription, and the centre's knowledge of it. For the pages and the service worker alike.
 *
 * Responsible for: a subscription made with the centre's key, the centre told of it, and both undone. Refuses to ask
 * for permission and to know who wants it. A vendor's push service that is out of reach neither answers nor fails, so
 * every wait here ends.
 *
 *     await ensure(registration.pushManager, session.token);      // throws PushTrouble
 */

/** Why there is no push here: a problem's code, `no_answer`, `no_service` (the browser's own), or `not_offered`. */
export class PushTrouble extends Error {
  override name = "PushTrouble";
  readonly code: string;
  constructor(code: string, options?: ErrorOptions) {
    super(code, options);
    this.code = code;
  }
}

/** What of a browser's push manager is used here. */
export type Manager = Pick<PushManager, "getSubscription" | "subscribe">;

export interface Tested {
  test: string;
  taken: boolean;
  why: string;
}

const ANSWER_MS = 15_000;
/** A browser that has heard nothing of its vendor's service by then will not hear it soon. */
export const SERVICE_MS = 10_000;

async function ask<T>(token: string, method: string, path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/push/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", accept: "application/json" },
      credentials: "omit",
      redirect: "error",
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_MS),
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (error) {
    throw new PushTrouble("no_answer", { cause: error });
  }
  if (response.status === 204) return undefined as T;
  const answer = (await response.json().catch(() => null)) as (T & { code?: string }) | null;
  if (!answer) throw new PushTrouble("no_answer"); // somebody else answered
  if (!response.ok) throw new PushTrouble(answer.code ?? `http_${response.status}`);
  return answer;
}

const base64Url = (bytes: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

/** The subscription with the centre's key: the one there is, or a fresh one in its place. */
async function subscribe(manager: Manager, key: string): Promise<PushSubscription> {
  const kept = await manager.getSubscription();
  const keptKey = kept?.options.applicationServerKey;
  if (kept && keptKey && base64Url(keptKey) === key) return kept;
  await kept?.unsubscribe();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PushTrouble("no_service")), SERVICE_MS);
  });
  try {
    return await Promise.race([manager.subscribe({ userVisibleOnly: true, applicationServerKey: key }), late]);
  } catch (error) {
    throw error instanceof PushTrouble ? error : new PushTrouble("no_service", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Make sure that there is a subscription with the centre's key, and that the centre has it. Throws `PushTrouble`. */
export async function ensure(manager: Manager, token: string): Promise<void> {
  const { key } = await ask<{ key: string | null }>(token, "GET", "key");
  if (!key) throw new PushTrouble("not_offered");
  const { endpoint, keys } = (await subscribe(manager, key)).toJSON();
  await ask(token, "PUT", "subscription", { endpoint, p256dh: keys?.["p256dh"], auth: keys?.["auth"] });
}

/** The centre knocks no more; the browser's subscription stays for when it shall again. Throws `PushTrouble`. */
export const silence = (token: string): Promise<void> => ask(token, "DELETE", "subscription");

/** Have the centre send a test. Throws `PushTrouble`. */
export const sendTest = (token: string): Promise<Tested> => ask(token, "POST", "test");

/** End the browser's subscription, whatever the centre knows: what is still sent there ends at the push service. */
export async function drop(): Promise<void> {
  const worker = typeof navigator === "undefined" ? undefined : navigator.serviceWorker;
  const registration = await worker?.getRegistration().catch(() => undefined);
  const kept = await registration?.pushManager?.getSubscription().catch(() => null);
  await kept?.unsubscribe().catch(() => false);
}
