/** The centre's log entries and the heads of scopes that list them; Python runs the same vectors (RL, SC2). */
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/sync/ids";
import {
  encodeRuling,
  leafHash,
  leaving,
  readRuling,
  SCOPE_HEAD_ZERO,
  scopeHead,
  standsOver,
} from "../../src/sync/rulings";
import { faultOf, hex, valueFrom } from "./forms";
import { cases, type Told } from "./incident/labels";

describe("rulings", () => {
  it.each(cases("rulings", "rulings"))("RL: $story", async ({ idx, at_ms, kind, payload, ruling, leaf }: Told) => {
    const read = readRuling(hex(ruling));
    expect(read).toEqual({ idx, atMs: at_ms, kind, payload: valueFrom(payload) });
    expect(toHex(encodeRuling(read))).toBe(ruling);
    expect(toHex(await leafHash(hex(ruling)))).toBe(leaf);
  });

  it("SC2: each head follows from the one before", async () => {
    let head = SCOPE_HEAD_ZERO;
    for (const told of cases("rulings", "rulings")) {
      head = await scopeHead(head, hex(told.leaf));
      expect(toHex(head)).toBe(told.head);
    }
  });

  it.each(cases("rulings", "refused"))("refused: $story", ({ ruling, code }: Told) => {
    expect(faultOf(() => readRuling(hex(ruling)))?.[0]).toBe(code);
  });

  it.each(cases("rulings", "standing"))("$story", ({ idx, other, stands }: Told) => {
    expect(standsOver(idx, other)).toBe(stands);
  });

  it.each(cases("rulings", "leaving"))("$story", ({ kind, payload, scope, leaves }: Told) => {
    const said = valueFrom(payload) as { e: Uint8Array };
    expect(leaving({ idx: 1, atMs: 0, kind, payload: said }, scope)).toEqual(leaves ? said.e : null);
  });
});
