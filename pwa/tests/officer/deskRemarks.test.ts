// @vitest-environment happy-dom
/** What the desk asks about a record stands on the phone's outbox, and one touch answers it. */
import "fake-indexeddb/auto";
import { flushPromises, mount } from "@vue/test-utils";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answer } from "../../src/desks/officer/drafts";
import { OFFICER, type Officer } from "../../src/desks/officer/officer";
import DeskRemarks from "../../src/desks/officer/views/DeskRemarks.vue";
import type { OwnSet } from "../../src/device/vault";
import { Phone, SCOPE } from "../device/phone";

const INCIDENT = "11".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

/** As much of the officer's desk as this part of a screen touches, over the real replica. */
function shown(set: OwnSet) {
  const officer = {
    device: {
      status: phone.status,
      remarks: (of: OwnSet) => phone.replica.remarks(of),
      draft: async () => null,
      keepDraft: async () => undefined,
    },
    person: () => "赵台",
    answer: async (of: OwnSet, text: string) => void (await phone.replica.record(answer(of, SCOPE, text))),
  } as unknown as Officer;
  return mount(DeskRemarks, { props: { set }, global: { provide: { [OFFICER as symbol]: officer } } });
}

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
