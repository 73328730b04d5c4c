// @vitest-environment happy-dom
/** The sheet for couriers: what a full phone cannot take in is said, and can be taken in again (BU6). */
import "fake-indexeddb/auto";
import { flushPromises, mount } from "@vue/test-utils";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OFFICER } from "../../src/desks/officer/officer";
import CourierSheet from "../../src/desks/officer/views/CourierSheet.vue";
import { Phone } from "../device/phone";

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

test("an answer that the storage does not take is not passed over in silence", async () => {
  const device = {
    courier: async () => phone.vault.setMeta("courier.reader", () => "this cannot be stored"),
    heeded: async () => undefined,
  };
  const sheet = mount(CourierSheet, { props: { unsent: 1 }, global: { provide: { [OFFICER as symbol]: { device } } } });
  const picker = sheet.get("input[type=file]");
  Object.defineProperty(picker.element, "files", { value: [new File(["x"], "a.answer.bundle")] });
  await picker.trigger("change");
  for (let round = 0; round < 5; round++) await flushPromises();
  expect(sheet.get("[role=alert]").text()).toContain("回执没能收完");
  expect(sheet.findAll("button").some((one) => one.text().includes("导入回执") && !one.attributes("disabled"))).toBe(
    true,
  );
  sheet.unmount();
});
