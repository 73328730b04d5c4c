/** What is left of damaged sets, and how their ops are written again; Python runs the same vectors (FK7). */
import { expect, it } from "vitest";
import type { Op } from "../../src/sync/changeset";
import { again, legible, type Orig } from "../../src/sync/forks";
import { hex, valueFrom } from "./forms";
import { cases, type Told } from "./incident/labels";

it.each(cases("forks", "legible"))("$story", async ({ raw, left }: Told) => {
  expect(await legible(hex(raw))).toEqual(left && valueFrom(left));
});

it.each(cases("forks", "again"))("$story", ({ ops, orig, happened_ms, renamed, expect: told }: Told) => {
  const names = new Map(Object.entries(renamed as Record<string, string>).map(([old, name]) => [old, hex(name)]));
  const given = { happenedMs: happened_ms, renamed: names };
  expect(again(valueFrom(ops) as Op[], valueFrom(orig) as unknown as Orig, given)).toEqual(valueFrom(told));
});
