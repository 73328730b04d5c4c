/**
 * The verdict on one clock: met, missed or undetermined, from bounds that are proved and from nothing else (SPEC VD).
 * Mirrors `sync/verdict.py`. It does not know which statements start and end which clock, and it believes no clock.
 *
 *     judge([sent], [seen], within(30_000), RULES, nowLoMs).result      // "met"
 */
import { ascending, keyOf } from "./fold";
import { type Bounds, elapsedAtLeastMs, proved, type Timed } from "./time";

export type Result =
  | "met"
  | "missed"
  | "undetermined"
  | "pending"
  | "overdue"
  | "unproven"
  | "not_delivered"
  | "no_limit";
export const DETERMINED: ReadonlySet<string> = new Set(["met", "missed"]);
/** Causes that tell of a chain on whose word nobody is found late (VD3). */
const FLAGGED: ReadonlySet<string> = new Set(["forked", "compromised"]);
/** The last grade of evidence that bounds anything. */
export const BEST = 2;
/** The grade that stations' words are of (TM14). */
const SAID = 2;
const FAR = 2 ** 53;

/**
 * How long there is. `due` gives the last ms at which something that began at a moment is in time; for a later start it is
 * never earlier. `withinMs`: the time from any start to its due moment, where that is always the same.
 */
export interface Limit {
  readonly due: (startMs: number) => number;
  readonly withinMs: number | null;
}

/** The limit that lies `withinMs` after the start. */
export const within = (withinMs: number): Limit => ({ due: (startMs) => startMs + withinMs, withinMs });

/** What a policy says of verdicts: which grade may carry which, and how long late evidence is waited for. */
export interface Rules {
  readonly metMaxGrade: number;
  readonly missedMaxGrade: number;
  readonly lateWindowMs: number;
}
export const RULES: Rules = { metMaxGrade: 2, missedMaxGrade: 1, lateWindowMs: 604_800_000 };

/** One statement that something happened: its op, and what is proved of when. */
export interface Mark {
  readonly op: Uint8Array;
  readonly timed: Timed;
}

/** How one clock stands; fields as in Python. */
export interface Verdict {
  readonly result: Result;
  readonly grade: number | null;
  readonly withinMs: number | null;
  readonly elapsed: Bounds;
  readonly slackMs: number | null;
  readonly start: Mark | null;
  readonly end: Mark | null;
  readonly why: readonly string[];
  readonly turnsMs: number | null;
}

interface Pair {
  readonly start: Mark;
  readonly end: Mark;
}

/** The last grade that no station's word is in: what may harm a person looks no further (TM14). */
const unsaid = ({ timed }: Mark): number => (timed.why.includes("station_said") ? SAID - 1 : BEST);
const unsaidOf = ({ start, end }: Pair): number => Math.min(unsaid(start), unsaid(end));

const NOTHING: Bounds = { loMs: null, hiMs: null };
const EMPTY: Omit<Verdict, "result"> = {
  grade: null,
  withinMs: null,
  elapsed: NOTHING,
  slackMs: null,
  start: null,
  end: null,
  why: [],
  turnsMs: null,
};

/** The verdict on a clock that has started (VD1 to VD6); `starts` is not empty. It is at least as late as `nowLoMs`. */
export function judge(
  starts: readonly Mark[],
  ends: readonly Mark[],
  limit: Limit | null,
  rules: Rules,
  nowLoMs: number,
): Verdict {
  const begun = distinct(starts);
  const done = distinct(ends);
  if (done.length === 0) return open(begun, limit, rules, nowLoMs);
  const pairs = inOrder(begun.flatMap((start) => done.map((end) => ({ start, end }))));
  if (limit === null) return told("no_limit", kindest(pairs), null);
  for (let grade = 0; grade <= BEST; grade++) {
    const met = pairs.filter((pair) => isMet(pair, limit, grade));
    if (met.length > 0 && grade <= rules.metMaxGrade) {
      const slack = (pair: Pair): number => slackIfMet(pair, limit, grade) ?? -FAR;
      const [best] = met.sort((a, b) => slack(b) - slack(a) || byOps(a, b));
      return decided("met", best as Pair, limit, grade);
    }
    const isAllMissed = pairs.every((pair) => isMissed(pair, limit, grade));
    if (isAllMissed && grade <= rules.missedMaxGrade && !pairs.some(isFlaggedPair))
      return decided("missed", kindest(pairs), limit, grade);
  }
  return undetermined(pairs, limit);
}

const isFlagged = (mark: Mark): boolean => mark.timed.why.some((cause) => FLAGGED.has(cause));
const isFlaggedPair = ({ start, end }: Pair): boolean => isFlagged(start) || isFlagged(end);
const byOps = (a: Pair, b: Pair): number =>
  ascending(keyOf(a.start.op), keyOf(b.start.op)) || ascending(keyOf(a.end.op), keyOf(b.end.op));

function distinct(marks: readonly Mark[]): Mark[] {
  const byOp = new Map(marks.map((mark) => [keyOf(mark.op), mark]));
  return [...byOp].sort(([a], [b]) => ascending(a, b)).map(([, mark]) => mark);
}

/** What grades 0 to `grade` prove of the time between them. */
function elapsedOf(pair: Pair, grade: number): Bounds {
  if (grade < 0) return NOTHING;
  const start = proved(pair.start.timed, grade);
  const end = proved(pair.end.timed, grade);
  let loMs = grade > 0 ? elapsedAtLeastMs(pair.start.timed, pair.end.timed) : null;
  if (end.loMs !== null && start.hiMs !== null) loMs = Math.max(loMs ?? -FAR, end.loMs - start.hiMs);
  const hiMs = end.hiMs !== null && start.loMs !== null ? end.hiMs - start.loMs : null;
  return { loMs, hiMs };
}

/** The greatest grade up to `grade` whose bounds do not contradict each other; -1 for none. */
function soundOf(pair: Pair, grade: number): number {
  for (let at = 0; at <= grade; at++) {
    const { loMs, hiMs } = elapsedOf(pair, at);
    if (loMs !== null && hiMs !== null && loMs > hiMs) return at - 1;
  }
  return grade;
}

/** How long before the limit the end lies at least; negative where that is not proved, null where nothing is. */
function slackIfMet(pair: Pair, limit: Limit, grade: number): number | null {
  const { loMs } = proved(pair.start.timed, grade);
  const { hiMs } = proved(pair.end.timed, grade);
  return loMs === null || hiMs === null ? null : limit.due(loMs) - hiMs;
}

/** How long after the limit the end lies at least; 0 or less where that is not proved, null where nothing is. */
function slackIfMissed(pair: Pair, limit: Limit, grade: number): number | null {
  const { hiMs } = proved(pair.start.timed, grade);
  const { loMs } = proved(pair.end.timed, grade);
  const found = loMs === null || hiMs === null ? null : loMs - limit.due(hiMs);
  const least = grade > 0 ? elapsedAtLeastMs(pair.start.timed, pair.end.timed) : null;
  if (least === null || limit.withinMs === null) return found;
  return Math.max(found ?? -FAR, least - limit.withinMs);
}

function isMet(pair: Pair, limit: Limit, grade: number): boolean {
  const slack = slackIfMet(pair, limit, grade);
  return slack !== null && slack >= 0 && soundOf(pair, grade) === grade;
}

function isMissed(pair: Pair, limit: Limit, grade: number): boolean {
  const slack = slackIfMissed(pair, limit, grade);
  return slack !== null && slack > 0 && soundOf(pair, grade) === grade;
}

/** Without pairs whose end certainly lies before their start: they measure nothing, while there are others (VD4). */
function inOrder(pairs: Pair[]): Pair[] {
  const forward = pairs.filter((pair) => {
    const { hiMs } = elapsedOf(pair, soundOf(pair, unsaidOf(pair)));
    return hiMs === null || hiMs >= 0;
  });
  return forward.length > 0 ? forward : pairs;
}

/** The pair with the least that is proved of the time between, by what can have been at most, then at least. */
function kindest(pairs: readonly Pair[]): Pair {
  const known = pairs.map((pair) => ({ pair, bounds: elapsedOf(pair, soundOf(pair, BEST)) }));
  known.sort(
    (a, b) =>
      (a.bounds.hiMs ?? FAR) - (b.bounds.hiMs ?? FAR) ||
      (a.bounds.loMs ?? -FAR) - (b.bounds.loMs ?? -FAR) ||
      byOps(a.pair, b.pair),
  );
  return (known[0] as { pair: Pair }).pair;
}

/** A result with what is proved of the pair it rests on. */
function told(result: Result, pair: Pair, limit: Limit | null, grade = BEST): Verdict {
  return {
    ...EMPTY,
    result,
    withinMs: limit && withinOf(limit, pair.start),
    elapsed: elapsedOf(pair, soundOf(pair, grade)),
    start: pair.start,
    end: pair.end,
  };
}

function withinOf(limit: Limit, start: Mark): number {
  const bounds = proved(start.timed, BEST);
  const fromMs = bounds.loMs ?? bounds.hiMs ?? start.timed.claimedMs;
  return limit.due(fromMs) - fromMs;
}

function decided(result: "met" | "missed", pair: Pair, limit: Limit, grade: number): Verdict {
  const isMet = result === "met";
  const best = isMet ? BEST : unsaidOf(pair);
  const slackMs = (isMet ? slackIfMet : slackIfMissed)(pair, limit, soundOf(pair, best));
  const byWord = isMet && grade >= SAID && unsaidOf(pair) < SAID;
  return { ...told(result, pair, limit, best), grade, slackMs, why: byWord ? ["station_said"] : [] };
}

/** Neither is proved, and why not (VD5). */
function undetermined(pairs: readonly Pair[], limit: Limit): Verdict {
  const pair = kindest(pairs);
  const causes = new Set([...pair.start.timed.why, ...pair.end.timed.why]);
  if (soundOf(pair, BEST) < BEST) causes.add("clock_disorder");
  for (let grade = 0; grade <= BEST; grade++) {
    const isAllMissed = pairs.every((one) => isMissed(one, limit, grade));
    if (isAllMissed || pairs.some((one) => isMet(one, limit, grade))) causes.add("low_grade");
  }
  const why = causes.size > 0 ? [...causes].sort(ascending) : ["near_limit"];
  return { ...told("undetermined", pair, limit), why };
}

/** Nobody says yet that it has ended (VD6). */
function open(starts: readonly Mark[], limit: Limit | null, rules: Rules, nowLoMs: number): Verdict {
  const [start] = [...starts].sort((a, b) => latestOf(b) - latestOf(a) || ascending(keyOf(b.op), keyOf(a.op))) as [
    Mark,
  ];
  if (limit === null) return { ...EMPTY, result: "pending", start };
  const dueMs = limit.due(latestOf(start));
  const turnsMs = dueMs + rules.lateWindowMs;
  const known = { ...EMPTY, withinMs: withinOf(limit, start), start };
  if (nowLoMs > turnsMs) return { ...known, result: "unproven" };
  return { ...known, result: nowLoMs > dueMs ? "overdue" : "pending", turnsMs };
}

/** The latest moment at which it can have happened; by its author's word where nothing bounds it. */
export function latestOf(mark: Mark): number {
  return proved(mark.timed, unsaid(mark)).hiMs ?? mark.timed.claimedMs;
}
