/** Outboxes recorded from phones of every release (`tests/fixtures`): this phone's vault reads, folds, sends and exports them. */
import "fake-indexeddb/auto";
import { readdirSync, readFileSync } from "node:fs";
import { IDBFactory } from "fake-indexeddb";
import { expect, test } from "vitest";
import { unsentSets } from "../../src/device/courier";
import { foldIncident } from "../../src/device/folding";
import { firstDamaged } from "../../src/device/leaving";
import { Outbox } from "../../src/device/outbox";
import { type KeyRecord, type OwnSet, Vault } from "../../src/device/vault";
import { type ChangeSet, isRefusal, readSet } from "../../src/sync/changeset";
import { unpack } from "../../src/sync/clock";
import { fromHex, toHex } from "../../src/sync/ids";

interface Page {
  file: string;
  alg: "Ed25519" | "ES256";
  pub: string;
  chain: string;
  sets: number;
  incidents: string[];
}

const FIXTURES = new URL("../../../tests/fixtures/", import.meta.url);
const RECORDED = readdirSync(FIXTURES)
  .filter((name) => name.startsWith("outbox-"))
  .flatMap((folder) => {
    const pages = JSON.parse(readFileSync(new URL(`${folder}/devices.json`, FIXTURES), "utf8")) as Page[];
    return pages.map((page) => ({ name: `${folder}/${page.file}`, page }));
  });

/** The envelopes of a file: arrays of three byte strings, one behind the other. */
function* envelopes(data: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length; ) {
    const start = at;
    at += 1;
    for (let part = 0; part < 3; part++) {
      const form = data[at];
      const size =
        form === 0xc4 ? view.getUint8(at + 1) : form === 0xc5 ? view.getUint16(at + 1) : view.getUint32(at + 1);
      at += 1 + (form === 0xc4 ? 1 : form === 0xc5 ? 2 : 4) + size;
    }
    yield data.slice(start, at);
  }
}

test("both kinds of phone are recorded", () => {
  const names = RECORDED.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["outbox-0.1/browser.msgpack", "outbox-0.1/fleet.msgpack"]));
});

test.each(RECORDED)("$name is read, shown, sent and exported", async ({ name, page }) => {
  globalThis.indexedDB = new IDBFactory();
  const file = new Uint8Array(readFileSync(new URL(name, FIXTURES)));
  const vault = new Vault();
  const own: OwnSet[] = [];
  for (const raw of envelopes(file)) {
    const set = (await readSet(raw)) as ChangeSet;
    expect(isRefusal(set)).toBe(false);
    own.push({
      chain: toHex(set.header.chain),
      seq: set.header.seq,
      id: toHex(set.setId),
      entity: toHex(set.body?.entity as Uint8Array),
      kind: set.body?.kind ?? "",
      lane: set.header.lane,
      wroteAtMs: unpack(set.header.hlc).ms,
      raw,
    });
  }
  expect(own).toHaveLength(page.sets);
  for (const set of own) await vault.append(set);
  const key = { chain: page.chain, alg: page.alg, publicKey: fromHex(page.pub, page.pub.length / 2) } as KeyRecord;
  expect(await firstDamaged(key, own)).toBeNull();

  const batch = await new Outbox(vault).next({ sets: 200, bytes: 1_048_576 });
  expect(batch.map(({ set }) => set.id).sort()).toEqual(own.map(({ id }) => id).sort());
  const handed = await unsentSets(vault, []);
  expect(handed.map(({ raw }) => toHex(raw)).sort()).toEqual([...envelopes(file)].map(toHex).sort());

  for (const incident of page.incidents) {
    const folded = await foldIncident(incident, [], await vault.ownOf(incident), []);
    expect(folded?.items.length).toBeGreaterThan(0);
    expect(folded?.view["unknown"]).toEqual([]);
  }
  vault.close();
});
