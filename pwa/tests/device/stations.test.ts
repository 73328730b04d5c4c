/** A phone between a township's station and the centre: the second tick is no third one, and whoever answers, nothing is lost. */
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reachedOf as reachedOfSet } from "../../src/device/vault";
import { decodeMessage, encode, type Value } from "../../src/sync/canon";
import { type ChangeSet, readSet, withoutBody } from "../../src/sync/changeset";
import { fromHex, toHex } from "../../src/sync/ids";
import { readRuling } from "../../src/sync/rulings";
import { Centre } from "./centre";
import { DESK, ordered, PERSON, Phone, SCOPE, STATION } from "./phone";
import { Station } from "./station";

const INCIDENT = "11".repeat(16);
const ORDER = "22".repeat(16);

let phone: Phone;
let station: Station;
beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  phone = await Phone.enrol();
  station = new Station(phone.centre, 1);
  await station.inTouch();
});
afterEach(() => phone.close());

const at = async (server: { fetch: typeof fetch }): Promise<void> => {
  phone.server = server;
  await phone.exchange();
};
const ticks = async (): Promise<string[]> => (await phone.vault.marks()).map(reachedOfSet);
const texts = async (): Promise<(string | null)[]> => (await phone.replica.story(INCIDENT)).map(({ text }) => text);

test("HB4: what a station keeps is at the station, is owed to the centre, and is offered to whoever does not keep it", async () => {
  const other = new Station(phone.centre, 2);
  await phone.note(INCIDENT, "一");
  await at(station);
  // The opening of the chain, the note, and what the clocks said on the way.
  expect(await phone.outbox.counts()).toEqual({ head: 3, acked: 0, kept: 3, refusals: 0 });
  expect(await ticks()).toEqual(["station", "station", "station"]);
  expect((await phone.vault.marks())[1]?.kept).toMatchObject([{ server: "01".repeat(16), atMs: phone.centre.nowMs }]);
  await at(station);
  await at(other);
  await at(station);
  expect([station.offered, other.offered]).toEqual([[3], [3]]);
  const waits = await phone.outbox.list({ waiting: 9, confirmed: 9 });
  expect([waits.unsent, waits.waiting.length, waits.confirmed.length]).toEqual([3, 3, 0]);
  // A restart in between forgets nothing of it.
  phone = await phone.again();
  await at(phone.centre);
  expect(phone.centre.pushes.flat()).toEqual(expect.arrayContaining([0, 1, 2]));
  expect(await phone.outbox.counts()).toMatchObject({ kept: 0, refusals: 0 });
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
});

test("a station whose lines break again and again keeps nobody from reading at the centre", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  for (let n = 0; n < 5; n++) {
    phone.centre.renew(SCOPE);
    await station.inTouch();
    await at(station);
  }
  expect(phone.status.trouble?.kind).toBe("garbled");
  await at(phone.centre);
  expect([phone.status.trouble, (await phone.cache.cursor(SCOPE))?.epoch]).toEqual([null, 6]);
});

test("HB4: the centre's first ruling, pulled at a station, is an answer like that of a push; a refusal asks for its author", async () => {
  phone.centre.rule = ({ header }) =>
    header.seq === 2 ? { d: "rejected", why: "no_authority" } : { d: "accepted", why: null };
  await phone.note(INCIDENT, "一");
  await phone.note(INCIDENT, "二");
  await at(station);
  expect((await phone.outbox.counts()).acked).toBe(0);
  await station.inTouch();
  await at(station);
  expect(await phone.outbox.counts()).toEqual({ head: 4, acked: 4, kept: 0, refusals: 1 });
  expect((await phone.vault.attention())[0]?.answer).toMatchObject({ d: "rejected", why: "no_authority" });
  expect(phone.centre.calls).not.toContain("hello"); // it never met this phone
});

test("HB4: what the centre ruled where this phone does not read is learned by offering it again, seldom", async () => {
  await phone.note(INCIDENT, "别所的警情");
  await at(station);
  await station.inTouch();
  for (const { lines, heads } of station.mirrored.values()) lines.length = heads.length = 0; // it is listed elsewhere
  phone.centre.nowMs += 60_000;
  station.beacon = fromHex(`${phone.centre.nowMs.toString(16).padStart(12, "0")}${"aa".repeat(10)}`);
  await at(station);
  expect([station.offered, (await phone.outbox.counts()).kept]).toEqual([[3], 3]);
  phone.clock.pass(120_000);
  await at(station);
  expect(station.offered).toEqual([3, 3]);
  expect(await phone.outbox.counts()).toMatchObject({ kept: 0 });
  expect(phone.centre.calls).not.toContain("hello");
});

test("HB4: while the line is down nothing is offered again, however long", async () => {
  await phone.note(INCIDENT, "一");
  await at(station);
  phone.clock.pass(86_400_000);
  await at(station);
  expect(station.offered).toHaveLength(1);
});

test("HB4: `kept` of nobody is no answer, and one that another than the greeted server gave is that one's", async () => {
  station.isNameless = true;
  await phone.note(INCIDENT, "一");
  phone.server = {
    fetch: (input, init) => (String(input).endsWith("push") ? station : phone.centre).fetch(input, init),
  };
  await phone.exchange();
  expect(await ticks()).toEqual(expect.arrayContaining(["phone", "phone"]));
  expect((await phone.outbox.counts()).kept).toBe(0);
  station.isNameless = false;
  await phone.exchange();
  expect((await phone.vault.marks()).flatMap(({ kept = [] }) => kept.map(({ server }) => server))).toContain(
    "01".repeat(16),
  );
  await at(phone.centre);
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
});

test("HB3: what a station thinks is shown until the centre rules, and is an answer to nobody", async () => {
  const elsewhere = await Centre.open(phone.writer.chain, SCOPE);
  await elsewhere.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "所里写的" }]);
  const [said] = elsewhere.scopes.get(SCOPE)?.lines ?? [];
  if (said?.raw) await station.list(readRuling(said.ruling).payload, said.raw);
  await ordered(phone.centre, INCIDENT, ORDER);
  await station.inTouch();
  await phone.note(INCIDENT, "一");
  await at(station);
  const told = (await phone.replica.story(INCIDENT)).filter(({ t }) => t === "entry.add");
  expect(told.map(({ text, decision }) => [text, decision]).sort()).toEqual([
    ["一", "accepted"],
    ["所里写的", "accepted"],
  ]);
  expect(new Set((await phone.replica.reached(INCIDENT)).values())).toEqual(new Set(["station"]));
  expect(await phone.outbox.counts()).toMatchObject({ acked: 0, refusals: 0 });
  expect(phone.replica.seen?.[0]).toBe(phone.centre.size); // no index of a station's is ever named
  phone.centre.rule = () => ({ d: "rejected", why: "no_authority" });
  await at(phone.centre);
  expect((await phone.replica.story(INCIDENT)).find(({ text }) => text === "一")?.decision).toBe("rejected");
});

test("RD3: words that were taken away do not come back from a station that has not heard so", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  const noted = await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "未成年人的姓名" }]);
  const said = phone.centre.scopes.get(SCOPE)?.lines.at(-1);
  if (said?.raw) await station.list(readRuling(said.ruling).payload, said.raw);
  await phone.centre.redact(noted, DESK);
  await at(phone.centre);
  await at(station);
  const lines = (await phone.cache.entriesOf(INCIDENT)).filter(({ set }) => set === noted);
  expect(lines.map(({ scope }) => scope)).toContain(station.hub);
  const words = toHex(new TextEncoder().encode("姓名"));
  expect(lines.filter(({ raw }) => raw && toHex(raw).includes(words))).toEqual([]);
});

const BEFORE = SCOPE.replace("-03", "-02");
const NAME = "未成年人的姓名";

/** A note in two months that its incident stands in, whose words are taken away then, and the way back to a centre that
 * does not know of that. */
async function takenAway(): Promise<{ id: string; putBack: () => void }> {
  const { centre } = phone;
  await ordered(centre, INCIDENT, ORDER);
  const id = await centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: NAME }]);
  const { epoch, lines, heads } = centre.scopes.get(SCOPE) ?? { epoch: 0, lines: [], heads: [] };
  const copied = () => lines.map((line) => ({ ...line }));
  centre.scopes.set(BEFORE, { epoch, lines: copied(), heads: [...heads] });
  const [kept, copy] = [centre.size, copied()];
  await centre.redact(id, DESK);
  const putBack = (): void => {
    centre.putBack(kept);
    for (const name of [SCOPE, BEFORE])
      centre.scopes.get(name)?.lines.splice(0, copy.length, ...copy.map((line) => ({ ...line })));
  };
  return { id, putBack };
}

/** The scopes in whose lines this phone has the name. */
async function naming(): Promise<string[]> {
  const words = toHex(new TextEncoder().encode(NAME));
  const lines = await phone.cache.entriesOf(INCIDENT);
  return lines.flatMap(({ scope, raw }) => (raw && toHex(raw).includes(words) ? [scope] : [])).sort();
}

test("EX5: words that only a log which has ended took away are there again once a station brings them, till they are taken away again", async () => {
  const { id, putBack } = await takenAway();
  await at(phone.centre);
  expect(await naming()).toEqual([]);
  putBack();
  await station.inTouch();
  for (const server of [station, phone.centre]) {
    await at(server);
    expect(await naming()).toEqual([BEFORE, SCOPE]);
    expect(await texts()).toContain(NAME);
  }
  await phone.centre.redact(id, DESK);
  await station.inTouch();
  await at(station);
  expect(await naming()).toEqual([]);
});

test("EX5, HB15: what a station's own scope still says to be taken away is doubted, and the centre settles it", async () => {
  const { putBack } = await takenAway();
  const line = phone.centre.scopes.get(SCOPE)?.lines.at(-1);
  if (!line?.raw) throw new Error("nothing was taken away");
  const { payload, kind, idx } = readRuling(line.ruling);
  await station.list(payload, line.raw, { kind, idx });
  await at(station);
  await at(phone.centre);
  putBack();
  const other = new Station(phone.centre, 2);
  await other.inTouch();
  await at(other);
  expect(await naming()).toEqual([]);
  await at(phone.centre);
  expect(await naming()).toEqual([BEFORE, SCOPE]);
  expect(await texts()).toContain(NAME);
});

test("HB3: a set of ours that this storage lost does not come back as confirmed from a station that only keeps it", async () => {
  await phone.note(INCIDENT, "一");
  await at(station);
  const [kept] = station.own.lines;
  const set = (await readSet(kept?.raw ?? new Uint8Array())) as ChangeSet;
  // As if the vault had been set back to before it: the same phone without its sets.
  globalThis.indexedDB = new IDBFactory();
  const { key, centre } = phone;
  phone.close();
  phone = await Phone.of(key, centre);
  await at(station);
  expect(await phone.vault.own(key.chain, set.header.seq)).toBeNull();
  await station.inTouch();
  await at(station);
  expect(reachedOfSet((await phone.vault.marks()).find(({ id }) => id === toHex(set.setId)))).toBe("centre");
});

test("HB2, HB6: scopes that a station leaves out stay, and go on where they were; its own go when it names them no more", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.note(INCIDENT, "一");
  await at(phone.centre);
  await at(station); // it has not heard of anything since the beginning: all cursors lie beyond it
  expect(phone.status).toMatchObject({ reachable: true, trouble: null });
  const held = async () => Object.fromEntries((await phone.cache.cursors()).map(({ scope, n }) => [scope, n]));
  const before = await held();
  expect(before[SCOPE]).toBeGreaterThan(0);
  station.mirrored.delete(SCOPE); // a station of another township would not have it at all
  await phone.note(INCIDENT, "二");
  await at(station);
  await at(phone.centre); // which names no scope of a station: that says nothing of it
  expect(await held()).toMatchObject({ [SCOPE]: expect.any(Number), [station.hub]: 1 });
  await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "台上写的" }]);
  await station.inTouch();
  await at(station);
  expect(await texts()).toContain("台上写的");
  expect((await held())[SCOPE]).toBe(phone.centre.scopes.get(SCOPE)?.lines.length);

  const { hub } = station;
  (station as { hub: string }).hub = `hub:${toHex(station.server)}:station:${STATION}:2026-04`;
  await at(new Station(phone.centre, 2)); // another one cannot take them away
  expect(await held()).toHaveProperty(hub);
  await at(station);
  expect(await held()).not.toHaveProperty(hub);
  phone.centre.scopes.delete(SCOPE);
  await at(phone.centre);
  expect(Object.keys(await held()).filter((scope) => scope.includes(STATION))).toEqual([]);
});

test("HB6: where the organisation says that its person went to another station, a phone lets go of the old one at a station too", async () => {
  const OTHER = "77".repeat(16);
  await ordered(phone.centre, INCIDENT, ORDER);
  const row = { name: "苏和", role: "officer", unit: null };
  await phone.centre.org("people", PERSON, { ...row, station: fromHex(STATION) });
  await station.inTouch();
  await phone.note(INCIDENT, "一");
  await at(station);
  const held = async () =>
    (await phone.cache.cursors()).map(({ scope }) => scope).filter((one) => one.includes("station:"));
  expect((await held()).sort()).toEqual([SCOPE, station.hub].sort());

  await phone.centre.org("people", PERSON, { ...row, station: fromHex(OTHER) });
  await station.inTouch();
  await at(station); // it hears so
  await at(station); // and lets go, though this station still names its own months
  await at(station);
  expect(await held()).toEqual([]);
  expect(phone.replica.incidents.has(INCIDENT)).toBe(false);
  const head = await phone.vault.head(phone.key.chain);
  const said = (await readSet(
    (
      await phone.vault.own(phone.key.chain, head?.seq ?? -1)
    )?.raw as Uint8Array,
  )) as ChangeSet;
  expect(said.body?.ops.map(({ t, scope }) => [t, scope])).toEqual(
    [station.hub, SCOPE].map((one) => ["scope.purged", one]),
  );

  // One that has not heard of the return takes nothing away.
  const behind = new Station(phone.centre, 2);
  await behind.inTouch();
  await phone.centre.org("people", PERSON, { ...row, station: fromHex(STATION) });
  await station.inTouch();
  await at(station);
  await at(station);
  expect((await held()).sort()).toEqual([SCOPE, station.hub].sort());
  await at(behind);
  expect(await held()).toContain(SCOPE);
});

test("HB6: what a station thought goes once it is shut out, whoever is met, and is not taken in again", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  const elsewhere = await Centre.open(phone.writer.chain, SCOPE);
  await elsewhere.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "与所里的机器一起没了" }]);
  const [said] = elsewhere.scopes.get(SCOPE)?.lines ?? [];
  if (said?.raw) await station.list(readRuling(said.ruling).payload, said.raw);
  await station.inTouch();
  await at(station);
  const [row, next] = [{ station: fromHex(STATION) }, "0a".repeat(16)];
  await phone.centre.org("devices", toHex(station.server), { ...row, continued_by: fromHex(next), revoked_at_ms: 1 });
  await phone.centre.org("devices", next, row); // it writes on, as another chain
  for (let n = 0; n < 2; n++) await at(phone.centre);
  expect(await texts()).toContain("与所里的机器一起没了");
  await phone.centre.org("devices", next, { ...row, revoked_at_ms: 2 });
  for (let n = 0; n < 2; n++) await at(phone.centre);
  expect(await texts()).not.toContain("与所里的机器一起没了");
  for (let n = 0; n < 2; n++) await at(station); // whoever has it now
  expect(await phone.cache.cursor(station.hub)).toBeNull();
});

test("HB5: a station gives no token and is asked for no checkpoint; what it knows less of the centre is no news", async () => {
  phone.centre.beacon = fromHex(`${"02".repeat(6)}${"aa".repeat(10)}`);
  await at(phone.centre);
  const { seen } = phone.replica;
  const { length } = phone.centre.asked;
  station.beacon = fromHex(`${"01".repeat(6)}${"ff".repeat(10)}`);
  phone.clock.pass(120_000);
  await at(station);
  await at(station);
  expect(station.greetings.map(({ token }) => token)).toEqual(Array(2).fill("1".padStart(32, "0")));
  expect(new Set(station.greetings.map(({ request }) => request)).size).toBe(1);
  expect(station.asked).toEqual([undefined, undefined]);
  expect(phone.replica.seen).toEqual(seen);
  expect(toHex(phone.keeper.beacon as Uint8Array)).toBe(`${"02".repeat(6)}${"aa".repeat(10)}`);
  expect(phone.status.met).toEqual({ isStation: true, station: STATION });
  await at(phone.centre);
  expect(phone.centre.asked.length).toBeGreaterThan(length);
  expect(phone.centre.greetings.at(-1)).toMatchObject({ token: "1".padStart(32, "0") });
  expect(phone.status.met).toEqual({ isStation: false, station: null });
});

test("HB5, HB8: a chain that was left waits for the centre; at a station the phone reads and hands over as before", async () => {
  await ordered(phone.centre, INCIDENT, ORDER);
  await phone.note(INCIDENT, "在旧链上");
  const old = phone.writer.chain;
  await phone.leaving.leave("copied");
  await phone.note(INCIDENT, "在新链上");
  await station.inTouch();
  await at(station);
  expect(phone.status).toMatchObject({ reachable: true, trouble: null });
  expect(station.greetings.map(({ chain }) => chain)).toEqual([old]);
  expect((await phone.vault.marks()).map((mark) => [mark.chain === old, reachedOfSet(mark)])).toEqual(
    expect.arrayContaining([
      [true, "station"],
      [false, "phone"],
    ]),
  );
  expect([...station.spool.values()].length).toBe(2);
  expect(phone.replica.incidents.size).toBe(1);
  await at(phone.centre);
  expect(phone.session.insteadOf).toBeUndefined();
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
});

test("HB5: a station that speaks of a log which has ended makes nothing owed again, and confirms nothing", async () => {
  await phone.note(INCIDENT, "一");
  await at(phone.centre);
  await station.inTouch();
  phone.centre.putBack(0);
  await at(phone.centre); // owed again, and handed in again
  const pushes = phone.centre.pushes.flat().length;
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
  await at(station);
  await at(phone.centre);
  expect(phone.centre.pushes.flat().length).toBe(pushes);
  // The same while something is still owed to the new log: the station answers for the old one.
  phone.centre.fault = "full";
  phone.centre.putBack(0);
  await at(phone.centre);
  expect(new Set(await ticks())).toEqual(new Set(["phone"]));
  await at(station);
  expect(new Set(await ticks())).toEqual(new Set(["station"]));
  phone.centre.fault = null;
  await at(phone.centre);
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
});

test("HB15: a set of which only a station says that it is safe is offered to the centre once more, so a lie loses nothing", async () => {
  await at(phone.centre);
  await phone.note(INCIDENT, "一");
  station.lies = true;
  await at(station);
  expect(await ticks()).not.toContain("phone");
  const note = (await phone.vault.ownOf(INCIDENT))[0];
  expect(phone.centre.held.has(note?.id ?? "")).toBe(false);
  phone = await phone.again();
  await at(phone.centre);
  expect(phone.centre.held.has(note?.id ?? "")).toBe(true);
  const pushes = phone.centre.pushes.length;
  await at(phone.centre);
  expect(phone.centre.pushes).toHaveLength(pushes);
  expect((await phone.vault.marks()).filter(({ wordOf, unsent }) => wordOf || unsent)).toEqual([]);
  await at(phone.centre);
  expect(phone.centre.contradicted).toEqual([1]); // told once, to those who look after phones (EX14)
});

test("HB15: own words that were taken away by a station's word leave the vault once the centre has the set", async () => {
  await phone.note(INCIDENT, "一");
  await at(station);
  await station.inTouch();
  const own = async () => (await phone.vault.ownOf(INCIDENT))[0];
  const before = await own();
  if (!before) throw new Error("nothing was written");
  await phone.centre.redact(before.id, DESK);
  await station.inTouch();
  await at(station);
  expect(await texts()).toEqual([""]);
  expect(await own()).toMatchObject({ raw: before.raw, reached: "centre" });
  await at(phone.centre);
  expect((await own())?.raw.byteLength).toBeLessThan(before.raw.byteLength);
});

test("HB15: words that a station only says to be gone come back with the centre, wherever else they stood", async () => {
  await at(phone.centre);
  await ordered(phone.centre, INCIDENT, ORDER);
  const id = await phone.centre.desk(INCIDENT, DESK, [{ t: "entry.add", kind: "note", text: "二" }]);
  await at(phone.centre);
  expect(await texts()).toContain("二");
  const isOfIt = ({ ruling }: { ruling: Uint8Array }): boolean =>
    toHex(readRuling(ruling).payload["set"] as Uint8Array) === id;
  const line = phone.centre.scopes.get(SCOPE)?.lines.find(isOfIt);
  if (!line?.raw) throw new Error("nothing is listed");
  const { payload, atMs } = readRuling(line.ruling);
  const ops = [{ t: "entry.add", kind: "note", text: "" }];
  const gone = { ...payload, at: atMs, by: fromHex(DESK), ground: "minor", text: "", ops };
  await station.list(gone, withoutBody(line.raw), { kind: "redact", idx: 900 });
  await at(station);
  expect(await texts()).not.toContain("二");
  await at(phone.centre);
  expect(await texts()).toContain("二");
});

test.each([
  ["a first ruling, in the place of the true one", "set", 0],
  ["a decision of people", "review", 900],
  ["a decision of people, in the place of the first ruling", "review", 0],
])(
  "HB15: %s that a station made up is gone from its author's sheet at the first word of the centre",
  async (_what, kind, lieIdx) => {
    await phone.note(INCIDENT, "一");
    if (kind === "review") await at(phone.centre);
    else await at(station);
    await station.inTouch();
    const own = async () => (await phone.vault.ownOf(INCIDENT))[0];
    const line = phone.centre.scopes.get(SCOPE)?.lines.at(-1);
    if (!line?.raw) throw new Error("nothing is listed");
    const { payload, idx, atMs } = readRuling(line.ruling);
    const lie = { ...payload, d: "rejected", why: "not_admitted", at: atMs, by: fromHex(DESK), text: "" };
    await station.list(lie, line.raw, { kind, idx: lieIdx || idx + (kind === "review" ? 1 : 0) });
    station.mirrored.delete(SCOPE); // it hides what the centre said
    await at(station);
    expect(await phone.outbox.counts()).toMatchObject({ refusals: 1 });
    await at(phone.centre);
    expect((await own())?.answer).toMatchObject({ d: "accepted", idx });
    expect(await phone.outbox.counts()).toMatchObject({ refusals: 0, kept: 0 });
    expect((await phone.vault.marks()).filter(({ wordOf, unsent }) => wordOf || unsent)).toEqual([]);
  },
);

test("HB15: a true decision that was heard at a station stays as it is, and so does that its author has read it", async () => {
  phone.centre.rule = () => ({ d: "held", why: "stale_lease" });
  await phone.note(INCIDENT, "一");
  await at(phone.centre);
  const own = async () => (await phone.vault.ownOf(INCIDENT))[0];
  await phone.centre.review((await own())?.raw ?? new Uint8Array(), "rejected", "not_admitted", "核过");
  await station.inTouch();
  await at(station);
  const said = (await own())?.answer;
  expect(said).toMatchObject({ d: "rejected", why: "not_admitted" });
  for (const mark of await phone.vault.attention()) await phone.outbox.read(mark);
  await at(phone.centre);
  expect((await own())?.answer).toMatchObject({ d: "rejected", why: "not_admitted", idx: said?.idx });
  expect((await phone.outbox.counts()).refusals).toBe(0);
});

test("HB15: an own set that this storage lost and a station brings back is offered to the centre all the same", async () => {
  await phone.note(INCIDENT, "一");
  await at(station);
  const [kept] = station.own.lines;
  if (!kept?.raw) throw new Error("nothing is kept");
  station.own.lines.length = station.own.heads.length = 0;
  await station.list(readRuling(kept.ruling).payload, kept.raw, { idx: 3 }); // as if the centre had said so
  globalThis.indexedDB = new IDBFactory();
  const { key, centre } = phone;
  phone.close();
  phone = await Phone.of(key, centre);
  await at(station);
  const [mark] = await phone.vault.marks();
  expect(mark && reachedOfSet(mark)).toBe("centre");
  expect(phone.centre.held.has(mark?.id ?? "")).toBe(false);
  centre.have = 1; // or it would be another chain's turn
  await at(phone.centre);
  expect(phone.centre.held.has(mark?.id ?? "")).toBe(true);
});

test("HB3: what a station thinks is no answer with a snapshot either", async () => {
  phone.onDuty = false;
  await at(phone.centre);
  phone.centre.refuse = ({ body }) => (body?.kind === "incident" ? "bad_signature" : null);
  await phone.note(INCIDENT, "一");
  await at(phone.centre);
  await at(station); // keeps it, and thinks that it counts
  const own = async () => (await phone.vault.ownOf(INCIDENT))[0];
  expect((await own())?.reached).toBe("station");
  await phone.cache.forgetScope(SCOPE);
  await ordered(phone.centre, "33".repeat(16), "44".repeat(16));
  await phone.centre.publish(SCOPE);
  await at(phone.centre);
  expect(phone.centre.held.has((await own())?.id ?? "")).toBe(false);
  expect((await own())?.reached).not.toBe("centre");
  expect((await phone.outbox.counts()).refusals).toBe(1);
});

test("EX4: a set that a station changed is not taken in, and what it changed is read anew elsewhere", async () => {
  await at(phone.centre);
  await ordered(phone.centre, INCIDENT, ORDER);
  await station.inTouch();
  const scope = station.mirrored.get(SCOPE);
  const line = scope?.lines.at(-1);
  if (!scope || !line?.raw) throw new Error("nothing is listed");
  const changed = line.raw.slice();
  changed[changed.length - 3] = (changed.at(-3) ?? 0) ^ 1;
  scope.lines.splice(-1, 1, { ...line, raw: changed });
  await at(station);
  expect(phone.replica.incidents.has(INCIDENT)).toBe(false);
  await at(phone.centre);
  expect(phone.replica.incidents.has(INCIDENT)).toBe(true);
});

test("HB15: a suspended phone hands over what only a station called safe before it clears itself", async () => {
  await at(phone.centre);
  await phone.note(INCIDENT, "一");
  station.lies = true;
  await at(station);
  const note = (await phone.vault.ownOf(INCIDENT))[0];
  phone.centre.fault = "revoked";
  phone.centre.wipe = "empty";
  await at(phone.centre);
  expect(phone.centre.held.has(note?.id ?? "")).toBe(true);
});

test("EX14: what somebody said in the centre's name is owed again where the centre is met and has not got it", async () => {
  await at(phone.centre);
  const liar = new Station(phone.centre, 3);
  liar.lies = true;
  await phone.note(INCIDENT, "一");
  await phone.note(INCIDENT, "二");
  const honest: typeof fetch = (input, init) => phone.centre.fetch(input, init);
  const asCentre: typeof fetch = async (input, init) => {
    if (!String(input).endsWith("push")) return honest(input, init);
    const reply = decodeMessage(new Uint8Array(await (await liar.fetch(input, init)).arrayBuffer()));
    const { server: _nobody, ...rest } = reply as Record<string, Value>;
    return new Response(encode(rest) as Uint8Array<ArrayBuffer>, {
      headers: { "content-type": "application/msgpack" },
    });
  };
  await at({ fetch: asCentre });
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
  const notes = await phone.vault.ownOf(INCIDENT);
  expect(notes.map(({ id }) => phone.centre.held.has(id))).toEqual([false, false]);
  phone.clock.pass(60_000);
  await at(phone.centre);
  expect(notes.map(({ id }) => phone.centre.held.has(id))).toEqual([true, true]);
  const pushes = phone.centre.pushes.length;
  phone = await phone.again();
  phone.clock.pass(60_000);
  await at(phone.centre);
  phone.clock.pass(60_000);
  await at(phone.centre);
  expect(phone.centre.pushes).toHaveLength(pushes);
  expect(phone.centre.contradicted).toEqual([notes.length]);
});

test("EX14: a set that was changed on its way is refused, is shown so, and goes again by itself after ten minutes", async () => {
  const pulls = (): number => phone.centre.calls.filter((call) => call === "pull").length;
  const round = async (): Promise<void> => {
    const before = pulls();
    phone.rounds.kick();
    await expect.poll(pulls).toBeGreaterThan(before);
  };
  const refusals = async (): Promise<number> => (await phone.outbox.counts()).refusals;
  await at(phone.centre);
  phone.centre.refuse = () => "bad_signature";
  await phone.note(INCIDENT, "一");
  await at(phone.centre);
  const refused = await refusals();
  expect(refused).toBeGreaterThan(0);
  phone.centre.refuse = () => null;
  phone.clock.pass(60_000);
  await round();
  expect(await refusals()).toBe(refused);
  phone.clock.pass(600_000);
  await round();
  await expect.poll(refusals).toBe(0);
  expect(new Set(await ticks())).toEqual(new Set(["centre"]));
});
