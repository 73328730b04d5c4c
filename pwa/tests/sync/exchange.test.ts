/** The messages of the exchange as this side writes and reads them; Python runs the same vectors (EX). */
import { describe, expect, it } from "vitest";
import { encode, type Value } from "../../src/sync/canon";
import { read, write, writePush, writeRotate } from "../../src/sync/exchange";
import { toHex } from "../../src/sync/ids";
import { hex, valueFrom } from "./forms";
import { cases, type Told } from "./incident/labels";

const MESSAGES = cases("exchange", "messages");

describe("a message", () => {
  it.each(MESSAGES)("is read: $story", ({ value, hex: digits }: Told) => {
    expect(read(hex(digits))).toEqual(valueFrom(value));
  });

  it.each(MESSAGES.filter(({ message }: Told) => message.endsWith("Request")))("is written: $story", (told: Told) => {
    expect(toHex(write(valueFrom(told.value) as object))).toBe(told.hex);
  });

  it("of sets splices the envelopes as they are", () => {
    const told = MESSAGES.find(({ message }: Told) => message === "PushRequest") as Told;
    const { sets } = valueFrom(told.value) as { sets: Value[] };
    expect(toHex(writePush(sets.map((set) => encode(set))))).toBe(told.hex);
  });

  it("of a rotation splices its set as it is", () => {
    const told = MESSAGES.find(({ message }: Told) => message === "RotateRequest") as Told;
    const { set } = valueFrom(told.value) as { set: Value };
    expect(toHex(writeRotate(encode(set)))).toBe(told.hex);
  });

  it.each([0, 1, 15, 16, 200])("of %i sets has the right head", (count) => {
    const envelope = encode([new Uint8Array(300), new Uint8Array(64), null]);
    const message = read<{ sets: Value[] }>(writePush(Array.from({ length: count }, () => envelope)));
    expect(message.sets.map((set) => toHex(encode(set)))).toEqual(Array.from({ length: count }, () => toHex(envelope)));
  });

  it("may hold its keys in any order, for nobody signs it", () => {
    expect(read(hex("82a162c0a16105"))).toEqual({ b: null, a: 5 });
  });
});
