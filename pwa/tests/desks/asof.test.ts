/** The timeline as of a moment: where the handle stands, what is known there, what stands in two ways, who is still out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { below, knownAt, moments, range, step } from "../../src/desks/command/timeline/asof";
import { completeness, completenessText } from "../../src/desks/command/timeline/completeness";
import type { EntryLine, Line } from "../../src/desks/command/timeline/lines";
import { lateness } from "../../src/desks/command/timeline/lines";
import { contested } from "../../src/desks/command/timeline/pinned";
import { lines, narrowed, units } from "../../src/desks/command/timeline/reading";
import type { Entry, Incident } from "../../src/desks/command/types";
import { at, claim, entry, id, incident, milestone, op, order, org } from "./fixtures";

const READ = { by: "event", of: null } as const;
const ops = (all: readonly Line[]): string[] => all.flatMap((line) => (line.type === "entry" ? [line.key] : []));
const late = (name: string, happened: string, received: string, part: Partial<Entry> = {}): Entry =>
  claim(name, "arrived", happened, { received_at: at(received), late_by: at(received) - at(happened), ...part });

const told = incident([
  entry("call", "incident.create", "14:32:00"),
  claim("signed", "signed", "14:32:26"),
  late("arrived", "14:57:32", "15:19:40"),
  entry("note", "entry.add", "15:10:00", { kind: "note" }),
  entry("feedback", "entry.add", "15:16:20", { kind: "note", received_at: at("15:24:48") }),
]);
const silence = { chain: id("phone-suhe"), device: "苏和手机", person: id("suhe"), name: "苏和" };
const lost = { ...silence, since: at("14:41:00"), until: at("15:19:40") };

describe("where the handle stands", () => {
  it("steps from now to before what came last, and back to now", () => {
    const all = moments(told, "received");
    expect(all).toEqual(["14:32:00", "14:32:26", "15:10:00", "15:19:40", "15:24:48"].map((clock) => at(clock)));
    const back = step(all, null, -1);
    expect(back).toBe(at("15:19:40"));
    expect(step(all, back, 1)).toBeNull();
    expect(step(all, all[0] ?? 0, -1)).toBe(all[0]);
    expect(step([], null, -1)).toBeNull();
  });

  it("every step takes exactly what came at one moment out of sight or brings it back", () => {
    const clocks = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(clocks, fc.integer({ min: 0, max: 40 }), (minutes, from) => {
        const all = [...new Set(minutes)].sort((a, b) => a - b);
        const down = step(all, from, -1);
        expect(all.filter((ms) => ms > (down ?? from) && ms < from)).toEqual([]);
        const up = step(all, from, 1);
        expect(all.filter((ms) => ms > from && ms < (up ?? all.at(-1) ?? 0)).length).toBe(0);
      }),
    );
  });

  it("the road runs to now while it goes on, else to a little after the last", () => {
    const all = moments(told, "event");
    expect(range(all, at("15:52:00"), false)).toEqual({ fromMs: at("14:32:00"), toMs: at("15:52:00") });
    expect(range(all, at("23:00:00"), true).toMs).toBeLessThan(at("15:20:00"));
    expect(range([], 5, false)).toEqual({ fromMs: 5, toMs: 60_005 });
  });
});

describe("what is known at the handle", () => {
  const cut = { ms: at("15:00:00"), by: "received" } as const;

  it("only what had come, until the centre has answered; the rest below the cut, in its own order", () => {
    const known = knownAt(told, null, cut);
    expect(ops(lines(known, READ))).toEqual([op("call"), op("signed")]);
    const rest = below(told, known, READ);
    expect(rest.map(({ key }) => key)).toEqual([op("arrived"), op("note"), op("feedback")]);
    expect(new Set(rest.map(({ variant }) => variant))).toEqual(new Set(["after"]));
  });

  it("by event what is known today of what had happened", () => {
    const known = knownAt(told, null, { ms: at("15:00:00"), by: "event" });
    expect(ops(lines(known, READ))).toEqual([op("call"), op("signed"), op("arrived")]);
  });

  it("the centre's own replay takes the place of the guess, and only for its moment", () => {
    const held = { ...told, timeline: told.timeline.slice(0, 1), as_of: cut } as Incident;
    expect(knownAt(told, held, cut).timeline).toHaveLength(1);
    expect(knownAt(told, held, { ...cut, ms: cut.ms + 1 }).timeline).toHaveLength(2);
  });

  it("a silence that was not over lasted then; one that had not begun was none", () => {
    const of = { ...told, silences: [lost] };
    expect(knownAt(of, null, cut).silences).toEqual([{ ...lost, until: null }]);
    expect(knownAt(of, null, { ms: at("14:40:00"), by: "received" }).silences).toEqual([]);
    expect(knownAt(of, null, { ...cut, by: "event" }).silences).toEqual([lost]);
  });

  it("nothing is lost and nothing told twice, wherever the cut lies", () => {
    const minute = fc.integer({ min: 10, max: 59 });
    const made = fc.array(fc.tuple(minute, minute), { maxLength: 25 });
    fc.assert(
      fc.property(made, minute, fc.constantFrom("received", "event"), (some, cutAt, by) => {
        const all = some.map(([a, b], n) =>
          entry(`e${n}`, "entry.add", `14:${Math.min(a, b)}:00`, {
            kind: "note",
            received_at: at(`14:${Math.max(a, b)}:00`),
          }),
        );
        const of = incident(all);
        const known = knownAt(of, null, { ms: at(`14:${cutAt}:00`), by });
        const shown = [...ops(lines(known, READ)), ...below(of, known, READ).map(({ key }) => key)];
        expect(shown.sort()).toEqual(all.map((one) => one.op).sort());
      }),
    );
  });
});

describe("silences in the list", () => {
  it("stand where contact was lost, or where it came back when read by receipt", () => {
    const of = { ...told, silences: [lost] };
    const types = (by: "event" | "received"): string[] =>
      lines(of, { by, of: null }).map((line) => (line.type === "entry" ? line.key : line.type));
    expect(types("event")).toEqual([op("call"), op("signed"), "silence", op("arrived"), op("note"), op("feedback")]);
    expect(types("received")).toEqual([op("call"), op("signed"), op("note"), "silence", op("arrived"), op("feedback")]);
  });

  it("one that lasts stands at the end", () => {
    const of = { ...told, silences: [{ ...lost, since: at("15:30:00"), until: null }] };
    expect(lines(of, READ).at(-1)).toMatchObject({ type: "silence", until: null });
  });
});

describe("narrowed", () => {
  it("to a unit: what its people wrote or said, and what is about orders to it or to them", () => {
    const of = incident(
      [
        entry("suhe", "entry.add", "14:40:00", { kind: "note" }),
        entry("naren", "entry.add", "14:41:00", { kind: "note", by: id("naren") }),
        claim("proxy", "departed", "14:42:00", { by: id("naren"), said_by: id("suhe"), order: null }),
        entry("issue", "order.issue", "14:39:00", { by: id("naren"), order: id("o1") }),
      ],
      { orders: [order({ to: ["unit", id("u1")] })] },
    );
    expect(units(of, org).map(({ name }) => name)).toEqual(["昂素快反"]);
    const shown = lines(of, { by: "event", of: narrowed(`unit/${id("u1")}`, of, org) });
    expect(ops(shown)).toEqual([op("issue"), op("suhe"), op("proxy")]);
    expect(narrowed("", of, org)).toBeNull();
  });
});

describe("late", () => {
  it("coming late and being written late are two things", () => {
    expect(lateness(late("a", "14:57:32", "15:19:40"))).toEqual({ written: null, came: 1_328_000 });
    const afterwards = claim("b", "arrived", "15:02:00", { written_at: at("15:21:04"), received_at: at("15:21:04") });
    expect(lateness(afterwards)).toEqual({ written: 1_144_000, came: null });
    const both = claim("c", "arrived", "15:02:00", { written_at: at("15:05:00"), received_at: at("15:21:00") });
    expect(lateness(both)).toEqual({ written: 180_000, came: 960_000 });
    expect((lines(incident([afterwards]), READ)[0] as EntryLine).variant).toBe("plain");
  });
});

describe("what is pinned", () => {
  it("each matter once, with every time it is given", () => {
    const stated = (name: string, clock: string) => ({
      ...milestone(name, clock),
      kind: "arrived",
      round: 0,
      order: id("o1"),
      standing: true,
      counts: true,
    });
    const of = incident(
      [late("own", "14:57:32", "15:19:40"), claim("desk", "arrived", "15:02:00", { received_at: at("15:21:04") })],
      { orders: [order()], claims: [stated("own", "14:57:32"), stated("desk", "15:02:00")] },
    );
    const found = contested(lines(of, READ).filter((line): line is EntryLine => line.type === "entry"));
    expect(found.map(({ line, times }) => [line.key, times])).toEqual([[op("desk"), [at("14:57:32"), at("15:02:00")]]]);
  });
});

describe("how complete it can be", () => {
  const phone = { ...silence, last_contact_ms: at("15:51:58"), pending: 0, out: false };

  it("says until when all have sent, or who is out and for how long", () => {
    const all = { ...told, sources: [phone, { ...phone, last_contact_ms: at("15:51:20") }] };
    expect(completenessText(all, at("15:52:06"), "zh-CN")).toBe("本起来源都已回传，截至 15:51:20");
    const out = { ...all, sources: [{ ...phone, last_contact_ms: at("15:14:00"), pending: 3, out: true }, phone] };
    expect(completeness(out).basisPoints).toBe(5_000);
    expect(completenessText(out, at("15:52:06"), "zh-CN")).toBe("苏和手机 38 分没回传，还有 3 条没传");
  });

  it("nothing but the desk wrote: all there is is here", () => {
    expect(completeness(told)).toEqual({ basisPoints: 10_000, sentByMs: told.now_ms, out: [] });
  });
});
