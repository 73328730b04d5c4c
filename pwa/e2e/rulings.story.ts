/**
 * Ruling from the keyboard: two phones say different things without a network and a dispatcher rules; a held command is asked
 * about, answered on the phone and taken; words are taken away and are gone from the phone's storage too.
 */
import type { Page } from "playwright-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OFFICER, type Phone, until, World } from "./world";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const TITLE = "草场纠纷，双方争执";

async function colleague(): Promise<string> {
  const { people } = await (await world.desk("admin")).get("/api/org");
  return people.find((one: { name: string; role: string }) => one.role === "officer" && one.name !== OFFICER).name;
}

/** From the order on the screen to the scene, all confirmed. */
async function toScene(phone: Phone): Promise<void> {
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.press("签收");
  await phone.press("出发");
  await phone.page.getByRole("button", { name: "受阻" }).waitFor();
  await phone.hold("到场");
  await phone.page.getByRole("button", { name: "记一笔" }).waitFor();
  await phone.chip("confirmed").waitFor();
}

async function note({ page }: Phone, text: string): Promise<void> {
  await page.getByRole("button", { name: "记一笔" }).click();
  await page.getByLabel("记什么").fill(text);
  await page.getByRole("dialog").getByRole("button", { name: "记下" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
}

const injured = ({ page }: Phone) => page.locator(".stepper", { hasText: "受伤" });

/** Every place in the browser's databases where the words lie, as text or as bytes of it. */
function whereWordsLie(page: Page, words: string): Promise<string[]> {
  return page.evaluate(async (wanted) => {
    const read = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((done, fail) => {
        request.onsuccess = () => done(request.result);
        request.onerror = () => fail(request.error);
      });
    const needle = Array.from(new TextEncoder().encode(wanted), (byte) => String.fromCharCode(byte)).join("");
    const holds = (value: unknown): boolean => {
      if (typeof value === "string") return value.includes(wanted);
      if (value instanceof ArrayBuffer) return holds(new Uint8Array(value));
      if (ArrayBuffer.isView(value)) {
        const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
        return Array.from(bytes, (byte) => String.fromCharCode(byte))
          .join("")
          .includes(needle);
      }
      if (value instanceof Map) return [...value.entries()].some(holds);
      return typeof value === "object" && value !== null && Object.values(value).some(holds);
    };
    const found: string[] = [];
    for (const { name } of await indexedDB.databases()) {
      if (!name) continue;
      const db = await read(indexedDB.open(name));
      for (const store of db.objectStoreNames) {
        const rows = await read(db.transaction(store).objectStore(store).getAll());
        if (rows.some(holds)) found.push(`${name}/${store}`);
      }
      db.close();
    }
    return found;
  }, words);
}

test("two phones count differently without a network, and a dispatcher rules from the keyboard", async () => {
  const other = await colleague();
  const phones = [await world.phone("phone"), await world.phone("phone-2", other)] as const;
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch(TITLE, phones[0].person);
  await dispatcher.post(`/api/incidents/${id}/moves`, { move: "issue_order", to: ["person", phones[1].person] });
  for (const phone of phones) await toScene(phone);

  for (const phone of phones) await phone.networkGone();
  for (const [presses, phone] of phones.entries()) {
    for (let n = 0; n <= presses; n += 1) await injured(phone).getByRole("button").last().click();
    await note(phone, `点过人数，第 ${presses + 1} 遍`);
  }
  const desk = await world.deskPage("dispatcher");
  await desk.getByRole("link", { name: "待裁" }).waitFor();
  await desk.keyboard.press("4");
  await desk.getByText("没有要裁的").first().waitFor();
  for (const phone of phones) {
    await phone.networkBack();
    await phone.chip("confirmed").waitFor();
  }

  // Nobody touches the desk: what waits appears by itself.
  await desk.getByRole("heading", { name: "受伤，两种说法" }).waitFor();
  const sides = desk.locator(".side");
  expect(await sides.count()).toBe(2);
  const [, second] = await sides.locator(".main").allInnerTexts();
  expect(new Set(await sides.locator(".main").allInnerTexts())).toEqual(new Set(["1", "2"]));
  await sides.getByText("本人在手机上写的").first().waitFor();

  // The bytes behind it, then back to the choice.
  await desk.keyboard.press("e");
  await desk.getByText("刚才重新核过，有效").waitFor();
  expect((await desk.getByTestId("set-id").textContent())?.trim()).toMatch(/^[0-9a-f]{64}$/);
  expect((await desk.getByTestId("bytes").textContent())?.trim()).toMatch(/^93c4[0-9a-f]+$/);
  await desk.keyboard.press("Escape");
  await desk.getByRole("dialog").waitFor({ state: "hidden" });

  // Four: ask. Both read it in the incident, and one answers there.
  await desk.keyboard.press("4");
  await desk.keyboard.type("几个人受伤？看清楚的回一句");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("问题已发出。").waitFor();
  await note(phones[1], "两个，一个手上一个脚上");
  await desk.locator(".talk").getByText("两个，一个手上一个脚上").waitFor();

  // Two: the second holds. Nothing is sent without a reason.
  await desk.keyboard.press("2");
  await desk.keyboard.press("Control+Enter");
  await desk.keyboard.type("回话的人数过两遍");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText(/记入裁定日志第 .+ 条/).waitFor();
  await desk.locator(".list").getByText("受伤").waitFor({ state: "hidden" });

  const after = await dispatcher.get(`/api/incidents/${id}`);
  expect(after.view.fields.casualties.map(({ v }: { v: number }) => String(v))).toEqual([second?.trim()]);
  const said = after.timeline.filter((entry: { field: string }) => entry.field === "casualties");
  expect(said).toHaveLength(3); // both statements are still there, and the ruling
  expect(after.view.entries.map(({ text }: { text: string }) => text)).toContain("回话的人数过两遍");

  // What one of them noted names a minor: its words are taken away, from the phone's storage too.
  const [phone] = phones;
  const words = "点过人数，第 1 遍";
  expect((await whereWordsLie(phone.page, words)).length).toBeGreaterThan(0);
  const commander = await world.deskPage("commander");
  await commander.goto(`${world.url}/desk/timeline/${id}`);
  await commander.getByText(words).waitFor();

  // What was known before the ruling: the log replayed up to then has both statements, and what followed lies below.
  const both = commander.locator('[data-fact="casualties"] .version');
  expect(await both.count()).toBe(0);
  await expect
    .poll(async () => {
      await commander.keyboard.press("[");
      await commander.waitForTimeout(400); // the handle rests, then the centre is asked
      return both.count();
    })
    .toBe(2);
  await commander.locator(".pinned").getByText("1 处两种说法").waitFor();
  expect(await commander.locator(".entry.after").count()).toBeGreaterThan(0);
  await commander.getByRole("button", { name: "回到现在" }).click();
  await both.first().waitFor({ state: "hidden" });

  while (!(await commander.locator(".entry.selected").getByText(words).count())) await commander.keyboard.press("j");
  await commander.keyboard.press("d");
  await commander.getByRole("dialog").waitFor();
  await commander.keyboard.press("ArrowDown");
  await commander.keyboard.press("Tab");
  await commander.keyboard.type("当事人未成年");
  await commander.keyboard.press("Control+Enter");
  await commander.getByRole("dialog").waitFor({ state: "hidden" });
  await commander.getByText("原文已依法删去").waitFor();
  await until(
    "words gone from the phone",
    () => whereWordsLie(phone.page, words),
    (places) => places.length === 0,
  );
  expect(await commander.getByText(words).count()).toBe(0);
});

test("a held command is asked about, answered on the phone, and taken", async () => {
  let phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  await phone.context.close();
  world.copyProfile("phone", "copy");
  const copy = await world.reopen({ profile: "copy", person: phone.person }, { offline: true });
  phone = await world.reopen(phone, { offline: true });
  for (const [tile, one] of [copy, phone].entries()) {
    await one.page.getByRole("heading", { name: "在岗" }).waitFor();
    await one.press("自接警");
    await one.page.locator(".tile").nth(tile).click();
    await one.press("直接建单");
    await one.page.getByText("已建单").first().waitFor();
  }
  await copy.networkBack();
  await copy.chip("confirmed").waitFor();
  await copy.context.close();
  await phone.networkBack();
  await phone.page.getByRole("button", { name: "返回" }).click();
  await phone.page.getByRole("button", { name: /^待传/ }).last().click();
  await phone.page.getByTestId("refused").getByText("本机记录出现两份").waitFor();

  // The wall says that something waits, and leads there.
  const desk = await world.deskPage("dispatcher");
  await desk.getByRole("link", { name: /待裁 1/ }).waitFor();
  await desk.keyboard.press("4");
  await desk.getByText("同一位置有两条签名都对的记录").waitFor();
  await desk.locator(".work").getByText("派给").waitFor();
  await desk.locator(".work").getByText("自接警").first().waitFor();

  await desk.keyboard.press("3");
  await desk.keyboard.type("这起自接警是您本人写的吗？");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText("问题已发出。").waitFor();
  await phone.page.getByText("这起自接警是您本人写的吗？").first().waitFor();
  await phone.press("回答");
  await phone.page.getByRole("button", { name: "是我本人写的" }).click();
  await desk.locator(".talk").getByText("是我本人写的").waitFor();

  await desk.keyboard.press("1");
  await desk.keyboard.type("问过本人，是他写的");
  await desk.keyboard.press("Control+Enter");
  await desk.getByText(/记入裁定日志第 .+ 条/).waitFor();
  await desk.getByText("没有要裁的").first().waitFor();

  const dispatcher = await world.desk("dispatcher");
  const { incidents } = await dispatcher.get("/api/incidents");
  const own = incidents.filter((one: { source: string }) => one.source === "self");
  expect(own).toHaveLength(2);
  const { sets } = await dispatcher.get("/api/rulings/queue?settled=true");
  const taken = await dispatcher.get(`/api/incidents/${sets[0].incident.id}`);
  const issued = taken.timeline.find((entry: { t: string }) => entry.t === "order.issue");
  expect(issued.decision).toBe("accepted_late");
  await phone.page.getByTestId("refused").waitFor({ state: "hidden" });
});
