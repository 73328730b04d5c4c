// @vitest-environment happy-dom
/** Desks as a person uses them: mounted whole, answered by a real HTTP server, worked from the keyboard alone. */
import { mount } from "@vue/test-utils";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { streamBy } from "../../src/centre/live";
import { forgetAll } from "../../src/centre/loaded";
import { reach } from "../../src/centre/reach";
import CallbackDesk from "../../src/desks/callback/CallbackDesk.vue";
import { complained, current, later, view } from "../../src/desks/callback/drafts";
import { kept } from "../../src/desks/command/wall/kept";
import Wall from "../../src/desks/command/wall/Wall.vue";
import LoginDesk from "../../src/desks/login/LoginDesk.vue";
import { current as ruledOn } from "../../src/desks/rulings/drafts";
import RulingsDesk from "../../src/desks/rulings/RulingsDesk.vue";
import { place } from "../../src/router";
import { session } from "../../src/session";
import { column, id, org, row, wall } from "./fixtures";
import { centre } from "./served";

let mounted: ReturnType<typeof mount> | undefined;

beforeEach(() => {
  streamBy(() => Object.assign(new EventTarget(), { readyState: 1, close: () => undefined }));
  forgetAll();
  reach.sinceMs = null;
  kept.value = null;
  current.value = null;
  later.value = [];
  view.value = "calls";
  complained.value = null;
  ruledOn.value = null;
  Object.assign(session, {
    known: true,
    csrf: "token",
    person: { id: id("naren"), name: "娜日苏", role: "dispatcher", roles: ["dispatcher"], station: null, unit: null },
    server: { role: "centre", name: "指挥中心" },
  });
  // happy-dom has no modal dialogs; the browser stories open real ones
  HTMLDialogElement.prototype.showModal = function show() {
    this.setAttribute("open", "");
  };
  HTMLDialogElement.prototype.close = function hide() {
    this.removeAttribute("open");
  };
  Element.prototype.scrollIntoView = () => undefined;
});
afterEach(() => {
  mounted?.unmount();
  document.body.replaceChildren();
});

function press(key: string, init: KeyboardEventInit = {}): void {
  (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }),
  );
}
const show = (component: Parameters<typeof mount>[0]) => {
  mounted = mount(component, { attachTo: document.body });
  return mounted;
};
const now = Date.now();

it("the wall: Q chooses, R calls by radio, and that nobody answered stands in the timeline", async () => {
  const due = row("打架", { deadline: { id: "C2", start_ms: now - 44_000, due_ms: now - 14_000 } });
  const here = await centre({
    "GET /api/wall": { body: wall({ now_ms: now, signing: column([due]) }) },
    "GET /api/org": { body: org },
    [`POST /api/incidents/${due.incident}/moves`]: { body: { set: "", idx: 1, decision: "accepted" } },
  });
  const desk = show(Wall);
  await vi.waitFor(() => expect(desk.text()).toContain("打架"));
  press("q");
  await vi.waitFor(() => expect(document.activeElement?.classList.contains("wall-row")).toBe(true));
  press("r");
  await vi.waitFor(() => expect(desk.text()).toContain("苏和，昂素镇，打架，收到请回答。"));
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(here.posted).toHaveLength(1));
  expect(here.posted[0]).toEqual({
    path: `/api/incidents/${due.incident}/moves`,
    body: { move: "nudge", channel: "radio", reached: false, order: due.order, to: ["person", due.target?.id] },
    csrf: "token",
  });
  await vi.waitFor(() => expect(desk.find("dialog").exists()).toBe(false));
});

it("the wall: a command that cannot be sent says so, keeps what was typed, and goes out when the centre is back", async () => {
  const due = row("打架", { deadline: { id: "C2", start_ms: now - 44_000, due_ms: now - 14_000 } });
  const here = await centre({
    "GET /api/wall": { body: wall({ now_ms: now, signing: column([due]) }) },
    "GET /api/org": { body: org },
    [`POST /api/incidents/${due.incident}/moves`]: { body: { set: "", idx: 1, decision: "accepted" } },
  });
  const desk = show(Wall);
  await vi.waitFor(() => expect(desk.text()).toContain("打架"));
  await vi.waitFor(() => expect(here.open()).toBe(0));
  press("q");
  press("n");
  await vi.waitFor(() => expect(desk.find("dialog input").exists()).toBe(true));
  await desk.find("dialog input").setValue("请速签收");
  here.unplug();
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(desk.text()).toContain("中心没有回音，这一步没有发出去。"));
  expect(desk.text()).toContain("画面停在");
  expect(desk.text()).toContain("打架"); // the last picture stays
  here.plugIn();
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(here.posted).toMatchObject([{ body: { move: "nudge", text: "请速签收" } }]));
});

it("what was done is told with the verdict that was found of it, and with none where nobody has looked", async () => {
  const recent = [
    {
      incident: id("x"),
      title: "家畜走失",
      person: "苏和",
      at: now - 60_000,
      result: "missed",
      elapsed_lo_ms: 40_900,
      elapsed_hi_ms: 41_100,
      override: null,
      score: null,
    },
  ];
  await centre({
    "GET /api/wall": {
      body: wall({
        now_ms: now,
        signing: column([], { recent, today: { met: 32, missed: 1, undetermined: 1, others: 0 } }),
      }),
    },
    "GET /api/org": { body: org },
  });
  const desk = show(Wall);
  await vi.waitFor(() => expect(desk.text()).toContain("41 秒"));
  expect(desk.text()).toContain("今天签收 34 起：32 达标，1 超时，1 无法判定");
  expect(desk.find(".is-missed").text()).toBe("41 秒 超时");
});

it("a callback just reached shows what the caller said, not how long the call was in coming", async () => {
  const done = { incident: id("x"), title: "家畜走失", person: "苏和", result: "met", override: null };
  const recent = [{ ...done, at: now - 60_000, elapsed_lo_ms: 17_600_000, elapsed_hi_ms: 17_600_001, score: 2 }];
  await centre({
    "GET /api/wall": { body: wall({ now_ms: now, callback: column([], { recent }) }) },
    "GET /api/org": { body: org },
  });
  const desk = show(Wall);
  await vi.waitFor(() => expect(desk.text()).toContain("基本满意"));
  expect(desk.text()).not.toContain("4 小时 53 分");
});

const call = (name: string, closedAgoMs = 3_600_000) => ({
  incident: id(name),
  number: "260312-0021",
  tag: "",
  title: name,
  place: "昂素镇",
  station: null,
  since: now - closedAgoMs,
  attempts: 0,
  last_outcome: null,
  last_at: null,
  due_ms: now + 3_600_000,
  again_at: null,
  state: "due",
  score: null,
  reason: null,
  rectify: null,
});
const LIMITS = { within_ms: 86_400_000, complex_days: 5 };
const card = (name: string) => ({
  ...call(name),
  now_ms: now,
  station_name: "昂素所",
  round: 0,
  narrative: null,
  result: null,
  feedback: "现场调解。",
  steps: [{ kind: "reported", at: now - 7_200_000 }],
  caller: { name: "包女士", phone: "13812342046", phone_masked: "138****2046" },
  scripts: [{ name: "", text: "您好。" }],
  recorded: { minutes: 25, tolerance: 5, grade: 3, lo: null, hi: null },
  again: null,
  exercise: false,
  exempt: null,
  limits: LIMITS,
  attempts: [],
});

it("a callback without a mouse: score, minutes, wish, saved, and the next call is there", async () => {
  let saved = false;
  const figures = {
    ...{ ended: 3, today: 2, excluded: 1, exercises: 0, carried: 0, list: 2 },
    ...{ reached: 0, unreachable: 0, left: 2, tried: 0, satisfied: 0, basically: 0, dissatisfied: 0 },
  };
  const here = await centre({
    "GET /api/wall": { body: wall() },
    "GET /api/org": { body: org },
    "GET /api/callback/ladder": { body: { now_ms: now, complaints: [], open: {}, limits: LIMITS, more: 0 } },
    "GET /api/callback/today": () => ({
      body: {
        now_ms: now,
        list: [{ ...call("甲", 7_200_000), ...(saved && { state: "done", score: 2 }) }, call("乙")],
        more: 0,
        again: [],
        exercises: [],
        excluded: [{ incident: id("丙"), number: null, title: "丙", why: "no_phone" }],
        totals: saved ? { ...figures, reached: 1, left: 1, basically: 1 } : figures,
        satisfaction: {
          formula: "basically",
          satisfied: 0,
          basically: saved ? 1 : 0,
          reached: saved ? 1 : 0,
          basis_points: saved ? 10_000 : null,
        },
      },
    }),
    [`GET /api/callback/${id("甲")}`]: { body: card("甲") },
    [`GET /api/callback/${id("乙")}`]: { body: card("乙") },
    [`POST /api/incidents/${id("甲")}/moves`]: () => {
      saved = true;
      return { body: { set: "", idx: 2, decision: "accepted" } };
    },
  });
  const desk = show(CallbackDesk);
  await vi.waitFor(() => expect(desk.find("h1").text()).toBe("甲"));
  expect(desk.text()).toContain("还没接通，没有满意率");
  expect(desk.text()).toContain("138 1234 2046"); // the card is where a caller's number is shown
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(desk.text()).toContain("先打分"));
  press("2");
  press("m");
  await desk.find(".minutes input").setValue("35");
  expect(desk.text()).toContain("相差 10 分，转复核，不算谁错。");
  press("1"); // typed into a field: no score
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() =>
    expect(here.posted).toMatchObject([{ body: { move: "callback", outcome: "reached", score: 2, minutes: 35 } }]),
  );
  await vi.waitFor(() => expect(desk.find("h1").text()).toBe("乙"));
  await vi.waitFor(() => expect(desk.text()).toContain("（满意 0 + 基本满意 1）÷ 接通 1"));
  expect(desk.text()).toContain("没有报警电话 1");
  expect(desk.text()).toContain("今天办结 3 起 = 名单 2 + 不打 1 + 演练 0。");
});

const complaint = (part: object) => ({
  incident: id("丁"),
  number: "260312-0031",
  title: "丁",
  place: "昂素镇",
  station: id("angsu"),
  exercise: false,
  attempt: "0a".repeat(17),
  said_at: now - 7_200_000,
  said_to: "吕芳",
  reason: "slow",
  text: "等了一个小时",
  again: false,
  step: "rectifying",
  mine: true,
  due_ms: now + 79_200_000,
  rectified_at: null,
  rectification: {
    ordered: { op: "0b".repeat(17), at: now - 7_200_000, by_name: "吕芳", text: "上门说明", result: null },
    station: id("angsu"),
    station_name: "昂素所",
    unit: null,
    unit_name: "",
    kind: "ordinary",
    done: null,
  },
  called_at: null,
  listed: null,
  ended: null,
  ...part,
});

it("a station answers what it is asked to put right, with the words or not at all", async () => {
  const station = { role: "station", roles: ["station"], station: id("angsu") };
  Object.assign(session, { person: { id: id("duty"), name: "巴雅尔", unit: null, ...station } });
  let step = "rectifying";
  const here = await centre({
    "GET /api/wall": { body: wall() },
    "GET /api/org": { body: org },
    "GET /api/callback/ladder": () => ({
      body: { now_ms: now, complaints: [complaint({ step })], open: {}, limits: LIMITS, more: 0 },
    }),
    [`POST /api/incidents/${id("丁")}/moves`]: () => {
      step = "to_call_again";
      return { body: { set: "", idx: 2, decision: "accepted" } };
    },
  });
  const desk = show(CallbackDesk);
  await vi.waitFor(() => expect(desk.find("h1").text()).toBe("丁"));
  expect(desk.text()).toContain("剩 22 小时");
  expect(desk.text(), "no calls are shown to a station").not.toContain("今日名单");
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(desk.text()).toContain("写一句再办"));
  await desk.find("textarea").setValue("已上门道歉");
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() =>
    expect(here.posted).toMatchObject([{ body: { move: "rectified", rectify: "0b".repeat(17), text: "已上门道歉" } }]),
  );
  await vi.waitFor(() => expect(desk.text()).toContain("已整改，等再次回访"));
  expect(desk.find("textarea").exists(), "the next step is not the station's").toBe(false);
});

it("a log-in that was wrong says so, keeps the number, clears the password; the right one opens the role's desk", async () => {
  Object.assign(session, { known: false, person: null, csrf: "" });
  const nobody = { person: null, csrf: "", server: { role: "centre", name: "指挥中心", now_ms: Date.now() } };
  const here = await centre({
    "GET /api/session": { body: nobody },
    "POST /api/session": { status: 401, body: { code: "wrong_login" } },
  });
  const desk = show(LoginDesk);
  await vi.waitFor(() => expect(desk.text()).toContain("中心在线"));
  await desk.find("form").trigger("submit");
  expect(desk.text()).toContain("先填警号。");
  const [login, password] = desk.findAll("input");
  await login?.setValue("1506 2317");
  await password?.setValue("wrong");
  await desk.find("form").trigger("submit");
  await vi.waitFor(() => expect(desk.text()).toContain("警号和口令对不上。"));
  expect([login?.element.value, password?.element.value]).toEqual(["1506 2317", ""]);
  here.answers.set("POST /api/session", {
    body: {
      ...nobody,
      csrf: "t",
      person: { id: id("a"), name: "高娃", role: "callback", roles: ["callback"], station: null, unit: null },
    },
  });
  await password?.setValue("right");
  await desk.find("form").trigger("submit");
  await vi.waitFor(() => expect(place.value).toEqual({ name: "callback" }));
});

const NOTHING_SAID = { now_ms: now, incidents: [], open: { incidents: 0, facts: 0, steps: 0 }, next: null };
const NO_DOUBT = { now_ms: now, sets: [], waiting: { held: 0, rejected: 0, opaque: 0, compromised: 0 }, next: null };
const SAID = "GET /api/rulings/conflicts?limit=100";
const DOUBTED = "GET /api/rulings/queue?limit=100";

it("the rulings desk: says when nothing waits, and when nobody answers", async () => {
  const here = await centre({
    [SAID]: { body: NOTHING_SAID },
    [DOUBTED]: { body: NO_DOUBT },
    "GET /api/org": { body: org },
  });
  here.unplug();
  const desk = show(RulingsDesk);
  await vi.waitFor(() => expect(desk.text()).toContain("中心没有回音"));
  here.plugIn();
  dispatchEvent(new Event("online"));
  await vi.waitFor(() => expect(desk.text()).toContain("没有要裁的"));
});

const refused = (byte: string) => {
  return {
    set: byte.repeat(32),
    idx: 4,
    seq: 12,
    kind: "rejected",
    open: true,
    decision: "rejected",
    why: "no_authority",
    flags: [],
    author: {
      person: id("suhe"),
      name: "苏和",
      station: null,
      device: id("c"),
      label: "苏和手机",
      revoked_at: null,
      compromised_since: null,
    },
    written_at: now,
    made_after: now - 60_000,
    received_at: now,
    entity: null,
    incident: null,
    ops: [{ op: "00".repeat(17), t: "incident.close", at: now, fields: { t: "incident.close", round: 0 } }],
    redacted: false,
    remarks: [],
    may: ["admit", "reject", "ask"],
  };
};

it("the rulings desk: says how many wait in all, and lists the older ones when asked", async () => {
  const waiting = { ...NO_DOUBT.waiting, rejected: 2 };
  await centre({
    [SAID]: { body: NOTHING_SAID },
    [DOUBTED]: { body: { ...NO_DOUBT, sets: [refused("ab")], waiting, next: 4 } },
    [`${DOUBTED}&before=4`]: { body: { ...NO_DOUBT, sets: [refused("cd")], waiting, next: null } },
    "GET /api/org": { body: org },
  });
  const desk = show(RulingsDesk);
  await vi.waitFor(() => expect(desk.text()).toContain("列出 1 条，共 2 条"));
  expect(desk.findAll(".list .line")).toHaveLength(1);
  await desk.find(".more button").trigger("click");
  await vi.waitFor(() => expect(desk.findAll(".list .line")).toHaveLength(2));
  expect(desk.find(".more").exists(), "nothing older is left").toBe(false);
});

it("the rulings desk: a refused record is decided by a key, a reason and a signature; a lost answer keeps both", async () => {
  const set = refused("ab");
  let open = true;
  const here = await centre({
    [SAID]: { body: NOTHING_SAID },
    [DOUBTED]: () => ({
      body: open ? { ...NO_DOUBT, sets: [set], waiting: { ...NO_DOUBT.waiting, rejected: 1 } } : NO_DOUBT,
    }),
    "GET /api/org": { body: org },
    [`POST /api/rulings/${set.set}/admit`]: () => {
      open = false;
      return { status: 201, body: { idx: 4713 } };
    },
  });
  const desk = show(RulingsDesk);
  await vi.waitFor(() => expect(desk.text()).toContain("写它的人当时没有下这个命令的权。"));
  press("1");
  await vi.waitFor(() => expect(document.activeElement?.tagName).toBe("TEXTAREA"));
  press("Enter", { ctrlKey: true });
  expect(here.posted, "nothing is signed without a reason").toHaveLength(0);
  await desk.find("textarea").setValue("台里同意办结");
  here.unplug();
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(desk.text()).toContain("中心没有回音，这一步没有发出去。"));
  expect((desk.find("textarea").element as HTMLTextAreaElement).value).toBe("台里同意办结");
  here.plugIn();
  press("Enter", { ctrlKey: true });
  await vi.waitFor(() => expect(here.posted).toMatchObject([{ body: { text: "台里同意办结" }, csrf: "token" }]));
  await vi.waitFor(() => expect(desk.text()).toContain("记入裁定日志第 4713 条"));
  await vi.waitFor(() => expect(desk.text()).toContain("没有要裁的"));
});
