/**
 * Canonical bytes: the strict MessagePack profile under every hash and signature (SPEC CB). Mirrors `sync/canon.py`; the
 * vectors in `tests/vectors/canon.json` decide.
 *
 * The one door to it: values and the error from `canonValue`, writing from `canonWrite`, reading from `canonRead`.
 *
 *     toHex(encode({ b: 1, a: [true, null] }))   // "82a16192c3c0a16201"
 *     decode(fromHex("cc05"))                    // throws CanonError not_shortest at byte 0
 */
export { decode, decodeMessage } from "./canonRead";
export { type CanonCode, CanonError, compareBytes, DEPTH_MAX, TEXT_BYTES_MAX, type Value } from "./canonValue";
export { encode } from "./canonWrite";
