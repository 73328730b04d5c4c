/**
 * A phone whose clock is forty minutes fast: what it writes without a network is placed where it happened, to the second.
 *
 * A browser takes its wall clock from the machine, which is the centre's too; so `Date` of every page is set forty minutes
 * ahead before the page begins, and its timer (`performance.now`) is left alone, as a wrongly set phone has it. The service
 * worker keeps the real `Date`: it writes nothing and takes no part in time.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { decode, type Value } from "../src/sync/canon";
import { OBS } from "../src/sync/samples";
import { type Desk, OFFICER, Phone, until, World } from "./world";

const AHEAD_MS = 40 * 60_000;

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

/** Runs in the page, before anything else does. */
function setAhead(aheadMs: number): void {
  const Right = Date;
  globalThis.Date = class extends Right {
    constructor(...given: ConstructorParameters<typeof Right> | []) {
      if (given.length === 0) super(Right.now() + aheadMs);
      else super(...given);
    }
    static override now = (): number => Right.now() + aheadMs;
  } as DateConstructor;
}

interface Held {
  seq: number;
  header: { wall_ms: number; mono: [string, number]; beacon: string | null };
  ops: { t: string; [field: string]: Value }[];
}

/** Everything the centre holds of a chain, in order. */
async function chainOf(desk: Desk, chain: string): Promise<Held[]> {
  const held: Held[] = [];
  for (let seq = 0; ; seq++) {
    const found = await desk.get(`/api/rulings/evidence/${chain}/${seq}`).catch((error: Error) => {
      if (!error.message.includes("not_found")) throw error;
    });
    if (!found) return held;
    const [, , body] = decode(Uint8Array.from(Buffer.from(found[0].envelope, "hex"))) as [Value, Value, Uint8Array];
    const [, , , ops] = decode(body) as [Value, Value, Value, Held["ops"]];
    held.push({ seq, header: found[0].header, ops });
  }
}

test("signed and arrived without a network by a clock forty minutes fast: the centre knows when, to the second", async () => {
  const phone = await world.phone("fast", OFFICER, (context) => context.addInitScript(setAhead, AHEAD_MS));
  const chip = phone.page.locator(".chip.clock");
  await chip.getByText("钟差 +40 分").waitFor();
  const dispatcher = await world.desk("dispatcher");
  const { id } = await dispatcher.dispatch("草场纠纷，双方争执", phone.person);
  await phone.page.getByRole("heading", { name: "来警" }).waitFor();
  await until(
    "the delivery receipt",
    () => dispatcher.get(`/api/incidents/${id}`),
    (seen) => seen.view.orders[0].milestones.delivered !== undefined,
  );

  await phone.networkGone();
  const truth: Record<string, [number, number]> = {};
  const during = async (kind: string, act: () => Promise<unknown>): Promise<void> => {
    const beganMs = Date.now();
    await act();
    truth[kind] = [beganMs, Date.now()];
  };
  await during("signed", () => phone.press("签收"));
  await phone.press("出发");
  await phone.page.getByRole("button", { name: "受阻" }).waitFor();
  await during("arrived", () => phone.hold("到场"));
  await phone.chip("offline").waitFor();
  await phone.networkBack();
  await phone.chip("confirmed").waitFor();
  const receivedMs = Date.now();

  const { timeline } = await dispatcher.get(`/api/incidents/${id}`);
  const chain = timeline.find((entry: { kind: string }) => entry.kind === "arrived").chain;
  const held = await chainOf(dispatcher, chain);
  for (const [kind, [beganMs, endedMs]] of Object.entries(truth)) {
    const entry = timeline.find((one: { kind: string }) => one.kind === kind);
    const { grade, lo_ms: loMs, hi_ms: hiMs } = entry.time;
    expect(grade, kind).toBeLessThanOrEqual(1);
    expect(loMs, kind).toBeLessThanOrEqual(endedMs);
    expect(hiMs, kind).toBeGreaterThanOrEqual(beganMs);
    // Below it is as sharp as the sample before; above it is the receipt.
    expect(loMs, kind).toBeGreaterThan(beganMs - 1_000);
    expect(hiMs, kind).toBeLessThan(receivedMs + 1_000);
    const { header } = held.find(({ ops }) => ops.some((op) => op["kind"] === kind)) as Held;
    expect(header.wall_ms - beganMs, "what the phone's clock claimed").toBeGreaterThanOrEqual(AHEAD_MS);
    expect(header.wall_ms - endedMs).toBeLessThanOrEqual(AHEAD_MS);
    expect(header.beacon, "what bounds it from below whatever the phone says").toMatch(/^[0-9a-f]{32}$/);
  }

  const samples = held.flatMap(({ ops }) => ops.filter(({ t }) => t === OBS)) as unknown as Record<string, number>[];
  expect(samples.length).toBeGreaterThan(0);
  for (const { lo = 0, hi = 0, wall = 0 } of samples) {
    const trueMs = wall - AHEAD_MS;
    expect(lo).toBeLessThanOrEqual(trueMs);
    expect(hi).toBeGreaterThanOrEqual(trueMs);
    expect(hi - lo).toBeLessThan(1_000);
  }

  // A second tab has a timer of its own; it measures that itself, though the first one does the talking.
  const tab = new Phone(world, phone.profile, phone.context, await phone.context.newPage(), phone.person);
  await tab.page.goto(`${world.url}/`);
  await tab.press("自接警");
  await tab.page.locator(".tile").first().click();
  const reportedMs = Date.now();
  await tab.press("直接建单");
  await tab.page.getByText("已建单").first().waitFor();
  const doneMs = Date.now();
  const sessionsOf = (all: Held[]): Set<string> =>
    new Set(all.flatMap(({ header, ops }) => (ops.some(({ t }) => t === OBS) ? [header.mono[0]] : [])));
  const after = await until(
    "a sample of the second tab's timer",
    () => chainOf(dispatcher, chain),
    (seen) => sessionsOf(seen).size === 2,
    10_000,
  );
  const report = after.find(({ ops }) => ops.some(({ t }) => t === "incident.create")) as Held;
  const [, m] = report.header.mono;
  const own = after.flatMap(({ header, ops }) =>
    header.mono[0] === report.header.mono[0] ? ops.filter(({ t }) => t === OBS) : [],
  ) as unknown as Record<string, number>[];
  const below = own.filter((one) => (one["m"] ?? 0) <= m).map((one) => (one["lo"] ?? 0) + m - (one["m"] ?? 0));
  expect(Math.max(...below), "no earlier than what the sample before it says").toBeGreaterThan(reportedMs - 1_000);
  expect(Math.max(...below)).toBeLessThanOrEqual(doneMs);
});
