// @vitest-environment happy-dom
/** What the desk asks about a record stands on the phone's outbox, and one touch answers it. */
import "fake-indexeddb/auto";
import { flushPromises, mount } from "@vue/test-utils";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ref } from "vue";
import { answer } from "../../src/desks/officer/drafts";
import { OFFICER, type Officer } from "../../src/desks/officer/officer";
import DeskRemarks from "../../src/desks/officer/views/DeskRemarks.vue";
import OutboxScreen from "../../src/desks/officer/views/OutboxScreen.vue";
import type { OwnSet } from "../../src/device/vault";
import { Phone, SCOPE } from "../device/phone";

const INCIDENT = "11".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

/** As much of the officer's desk as these parts of a screen touch, over the real replica and the real outbox. */
function desk(told = ref(0)): Officer {
  return {
    device: {
      status: phone.status,
      sync: ref({ head: 2, acked: 2, refusals: 1, unkept: 0 }),
      told,
      outbox: (most: { waiting: number; confirmed: number }) => phone.outbox.list(most),
      remarks: (of: OwnSet) => phone.replica.remarks(of),
      draft: async () => null,
      keepDraft: async () => undefined,
    },
    job: () => null,
    person: () => "赵台",
    whom: () => "中心",
    answer: async (of: OwnSet, text: string) => void (await phone.replica.record(answer(of, SCOPE, text))),
  } as unknown as Officer;
}
const shown = (set: OwnSet) =>
  mount(DeskRemarks, { props: { set }, global: { provide: { [OFFICER as symbol]: desk() } } });

async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await flushPromises();
    await new Promise((done) => setTimeout(done, 5));
  }
}

test("the question is read with who asks it; one touch answers, and the button is gone", async () => {
  phone.centre.rule = (set) =>
    set.body?.kind === "chain" ? { d: "accepted", why: null } : { d: "held", why: "revoked_straddle" };
  await phone.note(INCIDENT, "到了");
  await phone.exchange();
  const set = (await phone.vault.ownOf(INCIDENT))[0] as OwnSet;
  await phone.centre.ask(set.raw, "是您本人写的吗？");
  await phone.exchange();
  const part = shown(set);
  await settled();
  expect(part.text()).toContain("赵台问：是您本人写的吗？");
  await part.get("button").trigger("click");
  await settled();
  const mine = part.findAll("button").find((one) => one.text().includes("是我本人写的"));
  await mine?.trigger("click");
  await settled();
  expect(part.text()).toContain("你答：是我本人写的");
  expect(part.findAll("button")).toHaveLength(0);
});

test("a held record that the desk refuses is no longer shown as held, though as many wait for its author as before", async () => {
  phone.centre.rule = (set) =>
    set.body?.kind === "chain" ? { d: "accepted", why: null } : { d: "held", why: "revoked_straddle" };
  await phone.note(INCIDENT, "到了");
  await phone.exchange();
  const told = ref(0);
  const screen = mount(OutboxScreen, { global: { provide: { [OFFICER as symbol]: desk(told) } } });
  await settled();
  expect(screen.get("[data-testid=refused]").text()).toContain("中心先存着");
  expect(screen.text()).toContain("中心都有了。有 1 条要你看。");
  const set = (await phone.vault.ownOf(INCIDENT))[0] as OwnSet;
  await phone.centre.review(set.raw, "rejected", "not_admitted", "手机当时不在本人手里");
  await phone.exchange();
  told.value += 1;
  await settled();
  const card = screen.get("[data-testid=refused]").text();
  expect(card).toContain("中心没收");
  expect(card).not.toContain("先存着");
  expect(card).toContain("赵台：手机当时不在本人手里");
});

test("a record that counts and is only asked about is not called refused", async () => {
  await phone.note(INCIDENT, "到了");
  await phone.exchange();
  const set = (await phone.vault.ownOf(INCIDENT))[0] as OwnSet;
  await phone.centre.ask(set.raw, "是您本人写的吗？");
  await phone.exchange();
  const screen = mount(OutboxScreen, { global: { provide: { [OFFICER as symbol]: desk() } } });
  await settled();
  const card = screen.get("[data-testid=refused]").text();
  expect(card).toContain("已收下，值班台问一句");
  expect(card).not.toContain("中心没收");
});
