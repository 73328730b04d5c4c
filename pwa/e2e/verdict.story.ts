/** What was found of an officer's own clocks comes to the officer's phone, with what a person said beside it, without signal too. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until, World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

test("an officer reads what was found, and whose word stands beside it", async () => {
  const phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch("草场纠纷，双方争执", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.press("签收");
  await phone.press("出发");
  await phone.page.getByRole("button", { name: "受阻" }).waitFor();
  await phone.hold("到场");
  await phone.hold("处置完毕");
  await phone.page.getByRole("heading", { name: "结果反馈" }).waitFor();
  await phone.page.getByRole("group", { name: "处理结果" }).getByRole("button").first().click();
  await phone.press("提交反馈");
  const found = await until(
    "the findings",
    () => dispatcher.get(`/api/incidents/${id}`),
    ({ verdicts }) =>
      ["C2", "C5", "C7"].every((clock) =>
        verdicts.some((one: { clock: string; result: string }) => one.clock === clock && one.result === "met"),
      ),
  );
  const { order } = found.verdicts.find((one: { clock: string }) => one.clock === "C5");
  const commander = await world.desk("commander");
  const beside = { clock: "C5", order, round: 0, result: "missed", why: "现场监控里看不到人" };
  await commander.post(`/api/incidents/${id}/moves`, { move: "override_verdict", ...beside });

  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  await phone.press(/我的警情/);
  await phone.page.getByRole("button", { name: /草场纠纷/ }).click();
  const told = phone.page.getByRole("region", { name: "中心按凭据判定" });
  await told.getByText("现场监控里看不到人").waitFor();
  const lines = async () => (await told.locator("p").allInnerTexts()).map((line) => line.replaceAll(/\s+/g, " "));
  await expect
    .poll(async () => (await lines()).map((line) => line.split(" ").slice(0, 2).join(" ")))
    .toEqual(["签收 达标", "出发 达标", "到场 达标", "反馈 达标", "结果反馈 达标"]);
  expect((await lines())[2]).toMatch(/^到场 达标 .+ 超时 现场监控里看不到人$/);
  const shot = process.env["ORTOO_LOOK"];
  if (shot) await phone.page.screenshot({ path: shot, fullPage: true });

  await phone.networkGone();
  await phone.page.reload();
  await told.getByText("现场监控里看不到人").waitFor();
});
