/**
 * A phone's profile is copied, or set back to an older copy. Both write without a network and sync in either order: the copy
 * is found, every report of both is there, each goes on under a chain of its own, and the desk sees what happened.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Phone, until, World } from "./world";

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

interface Row {
  chain: string;
  person: string;
  continues: string | null;
  continued_by: string | null;
  forked_at: number | null;
  events: { kind: string; count: number; last_at: number; proof: { why?: string } }[];
}

async function selfReport({ page }: Phone, tile: number): Promise<void> {
  await page.getByRole("button", { name: "自接警" }).click();
  await page.locator(".tile").nth(tile).click();
  await page.getByRole("button", { name: "直接建单" }).click();
  await page.getByText("已建单").first().waitFor();
  await page.getByRole("button", { name: "返回" }).click();
  await page.getByRole("heading", { name: "在岗" }).waitFor();
}

async function reports(): Promise<string[]> {
  const { incidents } = await (await world.desk("dispatcher")).get("/api/incidents");
  return incidents.filter((one: { source: string }) => one.source === "self").map((one: { id: string }) => one.id);
}

async function devices(): Promise<Map<string, Row>> {
  const rows: Row[] = await (await world.desk("admin")).get("/api/devices");
  return new Map(rows.map((row) => [row.chain, row]));
}
const kinds = (row: Row | undefined): string[] => (row?.events ?? []).map(({ kind }) => kind).sort();

async function sendNow(phone: Phone): Promise<void> {
  await phone.page.getByRole("button", { name: /^待传/ }).last().click();
  await phone.press("立即上传");
}
async function toDuty({ page }: Phone): Promise<void> {
  await page.getByRole("button", { name: "返回" }).click();
  await page.getByRole("heading", { name: "在岗" }).waitFor();
}

const TITLE = "草场纠纷，双方争执";

/** Note something in the incident that this phone is at. */
async function note(phone: Phone, text: string): Promise<void> {
  const { page } = phone;
  await phone.press(/我的警情/);
  await page.getByText(TITLE).first().click();
  await phone.press("记一笔");
  await page.getByLabel("记什么").fill(text);
  await page.getByRole("dialog").getByRole("button", { name: "记下" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  await phone.press("返回");
  await page.getByText(TITLE).first().waitFor();
  await toDuty(phone);
}

/** A phone at a scene, all confirmed; its profile is then copied. */
async function atTheScene(): Promise<{ phone: Phone; incident: string }> {
  const phone = await world.phone();
  const { id } = await (await world.desk("dispatcher")).dispatch(TITLE, phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await phone.press("签收");
  await phone.press("出发");
  await phone.page.getByRole("button", { name: "受阻" }).waitFor();
  await phone.hold("到场");
  await phone.page.getByRole("button", { name: "记一笔" }).waitFor();
  await phone.chip("confirmed").waitFor();
  await phone.context.close();
  world.copyProfile("phone", "copy");
  return { phone, incident: id };
}

async function notes(incident: string): Promise<string[]> {
  const { view } = await (await world.desk("dispatcher")).get(`/api/incidents/${incident}`);
  return view.entries.map((entry: { text: string }) => entry.text).sort();
}

test.each(["the phone", "the copy"])(
  "a copied phone is found and nobody loses a report; %s syncs first",
  async (order) => {
    const { phone: closed, incident } = await atTheScene();
    const [chain] = (await devices()).keys();
    const phone = await world.reopen(closed, { offline: true });
    const copy = await world.reopen({ profile: "copy", person: closed.person }, { offline: true });
    const [first, second] = order === "the phone" ? [phone, copy] : [copy, phone];
    const said =
      order === "the phone" ? ["本机记的", "副本记的", "副本又记的"] : ["副本记的", "本机记的", "本机又记的"];
    for (const one of [first, second]) {
      await one.page.getByRole("heading", { name: "在岗" }).waitFor();
      await note(one, said[one === first ? 0 : 1] ?? "");
      // The one that comes second has written as much as the first, which adds what it finds of its clocks.
      if (one === second) await note(one, said[2] ?? "");
      await selfReport(one, 2);
    }

    await first.networkBack();
    await sendNow(first);
    await first.chip("confirmed").waitFor();
    expect(await notes(incident)).toHaveLength(1);
    expect(kinds((await devices()).get(chain ?? ""))).toEqual([]); // nobody can know yet

    await second.networkBack();
    await sendNow(second);
    // Its notes count. Its own new incident holds a command, which waits for a person: it says so, and why.
    await second.page.getByTestId("refused").getByText("本机记录出现两份").waitFor();
    await expect.poll(() => second.page.getByTestId("waiting").count()).toBe(0);
    expect(await notes(incident)).toEqual([...said].sort());
    expect(await reports()).toHaveLength(1);
    const found = (await devices()).get(chain ?? "");
    // On a slow day the first one has asked again by now, and is told below.
    expect(kinds(found).filter((kind) => kind !== "needs_login")).toEqual(["copied", "forked", "rotated"]);
    expect(found?.events.find(({ kind }) => kind === "rotated")?.proof.why).toBe("copied");
    expect(found?.forked_at).not.toBeNull();
    const next = (await devices()).get(found?.continued_by ?? "");
    expect([next?.continues, next?.person]).toEqual([chain, phone.person]);

    // The one that came first is told as well. Its place is taken, so it says plainly what to do, and keeps on writing.
    await first.press("立即上传");
    await first.page.getByText("这台手机要再登记一次").waitFor();
    await first.chip("attention").waitFor();
    await toDuty(first);
    await note(first, "等登记码时记的");
    const desk = await world.deskPage("admin");
    await desk.goto(`${world.url}/desk/devices`);
    await desk.getByRole("row").filter({ hasText: "另一台用着同一份记录" }).click();
    const events = desk.getByTestId("events");
    await events.getByText("两台机写过同一条链").waitFor();
    await events.getByText("出示了过时的同步凭据").waitFor();
    await events.getByText("另一台机想接着这条链写").waitFor();

    await first.press("重新登记");
    await first.page.getByText("再登记一次").first().waitFor();
    await first.page.getByLabel("登记码").fill(await world.code(phone.person));
    await first.page.getByRole("button", { name: "登记", exact: true }).click();
    await first.page.getByRole("heading", { name: "在岗" }).waitFor();
    await first.chip("confirmed").waitFor();
    expect(await notes(incident)).toContain("等登记码时记的");

    // From here on they are two phones like any other.
    await second.press("知道了");
    await second.chip("confirmed").waitFor();
    await toDuty(second);
    for (const [one, text] of [
      [first, "一"],
      [second, "二"],
    ] as const) {
      await note(one, text);
      await selfReport(one, 3);
      await one.chip("confirmed").waitFor();
    }
    expect(await notes(incident)).toHaveLength(6);
    expect(await reports()).toHaveLength(3);
    const rows = await devices();
    expect(rows.size).toBe(3);
    expect([...rows.values()].filter(({ forked_at }) => forked_at !== null)).toHaveLength(1);
  },
);

test("a profile set back to an older copy gets its reports again and goes on under another chain", async () => {
  let phone = await world.phone();
  await selfReport(phone, 0);
  await phone.chip("confirmed").waitFor();
  const [chain] = (await devices()).keys();
  await phone.context.close();
  world.copyProfile("phone", "backup");

  phone = await world.reopen(phone, { offline: false });
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  await selfReport(phone, 1);
  await phone.chip("confirmed").waitFor();
  await phone.context.close();
  world.copyProfile("backup", "phone");

  phone = await world.reopen(phone, { offline: false });
  await phone.page.getByRole("heading", { name: "在岗" }).waitFor();
  const row = await until(
    "the chain's successor",
    async () => (await devices()).get(chain ?? ""),
    (seen) => Boolean(seen?.continued_by),
  );
  expect(kinds(row)).toEqual(["rolled_back", "rotated"]);
  await selfReport(phone, 2);
  await phone.chip("confirmed").waitFor();
  const all = await reports();
  expect([all.length, new Set(all).size]).toEqual([3, 3]);
  // What the backup did not know has come back to the phone, and nobody was asked to do anything.
  await phone.press(/我的警情/);
  await expect.poll(() => phone.page.locator("button.list-row").count()).toBe(3);
});
