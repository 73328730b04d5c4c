/** Evidence files told byte by byte (XP); Python runs the same vectors. */
import { describe, expect, it } from "vitest";
import { check } from "../../src/sync/evidence/check";
import { compare } from "../../src/sync/evidence/compare";
import type { Finding } from "../../src/sync/evidence/report";
import { verify } from "../../src/sync/verify";
import { hex } from "./forms";
import { cases, type Told, vectors } from "./incident/labels";

const key = hex(vectors("evidence").key);
const judged = (file: Uint8Array) => check(file, { verify, key });
const codesOf = (findings: readonly Finding[]) => [...new Set(findings.map(({ code }) => code))].sort();

describe("an evidence file", () => {
  it.each(cases("evidence", "sound"))("$story", async ({ file, size, rulings, sets, people }: Told) => {
    const report = await judged(hex(file));
    expect(report.findings).toEqual([]);
    expect(report.checkpoint?.size).toBe(size);
    expect([report.about.length, report.shown.length]).toEqual([rulings, sets]);
    expect(Object.fromEntries(report.people())).toEqual(people);
  });

  it.each(cases("evidence", "unsound"))("$story", async ({ file, codes }: Told) => {
    expect(codesOf((await judged(hex(file))).findings)).toEqual(codes);
  });

  it.each(cases("evidence", "beside"))("$story", async ({ later, earlier, codes }: Told) => {
    expect(codesOf(await compare(await judged(hex(later)), await judged(hex(earlier))))).toEqual(codes);
  });

  it("XP2: a flipped bit anywhere is found", async () => {
    const sound = hex(cases("evidence", "sound")[1].file);
    for (let at = 0; at < sound.length; at += 37) {
      const bent = sound.slice();
      bent[at] = (bent[at] ?? 0) ^ (1 << (at % 8));
      expect((await judged(bent)).findings.length, `byte ${at}`).toBeGreaterThan(0);
    }
  }, 60_000);

  it("XP2: another key than the one that is known is named", async () => {
    const report = await check(hex(cases("evidence", "sound")[1].file), { verify, key: new Uint8Array(32) });
    expect(codesOf(report.findings)).toEqual(["other_key"]);
  });
});
