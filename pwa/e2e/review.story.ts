/** Watch two: feedback is returned with what is wrong, corrected on a phone without signal, and passed from the keyboard. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { until, World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

test("what a reviewer returns is read, corrected offline, and passed once it has come", async () => {
  const phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  const reviewer = await world.deskPage("reviewer");
  await reviewer.getByText("没有要审的").first().waitFor();

  const { id } = await dispatcher.dispatch("集市口角", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  const { view } = await dispatcher.get(`/api/incidents/${id}`);
  const said = { move: "proxy", order: view.orders[0].id, said_by: phone.person, via: "radio" };
  for (const kind of ["signed", "arrived", "cleared"])
    await dispatcher.post(`/api/incidents/${id}/moves`, { ...said, kind });
  await phone.page.getByRole("heading", { name: "结果反馈" }).waitFor(); // the order was signed by radio, and leads on
  await phone.page.getByLabel(/^经过/).fill("双方已劝离");
  await phone.press("提交反馈");

  // The reviewer sees the record side by side, and returns it with two keys, a word and the signature.
  await reviewer.getByTestId("feedback").getByText("双方已劝离").waitFor();
  await reviewer.getByText("缺处理结果").first().waitFor();
  await reviewer.getByText("阿木尔：缺出发的记录").waitFor();
  await reviewer.keyboard.press("n");
  await reviewer.keyboard.press("a");
  await reviewer.keyboard.press("w");
  await reviewer.keyboard.type("写清怎么处理的");
  await reviewer.keyboard.press("Control+Enter");
  await reviewer.getByText("集市口角，已退回，手机上会看到。").waitFor();

  await phone.page.getByText("退回 1 起").waitFor();
  await phone.networkGone();
  await phone.press(/我的警情/);
  await phone.press(/集市口角/);
  const card = phone.page.getByTestId("returned");
  await card.getByText("缺处理结果").waitFor();
  await card.getByText("写清怎么处理的").waitFor();
  expect(await phone.page.getByLabel(/^经过/).inputValue(), "what was written is corrected, not written anew").toBe(
    "双方已劝离",
  );
  await phone.page.getByRole("group", { name: "处理结果" }).getByRole("button").first().click();
  await phone.page.getByRole("radio", { name: "民间纠纷" }).click();
  await phone.press("提交反馈");
  await phone.page.getByText("反馈已记下").waitFor();
  expect((await dispatcher.get(`/api/incidents/${id}`)).view.feedback).toHaveLength(1);
  await phone.networkBack();

  await reviewer.getByTestId("feedback").getByText("现场调解").waitFor();
  await reviewer.keyboard.press("y");
  await reviewer.keyboard.press("s");
  await reviewer.keyboard.type("90");
  await reviewer.keyboard.press("Control+Enter");
  await reviewer.getByText("集市口角，已通过。").waitFor();
  const passed = await until(
    "the review",
    () => dispatcher.get(`/api/incidents/${id}`),
    (seen) => seen.view.feedback[1]?.review !== null,
  );
  expect(passed.view.feedback.map((one: { review: { verdict: string } }) => one.review.verdict)).toEqual([
    "return",
    "pass",
  ]);
  expect(passed.view.feedback[1]).toMatchObject({ current: true, review: { score: 90, faults: [] } });
});
