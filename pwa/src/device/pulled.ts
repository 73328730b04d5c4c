/**
 * Checking what a pull brought, before any of it is kept. Pure but for hashing.
 *
 * Responsible for: entries dense from where we stand, the rolling head recomputed from the rulings and equal to what the
 * server says (SPEC SC2, EX4), a new epoch taken as a fresh start (EX5), and for finding out what an entry is about.
 * Refuses to store and to fold.
 *
 *     const checked = await checkPage(page, cursor);
 *     if (checked === "broken") …  // the lines do not add up: forget the scope and pull it again
 */
import { encode } from "../sync/canon";
import { type ChangeSet, isRefusal, type Refusal, readSet } from "../sync/changeset";
import type { ScopePage } from "../sync/exchange";
import { equalBytes, setId, toHex } from "../sync/ids";
import {
  KIND_REDACT,
  KIND_SNAPSHOT,
  leafHash,
  leaving,
  type Ruling,
  readRuling,
  SCOPE_HEAD_ZERO,
  scopeHead,
} from "../sync/rulings";
import type { Cursor, Entry, Left, OrgRow, Page, Stripped } from "./cache";
import { forMe, type Me } from "./views";

/** A line with what it says. `set` is null when it brought none, or one this version cannot read. */
export interface Line {
  entry: Entry;
  ruling: Ruling;
  leaf: Uint8Array;
  set: ChangeSet | null;
}

export interface CheckedPage {
  page: Page;
  lines: Line[];
}

const hexIn = (value: unknown): string => (value instanceof Uint8Array ? toHex(value) : "");

/** The ruling these bytes are, null for others. */
export function rulingIn(bytes: Uint8Array): Ruling | null {
  try {
    return readRuling(bytes);
  } catch {
    return null;
  }
}

/** The page to write. `broken`: its lines do not add up. `elsewhere`: it follows on another cursor than ours under our
 *  epoch, so it answers something else that was asked, of another tab or long ago (EX11), and says nothing. */
export async function checkPage(from: ScopePage, cursor: Cursor | null): Promise<CheckedPage | "broken" | "elsewhere"> {
  const reset = cursor !== null && cursor.epoch !== from.epoch;
  const start = reset ? null : cursor;
  const after = start?.n ?? 0;
  if (from.from !== after + 1) return "elsewhere";
  let head: Uint8Array = start?.head ?? SCOPE_HEAD_ZERO;
  let n = after;
  const lines: Line[] = [];
  for (const [at, bytes, envelope] of from.entries) {
    n += 1;
    const ruling = rulingIn(bytes);
    if (at !== n || !ruling) return "broken";
    const leaf = await leafHash(bytes);
    head = await scopeHead(head, leaf);
    // The header and the body are the bytes received; the frame around them has one canonical form.
    const raw = envelope && encode([...envelope]);
    const found = raw && (await readSet(raw));
    const set = found && !isRefusal(found) ? found : null;
    const entry: Entry = {
      scope: from.scope,
      n,
      idx: ruling.idx,
      entity: hexIn(ruling.payload["e"]) || (set?.body ? toHex(set.body.entity) : ""),
      set: hexIn(ruling.payload["set"]),
      ruling: bytes,
      raw,
    };
    // What has left the scope since comes without its set (SC6).
    if (envelope && (toHex(await setId(envelope[0])) !== entry.set || !isWhole(found))) return "broken";
    lines.push({ entry, ruling, leaf, set });
  }
  if (n !== from.to || !equalBytes(head, from.head)) return "broken";
  const { scope, epoch, to } = from;
  const awaiting = reset ? null : stillAwaiting(cursor, lines);
  // Everything has come, and nothing of it names the snapshot this scope began with (SPEC SN3).
  if (awaiting && to === from.n) return "broken";
  return { page: { scope, epoch, after, to, head, entries: lines.map((line) => line.entry), reset, awaiting }, lines };
}

/** Whether bytes are a set, or one of a newer version. */
function isWhole(found: ChangeSet | Refusal | null): boolean {
  return found !== null && (!isRefusal(found) || found.refused === "newer_version");
}

function stillAwaiting(cursor: Cursor | null, lines: readonly Line[]): string | null {
  const awaiting = cursor?.awaiting ?? null;
  const named = lines.some(({ ruling }) => ruling.kind === KIND_SNAPSHOT && hexIn(ruling.payload["hash"]) === awaiting);
  return named ? null : awaiting;
}

/** The sets whose words these lines take away (SPEC RD). */
export function strippedBy(lines: readonly Line[]): Stripped[] {
  return lines.flatMap(({ entry, ruling, set }) => {
    if (ruling.kind !== KIND_REDACT || !set) return [];
    return [{ entity: entry.entity, set: entry.set, chain: toHex(set.header.chain), seq: set.header.seq }];
  });
}

/** The incidents that leave their scope with these lines (SPEC SC6). */
export function leftBy(lines: readonly Line[]): (Left & { ruling: Ruling })[] {
  return lines.flatMap(({ entry: { scope, entity, n }, ruling }) =>
    leaving(ruling, scope) ? [{ scope, entity, n, ruling }] : [],
  );
}

/** The org rows that these lines set or remove. */
export function orgRowsOf(lines: readonly Line[]): OrgRow[] {
  const rows: OrgRow[] = [];
  for (const { ruling } of lines) {
    if (ruling.kind !== "org") continue;
    const { what, id, row } = ruling.payload;
    if (typeof what === "string" && id instanceof Uint8Array) {
      rows.push({ what, id: toHex(id), row: (row ?? null) as OrgRow["row"] });
    }
  }
  return rows;
}

/** Incidents in these lines that are known as mine, that I wrote in, or that order me somewhere. Ids in hex. */
export function concernedBy(lines: readonly Line[], me: Me, mine: { has(id: string): boolean }): Set<string> {
  const ids = new Set<string>();
  for (const { entry, set } of lines) {
    if (!entry.entity || ids.has(entry.entity)) continue;
    if (mine.has(entry.entity) || (set?.body?.kind === "incident" && toHex(set.header.user) === me.person)) {
      ids.add(entry.entity);
      continue;
    }
    for (const op of set?.body?.ops ?? []) {
      const to = op["to"];
      if (!Array.isArray(to) || !(to[1] instanceof Uint8Array)) continue;
      if (forMe({ to: { kind: String(to[0]), id: toHex(to[1]) } }, me)) ids.add(entry.entity);
    }
  }
  return ids;
}
