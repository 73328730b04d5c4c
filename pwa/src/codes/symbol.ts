/**
 * Bytes as a QR code, and the bytes of a code in a picture. The library speaks of text; here each character is a byte.
 *
 *     const modules = symbolOf(frame);     // rows of dark and light, with the quiet zone around them
 *     const frame = bytesIn(picture);      // null where no code can be read
 */
import encodeQR from "qr";
import decodeQR from "qr/decode.js";

/** 69 × 69 modules, 425 bytes at the lowest correction; each code of a file has the same size, so that nothing jumps. */
const VERSION = 13;
const QUIET = 4;
/** Modules on a side, quiet zone included. */
export const SIDE = 17 + 4 * VERSION + 2 * QUIET;

/** Throws for more than 425 bytes. */
export function symbolOf(bytes: Uint8Array): boolean[][] {
  const textEncoder = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));
  const how = { version: VERSION, ecc: "low", border: QUIET, encoding: "byte", textEncoder } as const;
  return encodeQR(String.fromCharCode(...bytes), "raw", how);
}

/** The bytes of a code of any kind in a picture. Codes that hold text give its bytes. */
export function bytesIn(picture: ImageData): Uint8Array | null {
  try {
    const text = decodeQR(picture, { textDecoder: (bytes) => String.fromCharCode(...bytes) });
    return Uint8Array.from(text, (one) => one.charCodeAt(0));
  } catch {
    return null; // blurred, half of one, or the wall behind it: the next picture
  }
}
