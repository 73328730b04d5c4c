/**
 * The contrast of the two themes, measured from tokens.css by the WCAG 2.x formula. Phones: text at least 7 : 1 on its
 * ground. Desks: text at least 4.5. Outlines, marks and large text: at least 3, and what a rule asks beyond that.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

function tokensOf(theme: "day" | "night"): Record<string, string> {
  const block = new RegExp(`\\[data-theme="${theme}"\\]\\s*\\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/gi)].map(([, name, hex]) => [name, hex]));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

it("measures as WCAG does", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
});

const STATES = ["met", "missed", "undetermined", "undelivered", "late"];

describe.each(["day", "night"] as const)("%s", (theme) => {
  const token = tokensOf(theme);
  /** Phones stand on the surface; panels, felt and wells are desk grounds (the night well also holds phone buttons). */
  const desks = ["surface", "panel", "page"];
  const pairs: [text: string, ground: string, least: number][] = [
    // phone text, and the same text on desk grounds
    ...["ink", "ink-2"].flatMap((text): [string, string, number][] => desks.map((ground) => [text, ground, 7])),
    ["ink", "well", 7],
    // desk text
    ...desks.map((ground): [string, string, number] => ["ink-3", ground, 4.5]),
    // states: on the phone's ground, on desk grounds, and on their own tint, which desks alone may use below 7
    ...STATES.flatMap((state): [string, string, number][] => [
      [state, "surface", 7],
      [state, "panel", 4.5],
      [state, "page", 4.5],
      [state, `${state}-tint`, 4.5],
      ["ink", `${state}-tint`, 7],
    ]),
    ["beacon-text", "surface", 7],
    ["beacon-text", "page", 4.5],
    ["beacon-text", "beacon-tint", 4.5],
    ["ink", "beacon-tint", 7],
    // fire: the mark and large text; what is written on its fills
    ...desks.map((ground): [string, string, number] => ["beacon", ground, 4.5]),
    ["on-beacon", "beacon-fill", 7],
    ["on-ink", "ink", 7],
    // while holding, the label lies on the fill: bold, 24 px
    [theme === "day" ? "on-ink" : "ink", "hold-fill", 4.5],
    // outlines of controls on every ground
    ...[...desks, "well"].map((ground): [string, string, number] => ["line-strong", ground, 3]),
    ...desks.map((ground): [string, string, number] => ["focus", ground, 3]),
    // strap
    ["strap-ink", "strap", 7],
    ["strap-ink-2", "strap", 4.5],
    ["beacon-strap", "strap", 4.5],
  ];

  it.each(pairs)("%s on %s is at least %d : 1", (text, ground, least) => {
    const [a, b] = [token[text], token[ground]];
    if (!a || !b) throw new Error(`tokens.css has no ${a ? ground : text} in ${theme}`);
    expect(contrast(a, b)).toBeGreaterThanOrEqual(least);
  });

  it("defines the same colours as the other theme", () => {
    expect(Object.keys(token).sort()).toEqual(Object.keys(tokensOf(theme === "day" ? "night" : "day")).sort());
  });
});

it("uses no colour that tokens.css does not define, and no token that does not exist", () => {
  const defined = new Set([...css.matchAll(/--([\w-]+):/g)].map(([, name]) => name));
  const local = new Set(["state", "tint", "cutout", "ring"]); // set by the sheets and components themselves
  for (const sheet of ["base.css", "phone.css", "desk.css"]) {
    const text = readFileSync(new URL(`./${sheet}`, import.meta.url), "utf8");
    const used = [...text.matchAll(/var\(--([\w-]+)/g)].map(([, name]) => name ?? "");
    expect(used.filter((name) => !defined.has(name) && !local.has(name))).toEqual([]);
    const screen = text.replace(/@media print\s*\{[\s\S]*$/, "");
    expect([...screen.matchAll(/#[0-9a-f]{3,8}\b(?![\w-]*\s*\{)/gi)].map(([hex]) => hex)).toEqual([]);
  }
});
