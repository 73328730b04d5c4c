/** What became of a courier's file, as the devices desk tells it. */
import { expect, test } from "vitest";
import { faultWord, tallyOf } from "../../src/desks/devices/courier";

const report = (results: Record<string, number>) => ({ whole: true, results, faults: [], faults_in_all: 0 });

test("new, known, waiting and lost are told apart, and nothing is counted as taken in that was not stored", () => {
  expect(tallyOf(report({}))).toEqual({ fresh: 0, kept: 0, known: 0, waiting: 0, lost: 0 });
  const results = { stored: 4, fork: 1, duplicate: 7, held: 2, rejected: 1, opaque: 1, malformed: 3, bad_signature: 1 };
  expect(tallyOf(report(results))).toEqual({ fresh: 9, kept: 0, known: 7, waiting: 4, lost: 4 });
  expect(tallyOf(report({ kept: 3, duplicate: 1 }))).toEqual({ fresh: 0, kept: 3, known: 1, waiting: 0, lost: 0 });
});

test("every fault has words, and keeps its code", () => {
  for (const code of [
    "truncated",
    "bad_length",
    "damaged",
    "bad_end",
    "bad_manifest",
    "unknown_kind",
    "trailing",
    "not_in_log",
    "split",
  ])
    expect(faultWord(code)).toMatch(new RegExp(`.+ \\(${code}\\)$`));
  expect(faultWord("of_a_later_version")).toBe("of_a_later_version");
});
