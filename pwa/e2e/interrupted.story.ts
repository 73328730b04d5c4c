/** An order takes the screen from whoever is writing; what was half written is there afterwards. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

test("an order in the middle of a self-report, and in the middle of a note, costs no word", async () => {
  let phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press(/^下一步/);
  await phone.page.getByLabel("地点").fill("补拉嘎查 井房");

  await dispatcher.dispatch("草场纠纷", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.press("签收");
  await phone.hold("按住到场");
  await phone.press("记一笔");
  await phone.page.getByLabel("记什么").fill("围栏移了四十米");

  await dispatcher.dispatch("牲畜上公路", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.context.close(); // and the battery gives out
  phone = await world.reopen(phone, { offline: true });
  await phone.press("签收");
  await phone.press("返回");

  await phone.press("自接警");
  await phone.page.getByText("上次没写完的还在").waitFor();
  expect(await phone.page.getByLabel("地点").inputValue()).toBe("补拉嘎查 井房");
  await phone.press("清空");
  await phone.page.getByRole("heading", { name: "什么事？" }).waitFor();
  await phone.press("返回");
  await phone.press("自接警");
  await phone.page.getByRole("heading", { name: "什么事？" }).waitFor();
  expect(await phone.page.getByText("上次没写完的还在").count()).toBe(0);
  await phone.press("返回");

  await phone.press(/^我的警情/);
  await phone.press(/草场纠纷/);
  await phone.press("记一笔");
  await expect.poll(() => phone.page.getByLabel("记什么").inputValue()).toBe("围栏移了四十米");
  await phone.press("记下");
  await phone.page.getByText("围栏移了四十米").waitFor();
  await phone.press("记一笔");
  expect(await phone.page.getByLabel("记什么").inputValue()).toBe("");
});
