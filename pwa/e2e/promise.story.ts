/** Promises: the thirty seconds that pass unsigned, an acknowledgement that never reached the phone, and one that was a lie. */
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeMessage, encode, type Value } from "../src/sync/canon";
import { setId } from "../src/sync/ids";
import { until, World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

test("an order that nobody signs becomes overdue at both ends, and the desk signs it by radio", async () => {
  const phone = await world.phone();
  const wall = await world.deskPage("dispatcher");
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch("家庭纠纷", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();

  const row = wall.locator(".wall-row", { hasText: "家庭纠纷" }).first();
  await row.getByText("计时中").waitFor();
  await row.getByText("已逾时").waitFor({ timeout: 45_000 });
  await phone.page.getByText(/^\+0:\d\d$/).waitFor();
  await phone.page.getByText("值班台会用电台叫你，现在签收仍然算数").waitFor();

  const before = await dispatcher.get(`/api/incidents/${id}`);
  const order = before.view.orders[0].id;
  await dispatcher.post(`/api/incidents/${id}/moves`, {
    move: "proxy",
    kind: "signed",
    order,
    said_by: phone.person,
    via: "radio",
  });
  await phone.page.getByRole("heading", { name: "来警" }).waitFor({ state: "hidden" });
  const after = await dispatcher.get(`/api/incidents/${id}`);
  const signed = after.timeline.find((entry: { kind: string }) => entry.kind === "signed");
  expect(signed).toMatchObject({ via: "radio", said_by: phone.person, said_by_name: "阿木尔", by_name: "娜日苏" });
  await phone.context.close();
});

test("a set the centre took is not called confirmed while its receipt is lost, and is stored once", async () => {
  const phone = await world.phone("second-phone");
  await phone.chip("confirmed").waitFor();
  let lost = 0;
  await phone.context.route("**/sync/v1/push", async (route) => {
    await route.fetch(); // the centre gets it and answers …
    lost += 1;
    await route.abort("connectionreset"); // … and the answer never arrives
  });
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  await expect.poll(() => lost).toBeGreaterThan(0);
  const dispatcher = await world.desk("dispatcher");
  await until(
    "the self-report at the centre",
    () => dispatcher.get("/api/incidents"),
    (seen) => seen.incidents.some((one: { source: string }) => one.source === "self"),
  );
  expect(await phone.chip("confirmed").count()).toBe(0);

  await phone.context.unrouteAll({ behavior: "wait" }); // a push may be half way through the handler
  await phone.page.locator(".chip[data-state]").click();
  await phone.press("立即上传");
  await phone.chip("confirmed").waitFor();
  const { incidents } = await dispatcher.get("/api/incidents");
  const own = incidents.filter((one: { source: string }) => one.source === "self");
  expect(own).toHaveLength(1);
  const whole = await dispatcher.get(`/api/incidents/${own[0].id}`);
  const ops = whole.timeline.map((entry: { op: string }) => entry.op);
  expect(new Set(ops).size).toBe(ops.length);
});

test("a relay changes what a phone sends, then calls it safe: nothing is lost, and the centre gets it as it was signed", async () => {
  const phone = await world.phone("third-phone");
  await phone.chip("confirmed").waitFor();
  const dispatcher = await world.desk("dispatcher");
  const reports = async (): Promise<number> =>
    (await dispatcher.get("/api/incidents")).incidents.filter((one: { source: string }) => one.source === "self")
      .length;
  const before = await reports();
  const bodyOf = (bytes: Buffer): Buffer => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);

  await phone.context.route("**/sync/v1/push", async (route) => {
    const body = Buffer.from(bodyOf(route.request().postDataBuffer() ?? Buffer.alloc(0)));
    body.writeUInt8(body.readUInt8(body.length - 1) ^ 1, body.length - 1); // a byte of the newest set's words
    const { "content-encoding": _packed, ...headers } = route.request().headers();
    await route.continue({ headers, postData: body });
  });
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  await phone.chip("attention").waitFor();
  expect(await reports()).toBe(before);

  await phone.context.unrouteAll({ behavior: "wait" });
  let lies = 0;
  await phone.context.route("**/sync/v1/push", async (route) => {
    const asked = decodeMessage(new Uint8Array(bodyOf(route.request().postDataBuffer() ?? Buffer.alloc(0))));
    const sets = (asked as { sets: [Uint8Array, Value, Value][] }).sets;
    const ids = await Promise.all(sets.map(([header]) => setId(header)));
    const results = ids.map((id) => ({ r: "stored", id, idx: 900_000, at_ms: Date.now(), d: "accepted" }));
    lies += results.length;
    const reply = encode({ results, have: 900_000 } as unknown as Value);
    await route.fulfill({ contentType: "application/msgpack", body: Buffer.from(reply) });
  });
  await phone.page.locator(".chip[data-state]").click();
  await phone.press("立即上传");
  await expect.poll(() => lies, { timeout: 20_000 }).toBeGreaterThan(0);
  await phone.chip("confirmed").waitFor();
  expect(await reports()).toBe(before);

  await phone.context.unrouteAll({ behavior: "wait" });
  await phone.press("立即上传"); // sooner than the round that comes by itself
  await until("the report at the centre", reports, (seen) => seen === before + 1);
  await phone.chip("confirmed").waitFor();

  // Its next hello says so, and whoever looks after devices is told.
  await phone.press("立即上传");
  const admin = await world.desk("admin");
  type Row = { events: { kind: string; proof: { sets?: number } }[] };
  const told = async () => ((await admin.get("/api/devices")) as Row[]).flatMap(({ events }) => events);
  const [said] = await until("the desk's word of it", told, (all) => all.some(({ kind }) => kind === "contradicted"));
  expect(said?.proof.sets).toBeGreaterThan(0);
  await phone.context.close();
});
