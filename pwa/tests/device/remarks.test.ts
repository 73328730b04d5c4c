/** What people at the centre say about a phone's own sets afterwards reaches its author, and the answer goes back. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answer } from "../../src/desks/officer/drafts";
import type { OwnSet } from "../../src/device/vault";
import { Phone, SCOPE } from "./phone";

const INCIDENT = "11".repeat(16);

let phone: Phone;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
});
afterEach(() => phone.close());

const held = { d: "held", why: "revoked_straddle" };

/** A note that the centre ruled like this. */
async function ruled(word: { d: string; why: string | null }): Promise<OwnSet> {
  const rule = phone.centre.rule;
  phone.centre.rule = (set) => (set.body?.kind === "chain" ? rule(set) : word);
  await phone.note(INCIDENT, "到了");
  await phone.exchange();
  phone.centre.rule = rule;
  return (await phone.vault.ownOf(INCIDENT))[0] as OwnSet;
}

const refused = async () => (await phone.outbox.list({ waiting: 9, confirmed: 9 })).refused.map(({ set }) => set.id);
const mark = async (set: OwnSet) => (await phone.vault.marks()).find(({ id }) => id === set.id);

test("what a person admits counts from then on, and calls for its author no longer (RL6)", async () => {
  const set = await ruled(held);
  expect(await refused()).toEqual([set.id]);
  await phone.centre.review(set.raw, "accepted_late", null, "核实过");
  await phone.exchange();
  expect(await refused()).toEqual([]);
  expect((await mark(set))?.answer).toMatchObject({ d: "accepted_late", why: null });
  expect(await phone.replica.remarks(set)).toMatchObject([
    { kind: "review", text: "核实过", decision: "accepted_late", by: "07".repeat(16) },
  ]);
  expect((await phone.replica.story(INCIDENT)).map(({ decision }) => decision)).toEqual(["accepted_late"]);
});

test("a tab that is killed right after it took in what people said still calls for the author at its next start", async () => {
  const set = await ruled({ d: "rejected", why: "no_authority" });
  await phone.outbox.read((await mark(set)) as never);
  await phone.centre.ask(set.raw, "是您本人写的吗？");
  const { cache } = phone;
  const apply = cache.apply.bind(cache);
  cache.apply = async (page, also) => {
    await apply(page, also);
    throw new Error("killed here");
  };
  await phone.exchange();
  phone = await phone.again();
  await phone.exchange();
  expect(await refused()).toEqual([set.id]);
});

test("what a person rejects is told with their reason", async () => {
  const set = await ruled(held);
  await phone.centre.review(set.raw, "rejected", "not_admitted", "手机当时不在本人手里");
  await phone.exchange();
  expect(await refused()).toEqual([set.id]);
  expect((await mark(set))?.answer).toMatchObject({ d: "rejected", why: "not_admitted" });
  expect((await phone.replica.remarks(set)).at(-1)?.text).toBe("手机当时不在本人手里");
});

test("a question calls for its author again, though they have read the refusal; the answer stands beside it (RL9)", async () => {
  const set = await ruled({ d: "rejected", why: "no_authority" });
  await phone.outbox.read((await mark(set)) as never);
  expect(await refused()).toEqual([]);
  await phone.centre.ask(set.raw, "是您本人写的吗？");
  await phone.exchange();
  expect(await refused()).toEqual([set.id]);
  expect(await phone.replica.remarks(set)).toMatchObject([{ kind: "ask", text: "是您本人写的吗？", answers: [] }]);
  await phone.replica.record(answer(set, SCOPE, "是"));
  expect((await phone.replica.remarks(set))[0]?.answers.map(({ text }) => text)).toEqual(["是"]);
  // Asked again, the old answer is none to the new question.
  await phone.exchange();
  await phone.centre.ask(set.raw, "几点写的？");
  await phone.exchange();
  const told = await phone.replica.remarks(set);
  expect(told.map(({ answers }) => answers.length)).toEqual([1, 0]);
});

test("what comes twice changes nothing, and what is about others' sets is passed over", async () => {
  const set = await ruled(held);
  await phone.centre.review(set.raw, "accepted_late", null, "核实过");
  await phone.exchange();
  await phone.cache.forgetScope(`device:${set.chain}`);
  await phone.exchange();
  expect(await refused()).toEqual([]);
  expect((await phone.replica.remarks(set)).length).toBe(1);
  expect((await phone.outbox.heard([{ set: "ff".repeat(32), answer: null }], 5)).changed).toBe(false);
});

test("a closed and reopened phone still shows what was asked", async () => {
  const set = await ruled(held);
  await phone.centre.ask(set.raw, "是您本人写的吗？");
  await phone.exchange();
  phone = await phone.again();
  expect(await refused()).toEqual([set.id]);
  expect((await phone.replica.remarks(set)).map(({ text }) => text)).toEqual(["是您本人写的吗？"]);
});
