/**
 * Records the outbox of a phone in a real browser: a shift without a network, as its sets stand in the vault. Run once for
 * each release whose format differs; what was recorded is never recorded again.
 *
 *     ORTOO_RECORD=tests/fixtures/outbox-0.1 npm --prefix pwa run e2e     // writes browser.msgpack and its page in devices.json
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { World } from "./world";

const INTO = resolve(import.meta.dirname, "..", "..", process.env["ORTOO_RECORD"] ?? "");

interface Kept {
  alg: string;
  pub: string;
  chain: string;
  person: string;
  station: string;
  incidents: string[];
}

test("a shift without a network is kept as the phone would send it", async () => {
  const world = await World.open();
  const phone = await world.phone();
  const dispatcher = await world.desk("dispatcher");
  await dispatcher.dispatch("草场纠纷，双方争执", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.chip("confirmed").waitFor();
  await phone.networkGone();
  await phone.press("签收");
  await phone.press("出发");
  await phone.page.getByRole("button", { name: "受阻" }).waitFor();
  await phone.hold("到场");
  await phone.press("记一笔");
  await phone.page.getByLabel("记什么").fill("双方已分开 👮，等嘎查长来");
  await phone.page.getByRole("dialog").getByRole("button", { name: "记下" }).click();
  await phone.hold("处置完毕");
  await phone.page.getByRole("heading", { name: "结果反馈" }).waitFor();
  await phone.page.getByRole("group", { name: "处理结果" }).getByRole("button").first().click();
  await phone.press("提交反馈");
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  await phone.press("自接警");
  await phone.page.locator(".tile").first().click();
  await phone.press("直接建单");
  await phone.page.getByText("已建单").first().waitFor();
  await phone.press("返回");
  await phone.press(/^待传 \d+/);
  await phone.page.getByTestId("waiting").first().waitFor();

  const kept = await phone.page.evaluate(
    () =>
      new Promise<Kept & { raws: string[] }>((done, fail) => {
        const hex = (bytes: Uint8Array): string =>
          [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const asked = indexedDB.open("ortoo-vault");
        asked.onerror = () => fail(asked.error);
        asked.onsuccess = () => {
          const tx = asked.result.transaction(["keys", "meta", "own", "outbox"]);
          const [key, session] = [tx.objectStore("keys").getAll(), tx.objectStore("meta").get("session")];
          const [own, unsent] = [tx.objectStore("own").getAll(), tx.objectStore("outbox").index("unsent").getAll()];
          tx.oncomplete = () => {
            const [{ alg, publicKey, chain }] = key.result;
            const waiting = new Set(unsent.result.map(({ id }) => id));
            const about = own.result.filter(({ id, kind }) => kind === "incident" && waiting.has(id));
            done({
              alg,
              pub: hex(publicKey),
              chain,
              person: session.result.person.id,
              station: session.result.person.station,
              incidents: [...new Set(about.map(({ entity }) => entity as string))],
              raws: own.result.filter(({ id }) => waiting.has(id)).map(({ raw }) => hex(raw)),
            });
          };
        };
      }),
  );
  await world.close();
  const { raws, ...page } = kept;
  expect(raws.length).toBeGreaterThanOrEqual(7);
  writeFileSync(join(INTO, "browser.msgpack"), Buffer.from(raws.join(""), "hex"));
  const listed = join(INTO, "devices.json");
  const pages = existsSync(listed) ? JSON.parse(readFileSync(listed, "utf8")) : [];
  const others = pages.filter((one: { file: string }) => one.file !== "browser.msgpack");
  const own = {
    file: "browser.msgpack",
    recorded_from: "the phone in Chromium, ortoo 0.1",
    ...page,
    sets: raws.length,
  };
  writeFileSync(listed, `${JSON.stringify([...others, own], null, 1)}\n`);
});
