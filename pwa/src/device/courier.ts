/**
 * What a person may carry for this phone: everything unsent as one file, and the answer back (SPEC BU). A chunk of its own,
 * loaded when somebody asks for it, and kept by the service worker, for it is wanted where there is no network.
 *
 * Responsible for the file, sealed to the centre and to the servers of its station where their keys are known, and for
 * believing of an answer only what the centre's log proves, and a station's word that it keeps something: that is a second
 * tick and no more. Refuses to know the network: it works when sync is refused, and while a chain is suspended. The
 * records stay in the vault.
 *
 *     const handed = await pack(parts, false);     // { file, sets: 7, sealed: "centre" }, or null: it would not be sealed
 *     await takeIn(parts, answer);                 // { confirmed: 7, … }
 */
import { type BundleRecord, BundleWriter, type Manifest, Proving, readBundle } from "../sync/bundle";
import { isRefusal, readSet, signingBytes } from "../sync/changeset";
import { KEPT, type PushResult } from "../sync/exchange";
import { concat, equalBytes, fromHex, toHex } from "../sync/ids";
import { wordsIn } from "../sync/kept";
import { DECIDING, KIND_REDACT, type Ruling } from "../sync/rulings";
import { freshReader, opened, type Reader, SEALED_MAGIC, SealError, sealedTo } from "../sync/sealed";
import { knowsEd25519, verify } from "../sync/verify";
import { type Log, logOf, ORG_ROW } from "../sync/witness";
import type { Cache, Stripped } from "./cache";
import { type Heard, type Outbox, type Parcel, resultOf } from "./outbox";
import { answerOf } from "./remarks";
import type { DeviceSession } from "./session";
import type { KeyRecord, OwnSet, Vault } from "./vault";
import type { LogWatch } from "./watch";
import { signWith } from "./writer";

export interface CourierParts {
  vault: Vault;
  cache: Pick<Cache, "org" | "strip">;
  outbox: Outbox;
  watch: LogWatch;
  session: DeviceSession;
  /** Where its person belongs now, hex. */
  station: string | null;
  key: KeyRecord;
  /** Sets that only memory holds. */
  unkept: readonly OwnSet[];
  app: string;
  nowMs: number;
}

/** A file for whoever carries it. `sealed`: to the centre alone, or to its station as well; null: whoever has it can read it. */
export interface Handed {
  file: File;
  sets: number;
  sealed: "centre" | "both" | null;
}

/** What an answer said. `code`: why none of it, or not all of it, could be taken. */
export interface Heeded {
  /** Own sets that are now known to be safe at the centre. */
  confirmed: ReadonlySet<string>;
  /** Of those, the ones of which only a station had said so (HB15). */
  borneOut: readonly OwnSet[];
  /** How many own sets a station says that it keeps. */
  kept: number;
  /** Own sets that the answer speaks of. */
  own: number;
  /** Rulings on sets of other phones. */
  others: number;
  /** Incidents to fold again, hex. */
  touched: string[];
  code: string | null;
}

const READER = "courier.reader";
const MOST_AT_ONCE = 500;
/** Beside the centre; a file is for at most 16. */
const STATIONS_MAX = 15;

/** Every unsent set of this device, in chain and seq order, and those only memory holds. */
export async function unsentSets(vault: Vault, unkept: readonly OwnSet[]): Promise<OwnSet[]> {
  const sets: OwnSet[] = [];
  for (const mark of await vault.unsent()) {
    const set = await vault.own(mark.chain, mark.seq);
    if (set) sets.push(set);
  }
  return [...sets, ...unkept];
}

/** The file of everything unsent. Null where the centre's key is not known and nobody said that it may go `inTheClear`. */
export async function pack(parts: CourierParts, inTheClear: boolean): Promise<Handed | null> {
  const { vault, unkept } = parts;
  const to = await readers(parts);
  if (to.length === 0 && !inTheClear) return null;
  const sets = await unsentSets(vault, unkept);
  const plain = written(parts, sets, await reader(vault));
  const bytes: BlobPart[] = [];
  const key = crypto.getRandomValues(new Uint8Array(32));
  for await (const piece of to.length > 0 ? sealedTo(plain, to, key) : plain) bytes.push(concat(piece));
  // A name that tells nothing to whoever finds it.
  const name = `ortoo-${toHex(crypto.getRandomValues(new Uint8Array(4)))}.bundle`;
  const file = new File(bytes, name, { type: "application/octet-stream" });
  const sealed = to.length > 1 ? "both" : to.length > 0 ? "centre" : null;
  return { file, sets: sets.length, sealed };
}

/** Whom a file is sealed to: the centre, then the servers of the person's station; nobody while the centre's key is not known (BU9). */
async function readers({ cache, session, station: own }: CourierParts): Promise<Uint8Array[]> {
  const centre: Uint8Array[] = [];
  const stations: [string, Uint8Array][] = [];
  for (const { what, id, row } of await cache.org()) {
    const seal = row?.["seal"];
    if (!(seal instanceof Uint8Array)) continue;
    if (what === ORG_ROW && id === session.server.id) centre.push(seal);
    else if (what === "devices" && isOf(row, own) && !row?.["revoked_at_ms"]) stations.push([id, seal]);
  }
  if (centre.length === 0) return [];
  stations.sort(([a], [b]) => (a < b ? -1 : 1));
  return [...centre, ...stations.slice(0, STATIONS_MAX).map(([, seal]) => seal)];
}

function isOf(row: Record<string, unknown> | null, own: string | null): boolean {
  const station = row?.["station"];
  return station instanceof Uint8Array && toHex(station) === own;
}

async function* written(
  { watch, session, key, app, nowMs }: CourierParts,
  sets: readonly OwnSet[],
  answers: Reader | null,
): AsyncGenerator<Uint8Array> {
  const signed = await watch.checked();
  const made: Manifest = {
    by: app,
    at_ms: nowMs,
    chain: fromHex(key.chain),
    alg: key.alg,
    pub: key.publicKey,
    nonce: key.nonce,
    to: fromHex(session.server.id),
    counts: { set: sets.length },
    ...(answers ? { reply: answers.pub } : {}),
    ...(signed ? { signed } : {}),
  };
  const writer = new BundleWriter();
  yield await writer.begin(made);
  for (const { raw } of sets) yield await writer.add("set", raw);
  yield await writer.end((message) => signWith(key, message));
}

/** The key that answers are sealed to; null where the storage takes nothing more: the answer then comes as it is. */
async function reader(vault: Vault): Promise<Reader | null> {
  const known = await vault.meta<Reader>(READER);
  if (known) return known;
  const fresh = await freshReader();
  return vault.setMeta(READER, fresh).then(
    () => fresh,
    () => null,
  );
}

async function logRow({ cache, session }: CourierParts): Promise<Record<string, unknown> | null> {
  const rows = await cache.org();
  return rows.find(({ what, id }) => what === ORG_ROW && id === session.server.id)?.row ?? null;
}

/** Hand the file to whatever this platform shares files with, else to its downloads. False when the person thought better of it. */
export async function offer(file: File): Promise<boolean> {
  if (navigator.canShare?.({ files: [file] })) {
    try {
      await navigator.share({ files: [file] });
      return true;
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return false;
      // It does not share files of this kind after all.
    }
  }
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return true;
}

/** Take in an answer: what is proved of own sets (BU6). Everything else is left alone. */
export async function takeIn(parts: CourierParts, file: Blob): Promise<Heeded> {
  const heeded: Heeding = {
    confirmed: new Set(),
    borneOut: [],
    kept: 0,
    own: 0,
    others: 0,
    touched: new Set(),
    code: null,
  };
  if (!(await knowsEd25519())) heeded.code = "cannot_check";
  else
    try {
      await heed(parts, file, heeded);
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      heeded.code = error.code;
    }
  return { ...heeded, touched: [...heeded.touched] };
}

/** The log as the organisation names it; null while the centre has said that it is another by now, and the row is still to come. */
async function logNow(parts: CourierParts): Promise<Log | null> {
  const row = await logRow(parts);
  const log = row && logOf(fromHex(parts.session.server.id), row);
  const met = await parts.vault.meta<{ epoch: string }>("log");
  return log && (!met || log.origin.endsWith(`/${met.epoch}`)) ? log : null;
}

interface Heeding {
  confirmed: Set<string>;
  borneOut: OwnSet[];
  kept: number;
  own: number;
  others: number;
  touched: Set<string>;
  code: string | null;
}

async function heed(parts: CourierParts, file: Blob, into: Heeding): Promise<void> {
  const log = await logNow(parts);
  const proving = log && new Proving(log, verify);
  let batch: Ruling[] = [];
  for await (const record of await recordsOf(parts.vault, file)) {
    let code = record.code;
    if (record.kind === "set") code = await keptBy(parts, record.value, into);
    else if (record.kind === "checkpoint" || record.kind === "ruling") {
      if (!log || !proving) code = "log_unknown";
      else if (record.kind === "checkpoint") {
        code = await proving.restOn(record.value);
        if (!code) await parts.watch.carried(log, record.value);
      } else {
        const ruling = await proving.proven(record.value);
        if (typeof ruling === "string") code = ruling;
        else if (DECIDING.has(ruling.kind)) batch.push(ruling);
      }
    }
    if (code) into.code ??= code;
    if (batch.length < MOST_AT_ONCE) continue;
    await apply(parts, batch, into);
    batch = [];
  }
  await apply(parts, batch, into);
}

/** A station says in its chain what it keeps (TM13): each own set that waits has come that far. Gives why it is not believed. */
async function keptBy({ vault, cache, outbox, nowMs }: CourierParts, raw: Uint8Array, into: Heeding): Promise<string> {
  const said = await readSet(raw);
  if (isRefusal(said)) return said.refused;
  const chain = toHex(said.header.chain);
  const row = (await cache.org()).find(({ what, id }) => what === "devices" && id === chain)?.row;
  const { alg, pub } = row ?? {};
  const isStation = row?.["station"] instanceof Uint8Array && !row["revoked_at_ms"];
  if (!isStation || typeof alg !== "string" || !(pub instanceof Uint8Array)) return "station_unknown";
  if (!(await verify(alg, pub, signingBytes(said.setId), said.signature))) return "bad_signature";
  const marks = new Map((await vault.unsent()).map((mark) => [mark.id, mark]));
  const parcels: Parcel[] = [];
  const results: PushResult[] = [];
  for (const { set, atMs } of (said.body?.ops ?? []).flatMap((op) => wordsIn(op) ?? [])) {
    const mark = marks.get(toHex(set));
    const own = mark && (await vault.own(mark.chain, mark.seq));
    if (!mark || !own) continue;
    into.own += 1;
    into.touched.add(own.entity);
    parcels.push({ set: own, mark });
    results.push({ id: set, r: KEPT, at_ms: atMs });
  }
  into.kept += (await outbox.answered(parcels, results, nowMs, chain)).kept;
  return "";
}

async function recordsOf(vault: Vault, file: Blob): Promise<AsyncIterable<BundleRecord>> {
  const begun = new Uint8Array(await file.slice(0, SEALED_MAGIC.length).arrayBuffer());
  if (!equalBytes(begun, SEALED_MAGIC)) return readBundle(inPieces(file), verify);
  const known = await vault.meta<Reader>(READER);
  if (!known) throw new SealError("sealed_to_others");
  return readBundle(opened(inPieces(file), known), verify);
}

async function* inPieces(file: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += 65_536) yield new Uint8Array(await file.slice(at, at + 65_536).arrayBuffer());
}

/** What stands on own sets: as the answer to a push for those that wait, as news for the others (EX2, RL6). */
async function apply(
  { vault, cache, outbox, unkept, nowMs }: CourierParts,
  batch: Ruling[],
  into: Heeding,
): Promise<void> {
  const marks = new Map((await vault.marks()).map((mark) => [mark.id, mark]));
  const parcels: Parcel[] = [];
  const results: PushResult[] = [];
  const news: Heard[] = [];
  const stripped: Stripped[] = [];
  for (const { idx, atMs, kind, payload } of batch) {
    const { set, chain, seq, d, why, no } = payload;
    const id = set instanceof Uint8Array ? toHex(set) : "";
    const mark = marks.get(id) ?? null;
    const own = mark ? await vault.own(mark.chain, mark.seq) : unkept.find((one) => one.id === id);
    if (!own) {
      into.others += 1;
      continue;
    }
    into.own += 1;
    into.touched.add(own.entity);
    const answer = {
      ...answerOf(idx, atMs, String(d), typeof why === "string" ? why : null),
      no: typeof no === "string" ? no : null,
    };
    // What only a station called safe is so by proof from now on, unless it is an older word.
    const isNews = mark && !mark.unsent && (!mark.wordOf || (mark.answer?.idx ?? 0) > idx);
    if (isNews) news.push({ set: id, answer });
    else {
      parcels.push({ set: own, mark });
      results.push(resultOf(set as Uint8Array, answer));
    }
    if (kind === KIND_REDACT && chain instanceof Uint8Array && typeof seq === "number")
      stripped.push({ entity: own.entity, set: id, chain: toHex(chain), seq });
  }
  for (const one of stripped) await vault.strip(one);
  await cache.strip(stripped);
  const { durable, borneOut } = await outbox.answered(parcels, results, nowMs);
  for (const id of durable) into.confirmed.add(id);
  into.borneOut.push(...borneOut);
  await outbox.heard(news, nowMs);
}
