/**
 * What is stated in two ways, each matter once: a fact with several live values, a step of one person told with times too far
 * apart. Pure.
 *
 *     contested(lines)[0]   // { line, times: [14:57:32, 15:02:00] }
 */
import type { EntryLine } from "./lines";

export interface Matter {
  /** The statement that came last: the one to look at. */
  readonly line: EntryLine;
  /** When each of them says it happened, earliest first. */
  readonly times: readonly number[];
}

const matterOf = ({ entry, rival }: EntryLine): string =>
  rival ? `step/${entry.kind}/${entry.order}/${rival.op}` : `fact/${entry.field}`;

export function contested(lines: readonly EntryLine[]): Matter[] {
  const found = new Map<string, EntryLine[]>();
  for (const line of lines) {
    if (line.variant !== "conflict") continue;
    found.set(matterOf(line), [...(found.get(matterOf(line)) ?? []), line]);
  }
  return [...found.values()].flatMap((some) => {
    const last = some.reduce((a, b) => ((b.entry.received_at ?? 0) >= (a.entry.received_at ?? 0) ? b : a));
    const times = some.flatMap(({ entry, rival }) => (rival ? [rival.at, entry.at] : [entry.at]));
    return [{ line: last, times: [...new Set(times)].sort((a, b) => a - b) }];
  });
}
