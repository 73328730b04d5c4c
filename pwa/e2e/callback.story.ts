/** Watch three: today's list builds itself, a call is scored with the keyboard alone, and the result stands in the timeline. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

test("closed incidents are called back, scored, and told in the same timeline", async () => {
  const dispatcher = await world.desk("dispatcher");
  const org = await dispatcher.get("/api/org");
  const officer = org.people.find((one: { name: string }) => one.name === "阿木尔").id;
  const station = org.people.find((one: { name: string }) => one.name === "阿木尔").station;
  const desk = await world.deskPage("callback");
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
  await desk.getByText(/演练 1/).waitFor();
  await desk
    .getByRole("heading", { name: "邻里噪音" })
    .or(desk.getByRole("heading", { name: "牲畜被盗" }))
    .first()
    .waitFor();
  await desk.locator(".call", { hasText: "邻里噪音" }).click();
  await desk.getByRole("heading", { name: "邻里噪音" }).waitFor();
  await desk.locator("body").press("2");
  await desk.keyboard.press("m");
  await desk.keyboard.type("35");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("邻里噪音，已存进时间线。").waitFor();

  const scored = await dispatcher.get(`/api/incidents/${happy.id}`);
  expect(scored.view.callback).toMatchObject({ state: "done", attempts: 1 });
  const entry = scored.timeline.find((one: { t: string }) => one.t === "callback.attempt");
  expect(entry).toMatchObject({ by_name: "吕芳", value: { outcome: "reached", score: 2, minutes: 35 } });

  await desk.getByRole("heading", { name: "牲畜被盗" }).waitFor();
  await desk.keyboard.press("0");
  await desk.getByRole("dialog").waitFor();
  await desk.keyboard.press("Control+Enter");
  await desk.getByRole("dialog").waitFor({ state: "hidden" });
  const missed = await dispatcher.get(`/api/incidents/${away.id}`);
  expect(missed.view.callback).toMatchObject({ state: "trying", attempts: 1 });

  const list = await (await world.desk("callback")).get("/api/callback/today");
  expect(list.totals).toMatchObject({ reached: 1, basically: 1 });
  expect(list.satisfaction).toMatchObject({ numerator: 1, denominator: 1, basis_points: 10_000 });
});
