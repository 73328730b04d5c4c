/** Files as frames of QR codes (BU10), and the codes themselves. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { troubleOf } from "../../src/codes/camera";
import { framesOf, Gathering, MOST_FRAMES, PIECE_BYTES } from "../../src/codes/frames";
import { bytesIn, SIDE, symbolOf } from "../../src/codes/symbol";
import { dataOf, hex } from "../sync/forms";
import { cases, type Told } from "../sync/incident/labels";

describe("BU10: a file in frames", () => {
  it.each(cases("frames", "files"))("$story", async ({ file, frames }: Told) => {
    expect(await framesOf(dataOf(file))).toEqual(frames.map(dataOf));
  });

  it.each(cases("frames", "foreign"))("no frame: $story", ({ frame }: Told) => {
    expect(new Gathering().take(hex(frame))).toBe("foreign");
  });

  it.each(cases("frames", "gathered"))("read: $story", async ({ frames, taken_for, have, file }: Told) => {
    const gathering = new Gathering();
    expect(frames.map((frame: string) => gathering.take(hex(frame)))).toEqual(taken_for);
    const found = taken_for.at(-1) === "whole" ? await gathering.file() : null;
    expect(found).toEqual(file === null ? null : hex(file));
    expect(gathering.have).toEqual(have);
  });

  it("is found again in any order, whatever comes in between", async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 3_000 });
    const seen = fc.array(fc.oneof(fc.nat(), fc.uint8Array({ maxLength: 430 })), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(bytes, seen, async (file, before) => {
        const frames = (await framesOf(file)) ?? [];
        const gathering = new Gathering();
        for (const one of before)
          gathering.take(typeof one === "number" ? (frames[one % frames.length] as Uint8Array) : one);
        for (const frame of [...frames].reverse()) gathering.take(frame);
        expect(await gathering.file()).toEqual(file);
      }),
      { numRuns: 50 },
    );
  });

  it("is nothing, or too much", async () => {
    expect(await framesOf(new Uint8Array(0))).toBeNull();
    expect(await framesOf(new Uint8Array(PIECE_BYTES * MOST_FRAMES))).toHaveLength(MOST_FRAMES);
    expect(await framesOf(new Uint8Array(PIECE_BYTES * MOST_FRAMES + 1))).toBeNull();
  });
});

describe("a code", () => {
  /** As a camera might see it: four pixels for a module, the picture turned by a quarter or not. */
  function picture(modules: boolean[][], turned = false): ImageData {
    const side = SIDE * 4;
    const data = new Uint8ClampedArray(side * side * 4).fill(255);
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const [row, column] = turned ? [SIDE - 1 - (x >> 2), y >> 2] : [y >> 2, x >> 2];
        if (modules[row]?.[column]) data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
      }
    return { width: side, height: side, data, colorSpace: "srgb" } as ImageData;
  }

  it("carries every byte there is, straight and turned", async () => {
    const [frame] = (await framesOf(Uint8Array.from({ length: PIECE_BYTES }, (_, n) => n))) ?? [];
    const modules = symbolOf(frame as Uint8Array);
    expect(modules.map((row) => row.length)).toEqual(Array(SIDE).fill(SIDE));
    expect(bytesIn(picture(modules))).toEqual(frame);
    expect(bytesIn(picture(modules, true))).toEqual(frame);
  });

  it("is not seen on a white wall", () => {
    expect(bytesIn(picture([]))).toBeNull();
  });
});

it("a camera that cannot be had has a reason, and each reason a cure", () => {
  const named = (name: string) => troubleOf(new DOMException("", name));
  expect(named("NotAllowedError")).toBe("camera_refused");
  expect(named("NotFoundError")).toBe("camera_missing");
  expect(named("NotReadableError")).toBe("camera_busy");
  expect(troubleOf(new Error("something else"))).toBe("camera_busy");
});
