/** The verifier has words for everything that can be wrong with a file, in both languages. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CODES, wordsOf } from "../../src/verifier/words";
import { cases, type Told } from "../sync/incident/labels";

const spec = readFileSync(new URL("../../../sync/SPEC.md", import.meta.url), "utf8");
const rules = spec.slice(spec.indexOf("- **XP5**"), spec.indexOf("of different incidents or one cannot be read."));

test("every code of XP5 and XP6 has words, and no word is for a code that is not there", () => {
  const told = new Set([...rules.matchAll(/`([a-z]+(?:_[a-z]+)*)`/g)].map(([, code]) => code));
  told.delete("org");
  expect([...told].sort()).toEqual([...CODES].sort());
});

test("the vectors name no finding without words", () => {
  const named = [...cases("evidence", "unsound"), ...cases("evidence", "beside")].flatMap(({ codes }: Told) => codes);
  for (const language of ["zh-CN", "en"] as const)
    for (const code of named) expect(wordsOf(language).findings[code], code).toBeTruthy();
});
