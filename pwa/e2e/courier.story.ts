/**
 * A valley without a network: what was written there goes to the centre in a file, and the answer comes back in another. The phone
 * never sees the network again before it knows.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Phone, until, World } from "./world";

const ROOT = join(import.meta.dirname, "..", "..");
const ortoo = (...words: string[]) => promisify(execFile)(join(ROOT, ".venv", "bin", "ortoo"), words, { cwd: ROOT });

/** Whether the organisation has come, and with it the key that files are sealed to. */
const knowsKey = ({ page }: Phone): Promise<boolean> =>
  page.evaluate(
    () =>
      new Promise<boolean>((done) => {
        const asked = indexedDB.open("ortoo-cache");
        asked.onsuccess = () => {
          const rows = asked.result.transaction("org").objectStore("org").getAll();
          rows.onsuccess = () => {
            asked.result.close();
            done(rows.result.some(({ what, row }) => what === "logs" && row.seal));
          };
        };
      }),
  );

test("a report reaches the centre by courier, and the phone knows it by the answer", async () => {
  const world = await World.open();
  const phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  await until("the key of the centre", () => knowsKey(phone), Boolean);
  await phone.networkGone();
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  await phone.page.getByText("已建单").first().waitFor();
  await phone.press("返回");
  await phone.press(/^待传 \d+/);
  await phone.page.getByTestId("waiting").first().waitFor();
  const waiting = await phone.page.getByTestId("waiting").count();

  await phone.press("交人捎带");
  const handed = phone.page.waitForEvent("download");
  await phone.press("导出未传");
  const file = join(world.dir, "carried.bundle");
  await (await handed).saveAs(file);
  await phone.page.getByText("只有中心能打开").waitFor();
  expect(readFileSync(file).subarray(0, 14).toString()).toBe("ortoo/sealed/1");

  const taken = await ortoo("bundle", "import", file, "--data", join(world.dir, "data"));
  expect(taken.stdout).toContain(`taken in ${waiting} new, 0 known before, 0 not stored`);
  const { incidents } = await (await world.desk("dispatcher")).get("/api/incidents");
  expect(incidents.filter(({ source }: { source: string }) => source === "self")).toHaveLength(1);

  await phone.page.getByLabel("回执文件").setInputFiles(join(world.dir, "carried.answer.bundle"));
  await phone.page.getByText(`${waiting} 条中心已收到`).waitFor();
  await phone.press("关闭");
  await phone.page.getByRole("heading", { name: "都传到了" }).waitFor();
  await phone.page.getByText("本机写下的，中心都已确认。").waitFor();
  expect(await phone.page.getByTestId("waiting").count()).toBe(0);
  expect(await phone.chip("offline").count()).toBe(1);

  await phone.networkBack();
  await phone.chip("confirmed").waitFor();
  await world.close();
});
