/** Bundles told byte by byte (BU); Python runs the same vectors. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BundleRecord, BundleWriter, inPieces, Proving, readBundle } from "../../src/sync/bundle";
import { decode, type Value } from "../../src/sync/canon";
import { opened, readerOf, type SealError } from "../../src/sync/sealed";
import { verify } from "../../src/sync/verify";
import { dataOf, hex } from "./forms";
import { cases, type Told, vectors } from "./incident/labels";

const { origin, pub, manifest, files, reader, readers_point: point } = vectors("bundle");
const WHOLE = dataOf(files[0].file);
const log = { origin, pub: hex(pub), before: [] };

async function found(data: Uint8Array, size = 4_096): Promise<BundleRecord[]> {
  const records: BundleRecord[] = [];
  for await (const record of readBundle(inPieces(data, size), verify)) records.push(record);
  return records;
}
const told = (records: readonly BundleRecord[]) => records.map(({ n, offset, code, kind }) => [n, offset, code, kind]);
const partsOf = (written: string) => decode(hex(written)) as [never, never, never];

describe("a bundle", () => {
  it.each(cases("bundle", "files"))("$story", async ({ file, records }: Told) => {
    for (const size of [1, 37, 1 << 20]) expect(told(await found(dataOf(file), size))).toEqual(records);
  });

  it.each(cases("bundle", "proofs"))("$story", async ({ checkpoint, entry, rests, code }: Told) => {
    const [note, after, proof] = partsOf(checkpoint);
    const [ruling, path] = partsOf(entry);
    const proving = new Proving(log, verify);
    expect(["not_in_log", "bad_ruling"]).toContain(await proving.proven({ ruling, proof: path }));
    expect(await proving.restOn({ note, after, proof })).toBe(rests);
    const proven = await proving.proven({ ruling, proof: path });
    expect(typeof proven === "string" ? proven : "").toBe(code);
  });

  it.each(cases("bundle", "seals"))("sealed: $story", async ({ file, plain, code }: Told) => {
    const key = await readerOf(hex(reader), hex(point));
    for (const size of [1_000, 1 << 20]) {
      const parts: Uint8Array[] = [];
      const told = async (): Promise<string> => {
        for await (const part of opened(inPieces(dataOf(file), size), key)) parts.push(part);
        return "";
      };
      expect(await told().catch((error: SealError) => error.code)).toBe(code);
      expect(Buffer.concat(parts).equals(Buffer.from(dataOf(plain)))).toBe(true);
    }
  });

  it("is written as the witness writes it", async () => {
    const records = await found(WHOLE);
    const writer = new BundleWriter();
    const parts = [await writer.begin((partsOf(manifest) as unknown as [string, never])[1])];
    for (const { kind, value } of records) if (kind === "set") parts.push(await writer.add(kind, value as Value));
    const end = records.at(-1)?.value as { signature: Uint8Array };
    parts.push(await writer.end(async () => end.signature));
    expect(Buffer.concat(parts).toString("hex")).toBe(Buffer.from(WHOLE).toString("hex"));
  });

  it("BU2, BU4: whatever befalls its bytes, it gives only what was put in, and says that something is wrong", async () => {
    const values = (await found(WHOLE)).map(({ value }) => value);
    const harm = fc.tuple(fc.nat(WHOLE.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(harm, async ([at, by, cut]) => {
        const bent = cut ? WHOLE.slice(0, at) : WHOLE.slice();
        if (!cut) bent[at] = (bent[at] ?? 0) ^ by;
        const records = await found(bent);
        expect(records.some(({ code }) => code)).toBe(true);
        for (const { code, value } of records) if (!code) expect(values).toContainEqual(value);
      }),
      { numRuns: 60 },
    );
  });
});
