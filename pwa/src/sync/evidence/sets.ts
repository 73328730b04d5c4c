/**
 * The sets of an evidence file: whole, in order, each under its author's own key (SPEC XP4). Mirrors
 * `sync/evidence/sets.py`.
 *
 *     const keys = await chains(report, content, verify);
 *     await ruled(report, content, keys, verify);
 */
import { encode } from "../canon";
import { type ChangeSet, type Header, isRefusal, type Refusal, readSet, signingBytes } from "../changeset";
import { equalBytes, toHex } from "../ids";
import type { Verify } from "../note";
import { COUNTED, type Ruling } from "../rulings";
import type { ChainOf, Content } from "./file";
import { hexOf, type Report, type Shown } from "./report";

/** Why a set is held whose chain nobody here knows: its signature may not be checkable (RL2). */
const UNENROLLED = "unenrolled";
/** The flag of a set whose predecessor was not here when it was ruled on (RL2). */
const GAP = "gap";
/** Kinds of rulings that decide about one set (RL6). */
export const DECIDING: ReadonlySet<string> = new Set(["set", "review", "redact"]);

export interface Key {
  readonly alg: string;
  readonly pub: Uint8Array;
}
/** By seq of one chain: the ids of the sets there, each with the id it names as the one before. */
type Known = Map<number, { id: string; prev: string }[]>;

const holds = (set: ChangeSet, key: Key, verify: Verify): Promise<boolean> =>
  verify(key.alg, key.pub, signingBytes(set.setId), set.signature);

const why = (read: ChangeSet | Refusal): string =>
  isRefusal(read) ? `${read.refused}: ${read.detail}` : "it is of another chain";

/**
 * The key of every chain by its hex id, as its first set names it, which CS5 ties to the chain's id; while that set is
 * under way, as the chain was enrolled.
 */
export async function chains(report: Report, content: Content, verify: Verify): Promise<Map<string, Key>> {
  const keys = new Map<string, Key>();
  const known = new Map<string, Known>();
  for (const chain of content.chains) {
    const opening = await readSet(chain.opening);
    if (isRefusal(opening) || !opening.body || opening.header.seq !== 0) {
      report.find("bad_chain", "the first set of a chain", why(opening));
      continue;
    }
    const at = toHex(opening.header.chain);
    const op = opening.body.ops[0] as { alg?: unknown; pub?: unknown };
    const key: Key = { alg: String(op.alg), pub: op.pub as Uint8Array };
    keys.set(at, key);
    if (!(await holds(opening, key, verify)))
      report.find("forged", `chain ${at}, set 0`, "the signature does not hold");
    if (!isEnrolled(report, opening.header.chain, key))
      report.find("not_enrolled", `chain ${at}`, "no ruling names its key");
    const of = knownOf(known, at);
    note(of, opening.header, opening.setId);
    await links(report, chain, at, { key, of, verify });
  }
  for (const raw of content.sets) {
    const read = await readSet(raw);
    if (isRefusal(read)) continue;
    const at = toHex(read.header.chain);
    note(knownOf(known, at), read.header, read.setId);
    const [first] = enrolled(report, read.header.chain);
    if (first && !keys.has(at)) keys.set(at, first);
  }
  const missed = strays(report);
  for (const [at, of] of known) linked(report, at, of, missed);
  return keys;
}

function knownOf(known: Map<string, Known>, at: string): Known {
  const of = known.get(at) ?? new Map();
  known.set(at, of);
  return of;
}

/** Sets in between, without their bodies: signed by the same key. */
async function links(
  report: Report,
  chain: ChainOf,
  at: string,
  by: { key: Key; of: Known; verify: Verify },
): Promise<void> {
  for (const [header, signature] of chain.links) {
    const link = await readSet(encode([header, signature, null]));
    if (isRefusal(link) || toHex(link.header.chain) !== at) report.find("bad_chain", `chain ${at}`, why(link));
    else if (!(await holds(link, by.key, by.verify))) report.find("forged", `chain ${at}, set ${link.header.seq}`);
    else note(by.of, link.header, link.setId);
  }
}

function note(of: Known, header: Header, id: Uint8Array): void {
  const sets = of.get(header.seq) ?? [];
  sets.push({ id: toHex(id), prev: hexOf(header.prev) });
  of.set(header.seq, sets);
}

/** Sets that came when the one before them was not here, by their rulings: they may follow on nothing in the file. */
function strays(report: Report): ReadonlySet<string> {
  const gaps = report.about.filter(
    ({ kind, payload }) => kind === "set" && (payload["flags"] as string[]).includes(GAP),
  );
  return new Set(gaps.map(({ payload }) => hexOf(payload["set"])));
}

/**
 * Each set names the one before it, wherever both are here; what lies between unseen is counted. Where a chain has two
 * writers the set before may be the other's. A ruling proves that, or says that the one before had not come, and the
 * file is sound.
 */
function linked(report: Report, chain: string, of: Known, missed: ReadonlySet<string>): void {
  const forks = [...report.entries.values()]
    .filter(({ ruling }) => ruling.kind === "fork" && hexOf(ruling.payload["chain"]) === chain)
    .map(({ ruling }) => Number(ruling.payload["seq"]));
  const forkedAt = forks.length > 0 ? Math.min(...forks) : Number.POSITIVE_INFINITY;
  const seqs = [...of.keys()].sort((a, b) => a - b);
  for (const [place, after] of seqs.entries()) {
    const before = seqs[place - 1];
    if (before === undefined) continue;
    if (after !== before + 1) {
      // What a phone wrote between its first set and the first about this incident concerns nobody here.
      report.unseen += before > 0 ? after - before - 1 : 0;
      continue;
    }
    const ids = new Set(of.get(before)?.map(({ id }) => id));
    const broken = new Set(of.get(after)?.flatMap(({ id, prev }) => (ids.has(prev) || missed.has(id) ? [] : [id])));
    if (after <= forkedAt) for (const _id of broken) report.find("chain_broken", `chain ${chain}, set ${after}`);
  }
}

/** The keys that rulings enrol this chain with: one and the same, unless something is wrong. */
function enrolled(report: Report, chain: Uint8Array): Key[] {
  return report
    .rows("devices", chain)
    .map(({ pub, alg }) => ({ alg: String(alg), pub: pub instanceof Uint8Array ? pub : new Uint8Array() }));
}

function isEnrolled(report: Report, chain: Uint8Array, key: Key): boolean {
  const keys = enrolled(report, chain);
  if (keys.length > 0) return keys.every(({ pub, alg }) => equalBytes(pub, key.pub) && alg === key.alg);
  // A chain that nobody enrolled may be named all the same: what it wrote is held.
  return report.about
    .filter(({ kind, payload }) => kind === "set" && hexOf(payload["chain"]) === toHex(chain))
    .every(({ payload }) => payload["why"] === UNENROLLED);
}

/** Every ruled set is here once, in order, whole and signed by its author; and no other (XP4). */
export async function ruled(
  report: Report,
  content: Content,
  keys: ReadonlyMap<string, Key>,
  verify: Verify,
): Promise<void> {
  const first = new Map<string, Ruling>();
  const standing = new Map<string, Ruling>();
  const redacted = new Set<string>();
  for (const ruling of report.about) {
    if (!DECIDING.has(ruling.kind)) continue;
    const id = hexOf(ruling.payload["set"]);
    if (!first.has(id)) first.set(id, ruling);
    standing.set(id, ruling);
    if (ruling.kind === "redact") redacted.add(id);
  }
  const seen = new Set<string>();
  let last = 0;
  for (const [at, raw] of content.sets.entries()) {
    const read = await readSet(raw);
    let where = `set ${at + 1} of the file`;
    if (isRefusal(read)) {
      report.find("bad_set", where, why(read));
      continue;
    }
    const id = toHex(read.setId);
    const ruling = first.get(id);
    if (!ruling) {
      report.find("unruled", where, `no ruling names ${id.slice(0, 16)}`);
      continue;
    }
    where = `${where} (entry ${ruling.idx})`;
    if (seen.has(id)) report.find("twice", where);
    else if (ruling.idx < last) report.find("out_of_order", where, `it comes after the set of entry ${last}`);
    seen.add(id);
    last = Math.max(last, ruling.idx);
    const shown = { change: read, first: ruling, standing: standing.get(id) ?? ruling, isRedacted: redacted.has(id) };
    await isItsAuthors(report, shown, where, keys.get(toHex(read.header.chain)), verify);
    isAsRuled(report, shown, where, content.entity);
    report.shown.push(shown);
  }
  for (const [id, ruling] of first)
    if (!seen.has(id)) report.find("set_missing", `the set of entry ${ruling.idx}`, id.slice(0, 16));
}

async function isItsAuthors(
  report: Report,
  shown: Shown,
  where: string,
  key: Key | undefined,
  verify: Verify,
): Promise<void> {
  // Nobody could tell whose it is when it came, and it counts for nothing.
  if (shown.first.payload["why"] === UNENROLLED && !COUNTED.has(String(shown.standing.payload["d"]))) return;
  if (!key) report.find("key_missing", where, `chain ${toHex(shown.change.header.chain)}`);
  else if (!(await holds(shown.change, key, verify))) report.find("forged", where, "the signature does not hold");
}

function isAsRuled(report: Report, shown: Shown, where: string, entity: Uint8Array): void {
  const { header, body } = shown.change;
  const { payload } = shown.first;
  if (toHex(header.chain) !== hexOf(payload["chain"]) || header.seq !== payload["seq"])
    report.find("ruling_differs", where, "the ruling names another place");
  if (body && !equalBytes(body.entity, entity)) report.find("foreign", where, "it is about something else");
  if (shown.isRedacted && body) report.find("words_kept", where, "a ruling took its words away");
  if (!shown.isRedacted && !body) report.find("words_missing", where, "no ruling took its words away");
}
