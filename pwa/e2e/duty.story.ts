/** No signal all duty long: everything is done offline, survives a closed browser, and arrives as it happened. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until, World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

test("an order is carried out without a network and nothing of it is lost", async () => {
  let phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch("草场纠纷，双方争执", phone.person);

  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.page.getByText("草场纠纷，双方争执").waitFor();
  await until(
    "the delivery receipt",
    () => dispatcher.get(`/api/incidents/${id}`),
    (seen) => seen.view.orders[0].milestones.delivered !== undefined,
  );

  await phone.networkGone();
  const cutAtMs = Date.now();
  await phone.press("签收");
  await phone.press("出发");
  await phone.page.getByRole("button", { name: "受阻" }).waitFor();
  await phone.hold("到场");
  await phone.press("记一笔");
  await phone.page.getByLabel("记什么").fill("双方已分开，等嘎查长来");
  await phone.page.getByRole("dialog").getByRole("button", { name: "记下" }).click();
  await phone.hold("处置完毕");
  await phone.page.getByRole("heading", { name: "结果反馈" }).waitFor();
  await phone.page.getByRole("group", { name: "处理结果" }).getByRole("button").first().click();
  await phone.press("提交反馈");

  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  await phone.page.getByText("反馈已记下").waitFor();
  expect(await phone.page.locator(".undo").count(), "the feedback stands on the clearing: no undo below it").toBe(0);
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  await phone.page.getByText("已建单").first().waitFor();
  await phone.chip("offline").waitFor();
  const doneAtMs = Date.now();

  await phone.context.close();
  phone = await world.reopen(phone, { offline: true });
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  await phone
    .chip("offline")
    .filter({ hasText: /离线.*待传 \d+/ })
    .waitFor();
  await phone.press(/^待传 \d+/);
  const waiting = phone.page.getByTestId("waiting");
  await expect.poll(() => waiting.count()).toBeGreaterThanOrEqual(7);
  expect(await waiting.allInnerTexts()).toEqual(
    expect.arrayContaining([expect.stringContaining("到场"), expect.stringContaining("签收")]),
  );
  await waiting.filter({ hasText: "处置完毕" }).waitFor();

  const before = await dispatcher.get(`/api/incidents/${id}`);
  expect(before.view.status).toBe("delivered");

  await phone.networkBack();
  await phone.press("立即上传");
  await phone.chip("confirmed").waitFor();

  const after = await dispatcher.get(`/api/incidents/${id}`);
  const steps = after.view.orders[0].milestones;
  expect(after.view.status).toBe("cleared");
  for (const kind of ["signed", "departed", "arrived", "cleared", "feedback"]) {
    expect(steps[kind].at, kind).toBeGreaterThanOrEqual(cutAtMs - 2_000);
    expect(steps[kind].at, kind).toBeLessThanOrEqual(doneAtMs + 2_000);
  }
  const received = after.timeline.filter((entry: { kind: string }) => entry.kind === "signed");
  expect(received[0].received_at).toBeGreaterThan(received[0].at);
  expect(after.view.entries.map((entry: { text: string }) => entry.text)).toContain("双方已分开，等嘎查长来");

  const { incidents } = await dispatcher.get("/api/incidents");
  const own = incidents.filter((one: { source: string }) => one.source === "self");
  expect(own).toHaveLength(1);
  expect(own[0].number).toMatch(/^\d{6}-\d{4}$/);
});
