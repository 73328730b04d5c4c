/**
 * The TypeScript core behind a pipe, for tests that compare it with the Python one: one JSON request per line in, one
 * answer per line out, bytes as hex. `COMMANDS` is the whole list.
 *
 *     echo '{"cmd":"canon.decode","hex":"c3"}' | node peer.mjs     // {"hex":"c3"}
 */
import { createInterface } from "node:readline";
import { inPieces, readBundle } from "../src/sync/bundle";
import { CanonError, decode, encode } from "../src/sync/canon";
import { type Draft, isRefusal, type Op, readSet, write } from "../src/sync/changeset";
import { pack, receive, send, unpack } from "../src/sync/clock";
import { check } from "../src/sync/evidence/check";
import { itemsOf } from "../src/sync/fold";
import { concat, fromHex, setId, toHex } from "../src/sync/ids";
import { remarksOn } from "../src/sync/incident/consistency";
import { deadlinesOf } from "../src/sync/incident/deadlines";
import { AT_CENTRE, ON_PHONE, stepsOf } from "../src/sync/incident/escalation";
import { PolicyBook } from "../src/sync/incident/policy";
import { IncidentState } from "../src/sync/incident/state";
import { isConsistent, rootBefore, rootFromInclusion } from "../src/sync/merkle";
import { leafHash, readRuling, scopeHead } from "../src/sync/rulings";
import { opened, readerOf, sealedTo } from "../src/sync/sealed";
import { itemsOfRecord, readSnapshot, recordsIn, snapshotHash } from "../src/sync/snapshot";
import { gradeOf, type Observed, type Signed, timed } from "../src/sync/time";
import { judge, type Mark, RULES, within } from "../src/sync/verdict";
import { verify } from "../src/sync/verify";

// biome-ignore lint/suspicious/noExplicitAny: a request has the shape its command reads, and only the tests write them
type Request = Record<string, any>;

const bytes = (hex: string) => fromHex(hex, hex.length / 2);
const hexOrNull = (hex: string | null) => (hex === null ? null : bytes(hex));

type ToldMark = [string, number, ([number, number] | null)[], string[], [string, number] | null];

/** A statement of a moment: its op, what was claimed, bounds by grade, causes, and the monotonic clock it was written by. */
function markOf([op, claimedMs, layers, why, tick]: ToldMark): Mark {
  const [zero, one, two] = layers.map((layer) => layer && { loMs: layer[0], hiMs: layer[1] });
  const place = tick && { chain: new Uint8Array(16), session: bytes(tick[0]), m: tick[1] };
  const nested = [zero ?? { loMs: null, hiMs: null }, one ?? null, two ?? null] as const;
  return { op: bytes(op), timed: { claimedMs, layers: nested, why, place } };
}

const COMMANDS: Record<string, (request: Request) => unknown> = {
  "canon.decode": ({ hex }) => ({ hex: toHex(encode(decode(bytes(hex)))) }),
  "clock.send": ({ last, wall, offset }) => {
    const { stamp, reset } = send(unpack(bytes(last)), wall, offset);
    return { stamp: toHex(pack(stamp)), reset };
  },
  "clock.receive": ({ last, wall, offset, remotes }) => {
    const remote = remotes.map((hex: string) => unpack(bytes(hex)));
    const { stamp, ahead } = receive(unpack(bytes(last)), wall, offset, remote);
    return { stamp: toHex(pack(stamp)), ahead };
  },
  "set.read": async ({ hex }) => {
    const read = await readSet(bytes(hex));
    return isRefusal(read) ? { refused: read.refused } : { set: toHex(read.setId) };
  },
  "set.write": async (request) => {
    const stamp = unpack(bytes(request["stamp"]));
    const writer = { chain: bytes(request["chain"]), seq: request["seq"], prev: hexOrNull(request["prev"]), stamp };
    const draft: Draft = {
      user: bytes(request["user"]),
      scope: request["scope"],
      kind: "incident",
      entity: bytes(request["entity"]),
      ops: decode(bytes(request["ops"])) as unknown as Op[],
      lane: request["lane"],
    };
    const written = await write(writer, draft, {
      wallMs: request["wall"],
      offsetMs: request["offset"],
      mono: [bytes(request["session"]), request["mono"]],
      salt: bytes(request["salt"]),
      sign: async (message) => new Uint8Array(64).fill(message.length),
    });
    return { raw: toHex(written.raw), set: toHex(written.setId), stamp: toHex(pack(written.writer.stamp)) };
  },
  "scope.head": async ({ rulings }) => {
    let head: Uint8Array = new Uint8Array(16);
    for (const hex of rulings) head = await scopeHead(head, await leafHash(bytes(hex)));
    return { head: toHex(head) };
  },
  merkle: async ({ first, firstRoot, size, root, proof, index, leaf, way }) => {
    const path = way.map(bytes);
    const led = await rootFromInclusion(index, size, bytes(leaf), path);
    const before = await rootBefore(index, size, bytes(leaf), path);
    return {
      consistent: await isConsistent(first, bytes(firstRoot), size, bytes(root), proof.map(bytes)),
      root: led && toHex(led),
      before: before && toHex(before),
    };
  },
  fold: async ({ entity, snapshot, sets, policies, zones, now }) => {
    const state = new IncidentState(bytes(entity));
    for (const { packed } of snapshot ? readSnapshot(bytes(snapshot)).entities : [])
      state.add(recordsIn(packed).flatMap(itemsOfRecord));
    for (const [envelope, ruling] of sets) {
      const read = await readSet(bytes(envelope));
      if (isRefusal(read)) throw new Error(read.detail);
      state.add(itemsOf(read, ruling === null ? null : readRuling(bytes(ruling))));
    }
    const view = state.view();
    const book = new PolicyBook(policies, zones);
    const deadlines = deadlinesOf(view, book);
    const countdowns = deadlines.map(({ id, order, startMs, dueMs, doneMs }) => [
      id,
      order && toHex(order),
      startMs,
      dueMs,
      doneMs,
    ]);
    const remarks = remarksOn(view, book).map(({ code, order, about, words }) => [
      code,
      order && toHex(order),
      about.map(toHex),
      words,
    ]);
    const folded = { view: toHex(encode(view as never)), deadlines: countdowns, remarks };
    if (now === undefined) return folded;
    const told = [AT_CENTRE, ON_PHONE].map((channels) => {
      const { due, nextMs } = stepsOf(view, book, now, channels);
      return [due.map((s) => [s.clock, s.order && toHex(s.order), s.round, s.channel, s.step, s.to, s.atMs]), nextMs];
    });
    return { ...folded, steps: told };
  },
  verdict: ({ starts, ends, limit, now }) => {
    const found = judge(starts.map(markOf), ends.map(markOf), within(limit), RULES, now);
    return {
      result: found.result,
      grade: found.grade,
      within: found.withinMs,
      elapsed: [found.elapsed.loMs, found.elapsed.hiMs],
      slack: found.slackMs,
      ops: [found.start, found.end].map((mark) => mark && toHex(mark.op)),
      why: found.why,
      turns: found.turnsMs,
    };
  },
  "time.timed": ({ set, observed, u }) => {
    const place = { chain: bytes("00".repeat(16)), session: bytes("00".repeat(8)), m: set.m };
    const found = timed({ ...set, place } as Signed, observed as Observed[], u);
    return { is: [found.layers.map((one) => one && [one.loMs, one.hiMs]), found.why, gradeOf(found)] };
  },
  "snapshot.hash": async ({ hex }) => ({ hash: toHex(await snapshotHash(bytes(hex))) }),
  "ruling.read": ({ hex }) => ({ idx: readRuling(bytes(hex)).idx }),
  "bundle.read": async ({ hex }) => {
    const records: unknown[] = [];
    for await (const { n, offset, code, kind } of readBundle(inPieces(bytes(hex), 4_096), verify))
      records.push([n, offset, code, kind]);
    return { records };
  },
  "sealed.open": async ({ hex, key, pub }) => {
    const reader = await readerOf(bytes(key), bytes(pub));
    const parts: Uint8Array[] = [];
    for await (const part of opened(inPieces(bytes(hex), 1_000), reader)) parts.push(part);
    return { plain: toHex(concat(...parts)) };
  },
  "sealed.seal": async ({ hex, to }) => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    const parts: Uint8Array[] = [];
    for await (const part of sealedTo(inPieces(bytes(hex), 999), to.map(bytes), key)) parts.push(part);
    return { sealed: toHex(concat(...parts)) };
  },
  "evidence.check": async ({ hex, key }) => {
    const report = await check(bytes(hex), { verify, key: bytes(key) });
    return { findings: report.findings.map(({ code, where }) => [code, where]) };
  },
  "id.set": async ({ hex }) => ({ set: toHex(await setId(bytes(hex))) }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request;
  let answer: unknown;
  try {
    answer = await COMMANDS[request["cmd"]]?.(request);
  } catch (error) {
    if (!(error instanceof CanonError)) throw error;
    answer = { code: error.code, offset: error.offset };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
