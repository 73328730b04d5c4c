/**
 * A valley without a network: what was written there goes to the centre in a file, or from the phone's screen to the camera of a
 * desk, and the answer comes back the same way. The phone never sees the network again before it knows.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { develop, film } from "./camera";
import { type Phone, until, World } from "./world";

const ROOT = join(import.meta.dirname, "..", "..");
const ortoo = (...words: string[]) => promisify(execFile)(join(ROOT, ".venv", "bin", "ortoo"), words, { cwd: ROOT });

/** Whether the organisation has come, and with it the key of the centre's log or of a station that files are sealed to. */
const knowsKey = ({ page }: Phone, of: "logs" | "devices"): Promise<boolean> =>
  page.evaluate(
    (wanted) =>
      new Promise<boolean>((done) => {
        const asked = indexedDB.open("ortoo-cache");
        asked.onsuccess = () => {
          const rows = asked.result.transaction("org").objectStore("org").getAll();
          rows.onsuccess = () => {
            asked.result.close();
            done(rows.result.some(({ what, row }) => what === wanted && row.seal));
          };
        };
      }),
    of,
  );

/** Somebody reports something where there is no network. Gives how many records then wait. */
async function reported(phone: Phone): Promise<number> {
  await phone.networkGone();
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  await phone.page.getByText("已建单").first().waitFor();
  await phone.press("返回");
  await phone.press(/^待传 \d+/);
  await phone.page.getByTestId("waiting").first().waitFor();
  return phone.page.getByTestId("waiting").count();
}

/** What a click brings, kept under this path. */
async function downloaded(page: Page, click: () => Promise<unknown>, file: string): Promise<string> {
  const coming = page.waitForEvent("download");
  await click();
  await (await coming).saveAs(file);
  return file;
}

describe("between a phone and its centre", () => {
  let world: World;
  let phone: Phone;
  beforeAll(async () => {
    world = await World.open();
    phone = await world.phone();
    await phone.chip("confirmed").waitFor();
    await until("the key of the centre", () => knowsKey(phone, "logs"), Boolean);
  });
  afterAll(() => world.close());

  const ownReports = async (): Promise<number> => {
    const { incidents } = await (await world.desk("dispatcher")).get("/api/incidents");
    return incidents.filter(({ source }: { source: string }) => source === "self").length;
  };
  /** The phone knows that all has arrived, still without a network, and goes back to duty. */
  const settled = async (waiting: number): Promise<void> => {
    await phone.page.getByText(`${waiting} 条中心已收到`).waitFor();
    await phone.press("关闭");
    await phone.page.getByRole("heading", { name: "都传到了" }).waitFor();
    await phone.page.getByText("本机写下的，中心都已确认。").waitFor();
    expect(await phone.page.getByTestId("waiting").count()).toBe(0);
    expect(await phone.chip("offline").count()).toBe(1);
    await phone.press("返回");
  };

  test("a report reaches the centre by courier, and the phone knows it by the answer", async () => {
    const waiting = await reported(phone);
    await phone.press("交人捎带");
    const file = join(world.dir, "carried.bundle");
    await downloaded(phone.page, () => phone.press("导出未传"), file);
    await phone.page.getByText("只有中心能打开").waitFor();
    expect(readFileSync(file).subarray(0, 14).toString()).toBe("ortoo/sealed/1");

    const taken = await ortoo("bundle", "import", file, "--data", join(world.dir, "data"));
    expect(taken.stdout).toContain(`taken in ${waiting} new, 0 known before, 0 not stored`);
    expect(await ownReports()).toBe(1);

    await phone.page.getByLabel("回执文件").setInputFiles(join(world.dir, "carried.answer.bundle"));
    await settled(waiting);
  });

  test("a report goes from the phone's screen to the desk's camera, and the answer from the desk's to the phone's", async () => {
    const before = await ownReports();
    const waiting = await reported(phone);
    await phone.press("交人捎带");
    await phone.press("亮码交出");
    await develop(await film(phone.page), world.camera("desk-admin"));

    const desk = await world.deskPage("admin", (context) => context.grantPermissions(["camera"]));
    await desk.goto(`${world.url}/desk/devices`);
    await desk.getByRole("button", { name: "捎带导入" }).click();
    await desk.getByRole("button", { name: "扫码" }).click();
    await desk.getByText(`新收 ${waiting} 条，早已有 0 条`).waitFor();
    expect(await ownReports()).toBe(before + 1);
    await desk.getByRole("button", { name: "亮回执码" }).click();
    await develop(await film(desk), world.camera("phone"));

    const sheet = phone.page.getByRole("dialog");
    await sheet.getByRole("button", { name: "返回" }).click();
    await phone.press("扫码收取");
    await phone.page.getByText("到浏览器的网站设置里允许本站用相机").waitFor(); // nobody has allowed it yet
    await phone.context.grantPermissions(["camera"]);
    await sheet.getByRole("button", { name: "再试" }).click();
    await settled(waiting);

    await phone.networkBack();
    await phone.chip("confirmed").waitFor();
  });
});

test("without a line a township hears from its station by courier, and the station from the centre", async () => {
  const world = await World.open();
  await world.station("昂素派出所");
  const phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  await until("the key of the station", () => knowsKey(phone, "devices"), Boolean);
  const duty = await world.deskPage("station", undefined, world.stationUrl ?? "");
  await world.stop(); // the line is gone
  const waiting = await reported(phone);
  await phone.press("交人捎带");
  const [file, answer] = [join(world.dir, "phone.bundle"), join(world.dir, "phone.answer.bundle")];
  await downloaded(phone.page, () => phone.press("导出未传"), file);
  await phone.page.getByText("只有本所和中心能打开").waitFor();

  await duty.goto(`${world.stationUrl}/desk/devices`);
  await duty.getByRole("button", { name: "捎带导入" }).click();
  await duty.locator('input[type="file"]').setInputFiles(file);
  await duty.getByRole("button", { name: "收下" }).click();
  await duty.getByText(`本所收下 ${waiting} 条，等中心确认`).waitFor();
  await downloaded(duty, () => duty.getByRole("link", { name: "下载回执" }).click(), answer);
  await duty.keyboard.press("Escape");

  await phone.page.getByLabel("回执文件").setInputFiles(answer);
  await phone.page.getByText(`${waiting} 条已到本所，等中心确认`).waitFor();
  await phone.press("关闭");
  const atStation = phone.page.getByTestId("waiting").getByRole("img", { name: "到所" });
  expect(await atStation.count()).toBe(waiting);

  // What the station owes goes to the centre the same way, and the answer comes back.
  await duty.keyboard.press("o");
  const [up, down] = [join(world.dir, "station.bundle"), join(world.dir, "station.answer.bundle")];
  await downloaded(duty, () => duty.getByRole("link", { name: "下载文件" }).click(), up);
  await duty.keyboard.press("Escape");
  const taken = await ortoo("bundle", "import", up, "--data", join(world.dir, "data"));
  const [, owed] = /taken in (\d+) new, 0 known before, 0 not stored/.exec(taken.stdout) ?? [];
  expect(Number(owed)).toBeGreaterThan(waiting); // with the station's own words
  await duty.keyboard.press("i");
  await duty.locator('input[type="file"]').setInputFiles(down);
  await duty.getByRole("button", { name: "收下" }).click();
  await duty.getByText(`中心确认了 ${owed} 条`).waitFor();
  await duty.keyboard.press("Escape");
  await duty.keyboard.press("o");
  await duty.getByText("没有欠中心的").waitFor();
  await world.close();
});
