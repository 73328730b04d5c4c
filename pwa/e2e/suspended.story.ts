/** A phone is suspended while it holds records: it hands them over, then clears itself, and nothing it knew is left in the browser. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { kept } from "./kept";
import { until, World } from "./world";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const TITLE = "金銮宾馆三层失窃";

test("a suspended phone hands over what it holds and is then a browser like any (EX9, EX12)", async () => {
  const phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch(TITLE, phone.person);
  await phone.page.getByText(TITLE).first().waitFor();
  await phone.press("签收");
  expect(await phone.page.evaluate(kept)).toContain(TITLE);

  await phone.networkGone();
  await phone.page.getByRole("button", { name: "出发" }).click();
  const admin = await world.desk("admin");
  const of = async () =>
    (await admin.get("/api/devices")).find((one: { person: string }) => one.person === phone.person);
  const { chain } = await of();
  await admin.post(`/api/devices/${chain}/revoke`, { why: "调离", despite: "今天就走" });
  await phone.networkBack();

  await phone.page.getByText("这台手机已停用，里面的记录已清空").waitFor();
  const left = await phone.page.evaluate(kept);
  for (const known of [TITLE, phone.person, chain, "a key"]) expect(left).not.toContain(known);
  const { view } = await dispatcher.get(`/api/incidents/${id}`);
  expect(view.claims.map(({ kind }: { kind: string }) => kind)).toContain("signed");
  const wiped = await until("the trail", of, ({ events }) =>
    events.some(({ kind }: { kind: string }) => kind === "wiped"),
  );
  expect(wiped).toMatchObject({ revoked_why: "调离", pending: 0 });

  await phone.page.reload();
  await phone.page.getByRole("heading", { name: /登记/ }).waitFor();
});
