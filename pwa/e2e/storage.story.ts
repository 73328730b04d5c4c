/**
 * The browser's storage gives way: it is full, or part of it is cleared. What is not stored is not shown as stored, and is sent from
 * memory; a cleared part makes the phone go on under another chain; a cleared vault is said, loudly.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { Phone, until, World } from "./world";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

async function selfReport({ page }: Phone, tile: number): Promise<void> {
  await page.getByRole("button", { name: "自接警" }).click();
  await page.locator(".tile").nth(tile).click();
  await page.getByRole("button", { name: "直接建单" }).click();
  await page
    .getByText(/已建单|没能存进本机/)
    .first()
    .waitFor();
}
async function toDuty({ page }: Phone): Promise<void> {
  await page.getByRole("button", { name: "返回" }).click();
  await page.getByRole("heading", { name: "在岗" }).waitFor();
}

async function reports(): Promise<number> {
  const { incidents } = await (await world.desk("dispatcher")).get("/api/incidents");
  return incidents.filter((one: { source: string }) => one.source === "self").length;
}

async function clear(phone: Phone, storageTypes: string): Promise<void> {
  const cdp = await phone.context.newCDPSession(phone.page);
  await cdp.send("Storage.clearDataForOrigin", { origin: world.url, storageTypes });
  await cdp.detach();
}

test("a full phone shows nothing as stored that is not, and sends it from memory", async () => {
  const before = await world.phone();
  await before.chip("confirmed").waitFor();
  await before.context.close();
  // The browser looks at its quota when a database is opened, and then not for a while.
  const context = await world.browser(before.profile, { width: 360, height: 740 });
  const page = context.pages()[0] ?? (await context.newPage());
  const cdp = await context.newCDPSession(page);
  await cdp.send("Storage.overrideQuotaForOrigin", { origin: world.url, quotaSize: 1 });
  await page.goto(`${world.url}/`);
  const phone = new Phone(world, before.profile, context, page, before.person);
  await page.getByRole("heading", { name: "在岗" }).waitFor();
  await phone.networkGone();
  await selfReport(phone, 0);
  // What it finds of its own clocks is one more, when it comes to that.
  const alert = phone.page.getByRole("alert").getByText(/\d+ 条没能存进本机/);
  const unkept = async () => Number(/(\d+) 条没能/.exec((await alert.first().textContent()) ?? "")?.[1]);
  await alert.first().waitFor();
  const first = await unkept();
  expect(first).toBeGreaterThan(0);
  expect(await phone.page.getByText(/已建单|已记下/).count()).toBe(0);
  await phone.chip("attention").waitFor();
  await toDuty(phone);
  await selfReport(phone, 1);
  await expect.poll(unkept).toBeGreaterThan(first);
  await toDuty(phone);
  await phone.press(/^待传/);
  await phone.page.getByText("别关这一页").first().waitFor();

  await phone.networkBack();
  await phone.press("立即上传");
  expect(await until("both reports, from memory", reports, (seen) => seen === 2)).toBe(2);

  await context.close();
  const after = await world.reopen(phone, { offline: false });
  await after.page.getByRole("heading", { name: "在岗" }).waitFor();
  await selfReport(after, 2);
  await after.page.getByText("已建单").first().waitFor();
  await after.chip("confirmed").waitFor();
  expect(await reports()).toBe(3);
});

test("without its cookie, or its page cache, the phone goes on under another chain and nobody notices", async () => {
  let phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  for (const [at, part] of ["cookies", "page cache"].entries()) {
    await phone.networkGone();
    await selfReport(phone, at);
    await toDuty(phone);
    if (part === "cookies") await phone.context.clearCookies();
    else await phone.page.evaluate(async () => Promise.all((await caches.keys()).map((name) => caches.delete(name))));
    await phone.networkBack();
    await phone.context.close();
    phone = await world.reopen(phone, { offline: false });
    await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
    await phone.chip("confirmed").waitFor();
    expect(await reports()).toBe(at + 1);
  }
  const rows = await (await world.desk("admin")).get("/api/devices");
  const why = rows.flatMap((row: { events: { proof: { why?: string } }[] }) =>
    row.events.map(({ proof }) => proof.why),
  );
  expect(why).toEqual(["storage", "storage"]);
  expect(rows.filter((row: { continued_by: string | null }) => row.continued_by === null)).toHaveLength(1);
});

test("a vault that was cleared is said, and a new enrolment goes on", async () => {
  const phone = await world.phone();
  await selfReport(phone, 0);
  await toDuty(phone);
  await phone.chip("confirmed").waitFor();
  await phone.page.goto("about:blank");
  await clear(phone, "indexeddb");
  await phone.page.goto(`${world.url}/`);
  await phone.page.goto(`${world.url}/enrol`);
  await phone.page.getByText("这里登记过手机，存储被清掉了").waitFor();
  await phone.page.getByLabel("登记码").fill(await world.code(phone.person));
  await phone.page.getByRole("button", { name: "登记", exact: true }).click();
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  await selfReport(phone, 1);
  await phone.chip("confirmed").waitFor();
  expect(await reports()).toBe(2);
});
