// @vitest-environment happy-dom
/** The parts that do something: holding, undoing, counting, choosing, opening. */
import { mount } from "@vue/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nextTick } from "vue";
import { language } from "../words/language";
import CountdownRing from "./CountdownRing.vue";
import Field from "./Field.vue";
import GradeBadge from "./GradeBadge.vue";
import HoldButton from "./HoldButton.vue";
import { now } from "./now";
import Segmented from "./Segmented.vue";
import Sheet from "./Sheet.vue";
import StateTag from "./StateTag.vue";
import Stepper from "./Stepper.vue";
import SyncChip from "./SyncChip.vue";
import TimelineEntry from "./TimelineEntry.vue";
import UndoBar from "./UndoBar.vue";
import WallRow from "./WallRow.vue";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  language.value = "zh-CN";
});

describe("hold to confirm", () => {
  const button = () => mount(HoldButton, { props: { label: "到场" } });

  it("confirms after 0.8 s and not a moment earlier", async () => {
    const hold = button();
    await hold.trigger("pointerdown", { button: 0 });
    expect(hold.text()).toContain("继续按住");
    vi.advanceTimersByTime(799);
    expect(hold.emitted("confirmed")).toBeUndefined();
    vi.advanceTimersByTime(1);
    expect(hold.emitted("confirmed")).toHaveLength(1);
    await nextTick();
    expect(hold.text()).toContain("按住 1 秒");
  });

  it.each(["pointerup", "pointerleave", "pointercancel"])("%s cancels silently", async (letGo) => {
    const hold = button();
    await hold.trigger("pointerdown", { button: 0 });
    vi.advanceTimersByTime(700);
    await hold.trigger(letGo);
    vi.advanceTimersByTime(5000);
    expect(hold.emitted("confirmed")).toBeUndefined();
  });

  it("a short touch is not a press of a key: its click does not arm", async () => {
    const hold = button();
    await hold.trigger("click", { detail: 1 });
    await hold.trigger("click", { detail: 1 });
    expect(hold.emitted("confirmed")).toBeUndefined();
  });

  it("by keyboard or switch: two presses within 3 s", async () => {
    const hold = button();
    await hold.trigger("click", { detail: 0 });
    expect(hold.text()).toContain("再按一次");
    vi.advanceTimersByTime(3001);
    await hold.trigger("click", { detail: 0 });
    expect(hold.emitted("confirmed")).toBeUndefined(); // too late: that was a new first press
    vi.advanceTimersByTime(2999);
    await hold.trigger("click", { detail: 0 });
    expect(hold.emitted("confirmed")).toHaveLength(1);
  });

  it("does not confirm after it has gone from the screen", async () => {
    const hold = button();
    await hold.trigger("pointerdown", { button: 0 });
    hold.unmount();
    vi.advanceTimersByTime(5000);
    expect(hold.emitted("confirmed")).toBeUndefined();
  });
});

it("undo counts down from ten and then expires once", async () => {
  const bar = mount(UndoBar, { props: { text: "到场已记下" } });
  expect(bar.text()).toContain("撤销 10 秒");
  await vi.advanceTimersByTimeAsync(3000);
  expect(bar.text()).toContain("撤销 7 秒");
  await bar.get("button").trigger("click");
  expect(bar.emitted("undo")).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(bar.emitted("expired")).toHaveLength(1);
});

describe("countdown ring", () => {
  const ring = (leftMs: number | null) => {
    const atMs = 1_000_000;
    const props =
      leftMs === null ? { startMs: null, dueMs: null } : { startMs: atMs + leftMs - 30_000, dueMs: atMs + leftMs };
    return mount(CountdownRing, { props: { ...props, atMs } });
  };
  it("shows seconds, turns near in the last third, counts on past zero with a triangle", () => {
    expect(ring(21_000).get(".count").text()).toBe("21");
    expect(ring(21_000).get(".ring").classes()).toContain("running");
    expect(ring(7_000).get(".ring").classes()).toContain("near");
    const over = ring(-14_000);
    expect(over.get(".count").text()).toBe("+0:14");
    expect(over.find(".count .glyph").exists()).toBe(true);
    expect(over.get('[role="timer"]').attributes("aria-label")).toBe("已逾时 +0:14");
  });
  it("stays empty until the order was delivered", () => {
    const ring0 = ring(null);
    expect(ring0.get(".count").text()).toBe("—");
    expect(ring0.get('[role="timer"]').attributes("aria-label")).toBe("未送达");
  });
  it("steps with the second, it does not sweep", () => {
    const drawn = (leftMs: number) => ring(leftMs).findAll("circle")[1]?.attributes("stroke-dasharray");
    expect(drawn(20_999)).toBe(drawn(20_001));
    expect(drawn(20_000)).not.toBe(drawn(20_001));
  });
});

it("a state is told three ways, in either language", async () => {
  const tag = mount(StateTag, { props: { state: "missed" } });
  expect(tag.classes()).toContain("is-missed");
  expect(tag.find("svg").exists()).toBe(true);
  expect(tag.text()).toBe("超时");
  language.value = "en";
  await nextTick();
  expect(tag.text()).toBe("Missed");
});

it("the sync chip opens the outbox and says how long the phone has been out of reach and what waits", async () => {
  const chip = mount(SyncChip, {
    props: { facts: { waiting: 1, atStation: 0, refused: 0, sending: null, offlineSinceMs: now.value - 7_300_000 } },
  });
  expect(chip.attributes("data-state")).toBe("offline");
  expect(chip.get(".words").text()).toBe("离线 2 小时，待传 1");
  await chip.trigger("click");
  expect(chip.emitted("open")).toHaveLength(1);
  await chip.setProps({ facts: { waiting: 0, atStation: 0, refused: 2, sending: null, offlineSinceMs: 0 } });
  expect(chip.text()).toContain("需处理 2");
  await chip.setProps({ facts: { waiting: 3, atStation: 2, refused: 0, sending: null, offlineSinceMs: null } });
  expect(chip.get(".words").text()).toBe("待传 3，2 条到所");
});

it("a grade opens its interval and its reason, and closes with Esc", async () => {
  const at = Date.parse("2026-03-12T14:57:30+08:00");
  const badge = mount(GradeBadge, {
    props: { grade: 1, uncertaintyMs: 2000, interval: { fromMs: at, toMs: at + 4000 }, reason: "由计时器推算" },
  });
  expect(badge.text()).toBe("1 校时 ±2 秒");
  await badge.trigger("click");
  expect(badge.text()).toContain("区间 14:57:30–14:57:34");
  expect(badge.attributes("aria-expanded")).toBe("true");
  await badge.trigger("keydown", { key: "Escape" });
  expect(badge.text()).toBe("1 校时 ±2 秒");
  expect(mount(GradeBadge, { props: { grade: 0 } }).element.tagName).toBe("SPAN");
});

it("a segment is chosen with the arrows, and Tab passes through once", async () => {
  const options = [
    { value: "a", label: "满意" },
    { value: "b", label: "基本满意" },
    { value: "c", label: "不满意" },
  ];
  const group = mount(Segmented, {
    props: { label: "满意吗", options, modelValue: "a" as string | null },
    attachTo: document.body,
  });
  const radios = group.findAll('[role="radio"]');
  expect(radios.map((radio) => radio.attributes("tabindex"))).toEqual(["0", "-1", "-1"]);
  await radios[0]?.trigger("keydown", { key: "ArrowLeft" });
  expect(group.emitted("update:modelValue")).toEqual([["c"]]);
  await group.setProps({ modelValue: null });
  expect(radios.map((radio) => radio.attributes("tabindex"))).toEqual(["0", "-1", "-1"]);
  group.unmount();
});

it("a count stays within its bounds", async () => {
  const stepper = mount(Stepper, { props: { label: "受伤", modelValue: 0, most: 1 } });
  expect(stepper.get('[aria-label="减"]').attributes("disabled")).toBeDefined();
  await stepper.get('[aria-label="加"]').trigger("click");
  expect(stepper.emitted("update:modelValue")).toEqual([[1]]);
  await stepper.setProps({ modelValue: 1 });
  expect(stepper.get('[aria-label="加"]').attributes("disabled")).toBeDefined();
});

it("a field ties its label and its reason to the input, and keeps what was typed", async () => {
  const field = mount(Field, {
    props: { label: "警号", modelValue: "1506", wrong: "不在名单里" },
    attrs: { autocomplete: "username" },
  });
  const input = field.get("input");
  expect(field.get("label").attributes("for")).toBe(input.attributes("id"));
  expect(field.get('[role="alert"]').attributes("id")).toBe(input.attributes("aria-describedby"));
  expect(input.attributes("autocomplete")).toBe("username");
  expect((input.element as HTMLInputElement).value).toBe("1506");
  await input.setValue("1507");
  expect(field.emitted("update:modelValue")).toEqual([["1507"]]);
});

it("a sheet opens as a modal dialog named by its title, and asks to close", async () => {
  const sheet = mount(Sheet, {
    props: { title: "退单的原因" },
    slots: { default: "<p>说明</p>" },
    attachTo: document.body,
  });
  expect((sheet.element as HTMLDialogElement).open).toBe(true);
  expect(document.getElementById(sheet.attributes("aria-labelledby") ?? "")?.textContent).toBe("退单的原因");
  await sheet.get('[aria-label="关闭"]').trigger("click");
  const press = async (clientY: number, thenY = clientY): Promise<void> => {
    await sheet.trigger("pointerdown", { clientY });
    await sheet.trigger("click", { clientY: thenY });
  };
  await press(0); // its own margin
  await press(0, -5); // a selection dragged outside
  expect(sheet.emitted("close")).toHaveLength(1);
  await press(-5); // the scrim
  expect(sheet.emitted("close")).toHaveLength(2);
  sheet.unmount();
});

it("a timeline entry shows both times, to the minute where no more is known", () => {
  const at = Date.parse("2026-03-12T15:02:00+08:00");
  const entry = mount(TimelineEntry, {
    props: { variant: "conflict", title: "到场", happenedAtMs: at, receivedAtMs: at + 1_144_000, toTheMinute: true },
  });
  expect(entry.get(".happened").text()).toBe("15:02");
  expect(entry.get(".received").text()).toBe("15:21:04");
  expect(entry.classes()).toContain("boxed");
});

it("a wall row says how much is left, or what was found, and never marks a waiting phone as overdue", () => {
  const row = (props: Partial<InstanceType<typeof WallRow>["$props"]>) =>
    mount(WallRow, { props: { title: "打架", facts: ["城川所", "已催 2 次"], startMs: 0, dueMs: 30_000, ...props } });
  const over = row({ atMs: 44_000 });
  expect(over.get(".time").text()).toBe("+0:14");
  expect(over.classes()).toContain("over");
  expect(over.get(".tag").text()).toBe("已逾时");
  const met = row({ atMs: 99_000, doneMs: 15_000, state: "met" });
  expect([met.get(".time").text(), met.get(".tag").text()]).toEqual(["15 秒", "达标"]);
  const waiting = row({ atMs: 7_230_000, state: "undetermined", word: "等补到", timeText: "2 小时" });
  expect(waiting.classes()).not.toContain("over");
  expect(waiting.get(".tag").text()).toBe("等补到");
});
