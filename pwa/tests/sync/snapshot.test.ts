/** Snapshots as a phone reads them; Python runs the same vectors (SN). */
import { describe, expect, it } from "vitest";
import { encode } from "../../src/sync/canon";
import { toHex } from "../../src/sync/ids";
import { itemsOfRecord, readSnapshot, recordsIn, snapshotHash } from "../../src/sync/snapshot";
import { hex, valueFrom } from "./forms";
import { cases, type Told } from "./incident/labels";

describe("snapshots", () => {
  it.each(cases("snapshot", "snapshots"))("SN1, SN2: $story", async ({ hex: bytes, hash, value, records }: Told) => {
    expect(toHex(await snapshotHash(hex(bytes)))).toBe(hash);
    const read = readSnapshot(hex(bytes));
    const told = valueFrom(value) as unknown as Record<string, unknown>;
    expect([read.scope, read.epoch, read.n, read.head]).toEqual([
      told["scope"],
      told["epoch"],
      told["n"],
      told["head"],
    ]);
    expect(read.org.map(({ what, id, row }) => [what, id, row])).toEqual(told["org"]);
    expect(read.entities.map(({ entity, packed }) => [entity, packed])).toEqual(told["entities"]);
    expect(read.asides).toEqual(told["asides"]);
    const found = read.entities.flatMap(({ packed }) => recordsIn(packed));
    const packedAgain = found.map((one) => [
      one.set,
      one.user,
      one.chain,
      one.seq,
      one.eff,
      one.idx,
      one.atMs,
      one.decision,
      one.why,
      [...one.flags],
      one.number,
      encode(one.ops as never),
      one.redaction && [one.redaction.by, one.redaction.ground, one.redaction.atMs],
    ]);
    expect(packedAgain).toEqual(valueFrom(records));
    for (const record of found) {
      const [item, ...others] = itemsOfRecord(record);
      expect([item?.decision, item?.seq, item?.redaction?.ground ?? null, others.length]).toEqual([
        record.decision,
        record.seq,
        record.redaction?.ground ?? null,
        0,
      ]);
    }
  });

  it.each(cases("snapshot", "refused"))("refused: $story", ({ hex: bytes }: Told) => {
    expect(() => readSnapshot(hex(bytes))).toThrow();
  });
});
