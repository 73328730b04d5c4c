// @vitest-environment happy-dom
/** The desk of figures: how intervals and bars read, and the desk worked from the keyboard alone. */
import { mount } from "@vue/test-utils";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { streamBy } from "../../src/centre/live";
import { forgetAll } from "../../src/centre/loaded";
import { reach } from "../../src/centre/reach";
import { kept } from "../../src/desks/supervise/kept";
import {
  edgeWords,
  lengthText,
  moved,
  partOf,
  queryOf,
  rangeOf,
  short,
  slices,
  spanText,
  stepOf,
  stepped,
} from "../../src/desks/supervise/model";
import SuperviseDesk from "../../src/desks/supervise/SuperviseDesk.vue";
import { missing, restText } from "../../src/desks/supervise/say";
import type { Figures, Group, Line, Report, Watermark } from "../../src/desks/supervise/types";
import { session } from "../../src/session";
import { id } from "./fixtures";
import { centre } from "./served";

const zh = "zh-CN" as const;
const figures = (part: Partial<Figures> = {}): Figures => ({
  n: 4,
  ended: 3,
  buckets: [2, 0, 0, 0, 0],
  hatched: 1,
  p50: { lo_ms: 12_000, hi_ms: 12_100 },
  p90: { lo_ms: 20_000, hi_ms: 41_000 },
  met: 2,
  missed: 0,
  basis_points: 10_000,
  undetermined: 1,
  causes: { no_sample_after: 1 },
  unlimited: 0,
  unproven: 0,
  not_delivered: 1,
  pending: 0,
  overdue: 0,
  overrides: { met: 1 },
  ...part,
});
const whole: Watermark = {
  total: 2,
  whole: 2,
  basis_points: 10_000,
  silent: 0,
  longest_silent_ms: null,
  holding: 0,
  unknown: 0,
  pending: 0,
  oldest_ms: null,
};
const silent: Watermark = { ...whole, whole: 0, basis_points: 0, silent: 1, longest_silent_ms: 0, unknown: 1 };

describe("a length", () => {
  it("is one number when both ends read the same, else a range, and open where nothing bounds it", () => {
    expect(spanText({ lo_ms: 12_010, hi_ms: 12_400 }, zh)).toBe("12 秒");
    expect(spanText({ lo_ms: 25_000, hi_ms: 35_000 }, zh)).toBe("25–35 秒");
    expect(spanText({ lo_ms: 291_000, hi_ms: 292_000 }, zh)).toBe("4 分 51–52");
    expect(spanText({ lo_ms: 360_000, hi_ms: 366_000 }, zh)).toBe("6 分 00–06");
    expect(spanText({ lo_ms: 50_000, hi_ms: 65_000 }, zh)).toBe("50 秒–1 分 05");
    expect(spanText({ lo_ms: 1_860_000, hi_ms: null }, zh)).toBe("≥ 31 分");
    expect(spanText(null, "en")).toBe("–");
    expect([short(6_600_000, "en"), short(3 * 86_400_000, "en")]).toEqual(["1 h 50", "3 d"]);
    expect(lengthText({ is_ended: true, lo_ms: null, hi_ms: 3_000 }, zh)).toBe("0–3 秒");
    expect(lengthText({ is_ended: false, lo_ms: null, hi_ms: null }, zh)).toBe("–");
  });
  it("never reads shorter for a longer time", () => {
    const rank = (text: string) => {
      const [big = 0, small = 0] = text.match(/\d+/g)?.map(Number) ?? [];
      const scale = text.includes("天") ? 86_400 : text.includes("时") ? 3_600 : text.includes("分") ? 60 : 1;
      return big * scale + (small * scale) / 60;
    };
    fc.assert(
      fc.property(fc.nat(500_000_000), fc.nat(5_000_000), (ms, more) => {
        expect(rank(short(ms + more, zh))).toBeGreaterThanOrEqual(rank(short(ms, zh)));
      }),
    );
  });
});

describe("a bar", () => {
  it("gives every ended clock its share, the hatched ones last, and writes counts where there is room", () => {
    expect(slices(figures())).toEqual([
      { step: 0, n: 2, width: "66.67%", isShown: true },
      { step: null, n: 1, width: "33.33%", isShown: true },
    ]);
    expect(slices(figures({ ended: 0, buckets: [0], hatched: 0 }))).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.nat(500), { minLength: 1, maxLength: 9 }), fc.nat(50), (buckets, hatched) => {
        const ended = buckets.reduce((sum, n) => sum + n, hatched);
        const shown = slices(figures({ buckets, hatched, ended }));
        expect(shown.reduce((sum, one) => sum + one.n, 0)).toBe(ended);
        const steps = shown.flatMap(({ step }) => (step === null ? [] : [step]));
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
        expect(stepOf(buckets.length - 1, buckets.length - 1)).toBe(buckets.length === 1 ? 0 : 4);
      }),
    );
  });
  it("names its buckets with the unit where it changes", () => {
    const above = (text: string) => `${text}以上`;
    expect(edgeWords([30_000, 60_000, 120_000, 180_000], zh, above)).toEqual([
      "0–30 秒",
      "30–60",
      "60–120",
      "120–180",
      "180 秒以上",
    ]);
    expect(edgeWords([1_800_000, 3_600_000, 7_200_000, 14_400_000], zh, above)).toEqual([
      "0–30 分",
      "30–60",
      "1–2 时",
      "2–4",
      "4 时以上",
    ]);
  });
});

describe("what stands beside", () => {
  it("tells every clock that is in no bucket and no rate, and who has not told everything", () => {
    expect(restText(figures(), true)).toEqual(["无法判定 1（之后还没对过时 1）", "未送达 1", "人工另认 1，不并入"]);
    expect(restText(figures({ undetermined: 0, not_delivered: 0, overrides: {} }), true)).toEqual(["都已判定"]);
    expect(missing(whole, String)).toBe("在用的终端都回传了");
    expect(missing(silent, () => "26 小时")).toBe(
      "1 台终端没回传，最久 26 小时，1 台从未联系，积压不知道，补到后数字会变",
    );
    expect(missing({ ...silent, total: 0 }, String)).toBe("没有在用的终端，完整度不知道");
  });
});

describe("periods and rows", () => {
  const week = { kind: "week", atMs: null, fromMs: 0, toMs: 0, by: "station" } as const;
  const shown = { kind: "week", from_ms: 1_000, to_ms: 2_000, number: 10, running: false } as const;
  it("go one back and one on, and not into what has not begun", () => {
    expect(queryOf(week)).toBe("period=week&by=station");
    expect(stepped(week, shown, -1, 5_000)?.atMs).toBe(999);
    expect(stepped(week, shown, 1, 5_000)?.atMs).toBe(2_000);
    expect(stepped(week, shown, 1, 1_500)).toBeNull();
    const range = { ...week, kind: "range" } as const;
    expect(stepped(range, { ...shown, kind: "range" }, -1, 0)).toMatchObject({ fromMs: 0, toMs: 1_000 });
    expect(queryOf({ ...range, fromMs: 1, toMs: 2 })).toBe("period=range&by=station&from_ms=1&to_ms=2");
  });
  it("a range is whole days of Shanghai, in order and not too long", () => {
    expect(rangeOf("2026-03-02", "2026-03-02")).toEqual({
      fromMs: Date.parse("2026-03-02T00:00+08:00"),
      toMs: Date.parse("2026-03-03T00:00+08:00"),
    });
    for (const [first, last] of [
      ["2026-03-03", "2026-03-02"],
      ["", "2026-03-02"],
      ["2024-01-01", "2026-03-02"],
    ])
      expect(rangeOf(first ?? "", last ?? "")).toBeNull();
  });
  it("are walked by arrows, and lines are parted by what became of them", () => {
    const rows = [
      { clock: "C2", key: "*" },
      { clock: "C5", key: "*" },
    ];
    expect(moved(rows, null, 1)).toEqual(rows[0]);
    expect(moved(rows, rows[1] ?? null, 1)).toEqual(rows[1]);
    expect(moved([], null, 1)).toBeNull();
    const lines = ["met", "missed", "overdue"].map((result) => ({ result, is_ended: result !== "overdue" }) as Line);
    expect((["all", "missed", "open"] as const).map((part) => partOf(lines, part).length)).toEqual([3, 1, 1]);
  });
});

describe("the desk", () => {
  const group = (key: string, name: string): Group => ({ key, name, figures: figures(), completeness: whole });
  const report: Report = {
    now_ms: Date.now(),
    period: { kind: "week", from_ms: Date.now() - 1_000, to_ms: Date.now() + 1_000, number: 10, running: true },
    by: "station",
    station: null,
    incidents: 4,
    drills: 2,
    dropped: 0,
    cut: false,
    completeness: silent,
    blocks: [
      {
        clock: "C2",
        edges_ms: [30_000, 60_000, 120_000, 180_000],
        all: group("*", ""),
        groups: [group(id("angsu"), "昂素所")],
      },
    ],
  };
  let mounted: ReturnType<typeof mount> | undefined;
  const press = (key: string) =>
    (document.activeElement ?? document.body).dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
    );

  beforeEach(() => {
    streamBy(() => Object.assign(new EventTarget(), { readyState: 1, close: () => undefined }));
    forgetAll();
    reach.sinceMs = null;
    Object.assign(kept, { kind: "week", atMs: null, by: "station", set: "watches", pair: null, chosen: null });
    Object.assign(session, {
      known: true,
      csrf: "token",
      person: { id: id("siqin"), name: "斯琴", role: "supervisor", roles: ["supervisor"], station: null, unit: null },
      server: { role: "centre", name: "指挥中心" },
    });
    HTMLDialogElement.prototype.showModal = function show() {
      this.setAttribute("open", "");
    };
    HTMLDialogElement.prototype.close = function hide() {
      this.removeAttribute("open");
    };
  });
  afterEach(() => {
    mounted?.unmount();
    document.body.replaceChildren();
  });

  it("shows a period with what is unknown, opens what a number is made of, and goes on without the centre", async () => {
    const query = "period=week&by=station";
    const line = {
      incident: id("i"),
      number: "260312-0021",
      title: "草场纠纷",
      clock: "C2",
      start_ms: 1,
      result: "undetermined",
      is_ended: true,
      lo_ms: 20_000,
      hi_ms: 41_000,
      grade: null,
      why: ["near_limit"],
      override: "met",
      target: "昂素快反",
    };
    const here = await centre({
      [`GET /api/reports/figures?${query}&clocks=C2,C5,C6,C9`]: { body: report },
      [`GET /api/reports/lines?${query}&clock=C2&group=${id("angsu")}`]: {
        body: { now_ms: 1, lines: [line], more: 3 },
      },
    });
    mounted = mount(SuperviseDesk, { attachTo: document.body });
    const desk = mounted;
    await vi.waitFor(() => expect(desk.text()).toContain("昂素所"));
    expect(desk.text()).toContain("4 起有效警情，演练 2 起不计入");
    expect(desk.text()).toContain("积压不知道");
    expect(desk.text()).toContain("2/2");
    expect(desk.find(".bar").attributes("aria-label")).toContain("跨档 1");
    press("ArrowDown");
    await vi.waitFor(() => expect(desk.find("tr[aria-current]").text()).toContain("全旗"));
    press("ArrowDown");
    await vi.waitFor(() => expect(desk.find("tr[aria-current]").text()).toContain("昂素所"));
    press("Enter");
    await vi.waitFor(() => expect(desk.find("dialog").text()).toContain("草场纠纷"));
    const told = desk.find("dialog").text();
    for (const word of ["20–41 秒", "两头都准，限时正好在误差里", "人工认定达标", "还有 3 条"])
      expect(told).toContain(word);
    expect(desk.find("dialog a").attributes("href")).toBe(`/desk/timeline/${id("i")}`);
    desk.findComponent({ name: "LinesDialog" }).vm.$emit("close");
    await vi.waitFor(() => expect(desk.find("dialog").exists()).toBe(false));
    here.unplug();
    press("ArrowLeft");
    await vi.waitFor(() => expect(desk.text()).toContain("这段时间的数字还没取到"));
  });
});
