/**
 * A set is its bytes: named by what was received, once is enough, two at one place are two, and a chain belongs to the key
 * that its name was made of (CB7, CS5, CS8). Mirrors `tests/sync/test_identity.py`.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decode } from "../../src/sync/canon";
import { type ChangeSet, chainOpenOp, type Draft, isRefusal, readSet, write } from "../../src/sync/changeset";
import { ZERO } from "../../src/sync/clock";
import { itemsOf } from "../../src/sync/fold";
import { chainId, toHex } from "../../src/sync/ids";
import { IncidentState } from "../../src/sync/incident/state";
import { dataOf, hex } from "./forms";
import { cases, type Told } from "./incident/labels";

const ENTITY = new Uint8Array(16).fill(0x11);
const PERSON = new Uint8Array(16).fill(0x55);

const now = {
  wallMs: 1_700_000_000_000,
  offsetMs: 0,
  mono: [new Uint8Array(8), 0] as const,
  salt: new Uint8Array(16),
  sign: async () => new Uint8Array(64),
};

/** A note at one place of one chain, as read. */
async function note(text: string): Promise<ChangeSet> {
  const writer = { chain: PERSON, seq: 1, prev: new Uint8Array(32), stamp: ZERO };
  const ops = [{ t: "entry.add", kind: "note", text }];
  const draft: Draft = { user: PERSON, scope: "org", kind: "incident", entity: ENTITY, ops, lane: 0 };
  const read = await readSet((await write(writer, draft, now)).raw);
  if (isRefusal(read)) throw new Error(read.detail);
  return read;
}

async function sha256(tag: string, data: Uint8Array): Promise<string> {
  const tagged = Buffer.concat([Buffer.from(`${tag}\0`), data]);
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", tagged)));
}

describe("CB7: a name is the hash of the bytes as they came", () => {
  it.each([...cases("changeset", "written"), ...cases("changeset", "read")])("$story", async (told: Told) => {
    const raw = dataOf(told.raw);
    const [header, , body] = decode(raw) as [Uint8Array, Uint8Array, Uint8Array | null];
    const read = await readSet(raw);
    if (isRefusal(read)) throw new Error(read.detail);
    expect(toHex(read.setId)).toBe(await sha256("ortoo/set/1", header));
    if (body !== null) expect(toHex(read.header.bodyHash)).toBe(await sha256("ortoo/body/1", body));
  });
});

describe("CS8", () => {
  it("a set that comes again is known by its name", async () => {
    const texts = fc.array(fc.constantFrom("到了", "在路上"), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, async (said) => {
        const state = new IncidentState(ENTITY);
        for (const text of said) state.add(itemsOf(await note(text), null));
        const shown = state.view().entries.map(({ text }) => text);
        expect(shown.sort()).toEqual([...new Set(said)].sort());
      }),
      { numRuns: 30 },
    );
  });

  it("two sets at one place of a chain are two, and both are kept", async () => {
    const sets = [await note("到了"), await note("在路上")];
    const state = new IncidentState(ENTITY);
    state.add(sets.flatMap((one) => itemsOf(one, null)));
    expect(new Set(sets.map(({ header }) => `${toHex(header.chain)} ${header.seq}`)).size).toBe(1);
    expect(state.view().entries).toHaveLength(2);
  });
});

it("CS5: nobody opens a chain whose name was not made of their key and nonce", async () => {
  const nonce = new Uint8Array(16).fill(7);
  const pub = hex("04".padEnd(130, "a"));
  const chain = await chainId(pub, nonce);
  const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constant(nonce), bytes16), fc.nat(64), async (told, flipped) => {
      const key = pub.slice();
      key[flipped] = (key[flipped] as number) ^ (flipped === 0 ? 0 : 1);
      const ops = [chainOpenOp("ES256", key, told, "test/1")];
      const draft: Draft = { user: PERSON, scope: "org", kind: "chain", entity: chain, ops, lane: 0 };
      const read = await readSet((await write({ chain, seq: 0, prev: null, stamp: ZERO }, draft, now)).raw);
      const own = flipped === 0 && toHex(told) === toHex(nonce);
      expect(isRefusal(read) ? read.refused : null).toBe(own ? null : "bad_chain_open");
    }),
  );
});
