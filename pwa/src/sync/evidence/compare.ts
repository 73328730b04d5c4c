/**
 * An evidence file beside an earlier one of the same incident: has the past stayed what it was (SPEC XP6). Mirrors
 * `sync/evidence/compare.py`.
 *
 *     const findings = await compare(later, earlier);   // two reports of `check`
 */
import { equalBytes, toHex } from "../ids";
import { rootBefore } from "../merkle";
import { fingerprint } from "../note";
import { type Finding, hexOf, type Loss, Report } from "./report";

/** What an earlier file shows to be wrong with a later one. */
export async function compare(later: Report, earlier: Report): Promise<Finding[]> {
  const found = new Report();
  const [now, then] = [later.content, earlier.content];
  if (!now || !then || !later.checkpoint || !earlier.checkpoint) {
    found.find("not_comparable", "the files", "one of them cannot be read");
    return found.findings;
  }
  if (!equalBytes(now.entity, then.entity) || !equalBytes(now.server, then.server)) {
    found.find("not_comparable", "the files", "they are of different incidents");
    return found.findings;
  }
  if (!equalBytes(now.pub, then.pub)) found.find("other_key", "the log", await fingerprint(now.pub));
  let upto = earlier.checkpoint.size;
  const { size, root } = later.checkpoint;
  if (!equalBytes(now.epoch, then.epoch)) {
    const ended = later.logRow()?.lost.find((one) => equalBytes(one.epoch, then.epoch));
    if (!ended) {
      found.find("undeclared_epoch", "the log", "it began anew and does not say why");
      return found.findings;
    }
    upto = Math.min(upto, ended.kept);
    lost(found, later, earlier, ended);
  } else if (size < upto) {
    found.find("rolled_back", "the log", `it had ${upto} entries, now it has ${size}`);
  } else if (size === upto && !equalBytes(root, earlier.checkpoint.root)) {
    found.find("history_differs", "the log", `${size} entries, but not the same`);
  }
  await same(found, later, earlier, Math.min(upto, size));
  return found.findings;
}

const leafOf = (report: Report, idx: number): string => hexOf(report.entries.get(idx)?.leaf);

/** Rulings about the incident that the declared loss took. */
function lost(found: Report, later: Report, earlier: Report, loss: Loss): void {
  const left = new Set([...later.entries.values()].map(({ leaf }) => toHex(leaf)));
  const gone = earlier.about.map(({ idx }) => idx).filter((idx) => idx > loss.kept && !left.has(leafOf(earlier, idx)));
  if (gone.length > 0) found.find("declared_lost", `entries ${gone.join(", ")}`, loss.why);
}

/** Rulings about the incident up to an index are the same in both, and so is all that lies before the last. */
async function same(found: Report, later: Report, earlier: Report, upto: number): Promise<void> {
  const now = new Set(later.about.map(({ idx }) => idx));
  let common = 0;
  for (const { idx } of earlier.about) {
    if (idx > upto) continue;
    if (!now.has(idx)) found.find("entry_gone", `entry ${idx}`, "the earlier file has it");
    else if (leafOf(earlier, idx) !== leafOf(later, idx))
      found.find("history_differs", `entry ${idx}`, "it was another ruling");
    else common = idx;
  }
  if (common > 0 && hexOf(await past(later, common)) !== hexOf(await past(earlier, common)))
    found.find("history_differs", "the log", `what lies before entry ${common} is not the same`);
}

async function past(report: Report, idx: number): Promise<Uint8Array | null> {
  const proved = report.entries.get(idx);
  if (!proved || !report.checkpoint) return null;
  return rootBefore(idx - 1, report.checkpoint.size, proved.leaf, proved.proof);
}
