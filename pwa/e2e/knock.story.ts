/**
 * A push arrives at a phone: the real service worker in a real browser says that there is something, says nothing of what
 * it is, and leads to the order. No vendor's service is asked: the browser itself hands the message to the worker.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Phone, until, World } from "./world";

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

interface Shown {
  title: string;
  body: string;
  tag: string;
  data: { incident?: string } | null;
}

const shown = (phone: Phone): Promise<Shown[]> =>
  phone.page.evaluate(async () => {
    const found = await (await navigator.serviceWorker.ready).getNotifications();
    return found.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
  });

/** Until the worker has shown what comes, and woken the page. Chromium, asked what it shows while it begins to show something,
 *  often forgets that. */
async function woken({ page }: Phone, deliver: () => Promise<unknown>): Promise<void> {
  const listening = await page.evaluateHandle(() => {
    const heard = new Promise<void>((resolve) => {
      navigator.serviceWorker.addEventListener("message", ({ data }) => {
        if (data?.type === "knock") resolve();
      });
    });
    return { heard };
  });
  await deliver();
  await listening.evaluate(({ heard }) => heard);
}

test("the lock screen says that there is an order and nothing of it, and a touch leads there", async () => {
  const phone = await world.phone();
  const origin = world.url;
  await phone.context.grantPermissions(["notifications", "geolocation"], { origin });
  const dispatcher = await world.desk("dispatcher");
  const secret = "持刀伤人，报警人王某";
  const { id } = await dispatcher.dispatch(secret, phone.person);
  await phone.press("签收");
  await phone.page.getByRole("button", { name: "出发" }).waitFor();
  await phone.page.goBack();
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();

  const cdp = await phone.context.newCDPSession(phone.page);
  let registrationId = "";
  cdp.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
    registrationId = registrations.find((one) => !one.isDeleted)?.registrationId ?? registrationId;
  });
  await cdp.send("ServiceWorker.enable");
  await until("the worker", async () => registrationId, Boolean);
  const deliver = (told: object) =>
    cdp.send("ServiceWorker.deliverPushMessage", { origin, registrationId, data: JSON.stringify(told).padEnd(256) });

  const order = "0a".repeat(16);
  await woken(phone, () => deliver({ what: "order", incident: id, order }));
  const [first] = await until(
    "the notification",
    () => shown(phone),
    (seen) => seen.length === 1,
  );
  expect(first).toEqual({ title: "驿传", body: "有新警情", tag: order, data: { incident: id } });
  expect(JSON.stringify(first)).not.toMatch(/持刀|王某|昂素|138/);
  await woken(phone, () => deliver({ what: "nudge", incident: id, order }));
  const [again] = await until(
    "the later word",
    () => shown(phone),
    ([one]) => one?.body !== "有新警情",
  );
  expect(again?.body).toBe("有警情等你处理");
  expect((await shown(phone)).length, "one order is one notification").toBe(1);

  // The browser lets nobody but a person touch a notification; the worker is told as if one had. Bringing the page to
  // the front is the one thing that it then may not do.
  const [worker] = phone.context.serviceWorkers();
  await worker?.evaluate(async () => {
    const scope = self as unknown as { registration: ServiceWorkerRegistration };
    const [notification] = await scope.registration.getNotifications();
    const Touch = (self as unknown as { NotificationEvent: new (type: string, init: object) => Event })
      .NotificationEvent;
    self.dispatchEvent(new Touch("notificationclick", { notification }));
  });
  await phone.page
    .getByRole("button", { name: "受阻" })
    .or(phone.page.getByRole("button", { name: "出发" }))
    .waitFor();
  expect(await shown(phone)).toEqual([]);

  // The browser takes a subscription back: the worker makes another and tells the centre, with no page's help. There is no
  // vendor's service here, so what one would give stands in its place; the centre then tries to reach it.
  const session = () =>
    phone.page.evaluate(
      () =>
        new Promise<{ token: string }>((resolve) => {
          const opening = indexedDB.open("ortoo-vault");
          opening.onsuccess = () => {
            const asking = opening.result.transaction("meta").objectStore("meta").get("session");
            asking.onsuccess = () => resolve(asking.result);
          };
        }),
    );
  const headers = { authorization: `Bearer ${(await session()).token}` };
  const tried = async () => (await fetch(`${origin}/api/push/test`, { method: "POST", headers })).json();
  expect((await tried()).code).toBe("no_push");
  await worker?.evaluate(() => {
    const point = "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";
    const keys = { p256dh: point, auth: "AAECAwQFBgcICQoLDA0ODw" };
    const given = { toJSON: () => ({ endpoint: "http://localhost:9/x", keys }) };
    PushManager.prototype.subscribe = async () => given as unknown as PushSubscription;
    self.dispatchEvent(new Event("pushsubscriptionchange"));
  });
  const renewed = await until("the centre hears of it", tried, (seen) => seen.code !== "no_push");
  expect(renewed).toMatchObject({ taken: false, why: "unreachable" });

  // What the settings say: registered nowhere, and a test that arrives is seen.
  await phone.page.goBack();
  await phone.press(/^锁屏提醒/);
  await phone.page.getByText("没有打开").waitFor();
  await phone.page.getByText("没有它，锁着的手机不会响。").waitFor();
  const name = "0b".repeat(16);
  await deliver({ what: "test", test: name });
  const kept = await until(
    "the test's arrival",
    () =>
      phone.page.evaluate(async () => {
        const found = await caches.match("/ortoo-push/arrived");
        return found ? ((await found.json()) as { test: string }) : null;
      }),
    (seen) => seen !== null,
  );
  expect(kept?.test).toBe(name);
  await phone.press("打开提醒");
  // Here no vendor answers: the screen says so, and that nothing else depends on it.
  await phone.page.getByText("提醒服务联系不上").waitFor();
  await phone.page.getByText("每一道警报照样走").waitFor();
});
