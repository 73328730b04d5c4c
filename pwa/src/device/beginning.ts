/**
 * Beginning a scope with a snapshot instead of its entries, for a phone that is new or was away long (SPEC SN3).
 *
 * Responsible for: unpacking what was fetched, refusing it unless it is the one that was offered, and saying what of it
 * concerns this person. Refuses to fetch and to store.
 *
 *     const whole = await unpacked(packed, page);
 *     if (whole === "broken") …     // not what the centre offered: forget the scope and pull it again
 */
import { type Stamp, unpack } from "../sync/clock";
import type { ScopePage } from "../sync/exchange";
import { equalBytes, toHex } from "../sync/ids";
import { readSnapshot, recordsIn, type Snapshot, snapshotHash } from "../sync/snapshot";
import type { Entry, Records, Stripped } from "./cache";
import { rulingIn } from "./pulled";
import { forMe, type Me } from "./views";

/** More than this is not unpacked: a bomb, not a banner's year. */
const MOST_BYTES = 256 * 1024 * 1024;

/** The snapshot that a page offered, out of the gzip bytes that came for it. */
export async function unpacked(packed: Uint8Array, page: ScopePage): Promise<Snapshot | "broken"> {
  const offer = page.snapshot;
  const raw = await gunzipped(packed);
  if (!offer || !raw || !equalBytes(await snapshotHash(raw), offer.hash)) return "broken";
  const whole = readSnapshot(raw);
  return whole.scope === page.scope && whole.epoch === page.epoch && whole.n === offer.n ? whole : "broken";
}

async function gunzipped(packed: Uint8Array): Promise<Uint8Array | null> {
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.byteLength;
      if (size > MOST_BYTES) return null;
      parts.push(value);
    }
  } catch {
    return null;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What the cache keeps of it: an incident's records as they came, to be read when they are shown. */
export function recordsOf(whole: Snapshot): Records[] {
  return whole.entities.map(({ entity, packed }) => ({ scope: whole.scope, entity: toHex(entity), packed }));
}

/** Its rulings that stand beside the sets, as lines before the first. */
export function asidesOf(whole: Snapshot): Entry[] {
  return whole.asides.flatMap((bytes, index): Entry[] => {
    const ruling = rulingIn(bytes);
    if (!ruling) return [];
    const hexOf = (name: string): string => {
      const value = ruling.payload[name];
      return value instanceof Uint8Array ? toHex(value) : "";
    };
    const at = { scope: whole.scope, n: -1 - index, idx: ruling.idx };
    return [{ ...at, entity: hexOf("e"), set: hexOf("set"), ruling: bytes, raw: null }];
  });
}

/** What a phone has to know of a snapshot at once. */
export interface Gist {
  /** Incidents that I wrote in, or that order me somewhere. Ids in hex. */
  mine: string[];
  /** Sets whose words were taken away. */
  stripped: Stripped[];
  /** The stamps of all that was said. */
  stamps: Stamp[];
}

export function gistOf(whole: Snapshot, me: Me): Gist {
  const gist: Gist = { mine: [], stripped: [], stamps: [] };
  for (const { entity, packed } of whole.entities) {
    const id = toHex(entity);
    let isMine = false;
    for (const { set, user, chain, seq, eff, ops, redaction } of recordsIn(packed)) {
      gist.stamps.push(unpack(eff));
      if (redaction) gist.stripped.push({ entity: id, set: toHex(set), chain: toHex(chain), seq });
      isMine ||= toHex(user) === me.person || ops.some(({ to }) => isForMe(to, me));
    }
    if (isMine) gist.mine.push(id);
  }
  return gist;
}

function isForMe(to: unknown, me: Me): boolean {
  if (!Array.isArray(to) || !(to[1] instanceof Uint8Array)) return false;
  return forMe({ to: { kind: String(to[0]), id: toHex(to[1]) } }, me);
}
