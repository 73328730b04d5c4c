/**
 * Making this browser a device: a new key, a one-time code, and the first set of a new chain.
 *
 * Responsible for: Ed25519, or P-256 where a browser lacks it, never extractable; presenting the public half with the code;
 * writing key, person and organisation together; opening the chain. Refuses to forget: records of an earlier enrolment stay
 * and are sent. An attempt that got no answer can be repeated with the same code, because the key is kept for it.
 *
 *     const attempt = await newAttempt();
 *     const session = await enrol(attempt, { code: "7K4Q2-M9D3X", label: "苏和的手机" }, { vault, clock, app });
 */
import { chainOpenOp } from "../sync/changeset";
import { chainId, toHex } from "../sync/ids";
import type { Clock } from "./now";
import type { OrgSnapshot } from "./org";
import { type DeviceSession, keptSession, sessionMeta } from "./session";
import type { KeyRecord, Vault } from "./vault";
import type { Draft } from "./writer";

/** Why this browser cannot become a device now: the problem's code, or `no_answer`, `insecure`. */
export class EnrolRefused extends Error {
  override name = "EnrolRefused";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Attempt {
  alg: "Ed25519" | "ES256";
  privateKey: CryptoKey;
  publicKey: Uint8Array;
  nonce: Uint8Array;
}

interface EnrolAnswer {
  token: string;
  chain: string;
  person: DeviceSession["person"];
  server: DeviceSession["server"];
  org: OrgSnapshot;
  now_ms: number;
}

async function keyPair(): Promise<{ alg: Attempt["alg"]; pair: CryptoKeyPair }> {
  try {
    const pair = (await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])) as CryptoKeyPair;
    return { alg: "Ed25519", pair };
  } catch {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    return { alg: "ES256", pair };
  }
}

/** The key as the vault keeps it, with the chain that follows from it. */
export async function keyFor(attempt: Attempt, clock: Clock): Promise<KeyRecord> {
  const chain = toHex(await chainId(attempt.publicKey, attempt.nonce));
  return { chain, ...attempt, createdAtMs: clock.nowMs() };
}

/** The key of the chain that waits for another's place, so that what was written on it counts; null when none waits. */
export async function waitingAttempt(vault: Vault): Promise<Attempt | null> {
  const session = await keptSession(vault);
  return session?.insteadOf ? vault.key(session.chain) : null;
}

/** A key for one enrolment. Keep it until the server has answered. */
export async function newAttempt(): Promise<Attempt> {
  if (!globalThis.crypto?.subtle) throw new EnrolRefused("insecure", "keys need a secure address (https)");
  const { alg, pair } = await keyPair();
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { alg, privateKey: pair.privateKey, publicKey, nonce: crypto.getRandomValues(new Uint8Array(16)) };
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

async function ask(
  attempt: Attempt,
  said: { code: string; label: string; continues: string | null },
  app: string,
): Promise<EnrolAnswer> {
  let response: Response;
  try {
    response = await fetch("/api/enrol", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(20_000),
      body: JSON.stringify({
        ...said,
        app,
        alg: attempt.alg,
        pub: base64Url(attempt.publicKey),
        nonce: base64Url(attempt.nonce),
      }),
    });
  } catch {
    throw new EnrolRefused("no_answer", "no answer came");
  }
  const answer = (await response.json().catch(() => null)) as (EnrolAnswer & { code?: string; title?: string }) | null;
  if (!answer) throw new EnrolRefused("no_answer", "somebody else answered");
  // A station answers, and its line to the centre is down.
  const code = answer.code === "centre_away" ? "no_answer" : answer.code;
  if (!response.ok) throw new EnrolRefused(code ?? `http_${response.status}`, answer.title ?? "");
  return answer;
}

export async function enrol(
  attempt: Attempt,
  said: { code: string; label: string },
  device: { vault: Vault; clock: Clock; app: string },
): Promise<DeviceSession> {
  const { vault, clock, app } = device;
  const key = await keyFor(attempt, clock);
  const before = await keptSession(vault);
  const continues = (before?.chain === key.chain && before.insteadOf) || null;
  const answer = await ask(attempt, { ...said, continues }, app);
  if (answer.chain !== key.chain) throw new EnrolRefused("other_chain", "the server enrolled another chain");
  const { token, person, server } = answer;
  const session: DeviceSession = {
    token,
    chain: answer.chain,
    label: said.label,
    person,
    server,
    enrolledAtMs: clock.nowMs(),
  };
  await vault.enrol(key, { ...sessionMeta(session), org: answer.org, duty: { on: true, sinceMs: clock.nowMs() } });
  askToKeep();
  return session;
}

/** Ask the browser not to clear this storage on its own. It may take its time or say no; nothing waits for it. */
function askToKeep(): void {
  if (typeof navigator !== "undefined") void navigator.storage?.persist?.().catch(() => false);
}

/** The first set of the chain (CS5). */
export function openingDraft(key: KeyRecord, app: string): Draft {
  return {
    entity: key.chain,
    kind: "chain",
    scope: `device:${key.chain}`,
    lane: 1,
    ops: [chainOpenOp(key.alg, key.publicKey, key.nonce, app)],
  };
}
