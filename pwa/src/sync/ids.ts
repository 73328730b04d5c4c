/**
 * Identifiers and tagged hashes (SPEC ID). Mirrors `sync/ids.py`. Makes no random ids; chance is handed in.
 *
 *     await chainId(new Uint8Array(32), new Uint8Array(16))   // 9e5d0332…
 */

export type Bytes = Uint8Array<ArrayBuffer>;

const ascii = new TextEncoder();

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

/** SHA-256 over `ascii(tag) ‖ 0x00 ‖ parts`, 32 bytes. One tag per purpose. */
export function taggedHash(tag: string, ...parts: readonly Uint8Array[]): Promise<Bytes> {
  return sha256(concat(ascii.encode(tag), Uint8Array.of(0), ...parts));
}

/** The identity of a set: a hash of its header bytes, never of its signature (ID2). */
export const setId = (headerBytes: Uint8Array): Promise<Bytes> => taggedHash("ortoo/set/1", headerBytes);

/** What the header says of the body, 32 bytes (ID4). */
export const bodyHash = (bodyBytes: Uint8Array): Promise<Bytes> => taggedHash("ortoo/body/1", bodyBytes);

/** 16 bytes from a public key and a 16-byte nonce (ID3). */
export async function chainId(publicKey: Uint8Array, nonce: Uint8Array): Promise<Bytes> {
  return (await taggedHash("ortoo/chain/1", publicKey, nonce)).slice(0, 16);
}

/** 17 bytes: the first 16 of the set id and the op's index (ID5). */
export function opId(ofSet: Uint8Array, index: number): Bytes {
  return concat(ofSet.subarray(0, 16), Uint8Array.of(index));
}

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The bytes of an id written in lower-case hex. Throws for any other text or length. */
export function fromHex(text: string, size = 16): Bytes {
  if (!/^(?:[0-9a-f]{2})*$/.test(text) || text.length !== size * 2)
    throw new Error(`expected ${size} bytes as lower-case hex`);
  return Uint8Array.from({ length: size }, (_, i) => Number.parseInt(text.slice(i * 2, i * 2 + 2), 16));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
