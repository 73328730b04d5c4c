/**
 * What the page has to show of one file: the verdict, what was found, and the records in plain words. Draws nothing.
 *
 *     const seen = await judged({ file, earlier: null, key: "" });
 *     seen.findings.length === 0;      // sound
 */
import type { Op } from "../sync/changeset";
import { unpack } from "../sync/clock";
import { check } from "../sync/evidence/check";
import { compare } from "../sync/evidence/compare";
import { type Found, foundIn } from "../sync/evidence/found";
import { type Finding, hexOf, type Report, type Shown } from "../sync/evidence/report";
import { fingerprint, verifierKey } from "../sync/note";
import { verify } from "../sync/verify";

export interface Given {
  readonly file: Uint8Array;
  readonly earlier: Uint8Array | null;
  /** A fingerprint or a whole key as text, as the centre publishes it; empty: none. */
  readonly key: string;
}

export interface Line {
  readonly wroteMs: number;
  readonly receivedMs: number;
  /** Empty: the centre's own desk chain in nobody's name. */
  readonly author: string;
  readonly ops: readonly Op[];
  readonly decision: string;
  readonly isRedacted: boolean;
  readonly ground: string;
}

export interface Seen {
  readonly report: Report;
  readonly findings: readonly Finding[];
  readonly fingerprint: string;
  readonly isPinned: boolean;
  readonly isCompared: boolean;
  readonly lines: readonly Line[];
  /** What was found of its clocks. */
  readonly found: readonly Found[];
  readonly signedMs: number | null;
}

export async function judged(given: Given): Promise<Seen> {
  const report = await check(given.file, { verify });
  const findings = [...report.findings];
  const pub = report.content?.pub ?? null;
  const told = pub ? await fingerprint(pub) : "";
  const isPinned = pub !== null && given.key.trim() !== "" && (await isThisKey(given.key, pub, report.origin));
  if (pub && given.key.trim() !== "" && !isPinned)
    findings.push({ code: "other_key", where: "the file", detail: told });
  if (given.earlier) {
    const earlier = await check(given.earlier, { verify });
    if (earlier.findings.length > 0)
      findings.push({ code: "not_comparable", where: "the earlier file", detail: earlier.findings[0]?.code ?? "" });
    findings.push(...(await compare(report, earlier)));
  }
  const people = report.people();
  const lines = report.shown.map((shown) => lineOf(shown, people));
  const isCompared = given.earlier !== null;
  return {
    report,
    findings,
    fingerprint: told,
    isPinned,
    isCompared,
    lines,
    found: foundIn(report),
    signedMs: signedMs(report),
  };
}

async function isThisKey(given: string, pub: Uint8Array, origin: string): Promise<boolean> {
  const digits = given.replace(/\s/g, "").toLowerCase();
  if (digits === (await fingerprint(pub)).replace(/\s/g, "")) return true;
  return given.trim() === (await verifierKey(origin, pub));
}

function signedMs(report: Report): number | null {
  const line = report.checkpoint?.extensions.find((one) => /^time \d+$/.test(one));
  return line ? Number(line.slice(5)) : null;
}

function lineOf({ change, first, standing, isRedacted }: Shown, people: ReadonlyMap<string, string>): Line {
  const { eff, ground, ops } = standing.payload;
  const said = isRedacted && Array.isArray(ops) ? (ops as unknown as Op[]) : (change.body?.ops ?? []);
  const user = hexOf(change.header.user);
  return {
    wroteMs: eff instanceof Uint8Array && eff.length === 8 ? unpack(eff).ms : unpack(change.header.hlc).ms,
    receivedMs: first.atMs,
    author: people.get(user) ?? (/^0+$/.test(user) ? "" : user.slice(0, 8)),
    ops: said,
    decision: String(standing.payload["d"] ?? ""),
    isRedacted,
    ground: typeof ground === "string" ? ground : "",
  };
}
