// @vitest-environment happy-dom
/** The outbox says of every set how far it has come, and truthfully what happens to it next (SPEC HB4). */
import "fake-indexeddb/auto";
import { flushPromises, mount } from "@vue/test-utils";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { computed, ref } from "vue";
import { createOfficer, OFFICER } from "../../src/desks/officer/officer";
import OutboxScreen from "../../src/desks/officer/views/OutboxScreen.vue";
import type { Device } from "../../src/device/device";
import { correct } from "../../src/ui/now";
import { language } from "../../src/words/language";
import { NOON, PERSON, Phone, STATION } from "../device/phone";
import { Station } from "../device/station";

const INCIDENT = "11".repeat(16);
const TICKS = ["本机", "到所", "中心确认"];

let phone: Phone;
let station: Station;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  station = new Station(phone.centre, 1);
  await station.inTouch();
  correct(NOON - Date.now());
});
afterEach(() => {
  language.value = "zh-CN";
  correct(0);
  phone.close();
});

async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await flushPromises();
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** The screen over the real outbox, as it stands now. */
async function shown() {
  const counts = await phone.outbox.counts();
  const device = {
    status: phone.status,
    session: phone.session,
    org: ref({ stations: new Map([[STATION, { name: "昂素派出所" }]]) }),
    sync: computed(() => ({ ...counts, unkept: 0 })),
    told: ref(0),
    incidents: phone.replica.incidents,
    moved: phone.replica.moved,
    me: ref({ person: PERSON, unit: null, vehicles: [] }),
    duty: ref({ on: true }),
    outbox: (most: { waiting: number; confirmed: number }) => phone.outbox.list(most),
  };
  const desk = createOfficer(device as unknown as Device);
  const screen = mount(OutboxScreen, { global: { provide: { [OFFICER as symbol]: desk } } });
  await settled();
  const rows = screen.findAll("[data-testid=waiting], [data-testid=confirmed]");
  const ticks = rows.map((row) => TICKS.indexOf(row.get(".ticks").attributes("aria-label") ?? ""));
  const [hint, met] = screen.findAll("main > p, main .caption.strong").map((one) => one.text());
  const lines = rows.map((row) => row.get("p.caption").text());
  const alerts = screen.findAll("[role=alert] b").map((one) => one.text());
  return { title: screen.get("h1").text(), hint, met, ticks, lines, alerts };
}
const at = async (server: { fetch: typeof fetch }): Promise<void> => {
  phone.server = server;
  await phone.exchange();
};

test("a set on the phone, one at the station, one confirmed: each has its ticks, and the sheet says what comes next", async () => {
  await at(phone.centre);
  await phone.note(INCIDENT, "一");
  await at(station);
  let screen = await shown();
  expect(screen).toMatchObject({
    title: "待传 1 条",
    hint: "都已存到派出所，所里连上中心就上报。",
    met: "已连昂素派出所",
  });
  expect(screen.ticks).toEqual([1, 2, 2]);
  expect(screen.lines[0]).toMatch(/^\d 秒前到所，等中心$/);

  station.fault = "down";
  await phone.note(INCIDENT, "二");
  correct(NOON + 180_000 - Date.now());
  await at(station);
  screen = await shown();
  expect(screen.hint).toMatch(/^1 条已到派出所，由所里上报；其余存在本机，有信号马上续传。1 秒后自动再试。$/);
  expect(screen).toMatchObject({ title: "待传 2 条", met: "3 分钟前连过昂素派出所" });
  expect(screen.ticks).toEqual([0, 1, 2, 2]);
  station.fault = "busy";
  await at(station);
  expect((await shown()).hint).toContain("服务器忙。1 秒后自动再试。");
  language.value = "en";
  expect(await shown()).toMatchObject({ title: "2 waiting", met: "Reached 昂素派出所 3 min ago" });
  language.value = "zh-CN";

  await at(phone.centre);
  screen = await shown();
  expect(screen).toMatchObject({ title: "都传到了", hint: "本机写下的，中心都已确认。", met: "已连中心" });
  expect(new Set(screen.ticks)).toEqual(new Set([2]));
});

test("HB5: what is written on a key that has no place yet waits for the centre, and the sheet says so", async () => {
  await at(phone.centre);
  await phone.leaving.leave("copied");
  await phone.note(INCIDENT, "在新链上");
  await at(station);
  const screen = await shown();
  expect(screen.hint).toBe("本机换过密钥，新写的存在本机，连上中心后续传。");
  expect(screen.ticks.slice(0, 2)).toEqual([0, 0]);
});

test("EX12: a suspended phone that still holds something says that it hands it over, and needs no new code for that", async () => {
  await at(phone.centre);
  await phone.note(INCIDENT, "一");
  Object.assign(phone.centre, { fault: "revoked", silent: "push" });
  await at(phone.centre);
  const { alerts, hint, ticks } = await shown();
  expect([alerts, ticks[0]]).toEqual([["这台手机已停用"], 0]);
  expect(hint).toMatch(/^都已安全存在本机，有信号马上续传。\d+ 秒后自动再试。$/);
});
