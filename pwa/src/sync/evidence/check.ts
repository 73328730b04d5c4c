/**
 * Judging an evidence file: is it whole, and is it the centre's (SPEC XP3 to XP5, XP7). Mirrors `sync/evidence/check.py`.
 *
 *     const report = await check(bytes, { verify });
 *     report.findings.length === 0;      // sound
 */
import { CanonError } from "../canon";
import { equalBytes } from "../ids";
import { rootFromInclusion } from "../merkle";
import { fingerprint, isSigned, NoteError, readCheckpoint, readNote, type Verify } from "../note";
import { ENTITY_HEAD_ZERO, entityHead, KIND_VERDICT, leafHash, type Ruling, readRuling } from "../rulings";
import { type Content, type Evidence, isUnreadable, readFile, sealText } from "./file";
import { foundOf, unfounded } from "./found";
import { hexOf, Report } from "./report";
import { chains, DECIDING, ruled } from "./sets";

/** Judge one file. `key` is the public key of the log where it is known from elsewhere. */
export async function check(data: Uint8Array, by: { verify: Verify; key?: Uint8Array | null }): Promise<Report> {
  const report = new Report();
  const file = readFile(data);
  if (isUnreadable(file)) {
    report.find(file.code, file.where, file.detail);
    return report;
  }
  report.content = file.content;
  await seal(report, file, by.verify, by.key ?? null);
  await entries(report, file.content, by.verify);
  await about(report, file.content);
  const keys = await chains(report, file.content, by.verify);
  await ruled(report, file.content, keys, by.verify);
  unfounded(report);
  return report;
}

async function seal(report: Report, file: Evidence, verify: Verify, key: Uint8Array | null): Promise<void> {
  const { content } = file;
  if (key && !equalBytes(key, content.pub)) report.find("other_key", "the file", await fingerprint(content.pub));
  try {
    const read = readNote(file.seal);
    if (read.text !== (await sealText(content.entity, file.contentBytes)))
      report.find("content_changed", "the file", "the seal is over another content");
    if (!(await isSigned(read, report.origin, content.pub, verify)))
      report.find("bad_seal", "the seal", "the signature does not hold");
    else if (read.signatures.length !== 1)
      report.find("bad_seal", "the seal", "there is a signature that the seal does not need");
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    report.find("bad_seal", "the seal", error.message);
  }
}

/** The checkpoint, and every ruling's place under it (XP3). */
async function entries(report: Report, content: Content, verify: Verify): Promise<void> {
  try {
    const signed = readNote(content.checkpoint);
    report.checkpoint = readCheckpoint(signed.text);
    if (report.checkpoint.origin !== report.origin)
      report.find("bad_checkpoint", "the checkpoint", "it is of another log");
    if (!(await isSigned(signed, report.origin, content.pub, verify)))
      report.find("bad_checkpoint", "the checkpoint", "the signature does not hold");
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    report.find("bad_checkpoint", "the checkpoint", error.message);
    return;
  }
  const { size, root } = report.checkpoint;
  let last = 0;
  for (const [at, entry] of content.entries.entries()) {
    const ruling = rulingIn(entry.ruling);
    if (typeof ruling === "string") {
      report.find("bad_ruling", `ruling ${at + 1} of the file`, ruling);
      continue;
    }
    const where = `entry ${ruling.idx}`;
    if (ruling.idx <= last) report.find("out_of_order", where, `it comes after entry ${last}`);
    last = Math.max(last, ruling.idx);
    const leaf = await leafHash(entry.ruling);
    const led = await rootFromInclusion(ruling.idx - 1, size, leaf, entry.proof);
    if (!led || !equalBytes(led, root)) report.find("not_in_log", where, "its proof does not lead to the checkpoint");
    report.entries.set(ruling.idx, { ruling, leaf, proof: entry.proof });
  }
}

/** A ruling that says what its kind must say, or why it is none. */
function rulingIn(data: Uint8Array): Ruling | string {
  try {
    const ruling = readRuling(data);
    return isShaped(ruling) ? ruling : `a ruling of kind ${ruling.kind} without what it must say`;
  } catch (error) {
    if (error instanceof CanonError) return error.message;
    throw error;
  }
}

const isBytes = (value: unknown, size?: number): boolean =>
  value instanceof Uint8Array && (size === undefined || value.length === size);
const isNatural = (value: unknown): boolean => typeof value === "number" && value >= 0;
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((one) => typeof one === "string");

function isShaped(ruling: Ruling): boolean {
  const { kind, payload } = ruling;
  const { set, chain, seq, d, flags, what, id, row } = payload;
  if (DECIDING.has(kind))
    return isBytes(set, 32) && isBytes(chain, 16) && isNatural(seq) && typeof d === "string" && isTexts(flags);
  if (kind === KIND_VERDICT) return foundOf(ruling) !== null;
  if (kind === "fork") return isBytes(chain, 16) && isNatural(seq);
  if (kind !== "org") return true;
  const isMap = typeof row === "object" && !Array.isArray(row) && !(row instanceof Uint8Array);
  return typeof what === "string" && isBytes(id) && isMap;
}

/** Every ruling about the entity is here, in order, and none but those and what they need (XP4). */
async function about(report: Report, content: Content): Promise<void> {
  let n = 0;
  let head: Uint8Array = ENTITY_HEAD_ZERO;
  for (const idx of [...report.entries.keys()].sort((a, b) => a - b)) {
    const proved = report.entries.get(idx);
    if (!proved) continue;
    const { ruling, leaf } = proved;
    const { e, en, eh } = ruling.payload;
    if (hexOf(e) !== hexOf(content.entity)) {
      if (ruling.kind !== "org" && ruling.kind !== "fork")
        report.find("foreign", `entry ${idx}`, "it is about something else");
      continue;
    }
    report.about.push(ruling);
    n += 1;
    if (en !== n) {
      const gone = en === n + 1 ? `ruling ${n}` : `rulings ${n} to ${String(en)}`;
      report.find("ruling_missing", `${gone} about the incident`, `entry ${idx} is ${String(en)}`);
      n = typeof en === "number" ? en : n;
    } else if (hexOf(eh) !== hexOf(head)) {
      report.find("ruling_changed", `ruling ${n - 1} about the incident`, `by entry ${idx}`);
    }
    head = await entityHead(eh instanceof Uint8Array ? eh : head, leaf);
  }
  if (n !== content.n) report.find("ruling_missing", `rulings ${n + 1} to ${content.n} about the incident`);
  else if (hexOf(head) !== hexOf(content.head)) report.find("ruling_changed", `ruling ${n} about the incident`);
  const named = report.logRow();
  if (!named || !equalBytes(named.pub, content.pub) || !equalBytes(named.epoch, content.epoch))
    report.find("key_not_announced", "the log", "no ruling names this key and epoch");
}
