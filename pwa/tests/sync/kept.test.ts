/** What a station says of sets that it keeps: the vectors that Python runs too (TM13). */
import { expect, test } from "vitest";
import type { Value } from "../../src/sync/canon";
import { KEPT_OP, WORDS_MAX, wordsIn } from "../../src/sync/kept";
import { cases, type Told } from "./incident/labels";

/** Ids are told as `#1` for a set and `@p` for a chain; everything else stands for itself. */
function named(one: unknown): Value {
  if (Array.isArray(one)) return one.map(named);
  if (typeof one !== "string") return one as Value;
  const id = new Uint8Array(one.startsWith("#") ? 32 : 16).fill(0x20);
  id.set(new TextEncoder().encode(one));
  return id;
}

test.each(cases("time", "words"))("$story", ({ sets, problem }: Told) => {
  const said = named(sets) as Value[];
  const words = wordsIn({ t: KEPT_OP, sets: said });
  const again = words?.map(({ set, chain, seq, atMs, unsureMs }) => [set, chain, seq, atMs, unsureMs]);
  expect(again ?? null).toEqual(problem === null ? said : null);
  expect(wordsIn({ t: "clock.obs", sets: said })).toBeNull();
  if (problem === null)
    expect(wordsIn({ t: KEPT_OP, sets: Array.from({ length: WORDS_MAX + 1 }, () => said[0] as Value) })).toBeNull();
});
