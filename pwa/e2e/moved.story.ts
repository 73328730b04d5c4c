/** An incident goes to another station while an officer's phone has it open: nothing of it is left in that browser. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { kept } from "./kept";
import { until, World } from "./world";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const [TITLE, OTHER] = ["金銮宾馆三层失窃", "草场围栏纠纷"];

test("an incident that was given to another station leaves the phones of the old one, and every store of theirs (SC6)", async () => {
  const phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch(TITLE, phone.person);
  await dispatcher.dispatch(OTHER, phone.person);
  const holds = (title: string) => (left: string) => left.includes(title);
  await until(
    "both came",
    () => phone.page.evaluate(kept),
    (left) => holds(TITLE)(left) && holds(OTHER)(left),
  );

  const { summary, view } = await dispatcher.get(`/api/incidents/${id}`);
  const { stations } = await dispatcher.get("/api/org");
  const other = stations.find((one: { id: string }) => one.id !== summary.station);
  await dispatcher.post(`/api/incidents/${id}/moves`, {
    move: "withdraw_order",
    order: view.orders[0].id,
    why: "误派",
  });
  await dispatcher.post(`/api/incidents/${id}/moves`, { move: "transfer", station: other.id, why: "辖区" });

  await until(
    "the phone has let go",
    () => phone.page.evaluate(kept),
    (left) => !left.includes(TITLE),
  );
  await phone.page.reload();
  await phone.page.getByText(OTHER).first().waitFor();
  const left = await phone.page.evaluate(kept);
  expect([holds(OTHER)(left), holds(TITLE)(left)]).toEqual([true, false]);
});
