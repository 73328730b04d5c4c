// @vitest-environment happy-dom
/** What befell a device, in words of both languages, for every kind that a server may name (FK8). */
import { mount } from "@vue/test-utils";
import { afterEach, expect, test } from "vitest";
import EventsOf from "../../src/desks/devices/EventsOf.vue";
import type { DeviceEvent } from "../../src/desks/devices/model";
import { speak } from "../../src/words/language";
import { NOW } from "./fixtures";

const decided = { name: "斯琴", why: "丢了", despite: "当天要用", pending: 2 };
const PROOFS: Record<DeviceEvent["kind"], DeviceEvent["proof"]> = {
  copied: {},
  rolled_back: { head: 3, have: 7 },
  contradicted: { sets: 4 },
  forked: { seq: 2, a: [0, "0a".repeat(16)], b: [0, "0b".repeat(16)] },
  rotated: { why: "copied" },
  needs_login: {},
  revoked: decided,
  moved: decided,
  removed: decided,
  wiped: { left: 3 },
  upgraded: { from: "0001", to: "0002", despite: "硬盘要坏", pending: 2 },
};

afterEach(() => speak("zh-CN"));

test.each(["zh-CN", "en"] as const)("each kind has its words in %s", (language) => {
  speak(language);
  const events = Object.entries(PROOFS).map(([kind, proof]) => {
    return { kind, proof, first_at: NOW, last_at: NOW, count: 1 } as DeviceEvent;
  });
  const lines = mount(EventsOf, { props: { events } })
    .findAll("li")
    .map((line) => line.text());
  expect(new Set(lines).size).toBe(events.length);
  for (const line of lines) expect(line).not.toMatch(/undefined|null|NaN|e_/);
  const told = lines.join("\n");
  for (const said of ["斯琴", "当天要用", "0001 → 0002", "硬盘要坏"]) expect(told).toContain(said);
});
