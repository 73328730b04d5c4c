/** Names computed from bytes, and the one way to write them as text; Python runs the same vectors (ID). */
import { describe, expect, it } from "vitest";
import { bodyHash, chainId, fromHex, opId, setId, taggedHash, toHex } from "../../src/sync/ids";
import { hex } from "./forms";
import { cases, type Told } from "./incident/labels";

describe("ids", () => {
  it.each(cases("ids", "hashes"))("a tagged hash: $story", async ({ tag, parts, hash }: Told) => {
    expect(toHex(await taggedHash(tag, ...parts.map(hex)))).toBe(hash);
  });

  it.each(cases("ids", "sets"))("ID2: $story", async ({ header, set }: Told) => {
    expect(toHex(await setId(hex(header)))).toBe(set);
  });

  it.each(cases("ids", "bodies"))("ID4: $story", async ({ body, hash }: Told) => {
    expect(toHex(await bodyHash(hex(body)))).toBe(hash);
  });

  it.each(cases("ids", "chains"))("ID3: $story", async ({ pub, nonce, chain }: Told) => {
    expect(toHex(await chainId(hex(pub), hex(nonce)))).toBe(chain);
  });

  it.each(cases("ids", "ops"))("ID5: $story", ({ set, index, op }: Told) => {
    expect(toHex(opId(hex(set), index))).toBe(op);
  });

  it.each(cases("ids", "text"))("ID1: $story", ({ text }: Told) => {
    expect(toHex(fromHex(text))).toBe(text);
  });

  it.each(cases("ids", "refused_text"))("ID1: refused: $story", ({ text }: Told) => {
    expect(() => fromHex(text)).toThrow(/hex/);
  });
});
