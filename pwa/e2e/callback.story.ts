/**
 * Watch three: today's list builds itself, a call is scored with the keyboard alone, and the result stands in the timeline.
 * Who is not satisfied is followed until it is put right and asked again, each step at its own desk.
 */

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { World } from "./world";

let world: World;
let desk: Page;
beforeAll(async () => {
  world = await World.open();
  desk = await world.deskPage("callback");
});
afterAll(() => world.close());

test("closed incidents are called back, scored, and told in the same timeline", async () => {
  const dispatcher = await world.desk("dispatcher");
  const org = await dispatcher.get("/api/org");
  const officer = org.people.find((one: { name: string }) => one.name === "阿木尔").id;
  const station = org.people.find((one: { name: string }) => one.name === "阿木尔").station;
  await desk
    .getByRole("heading", { name: "今天没有要回访的" })
    .or(desk.getByText("今天没有要回访的"))
    .first()
    .waitFor();

  const told = { category: "dispute", place: "城川镇古城路", station, order: { to: ["person", officer] } };
  const happy = await dispatcher.post("/api/incidents", { ...told, title: "邻里噪音", caller_phone: "13900001111" });
  const away = await dispatcher.post("/api/incidents", { ...told, title: "牲畜被盗", caller_phone: "13900002222" });
  const drill = await dispatcher.post("/api/incidents", {
    ...told,
    title: "演练一次",
    caller_phone: "13900003333",
    exercise: true,
  });
  for (const { id } of [happy, away, drill]) await dispatcher.post(`/api/incidents/${id}/moves`, { move: "close" });

  await desk.locator(".call").nth(1).waitFor(); // two to call; the drill is left out with its reason
  await desk
    .getByText(/演练 1/)
    .first()
    .waitFor();
  await desk
    .getByRole("heading", { name: "邻里噪音" })
    .or(desk.getByRole("heading", { name: "牲畜被盗" }))
    .first()
    .waitFor();
  await desk.locator(".call", { hasText: "邻里噪音" }).click();
  await desk.getByRole("heading", { name: "邻里噪音" }).waitFor();
  // The wrong key, and Z: both stand in the timeline, and the call is as open as before.
  await desk.locator("body").press("1");
  await desk.keyboard.press("m");
  await desk.keyboard.type("35");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("邻里噪音，已存进时间线。").waitFor();
  await desk.locator("body").press("z");
  await desk.getByText("邻里噪音：这次回访已撤销").waitFor();
  await desk.getByRole("heading", { name: "邻里噪音" }).waitFor();
  expect(await desk.getByLabel(/几分钟/).inputValue()).toBe("35");
  await desk.locator("body").press("2");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("邻里噪音，已存进时间线。").waitFor();

  const scored = await dispatcher.get(`/api/incidents/${happy.id}`);
  expect(scored.view.callbacks).toMatchObject([{ outcome: "reached", score: 2 }]);
  const [slip, entry] = scored.timeline.filter((one: { t: string }) => one.t === "callback.attempt");
  const back = scored.timeline.find((one: { t: string }) => one.t === "callback.withdraw");
  expect([slip.value.score, back.about]).toEqual([1, slip.op]);
  expect(entry).toMatchObject({ by_name: "吕芳", value: { outcome: "reached", score: 2, minutes: 35 } });

  await desk.getByRole("heading", { name: "牲畜被盗" }).waitFor();
  await desk.keyboard.press("0");
  await desk.getByRole("dialog").waitFor();
  await desk.keyboard.press("Control+Enter");
  await desk.getByRole("dialog").waitFor({ state: "hidden" });
  const missed = await dispatcher.get(`/api/incidents/${away.id}`);
  expect(missed.view.callbacks).toMatchObject([{ outcome: "no_answer", score: null }]);

  const list = await (await world.desk("callback")).get("/api/callback/today");
  expect(list.totals).toMatchObject({ ended: 3, today: 2, exercises: 1, reached: 1, basically: 1 });
  expect(list.satisfaction).toMatchObject({ formula: "basically", basically: 1, reached: 1, basis_points: 10_000 });
});

test("who is not satisfied is put right by the station, asked again, and listed by the inspectorate", async () => {
  const dispatcher = await world.desk("dispatcher");
  const org = await dispatcher.get("/api/org");
  const station = org.people.find((one: { role: string }) => one.role === "station").station;
  const told = { category: "dispute", place: "昂素镇巴音大街", station, caller_phone: "13900004444" };
  const made = await dispatcher.post("/api/incidents", { ...told, title: "草场围栏纠纷" });
  await dispatcher.post(`/api/incidents/${made.id}/moves`, { move: "close" });

  await desk.locator(".call", { hasText: "草场围栏纠纷" }).click();
  await desk.getByRole("heading", { name: "草场围栏纠纷" }).waitFor();
  await desk.locator("body").press("3");
  await desk.keyboard.press("Space"); // the first reason
  await desk.keyboard.press("Tab"); // the station
  await desk.keyboard.press("Tab"); // ordinary or complex
  await desk.keyboard.press("Tab"); // and the minutes are not skipped
  await desk.keyboard.type("40");
  await desk.keyboard.press("Tab");
  await desk.keyboard.type("ᠪᠠᠶᠠᠷᠲᠠᠢ 等了很久");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("草场围栏纠纷，已存进时间线。").waitFor();
  await expect(dispatcher.post(`/api/incidents/${made.id}/moves`, { move: "close" })).rejects.toThrow("ladder_open");

  const duty = await world.deskPage("station");
  await duty.goto(`${world.url}/desk/callback`);
  await duty.getByRole("heading", { name: "草场围栏纠纷" }).waitFor();
  await duty.getByText("ᠪᠠᠶᠠᠷᠲᠠᠢ 等了很久").first().waitFor();
  await duty.getByLabel("怎么整改的").fill("已上门丈量");
  await duty.keyboard.press("Control+Enter");
  await duty.getByText("已整改，等再次回访").first().waitFor();

  await desk.locator(".call", { hasText: "整改完，再访" }).click();
  await desk.getByText("已整改").first().waitFor();
  await desk.getByText("已上门丈量").waitFor();
  await desk.locator("body").press("3");
  await desk.keyboard.press("Space");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("草场围栏纠纷，已存进时间线。").waitFor();

  const inspector = await world.deskPage("supervisor");
  await inspector.goto(`${world.url}/desk/callback`);
  await inspector.getByLabel("督办要求").fill("五日内见面答复");
  await inspector.keyboard.press("Control+Enter");
  await inspector.getByText("督察挂牌督办中").waitFor();
  await inspector.getByRole("radio", { name: "已落实" }).click();
  await inspector.getByLabel("督办情况").fill("围栏已修，报警人签字");
  await inspector.keyboard.press("Control+Enter");
  await inspector.getByText("督办已办结").first().waitFor();
  await dispatcher.post(`/api/incidents/${made.id}/moves`, { move: "close" });
});
