/**
 * Change sets: the vectors that Python runs too, with the platform's own keys, and the laws of what is written (CS).
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CanonError, decode, encode, type Value } from "../../src/sync/canon";
import {
  type ChangeSet,
  type Circumstances,
  type Draft,
  isRefusal,
  type Op,
  readSet,
  signingBytes,
  type Writer,
  withoutBody,
  write,
} from "../../src/sync/changeset";
import { pack, unpack } from "../../src/sync/clock";
import { type Bytes, toHex } from "../../src/sync/ids";
import { dataOf, hex, valueFrom } from "./forms";
import { cases, type Told } from "./incident/labels";

async function verify(alg: string, pub: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  const kind = alg === "Ed25519" ? { name: "Ed25519" } : { name: "ECDSA", namedCurve: "P-256" };
  // A platform may notice at once that bytes are no key, or find out when it is to use them.
  const key = await crypto.subtle.importKey("raw", pub, kind, false, ["verify"]).catch(() => null);
  return key !== null && crypto.subtle.verify({ ...kind, hash: "SHA-256" }, key, signature, message);
}

async function readable(raw: Uint8Array): Promise<ChangeSet> {
  const read = await readSet(raw);
  if (isRefusal(read)) throw new Error(`${read.refused}: ${read.detail}`);
  return read;
}

describe("a change set", () => {
  it.each(cases("changeset", "written"))("CS1: is written to the byte: $story", async (told: Told) => {
    const { chain, seq, prev, stamp } = told.writer;
    const writer: Writer = { chain: hex(chain), seq, prev: prev && hex(prev), stamp: unpack(hex(stamp)) };
    const now = valueFrom(told.now) as Told;
    const asked: string[] = [];
    const written = await write(writer, valueFrom(told.draft) as unknown as Draft, {
      wallMs: now.wall_ms,
      offsetMs: now.offset_ms,
      mono: now.mono,
      salt: now.salt,
      seen: now.seen,
      beacon: now.beacon,
      continues: now.continues,
      flags: now.flags,
      sign: async (message) => {
        asked.push(toHex(message));
        return hex(told.signature);
      },
    });
    expect(toHex(written.raw)).toBe(told.raw);
    expect(toHex(written.setId)).toBe(told.set);
    expect(asked).toEqual([toHex(signingBytes(hex(told.set)))]);
    expect(written.writer).toMatchObject({ seq: seq + 1, prev: written.setId });
    expect(toHex(pack(written.writer.stamp))).toBe(told.stamp);
  });

  it.each(cases("changeset", "written"))("RD1: loses its words and nothing else: $story", (told: Told) => {
    const head = told.raw.slice(0, told.raw.indexOf(told.signature) + told.signature.length);
    expect(toHex(withoutBody(hex(told.raw)))).toBe(`${head}c0`);
    expect(withoutBody(hex(told.raw.slice(0, 60)))).toEqual(new Uint8Array(0));
  });

  it.each(cases("changeset", "written"))("CS3: is read back and signed: $story", async (told: Told) => {
    const read = await readable(hex(told.raw));
    expect(toHex(read.setId)).toBe(told.set);
    expect(read.body?.ops).toEqual(valueFrom(told.draft.ops));
    expect(await verify(told.alg, hex(told.pub), signingBytes(read.setId), read.signature as Bytes)).toBe(true);
  });

  it.each(cases("changeset", "read"))("$rule: is still read: $story", async ({ raw, set }: Told) => {
    expect(toHex((await readable(dataOf(raw))).setId)).toBe(set);
  });

  it.each(cases("changeset", "refused"))("CS7: $code: $story", async ({ raw, code, canon }: Told) => {
    const read = await readSet(dataOf(raw));
    expect(read).toMatchObject({ refused: code });
    if (canon) expect(read).toMatchObject({ detail: expect.stringMatching(`^${canon} `) });
  });

  it.each(cases("changeset", "newer"))("CS1: is opaque: $story", async ({ raw }: Told) => {
    expect(await readSet(dataOf(raw))).toMatchObject({ refused: "newer_version" });
  });

  it.each(cases("changeset", "signatures"))("$rule: the platform judges alike: $story", async (told: Told) => {
    const held = await verify(told.alg, hex(told.pub), signingBytes(hex(told.set)), hex(told.signature));
    expect(held).toBe(told.holds);
  });

  it("has no bytes when a value has none, and then nothing is signed", async () => {
    const drafted = { ...DRAFT, ops: [{ t: "x", v: 1.5 }] };
    const refused = write(WRITER, drafted, { ...NOW, sign: () => Promise.reject(new Error("signed")) });
    await expect(refused).rejects.toMatchObject({ code: "float" } satisfies Partial<CanonError>);
  });
});

const WRITER: Writer = { chain: new Uint8Array(16), seq: 1, prev: new Uint8Array(32), stamp: { ms: 0, counter: 0 } };
const DRAFT: Omit<Draft, "ops"> = {
  user: new Uint8Array(16),
  scope: "org",
  kind: "incident",
  entity: new Uint8Array(16),
  lane: 0,
};
const NOW: Circumstances = {
  wallMs: 1000,
  offsetMs: 0,
  mono: [new Uint8Array(8), 1],
  salt: new Uint8Array(16),
  sign: async () => new Uint8Array(64),
};
const fields = fc.dictionary(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.oneof(fc.maxSafeInteger(), fc.string({ unit: "grapheme" }), fc.uint8Array(), fc.constantFrom(null, true, false)),
  { maxKeys: 5, noNullPrototype: true },
);
const opLists = fc.array(
  fields.map((rest): Op => ({ ...rest, t: "x" })),
  { minLength: 1, maxLength: 20 },
);

describe("the laws of change sets", () => {
  it("CS1, CS6: a chain is read back as it was written, each set naming the one before", async () => {
    const chains = fc.array(opLists, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(chains, async (actions) => {
        let writer = WRITER;
        for (const ops of actions) {
          const written = await write(writer, { ...DRAFT, ops }, NOW);
          const read = await readable(written.raw);
          expect(read.body?.ops).toEqual(ops);
          expect([read.header.seq, read.header.prev]).toEqual([writer.seq, writer.prev]);
          writer = written.writer;
        }
      }),
    );
  });

  it("CS4, CS7: no byte changes without another id, another signature or a refusal", async () => {
    await fc.assert(
      fc.asyncProperty(opLists, fc.nat(), fc.integer({ min: 1, max: 255 }), async (ops, place, change) => {
        const { raw, setId } = await write(WRITER, { ...DRAFT, ops }, NOW);
        const changed = raw.slice();
        const at = place % raw.length;
        changed[at] = (raw[at] as number) ^ change;
        const read = await readSet(changed);
        const unseen =
          !isRefusal(read) && toHex(read.setId) === toHex(setId) && read.signature.every((byte) => byte === 0);
        expect(unseen).toBe(false);
      }),
    );
  });

  it("ID2, CS4, RD1: neither another signature nor a redaction changes a set's name", async () => {
    const { raw, setId } = await write(WRITER, { ...DRAFT, ops: [{ t: "entry.add", text: "a name" }] }, NOW);
    const [header] = decode(raw) as [Value];
    const redacted = await readable(encode([header, new Uint8Array(64).fill(1), null]));
    expect(toHex(redacted.setId)).toBe(toHex(setId));
    expect(redacted.body).toBeNull();
  });
});
