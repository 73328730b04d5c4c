/**
 * A file in pieces that fit into one QR code each (SPEC BU10), shown one after the other, round and round.
 *
 * Responsible for cutting a file into frames and for gathering frames, in any order, into the file. Refuses to know what is
 * in the file, and cameras and screens: `CodeLoop.vue` shows frames, `CodeReader.vue` reads them.
 *
 *     const frames = await framesOf(file);      // null: it is too much to be shown
 *     gathering.take(frame);                    // "foreign", "taken" or "whole"
 *     await gathering.file();                   // the bytes, null where they are not what was shown
 */
import { type Bytes, concat, equalBytes, taggedHash, toHex } from "../sync/ids";

const MAGIC = new TextEncoder().encode("ortoo/code/1\n");
const ID_BYTES = 8;
const HEAD_BYTES = MAGIC.length + ID_BYTES + 2;
/** With its head it fills a code of 69 × 69 modules, coarse enough for the camera of an old laptop. */
export const PIECE_BYTES = 400;
/** 32 000 bytes: at five frames a second a round of 16 seconds, about as long as a hand is held still. */
export const MOST_FRAMES = 80;

const nameOf = async (file: Uint8Array): Promise<Bytes> => (await taggedHash("ortoo/code/1", file)).slice(0, ID_BYTES);

/** The frames of a file; null where there would be more than `MOST_FRAMES`. */
export async function framesOf(file: Uint8Array): Promise<Bytes[] | null> {
  const count = Math.ceil(file.length / PIECE_BYTES);
  if (count < 1 || count > MOST_FRAMES) return null;
  const id = await nameOf(file);
  return Array.from({ length: count }, (_, n) =>
    concat(MAGIC, id, Uint8Array.of(n, count), file.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES)),
  );
}

/** Frames of one file as they are read. A frame of another file begins anew: the camera was turned to another screen. */
export class Gathering {
  #of: Uint8Array | null = null;
  #pieces: (Uint8Array | undefined)[] = [];

  /** Frames there are of the file; 0 before the first was read. */
  get count(): number {
    return this.#pieces.length;
  }
  /** Which of them were read, in their order. */
  get have(): boolean[] {
    return Array.from(this.#pieces, Boolean);
  }

  /** What the frames call the file, in hex. */
  get name(): string {
    return toHex(this.#of ?? new Uint8Array(0));
  }

  /** `foreign`: a code that is no frame. `whole`: all frames are there. */
  take(frame: Uint8Array): "foreign" | "taken" | "whole" {
    const [n = 0, count = 0] = frame.subarray(HEAD_BYTES - 2);
    const isOne = equalBytes(frame.subarray(0, MAGIC.length), MAGIC) && frame.length > HEAD_BYTES && n < count;
    if (!isOne) return "foreign";
    const of = frame.subarray(MAGIC.length, HEAD_BYTES - 2);
    if (!this.#of || !equalBytes(of, this.#of) || count !== this.count) {
      this.#of = of.slice();
      this.#pieces = Array.from({ length: count });
    }
    this.#pieces[n] = frame.slice(HEAD_BYTES);
    return this.#pieces.every(Boolean) ? "whole" : "taken";
  }

  /** The file, once it is whole. Null where it does not match its name: a frame was misread, and it begins anew. */
  async file(): Promise<Bytes | null> {
    const file = concat(...this.#pieces.map((piece) => piece ?? new Uint8Array(0)));
    if (this.#of && equalBytes(await nameOf(file), this.#of)) return file;
    this.#of = null;
    this.#pieces = [];
    return null;
  }
}
