/**
 * The watch wall: what it sounds, and how it stands a bad evening. Two hundred incidents go on, countdowns step, orders turn
 * out undelivered and new ones come in; how long frames took is printed, and nothing here asks for a time to be kept. Then
 * the shift is handed over.
 */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Desk, OFFICER, until, World } from "./world";

const HOUR_MS = 3_600_000;

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

/** The distances between the frames of a page for some seconds, ms. */
function frames(forMs: number): Promise<number[]> {
  return new Promise((resolve) => {
    const found: number[] = [];
    const start = performance.now();
    let last = start;
    const next = (at: number): void => {
      found.push(at - last);
      last = at;
      if (at - start < forMs) requestAnimationFrame(next);
      else resolve(found.slice(1));
    };
    requestAnimationFrame(next);
  });
}
function timesOf(name: string, ms: number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(1);
  const slow = ms.filter((one) => one > 50).length;
  return `${name}: ${ms.length} frames, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms, ${slow} over 50 ms\n`;
}

type Told = Record<string, unknown>;
let given = 0;
const order = (person: string, station: string, more: Told = {}): Told => {
  given += 1;
  const what = { category: "dispute", place: "城川镇古城路", caller_phone: "13900001111" };
  return { source_no: `evening-${given}`, title: `警情 ${given}`, station, person, ...what, ...more };
};

/** Two hundred open incidents: forty on a phone and unsigned, a hundred on none, sixty with feedback due; twenty more to call back. */
async function evening(desk: Desk): Promise<void> {
  const phone = world.phone();
  const { id: said_by } = (await desk.get("/api/org")).people.find((one: { name: string }) => one.name === "苏日娜");
  const nowMs = Date.now();
  const city = Array.from({ length: 180 }, (_, n) => {
    const at = nowMs - 2 * HOUR_MS + n * 30_000;
    return order("苏日娜", "城川派出所", { city_received_at: at, issued_at: at });
  });
  const known = (await desk.importOrders(city)).slice(0, 80);
  const work = known.map((id, n) => async () => {
    const move = (what: Told) => desk.post(`/api/incidents/${id}/moves`, what);
    const [{ id: of }] = (await desk.get(`/api/incidents/${id}`)).view.orders;
    const proxy = { move: "proxy", order: of, said_by, via: "radio" };
    await move({ ...proxy, kind: "arrived", at: nowMs - (n % 60) * 32_000 });
    if (n >= 45) await move({ ...proxy, kind: "feedback", final: n >= 60, text: "已调解" });
    if (n >= 45) await move({ ...proxy, kind: "cleared" });
    if (n >= 60) await move({ move: "close", result: "mediated" });
  });
  const hand = async (): Promise<void> => {
    for (let next = work.pop(); next; next = work.pop()) await next();
  };
  await Promise.all(Array.from({ length: 6 }, hand));
  await phone;
  await desk.importOrders(Array.from({ length: 40 }, () => order(OFFICER, "昂素派出所")));
  await until(
    "the receipts of the phone",
    () => desk.get("/api/wall"),
    ({ signing }) => signing.rows.filter((row: { deadline: { id: string } }) => row.deadline.id === "C2").length === 40,
  );
  await (await phone).context.close();
}

const column = (page: Page, name: string) => page.locator(`section[data-column="${name}"]`);
const shot = async (page: Page, name: string): Promise<void> => {
  const to = process.env["ORTOO_SHOTS"];
  if (to) await page.screenshot({ path: `${to}/${name}.png` });
};

const OPENED = "a page opened its sound";
/** Runs in a page before anything else does: every tone that the browser begins is written down by its wave. */
function listen(opened: string): void {
  const heard: OscillatorType[] = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) {
    heard.push(this.type);
    start.call(this, at);
  };
  const AudioContext = class extends globalThis.AudioContext {
    constructor() {
      super();
      // biome-ignore lint/suspicious/noConsole: the one way to tell a story something without being looked at
      console.info(opened);
    }
  };
  Object.assign(globalThis, { heard, AudioContext });
}
/** Bring a page to the wall with nobody's press: a look at the page counts as one, so none is taken before its sound is open. */
async function unpressed(page: Page, bring: () => Promise<unknown>): Promise<void> {
  const opened = page.waitForEvent("console", (said) => said.text() === OPENED);
  await bring();
  await opened;
  await page.getByText("浏览器锁着声音，按键打开").waitFor();
}
const heardOn = (page: Page) => page.evaluate(() => (globalThis as unknown as { heard: OscillatorType[] }).heard);

test("each thing sounds once, however many walls of one seat are open, locked or opened again", async () => {
  const desk = await world.desk("dispatcher");
  const lost = () => desk.importOrders([order("苏日娜", "昂素派出所", { issued_at: Date.now() - 9_600 })]);
  const first = await world.deskPage("station", (context) => context.addInitScript(listen, OPENED));
  await first.getByText("提示音：全部").waitFor();
  // the browser keeps a page silent until a press, and it says so; such a page takes no sound from another
  const second = await first.context().newPage();
  await unpressed(second, () => second.goto(`${world.url}/desk/wall`));
  const knocksOn = async (page: Page) => (await heardOn(page)).filter((wave) => wave === "triangle").length;
  const knocks = async () => (await knocksOn(first)) + (await knocksOn(second));
  const heard = (times: number) => until("the knock", knocks, (count) => count >= 2 * times);
  await lost();
  await heard(1);
  expect(await heardOn(second)).toEqual([]);

  await second.keyboard.press("q");
  await second.getByText("提示音：全部").waitFor();
  for (const times of [2, 3, 4]) {
    await lost();
    await heard(times);
  }

  // the switch is the seat's, whichever wall it is pressed on
  await second.keyboard.press("s");
  await first.getByText("提示音：只响到时").waitFor();
  await first.keyboard.press("s");
  await first.keyboard.press("s");
  await second.getByText("提示音：全部").waitFor();
  expect(await knocks(), "four orders knocked twice each, on two walls together").toBe(8);

  // what was heard is not heard again; what came while the only wall was locked comes with the press
  await second.close();
  await unpressed(first, () => first.reload());
  await lost();
  await first.locator('[data-column="undelivered"] .count', { hasText: "5" }).waitFor();
  expect(await heardOn(first)).toEqual([]);
  await first.keyboard.press("s");
  await until("what came meanwhile", () => knocksOn(first), Boolean);
  await first.getByText("提示音：全部").waitFor();
  expect(await knocksOn(first)).toBe(2);
});

test("two hundred open incidents are one wall that moves, and it is handed over by name", async () => {
  const desk = await world.desk("dispatcher");
  const [page] = await Promise.all([world.deskPage("dispatcher"), evening(desk)]);
  await column(page, "signing").locator("[data-row]").nth(39).waitFor();
  await column(page, "feedback").getByText("另有 20 起").waitFor();
  await column(page, "callback").locator("[data-row]").nth(19).waitFor();

  const measured = page.evaluate(frames, 4_000);
  for (let n = 0; n < 10; n += 1) {
    await desk.importOrders([order("苏日娜", "城川派出所", { issued_at: Date.now() - 8_000 })]);
    await page.waitForTimeout(300);
  }
  process.stdout.write(timesOf("wall, 200 open incidents, 1440×900", await measured));
  const lost = given - 120;
  await page.locator('[data-column="undelivered"] .count', { hasText: `${lost}` }).waitFor();
  await page
    .locator('[data-column="undelivered"]')
    .getByText(`另有 ${lost - 40} 起`)
    .waitFor();

  // Enter opens the timeline, and coming back the row has the keyboard again
  await page.keyboard.press("w");
  await page.keyboard.press("ArrowDown");
  const row = await column(page, "feedback").locator("[data-row]:focus").getAttribute("data-row");
  await page.keyboard.press("Enter");
  await page.waitForURL(/timeline/);
  await page.keyboard.press("1");
  await column(page, "feedback").locator(`[data-row="${row}"]:focus`).waitFor();

  // the note of this shift stands on every wall of the seat until the next shift has taken it over
  const next = await world.deskPage("commander");
  const words = "昂素所二号车电台坏了，先打电话。";
  const note = (on: Page) => on.locator(".handover");
  await page.keyboard.press("h");
  await page.getByLabel("要交代的").fill(words);
  await page.keyboard.press("Control+Enter");
  await note(page).getByText(words).waitFor();
  await note(next).getByText(words).waitFor();
  await shot(page, "wall-200");
  await page.keyboard.press("h");
  await page.locator(".before").getByText("没人接").waitFor();
  await shot(page, "wall-unread");
  await page.keyboard.press("Escape");
  expect(await note(next).locator(".aside").textContent()).toContain("娜日苏");
  await next.keyboard.press("j");
  await next.getByText(`没办完 ${given - 20} 起`, { exact: true }).waitFor();
  await shot(next, "wall-taking");
  await next.keyboard.press("Control+Enter");
  for (const on of [next, page]) await note(on).waitFor({ state: "hidden" });
  await page.keyboard.press("h");
  await page.locator(".before").getByText("那顺 已接").click();
  await page.getByRole("dialog").getByText(words).waitFor();
  await shot(page, "wall-taken");
});
