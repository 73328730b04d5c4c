/** Figures at the supervisor's desk: a number, what it is made of, the timeline behind it and back; files and paper say the same. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OFFICER, until, World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

const table = (page: Page, clock: string) => page.getByRole("region", { name: clock, exact: true });
/** What a row says, its bar by the counts in its label. */
async function row(page: Page, clock: string, name: string): Promise<string[]> {
  const found = table(page, clock).locator("tbody tr", { has: page.getByRole("rowheader", { name, exact: true }) });
  const counts = await found.locator(".bar").getAttribute("aria-label");
  return [counts ?? "", (await found.locator("td").last().textContent())?.trim() ?? ""];
}

test("a supervisor reads a number, opens what it is made of, reaches a timeline and comes back to it", async () => {
  const phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  const tight = { name: "短时限", note: "一听就过", limits: { arrive_within_ms: { "5": 1_000 } } };
  await (await world.desk("admin")).post("/api/policies", tight);
  const arrive = async (title: string, more: object = {}) => {
    const { id } = await dispatcher.dispatch(title, phone.person, more);
    await phone.page.getByRole("heading", { name: "来警" }).waitFor();
    await phone.press("签收");
    await phone.press("出发");
    await phone.page.getByRole("button", { name: "受阻" }).waitFor();
    return id;
  };
  // One arrives by phone, with evidence; of the other the radio says so after its limit, which proves nothing of when it was.
  await arrive("集市口角");
  await phone.hold("到场");
  await phone.hold("处置完毕");
  await phone.page.getByRole("heading", { name: "结果反馈" }).waitFor();
  await phone.page.getByRole("group", { name: "处理结果" }).getByRole("button").first().click();
  await phone.press("提交反馈");
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  const byRadio = await arrive("牲畜走失", { tier: 5 });
  const { view } = await dispatcher.get(`/api/incidents/${byRadio}`);
  await phone.page.waitForTimeout(1_000); // whatever else took how long, the limit is over
  const said = { move: "proxy", order: view.orders[0].id, said_by: phone.person, via: "radio", kind: "arrived" };
  await dispatcher.post(`/api/incidents/${byRadio}/moves`, said);
  await dispatcher.dispatch("演练：翻车", phone.person, { exercise: true });
  const counts = await until(
    "the findings",
    async () => (await dispatcher.get("/api/reports/figures?clocks=C5")).blocks[0].all.figures,
    ({ met, undetermined }) => met + undetermined === 2,
  );
  expect(counts).toMatchObject({ n: 2, met: 1, missed: 0, undetermined: 1, basis_points: 10_000 });

  const page = await world.deskPage("supervisor");
  await page.goto(`${world.url}/desk/figures`);
  await page.getByText("2 起有效警情，演练 1 起不计入", { exact: true }).waitFor();
  const arrival = table(page, "到场");
  expect(await row(page, "到场", "全旗")).toEqual([expect.stringMatching(/^0–5 分 2 \|/), "1/1"]);
  expect(await row(page, "到场", "昂素派出所")).toEqual(await row(page, "到场", "全旗"));
  await arrival.getByText(/^无法判定 1（/).waitFor();

  // By tiers, then into the one that cannot be judged, to its timeline, and back to where one was.
  await page.keyboard.press("g");
  await page.keyboard.press("g");
  expect((await row(page, "到场", "5 分内到场"))[1], "met of judged: nobody was judged").toBe("–");
  await arrival.getByRole("rowheader", { name: "5 分内到场" }).click();
  const dialog = page.getByRole("dialog", { name: "到场：5 分内到场" });
  await dialog.getByText("超时 0", { exact: true }).waitFor();
  await dialog.getByText("无法判定 1", { exact: true }).click();
  await dialog.getByText("别人代说，不晚于记下的时候").waitFor();
  expect(await dialog.getByRole("link").count()).toBe(1);
  await dialog.getByRole("link", { name: /牲畜走失/ }).click();
  await page.waitForURL(new RegExp(`/desk/timeline/${byRadio}$`));
  await page.locator("ol.entries").getByText("到场").first().waitFor();
  await page.getByLabel("只看谁").selectOption({ label: OFFICER });
  expect(await page.locator(".paper-head").textContent()).toContain(`只列${OFFICER}的，不是全部`);
  await page.goBack();
  await arrival.getByRole("rowheader", { name: "5 分内到场" }).waitFor();

  await page.keyboard.press("x");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "CSV：明细，带时间线网址" }).click(),
  ]);
  const text = readFileSync(await file.path(), "utf8");
  expect(text).toContain(`/desk/timeline/${byRadio}`);
  expect(text).not.toContain("演练：翻车");

  // On paper: black on white at night too, with a head that is repeated and says what was asked, and no button.
  await page.evaluate(() => document.documentElement.setAttribute("data-theme", "night"));
  await page.emulateMedia({ media: "print" });
  const head = page.locator(".paper-head");
  const boxes = head.evaluate((it) => [it.parentElement ?? it, it].map((one) => getComputedStyle(one).display));
  expect(await boxes, "only the head of a table is repeated").toEqual(["table", "table-header-group"]);
  const year = new Date(Date.now() + 8 * 3_600_000).getUTCFullYear();
  for (const words of [`${year}年`, "截至", "打印于", "分组：按到场档", "可判＝达标＋超时", "完整度"])
    expect(await head.textContent()).toContain(words);
  const colours = await page.evaluate(() =>
    [document.body, ...document.querySelectorAll(".paper-head, .fractiles th, .fractiles td")].map((it) => {
      const { color, backgroundColor } = getComputedStyle(it);
      return `${color} on ${backgroundColor}`;
    }),
  );
  expect([...new Set(colours)].sort()).toEqual([
    "rgb(0, 0, 0) on rgb(255, 255, 255)",
    "rgb(0, 0, 0) on rgba(0, 0, 0, 0)",
  ]);
  expect(await page.locator("button:visible").count()).toBe(0);
  expect((await page.pdf({ preferCSSPageSize: true })).length).toBeGreaterThan(1_000);
  await page.emulateMedia({ media: "screen" });
  await page.getByRole("button", { name: "English" }).click();
  await page.emulateMedia({ media: "print" });
  expect(await head.textContent()).toMatch(/As of .+; Printed .+Groups: Tiers; Clocks: The watches/);
  expect(await head.textContent()).not.toMatch(/[\u3000-\u9fff\uff00-\uffef]/);
});
