/** A phone is suspended while it holds records: it hands them over, then clears itself, and nothing it knew is left in the browser. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { until, World } from "./world";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const TITLE = "金銮宾馆三层失窃";

/** Every text and every byte string in every database and page cache of this browser, as one text. */
async function kept(): Promise<string> {
  const shown = (value: unknown): unknown => {
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      const bytes =
        value instanceof ArrayBuffer
          ? new Uint8Array(value)
          : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      return new TextDecoder().decode(bytes);
    }
    if (Array.isArray(value)) return value.map(shown);
    if (value instanceof CryptoKey) return "a key";
    if (value && typeof value === "object") return Object.entries(value).map(([name, part]) => [name, shown(part)]);
    return value;
  };
  const whole: unknown[] = [];
  for (const { name } of await indexedDB.databases()) {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open(name as string);
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    for (const store of db.objectStoreNames) {
      const asked = db.transaction(store).objectStore(store).getAll();
      whole.push(
        await new Promise((resolve) => {
          asked.onsuccess = () => resolve(shown(asked.result));
        }),
      );
    }
    db.close();
  }
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys())
      if (!new URL(request.url).pathname.startsWith("/assets/"))
        whole.push(await (await caches.match(request))?.text());
  return JSON.stringify([whole, { ...localStorage }, document.cookie]);
}

test("a suspended phone hands over what it holds and is then a browser like any (EX9, EX12)", async () => {
  const phone = await world.phone();
  await phone.chip("confirmed").waitFor();
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch(TITLE, phone.person);
  await phone.page.getByText(TITLE).first().waitFor();
  await phone.press("签收");
  expect(await phone.page.evaluate(kept)).toContain(TITLE);

  await phone.networkGone();
  await phone.page.getByRole("button", { name: "出发" }).click();
  const admin = await world.desk("admin");
  const of = async () =>
    (await admin.get("/api/devices")).find((one: { person: string }) => one.person === phone.person);
  const { chain } = await of();
  await admin.post(`/api/devices/${chain}/revoke`, { why: "调离", despite: "今天就走" });
  await phone.networkBack();

  await phone.page.getByText("这台手机已停用，里面的记录已清空").waitFor();
  const left = await phone.page.evaluate(kept);
  for (const known of [TITLE, phone.person, chain, "a key"]) expect(left).not.toContain(known);
  const { view } = await dispatcher.get(`/api/incidents/${id}`);
  expect(view.claims.map(({ kind }: { kind: string }) => kind)).toContain("signed");
  const wiped = await until("the trail", of, ({ events }) =>
    events.some(({ kind }: { kind: string }) => kind === "wiped"),
  );
  expect(wiped).toMatchObject({ revoked_why: "调离", pending: 0 });

  await phone.page.reload();
  await phone.page.getByRole("heading", { name: /登记/ }).waitFor();
});
