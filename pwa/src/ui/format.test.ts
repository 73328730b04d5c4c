import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as f from "./format";

const at = (text: string): number => Date.parse(`${text}+08:00`);

describe("instants are Shanghai's, 24 h, whatever the machine's zone", () => {
  const now = at("2026-03-12T15:00:00");
  it("today to the second, another day with its date", () => {
    expect(f.instant(at("2026-03-12T14:32:07"), now, "zh-CN")).toBe("14:32:07");
    expect(f.instant(at("2026-03-11T14:32:07"), now, "zh-CN")).toBe("3月11日 14:32");
    expect(f.instant(at("2026-03-11T14:32:07"), now, "en")).toBe("11 Mar 14:32");
    expect(f.dayOfYear(at("2027-01-01T00:00:00"), "zh-CN")).toBe("2027年1月1日");
    expect(f.dayOfYear(at("2027-01-01T00:00:00") - 1, "en")).toBe("31 Dec 2026");
  });
  it("the day turns at midnight in Shanghai, not in Greenwich", () => {
    expect(f.dayNumber(at("2026-03-12T23:59:59"))).toBe(f.dayNumber(at("2026-03-12T00:00:00")));
    expect(f.dayNumber(at("2026-03-13T00:00:00"))).toBe(f.dayNumber(at("2026-03-12T23:59:59")) + 1);
    expect(f.clock(at("2026-03-12T00:05:00"))).toBe("00:05");
  });
  it("agrees with the platform's own time-zone data", () => {
    const platform = new Intl.DateTimeFormat("en-GB", {
      timeZone: "Asia/Shanghai",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      hourCycle: "h23",
    });
    fc.assert(
      fc.property(fc.integer({ min: at("1995-01-01T00:00:00"), max: at("2060-01-01T00:00:00") }), (ms) => {
        expect(f.clockSeconds(ms)).toBe(platform.format(ms));
      }),
    );
  });
});

describe("durations", () => {
  it.each([
    [0, "0 秒", "0 s"],
    [15_000, "15 秒", "15 s"],
    [192_000, "3 分 12 秒", "3 min 12 s"],
    [180_000, "3 分", "3 min"],
    [4_320_000, "1 小时 12 分", "1 h 12 min"],
    [26 * 3_600_000 + 59_000, "26 小时", "26 h"],
    [72 * 3_600_000, "3 天", "3 days"],
    [-5, "0 秒", "0 s"],
  ])("%i ms", (ms, zh, en) => {
    expect(f.duration(ms, "zh-CN")).toBe(zh);
    expect(f.duration(ms, "en")).toBe(en);
  });
  it("an age has one unit", () => {
    expect(f.about(754_000, "zh-CN")).toBe("12 分");
    expect(f.about(2.9 * 3_600_000, "en")).toBe("2 h");
    expect(f.ago(185_000, "zh-CN")).toBe("3 分钟前");
    expect(f.ago(9_000, "zh-CN")).toBe("9 秒前");
    expect(f.positionAge(185_000, 12, "en")).toBe("3 min old ±12 m");
    expect(f.positionAge(185_000, 12, "zh-CN")).toBe("3 分钟前 ±12 米");
  });
});

describe("clocks", () => {
  it.each([
    [7_000, "0:07"],
    [741_999, "12:21"],
    [4_325_000, "1:12:05"],
  ])("elapsed %i", (ms, text) => expect(f.elapsed(ms)).toBe(text));
  it.each([
    [30_000, "0:30"],
    [29_001, "0:30"],
    [29_000, "0:29"],
    [1, "0:01"],
    [0, "0:00"],
    [-999, "+0:00"],
    [-14_000, "+0:14"],
    [-3_600_000, "+1:00:00"],
  ])("remaining %i", (ms, text) => expect(f.remaining(ms)).toBe(text));
  it("a countdown loses exactly one second per second, on both sides of zero", () => {
    const seconds = (text: string): number => {
      const n = text
        .replace("+", "")
        .split(":")
        .reduce((sum, part) => sum * 60 + Number(part), 0);
      return text.startsWith("+") ? -n : n;
    };
    fc.assert(
      fc.property(fc.integer({ min: -90_000, max: 90_000 }), (ms) => {
        const step = seconds(f.remaining(ms)) - seconds(f.remaining(ms - 1000));
        expect(step).toBe(ms > 0 || ms <= -1000 ? 1 : step);
        expect([0, 1]).toContain(step);
      }),
    );
  });
  it("a wall says hours and days when seconds say nothing", () => {
    expect(f.wallTime(7_490_000, "zh-CN")).toBe("2:04:50");
    expect(f.wallTime(9.4 * 3_600_000, "zh-CN")).toBe("9 小时");
    expect(f.wallTime(-25 * 3_600_000, "zh-CN")).toBe("+1 天");
    expect(f.wallTime(-50 * 3_600_000, "en")).toBe("+2 days");
  });
});

describe("figures", () => {
  it("intervals, offsets, distances", () => {
    expect(f.plusMinus(2_000, "zh-CN")).toBe("±2 秒");
    expect(f.plusMinus(300_000, "zh-CN")).toBe("±5 分");
    expect(f.plusMinus(20, "en")).toBe("±1 s");
    expect(f.interval(at("2026-03-12T14:57:30"), at("2026-03-12T14:57:34"))).toBe("14:57:30–14:57:34");
    expect(f.offset(4_200, "zh-CN")).toBe("+4 秒");
    expect(f.offset(-2_399_900, "zh-CN")).toBe("−40 分");
    expect(f.offset(-200, "zh-CN")).toBe("−0.2 秒");
    expect(f.offset(-20, "zh-CN")).toBe("+0.0 秒");
    expect(f.distance(640, "zh-CN")).toBe("640 米");
    expect(f.distance(18_400, "en")).toBe("18.4 km");
  });
  it("numbers", () => {
    expect(f.thousands(4321)).toBe("4321");
    expect(f.thousands(20_930)).toBe("20\u202f930");
    expect(f.thousands(-1_234_567)).toBe("−1\u202f234\u202f567");
    expect(f.percent(9230)).toBe("92.3%");
    expect(f.percent(8900)).toBe("89%");
    expect(f.size(300)).toBe("0.3 KB");
    expect(f.size(2_400_000)).toBe("2.4 MB");
  });
  it("a masked number never shows its middle, whatever was stored", () => {
    expect(f.maskedPhone("13812342046")).toBe("138 **** 2046");
    expect(f.maskedPhone("138-1234-2046")).toBe("138 **** 2046");
    expect(f.maskedPhone("0477-7621110")).toBe("047 **** 1110");
    expect(f.maskedPhone("110")).toBe("****");
    fc.assert(
      fc.property(fc.string(), (text) => {
        const shown = f.maskedPhone(text).replace(/\D/g, "");
        expect(shown.length === 0 || shown.length === 7).toBe(true);
      }),
    );
    expect(f.fullPhone("13812342046")).toBe("138 1234 2046");
  });
});
