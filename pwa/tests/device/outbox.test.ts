/** The outbox: what goes first, what counts as safe, and that nothing is ever lost or in the way. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fromHex } from "../../src/sync/ids";
import { claimOf, Phone } from "./phone";

const INCIDENT = "11".repeat(16);
const ORDER = "22".repeat(16);
const LIMITS = { sets: 200, bytes: 1_048_576 };

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

const seqs = async (limits = LIMITS) => (await phone.outbox.next(limits)).map(({ set }) => set.seq);

test("what the command centre waits for goes first, each lane in its order, within the limits (EX3)", async () => {
  await phone.note(INCIDENT, "一");
  await phone.replica.record(claimOf(INCIDENT, ORDER, "signed"));
  await phone.note(INCIDENT, "二");
  await phone.replica.record(claimOf(INCIDENT, ORDER, "arrived"));
  expect(await seqs()).toEqual([0, 2, 4, 1, 3]);
  expect(await seqs({ sets: 2, bytes: 1_048_576 })).toEqual([0, 2]);
  expect(await seqs({ sets: 200, bytes: 1 })).toEqual([0]); // one always goes, however large
});

test.each(["stored", "duplicate", "fork", "held", "rejected", "opaque"])(
  "%s means that the bytes are safe (EX1, EX2)",
  async (r) => {
    const batch = await phone.outbox.next(LIMITS);
    const { durable } = await phone.outbox.answered(batch, [{ r } as { r: "stored" }], 5);
    expect(durable.size).toBe(1);
    expect(await phone.vault.unsent()).toHaveLength(0);
  },
);

test.each(["bad_signature", "too_large", "malformed"])(
  "%s means that they are not: kept, shown, not sent in a loop (EX1, EX2)",
  async (r) => {
    await phone.note(INCIDENT, "后面的");
    const batch = await phone.outbox.next({ ...LIMITS, sets: 1 });
    await phone.outbox.answered(batch, [{ r } as { r: "malformed" }], 5);
    expect(await phone.outbox.counts()).toEqual({ head: 2, acked: 0, kept: 0, refusals: 1 });
    expect(await seqs()).toEqual([1]); // those behind it go on

    const [mark] = await phone.vault.attention();
    if (mark) await phone.outbox.read(mark);
    expect((await phone.outbox.counts()).refusals).toBe(1); // reading it does not make it safe
    phone.outbox.tryAgain();
    expect(await seqs()).toEqual([0, 1]);
  },
);

test("answers for other sets, too few answers, and none at all mark nothing as safe", async () => {
  await phone.note(INCIDENT, "一");
  const batch = await phone.outbox.next(LIMITS);
  const other = fromHex("77".repeat(32), 32);
  await phone.outbox.answered(batch, [{ r: "stored", id: other }], 5);
  await phone.outbox.answered(batch, [], 5);
  expect(await phone.vault.unsent()).toHaveLength(2);
});

test("an answer lost on the way: the sets go again, the centre keeps one of each", async () => {
  await phone.note(INCIDENT, "一");
  phone.centre.fault = "answer_lost";
  await phone.exchange();
  await phone.outbox.answered(await phone.outbox.next(LIMITS), [], 5);
  expect(await phone.vault.unsent()).toHaveLength(2);
  phone.centre.fault = null;
  await phone.exchange();
  expect(await phone.vault.unsent()).toHaveLength(0);
  expect(phone.centre.held.size).toBe(3); // the opening, the note, and what the clocks said on the way
});

test("one set the centre cannot read, in the middle of fifty, holds up none of the others", async () => {
  for (let n = 0; n < 49; n++) await phone.note(INCIDENT, `第 ${n}`);
  phone.centre.refuse = (set) => (set.header.seq === 5 ? "malformed" : null);
  await phone.exchange();
  expect((await phone.vault.unsent()).map((mark) => mark.seq)).toEqual([5]);
  const pushes = phone.centre.pushes.length;
  await phone.note(INCIDENT, "之后的");
  await phone.exchange();
  expect(await phone.vault.unsent()).toHaveLength(2 - 1);
  expect(phone.centre.pushes.length).toBeLessThan(pushes + 4);
});

test("a refusal that is read after its set is owed again takes nothing off the list", async () => {
  const batch = await phone.outbox.next(LIMITS);
  await phone.outbox.answered(batch, [{ r: "held", why: "stale_lease", idx: 1 }], 5);
  const [seen] = await phone.vault.attention(); // as the screen lists it
  await phone.outbox.oweEverything();
  if (seen) await phone.outbox.read(seen);
  expect(await phone.vault.unsent()).toHaveLength(1);
});

test("as many are said to be sent as are sent: what nobody takes, or is damaged, is not among them", async () => {
  await phone.note(INCIDENT, "一");
  const batch = await phone.outbox.next(LIMITS);
  await phone.outbox.answered(batch, [{ r: "malformed" }], 5);
  expect(await phone.outbox.offered([])).toBe(1);
  expect(await phone.outbox.next(LIMITS)).toHaveLength(1);
  phone.outbox.tryAgain();
  expect(await phone.outbox.offered([])).toBe(2);
});
