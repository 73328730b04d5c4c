/**
 * Checking a signature with the platform's own cryptography (SPEC CS3). Mirrors `verify` of `server/keys.py`.
 *
 *     await verify("Ed25519", pub, message, signature)   // false, never an error, for anything ill-formed
 */
import { concat } from "./ids";

const KINDS: Readonly<Record<string, { name: string; namedCurve?: string }>> = {
  Ed25519: { name: "Ed25519" },
  ES256: { name: "ECDSA", namedCurve: "P-256" },
};

/** Whether the signature is the key's own. */
export async function verify(
  alg: string,
  pub: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const kind = Object.hasOwn(KINDS, alg) ? KINDS[alg] : undefined;
  if (!kind || signature.length !== 64) return false;
  // A platform may notice at once that bytes are no key, or find out when it is to use them.
  const key = await crypto.subtle.importKey("raw", concat(pub), kind, false, ["verify"]).catch(() => null);
  if (!key) return false;
  return crypto.subtle.verify({ ...kind, hash: "SHA-256" }, key, concat(signature), concat(message)).catch(() => false);
}

/** Whether this platform can check Ed25519 at all: older browsers cannot, and must not call what they see a forgery. */
export async function knowsEd25519(): Promise<boolean> {
  const key = crypto.subtle.importKey("raw", new Uint8Array(32), { name: "Ed25519" }, false, ["verify"]);
  return key.then(
    () => true,
    (error: unknown) => !(error instanceof DOMException && error.name === "NotSupportedError"),
  );
}
