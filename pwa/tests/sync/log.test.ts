/** The log as a tree, its checkpoints, and the devices that watch it; Python runs the same vectors (TL). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256, toHex } from "../../src/sync/ids";
import { EMPTY_ROOT, isConsistent, nodeHash, rootBefore, rootFromInclusion } from "../../src/sync/merkle";
import { fingerprint, isSigned, keyId, NoteError, readCheckpoint, readNote, verifierKey } from "../../src/sync/note";
import { ENTITY_HEAD_ZERO, entityHead } from "../../src/sync/rulings";
import { verify } from "../../src/sync/verify";
import { type Held, judge, logOf } from "../../src/sync/witness";
import { hex } from "./forms";
import { cases, type Told } from "./incident/labels";

const hexes = (written: string[]) => written.map(hex);
const codeOf = (read: () => unknown): string | null => {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof NoteError) return error.code;
    throw error;
  }
};

/** The root over a list of leaves by the definition of RFC 6962, the slow way. */
async function rootOf(leaves: readonly Uint8Array[]): Promise<Uint8Array> {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let middle = 1;
  while (middle * 2 < leaves.length) middle *= 2;
  return nodeHash(await rootOf(leaves.slice(0, middle)), await rootOf(leaves.slice(middle)));
}

describe("the tree", () => {
  it.each(cases("log", "trees"))("$story", async ({ leaves, root }: Told) => {
    expect(toHex(await rootOf(hexes(leaves)))).toBe(root);
  });

  it.each(cases("log", "inclusion"))("$story", async ({ index, size, leaf, proof, root, before }: Told) => {
    expect(toHex((await rootFromInclusion(index, size, hex(leaf), hexes(proof))) ?? hex(""))).toBe(root);
    expect(toHex((await rootBefore(index, size, hex(leaf), hexes(proof))) ?? hex(""))).toBe(before);
  });

  it.each(cases("log", "inclusion_refused"))("$story", async ({ index, size, leaf, proof, root }: Told) => {
    const led = await rootFromInclusion(index, size, hex(leaf), hexes(proof));
    expect(led && toHex(led)).not.toBe(root);
  });

  it.each(cases("log", "consistency"))("$story", async ({ first, first_root, size, root, proof, holds }: Told) => {
    expect(await isConsistent(first, hex(first_root), size, hex(root), hexes(proof))).toBe(holds);
  });

  it("TL2, TL3: sizes past 2^32 are reckoned like small ones", async () => {
    const far = 2 ** 40;
    const leaf = hex("11".repeat(32));
    const sibling = hex("22".repeat(32));
    // The last entry of 2^40 + 1 stands alone: one sibling leads to the root.
    const root = await nodeHash(sibling, leaf);
    expect(toHex((await rootFromInclusion(far, far + 1, leaf, [sibling])) ?? hex(""))).toBe(toHex(root));
    expect(await isConsistent(far, sibling, far + 1, root, [leaf])).toBe(true);
    expect(await isConsistent(far, leaf, far + 1, root, [leaf])).toBe(false);
  });

  it("TL2: a proof of random siblings leads to no root twice", async () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    await fc.assert(
      fc.asyncProperty(hash, fc.array(hash, { minLength: 1, maxLength: 6 }), fc.nat(63), async (leaf, proof, index) => {
        const size = 2 ** proof.length;
        const at = index % size;
        const led = await rootFromInclusion(at, size, leaf, proof);
        expect(led).not.toBeNull();
        const other = await rootFromInclusion(at, size, await sha256(new Uint8Array(leaf)), proof);
        expect(other).not.toEqual(led);
        expect(await rootFromInclusion(at, size, leaf, proof.slice(1))).toBeNull();
      }),
      { numRuns: 60 },
    );
  });
});

describe("notes", () => {
  it.each(cases("log", "keys"))("$story", async ({ name, pub, id, key, fingerprint: told }: Told) => {
    expect(toHex(await keyId(name, hex(pub)))).toBe(id);
    expect(await verifierKey(name, hex(pub))).toBe(key);
    expect(await fingerprint(hex(pub))).toBe(told);
  });

  it.each(cases("log", "notes"))("$story", async ({ note, name, pub, holds }: Told) => {
    expect(await isSigned(readNote(note), name, hex(pub), verify)).toBe(holds);
  });

  it.each(cases("log", "notes_refused"))("$story", ({ note }: Told) => {
    expect(codeOf(() => readNote(note))).toBe("bad_note");
  });

  it.each(cases("log", "checkpoints"))("$story", ({ text, origin, size, root, extensions }: Told) => {
    const read = readCheckpoint(text);
    expect({ ...read, root: toHex(read.root) }).toEqual({ origin, size, root, extensions });
  });

  it.each(cases("log", "checkpoints_refused"))("$story", ({ text }: Told) => {
    expect(codeOf(() => readCheckpoint(text))).toBe("bad_checkpoint");
  });

  it("TL5: any text is a note or refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (head, tail) => {
        for (const text of [head, `${head}\n\n— ${tail}\n`, `${head}\n\n— ${tail} AAAAAAAA\n`])
          expect([null, "bad_note"]).toContain(codeOf(() => readNote(text)));
      }),
    );
  });
});

describe("a witness", () => {
  const pub = hex(cases("log", "keys")[0].pub);
  it.each(cases("log", "witness"))("$story", async ({ server, held, note, proof, row, result }: Told) => {
    const lost = row.lost.map((epoch: string) => ({ epoch: hex(epoch) }));
    const log = logOf(hex(server), { pub: hex(row.pub), epoch: hex(row.epoch), lost });
    if (!log) throw new Error("the row names a log");
    let before: Held | null = null;
    if (held) before = { ...readCheckpoint(readNote(held).text), pub, note: held };
    const found = await judge(before, note, hexes(proof), { log, verify });
    expect(typeof found === "string" ? found : found.size).toBe(result);
  });

  it("TL8: a row of another shape names no log", () => {
    expect(logOf(new Uint8Array(16), { pub: "key", epoch: new Uint8Array(8) })).toBeNull();
  });
});

it("TL10: each ruling names those before it", async () => {
  let head: Uint8Array = ENTITY_HEAD_ZERO;
  for (const { eh, leaf } of cases("log", "entities")) {
    expect(toHex(head)).toBe(eh);
    head = await entityHead(head, hex(leaf));
  }
});
