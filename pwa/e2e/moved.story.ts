/** An incident, and later the officer, goes to another station: nothing of what is no longer theirs is left in that browser. */
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
  const { id: second } = await dispatcher.dispatch(OTHER, phone.person);
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

  // Now the officer goes, with a record that nobody has yet.
  const admin = await world.desk("admin");
  const { people } = await admin.get("/api/org");
  const { id: me, ...row } = people.find((one: { id: string }) => one.id === phone.person);
  await phone.networkGone();
  await phone.press("签收");
  await admin.put(`/api/org/people/${me}`, { ...row, station: other.id });
  await phone.networkBack();
  await until(
    "the phone has let go of its station",
    () => phone.page.evaluate(kept),
    (now) => !now.includes(OTHER),
  );
  const claims = async () => (await dispatcher.get(`/api/incidents/${second}`)).view.claims;
  await until("what it wrote there", claims, (all) => all.some(({ kind }: { kind: string }) => kind === "signed"));

  // What it reports from now on belongs where the officer is.
  await phone.page.reload();
  await phone.page.getByText(other.name).waitFor();
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  const reported = async () =>
    (await dispatcher.get("/api/incidents")).incidents.find((one: { source: string }) => one.source === "self");
  expect(await until("the self-report", reported, Boolean)).toMatchObject({ station: other.id });

  await admin.put(`/api/org/people/${me}`, row);
  const again = await until("all of it again", () => phone.page.evaluate(kept), holds(OTHER));
  expect(holds(TITLE)(again)).toBe(false);
});
