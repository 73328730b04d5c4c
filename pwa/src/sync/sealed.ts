/**
 * Sealed files: a bundle that only those it is for can read (SPEC BU8). Mirrors `sync/sealed.py`, and computes the ciphers
 * with the platform's own: HPKE (RFC 9180) for the content key, AES-256-GCM for the content.
 *
 *     for await (const piece of sealedTo(bundle, [centre], key)) …
 *     for await (const piece of opened(file.stream(), reader)) …       // throws SealError where it is for others
 */
import { Pieces } from "./bundle";
import { CanonError, decode, encode, type Value } from "./canon";
import { type Bytes, concat, equalBytes, taggedHash } from "./ids";

const utf8 = new TextEncoder();
export const SEALED_MAGIC: Bytes = utf8.encode("ortoo/sealed/1\n");
const INFO = utf8.encode("ortoo/sealed/1");
const PIECE_BYTES = 16_384;
const TAG_BYTES = 16;
const POINT_BYTES = 65;
const WRAPPED_BYTES = POINT_BYTES + 32 + TAG_BYTES;
const ID_BYTES = 8;
const RECIPIENTS_MAX = 16;
const CURVE = { name: "ECDH", namedCurve: "P-256" } as const;

/** A key that files are sealed to: the private half, and the public one as 65 bytes. */
export interface Reader {
  readonly privateKey: CryptoKey;
  readonly pub: Uint8Array;
}

export type SealCode = "bad_seal_header" | "sealed_to_others";

/** A file that cannot be opened here. */
export class SealError extends Error {
  override name = "SealError";
  readonly code: SealCode;
  constructor(code: SealCode) {
    super(code);
    this.code = code;
  }
}

/** A fresh key, whose private half nobody can take out of this browser. */
export async function freshReader(): Promise<Reader> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  return { privateKey, pub: new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)) };
}

/** The key of this private number, for tests and tools. */
export async function readerOf(scalar: Uint8Array, pub: Uint8Array): Promise<Reader> {
  const part = (bytes: Uint8Array): string =>
    btoa(String.fromCharCode(...bytes))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");
  const jwk = { kty: "EC", crv: "P-256", d: part(scalar), x: part(pub.subarray(1, 33)), y: part(pub.subarray(33)) };
  return { privateKey: await crypto.subtle.importKey("jwk", jwk, CURVE, false, ["deriveBits"]), pub };
}

// ---- HPKE, base mode, of one message (RFC 9180 sections 4.1, 5.1, 6.1) ------------------------------------------

const KEM = concat(utf8.encode("KEM"), Uint8Array.of(0, 0x10));
const SUITE = concat(utf8.encode("HPKE"), Uint8Array.of(0, 0x10, 0, 1, 0, 2));
const VERSION = utf8.encode("HPKE-v1");
const NOTHING = new Uint8Array(0);

async function hmac(key: Uint8Array, data: Bytes): Promise<Bytes> {
  // An empty key is as many zeros as the hash has bytes; the platform takes no empty one.
  const raw = key.length > 0 ? concat(key) : new Uint8Array(32);
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}
const extract = (suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Promise<Bytes> =>
  hmac(salt, concat(VERSION, suite, utf8.encode(label), ikm));
async function expand(suite: Uint8Array, prk: Uint8Array, label: string, info: Uint8Array, size: number) {
  const said = concat(Uint8Array.of(0, size), VERSION, suite, utf8.encode(label), info, Uint8Array.of(1));
  return (await hmac(prk, said)).slice(0, size);
}

const pointOf = (pub: Uint8Array): Promise<CryptoKey> => crypto.subtle.importKey("raw", concat(pub), CURVE, false, []);
const aes = (key: Bytes, use: "encrypt" | "decrypt"): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", key, "AES-GCM", false, [use]);

/** Key and nonce that both ends come to from what the one or the other holds. */
async function scheduled(privateKey: CryptoKey, other: Uint8Array, enc: Uint8Array, pub: Uint8Array) {
  const dh = new Uint8Array(
    await crypto.subtle.deriveBits({ name: "ECDH", public: await pointOf(other) }, privateKey, 256),
  );
  const prk = await extract(KEM, NOTHING, "eae_prk", dh);
  const shared = await expand(KEM, prk, "shared_secret", concat(enc, pub), 32);
  const hashes = [
    await extract(SUITE, NOTHING, "psk_id_hash", NOTHING),
    await extract(SUITE, NOTHING, "info_hash", INFO),
  ];
  const context = concat(Uint8Array.of(0), ...hashes);
  const secret = await extract(SUITE, shared, "secret", NOTHING);
  return {
    key: await expand(SUITE, secret, "key", context, 32),
    iv: await expand(SUITE, secret, "base_nonce", context, 12),
  };
}

async function wrap(key: Bytes, pub: Uint8Array): Promise<Bytes> {
  const fresh = await freshReader();
  const to = await scheduled(fresh.privateKey, pub, fresh.pub, pub);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: to.iv }, await aes(to.key, "encrypt"), key);
  return concat(fresh.pub, new Uint8Array(sealed));
}

async function unwrap(wrapped: Uint8Array, { privateKey, pub }: Reader): Promise<Bytes | null> {
  const enc = wrapped.subarray(0, POINT_BYTES);
  try {
    const { key, iv } = await scheduled(privateKey, enc, enc, pub);
    const data = concat(wrapped.subarray(POINT_BYTES));
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await aes(key, "decrypt"), data));
  } catch {
    return null; // changed, or no point of the curve
  }
}

// ---- the file ---------------------------------------------------------------------------------------------------

export const keyId = async (pub: Uint8Array): Promise<Bytes> =>
  (await taggedHash("ortoo/bundle/key/1", pub)).slice(0, ID_BYTES);

function nonce(number: number, isLast: boolean): Bytes {
  const iv = new Uint8Array(12);
  new DataView(iv.buffer).setUint32(7, number);
  iv[11] = isLast ? 1 : 0;
  return iv;
}

/** The bytes of a file sealed to these keys. `key`: 32 random bytes. */
export async function* sealedTo(
  source: AsyncIterable<Uint8Array>,
  pubs: readonly Uint8Array[],
  key: Bytes,
): AsyncGenerator<Bytes> {
  const recipients: Value[] = [];
  for (const pub of pubs) recipients.push([await keyId(pub), await wrap(key, pub)]);
  const header = encode(recipients);
  yield concat(SEALED_MAGIC, Uint8Array.of(header.length >> 8, header.length & 0xff), header);
  const additionalData = await taggedHash("ortoo/sealed/1", header);
  const cipher = await aes(key, "encrypt");
  const pieces = new Pieces(source);
  for (let number = 0, isLast = false; !isLast; number++) {
    const plain = await pieces.takeMost(PIECE_BYTES);
    isLast = await pieces.isOver();
    const how = { name: "AES-GCM", iv: nonce(number, isLast), additionalData };
    yield new Uint8Array(await crypto.subtle.encrypt(how, cipher, concat(plain)));
  }
}

/** What was sealed, up to the first piece that is missing or does not open. Throws `SealError`. */
export async function* opened(source: AsyncIterable<Uint8Array>, reader: Reader): AsyncGenerator<Bytes> {
  const pieces = new Pieces(source);
  const begun = await pieces.take(SEALED_MAGIC.length + 2);
  if (!begun || !equalBytes(begun.subarray(0, SEALED_MAGIC.length), SEALED_MAGIC))
    throw new SealError("bad_seal_header");
  const [high = 0, low = 0] = begun.subarray(SEALED_MAGIC.length);
  const header = await pieces.take(high * 256 + low);
  const recipients = header && recipientsIn(header);
  if (!recipients) throw new SealError("bad_seal_header");
  const id = await keyId(reader.pub);
  let key: Bytes | null = null;
  for (const [at, wrapped] of recipients) if (!key && equalBytes(at, id)) key = await unwrap(wrapped, reader);
  if (key?.length !== 32) throw new SealError("sealed_to_others");
  const additionalData = await taggedHash("ortoo/sealed/1", header);
  const cipher = await aes(key, "decrypt");
  for (let number = 0, isLast = false; !isLast; number++) {
    const data = await pieces.takeMost(PIECE_BYTES + TAG_BYTES);
    isLast = await pieces.isOver();
    const how = { name: "AES-GCM", iv: nonce(number, isLast), additionalData };
    const plain = await crypto.subtle.decrypt(how, cipher, concat(data)).catch(() => null);
    if (!plain) return;
    yield new Uint8Array(plain);
  }
}

function recipientsIn(header: Uint8Array): [Uint8Array, Uint8Array][] | null {
  try {
    const said = decode(header);
    if (!Array.isArray(said) || said.length < 1 || said.length > RECIPIENTS_MAX) return null;
    const isPair = (one: Value): boolean =>
      Array.isArray(one) &&
      one.length === 2 &&
      one.every((part, at) => part instanceof Uint8Array && part.length === [ID_BYTES, WRAPPED_BYTES][at]);
    return said.every(isPair) ? (said as [Uint8Array, Uint8Array][]) : null;
  } catch (error) {
    if (error instanceof CanonError) return null;
    throw error;
  }
}
