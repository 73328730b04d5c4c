// @vitest-environment happy-dom
/** The phone as an officer sees it: where an incident went that was given away (SC6), and with whom the phone is in touch (HB4). */
import "fake-indexeddb/auto";
import { flushPromises, mount, type VueWrapper } from "@vue/test-utils";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { computed, ref, shallowRef } from "vue";
import OfficerPhone from "../../src/desks/officer/OfficerPhone.vue";
import { open } from "../../src/desks/officer/screens";
import type { Device } from "../../src/device/device";
import { orgOf } from "../../src/device/org";
import { correct } from "../../src/ui/now";
import { NOON, ordered, PERSON, Phone, STATION, UNIT, VEHICLE } from "../device/phone";
import { Station } from "../device/station";

const told = ref(0);
const duty = ref({ on: false, sinceMs: NOON });
const [INCIDENT, AWAY] = ["11".repeat(16), "77".repeat(16)] as [string, string];

let phone: Phone;
let screen: VueWrapper;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  phone.onDuty = false;
  correct(NOON - Date.now());
  const { replica, status, session } = phone;
  const me = { person: PERSON, unit: UNIT, vehicles: [VEHICLE] };
  const counts = await phone.outbox.counts();
  const device = {
    status,
    session,
    incidents: replica.incidents,
    moved: replica.moved,
    me: computed(() => me),
    org: shallowRef(
      orgOf(
        {
          stations: [
            { id: AWAY, name: "乌审召派出所" },
            { id: STATION, name: "昂素派出所" },
          ],
        },
        [],
      ),
    ),
    duty,
    sync: computed(() => ({
      ...counts,
      unkept: 0,
      suspended: false,
      reachable: true,
      lastContactMs: NOON,
      sending: null,
    })),
    told,
    push: { state: ref("off"), trial: ref(null), last: ref(null) },
    outbox: (most: { waiting: number; confirmed: number }) => phone.outbox.list(most),
    story: (id: string) => replica.story(id),
    found: (id: string) => replica.found(id),
    reached: (id: string) => replica.reached(id),
  } as unknown as Device;
  screen = mount(OfficerPhone, { props: { device } });
});
afterEach(() => {
  screen.unmount();
  correct(0);
  phone.close();
});

test("an open timeline says where its incident went, and so does the list", async () => {
  await ordered(phone.centre, INCIDENT, "22".repeat(16));
  await phone.exchange();
  open({ name: "story", incident: INCIDENT });
  await flushPromises();
  expect(screen.get("h1").text()).toBe("草场纠纷");
  await phone.centre.move(INCIDENT, AWAY);
  await phone.exchange();
  await flushPromises();
  expect(screen.get("main").text()).toMatch(
    /^260312-0001 已移交乌审召派出所.* 起由接手的派出所办理，本机不再看到。你自己写的还在本机。$/,
  );
  expect(screen.get("[role=status]").text()).toBe("260312-0001 已移交乌审召派出所");
  expect(screen.text()).not.toContain("草场纠纷");
  open({ name: "list" });
  await flushPromises();
  expect(screen.findAll("[data-testid=moved]").map((row) => row.text())).toEqual([
    "已移交乌审召派出所260312-00013月12日 14:30",
  ]);
});

test("on duty the card names whom the phone was in touch with: a station is not called the centre", async () => {
  duty.value = { on: true, sinceMs: NOON };
  const card = () => screen.get("section.card").text();
  open({ name: "duty" });
  for (const [server, name] of [
    [phone.centre, "中心"],
    [new Station(phone.centre, 1), "昂素派出所"],
  ] as const) {
    phone.server = server;
    await phone.exchange();
    await flushPromises();
    expect(card()).toContain(`与${name}核对过。`);
  }
  phone.centre.fault = "unspoken";
  phone.server = phone.centre;
  await phone.exchange();
  await flushPromises();
  expect(card()).toContain("和中心的版本不一致");
  expect(card()).not.toContain("登记");
});

test("the list of incidents says of each how far what was written of it has come", async () => {
  duty.value = { on: false, sinceMs: NOON };
  const OTHER = "99".repeat(16);
  await ordered(phone.centre, INCIDENT, "22".repeat(16));
  await ordered(phone.centre, OTHER, "33".repeat(16));
  await phone.exchange();
  open({ name: "list" });
  await flushPromises();
  const ticks = () =>
    screen
      .findAll("button.list-row")
      .map((row) => row.find(".ticks"))
      .map((one) => one.exists() && one.attributes("aria-label"));
  expect(ticks()).toEqual([false, false]);
  await phone.note(INCIDENT, "一");
  for (const [server, word] of [
    [null, "本机"],
    [new Station(phone.centre, 1), "到所"],
    [phone.centre, false],
  ] as const) {
    if (server) {
      phone.server = server;
      await phone.exchange();
    }
    told.value += 1;
    await expect.poll(ticks).toEqual([word, false]);
  }
});
