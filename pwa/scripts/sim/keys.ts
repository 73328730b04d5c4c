/**
 * The part of WebCrypto that `src` uses, done at once: the browser's own works in threads, and what is done in threads ends at
 * a moment nobody chose.
 *
 * Responsible for SHA-256, Ed25519 keys from given chance, and verifying both kinds of signatures. Refuses to make chance.
 *
 *     const { digest } = subtle((size) => new Uint8Array(size));
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** A private key is its seed; a public one its raw bytes. Both can be put into storage. */
interface HeldKey {
  type: "private" | "public";
  raw: Uint8Array;
}

const exact = (data: Uint8Array): ArrayBuffer => new Uint8Array(data).buffer as ArrayBuffer;
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const known = new Map<string, KeyObject>();

function keyOf({ type, raw }: HeldKey): KeyObject {
  const hex = Buffer.from(raw).toString("hex");
  const made = known.get(type + hex) ?? (type === "private" ? privateKey(hex) : publicKey(raw, hex));
  known.set(type + hex, made);
  return made;
}

/** PKCS #8 of an Ed25519 seed (RFC 8410). */
function privateKey(hex: string): KeyObject {
  const der = Buffer.from(`302e020100300506032b657004220420${hex}`, "hex");
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

/** Raw Ed25519 keys have 32 bytes, uncompressed points of P-256 have 65. */
function publicKey(raw: Uint8Array, hex: string): KeyObject {
  if (raw.length === 32) {
    const der = Buffer.from(`302a300506032b6570032100${hex}`, "hex");
    return createPublicKey({ key: der, format: "der", type: "spki" });
  }
  const point = { kty: "EC", crv: "P-256", x: base64(raw.subarray(1, 33)), y: base64(raw.subarray(33)) };
  return createPublicKey({ key: point, format: "jwk" });
}

export function subtle(draw: (size: number) => Uint8Array): object {
  return {
    digest: async (_name: unknown, data: Uint8Array) => exact(createHash("sha256").update(data).digest()),
    generateKey: async () => {
      const raw = draw(32);
      const open = createPublicKey(keyOf({ type: "private", raw })).export({ format: "der", type: "spki" });
      return { privateKey: { type: "private", raw }, publicKey: { type: "public", raw: open.subarray(-32) } };
    },
    exportKey: async (_form: string, { raw }: HeldKey) => exact(raw),
    importKey: async (_form: string, raw: Uint8Array) => ({ type: "public", raw: new Uint8Array(raw) }),
    sign: async (_name: unknown, key: HeldKey, data: Uint8Array) => exact(sign(null, data, keyOf(key))),
    verify: async (_name: unknown, key: HeldKey, signature: Uint8Array, data: Uint8Array) =>
      key.raw.length === 32
        ? verify(null, data, keyOf(key), signature)
        : verify("sha256", data, { key: keyOf(key), dsaEncoding: "ieee-p1363" }, signature),
  };
}
