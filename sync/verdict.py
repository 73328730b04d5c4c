"""The verdict on one clock: met, missed or undetermined, from bounds that are proved and from nothing else (SPEC VD).

Responsible for judging a start and an end that are known to lie in intervals against one limit. It does not know which
statements start and end which clock, nor where bounds come from, and it believes no clock.

>>> sent = Mark(b"s", Timed(0, (Bounds(0, 0), None, None), ()))
>>> seen = Mark(b"e", Timed(20_000, (Bounds(18_000, 25_000), None, None), ()))
>>> judge([sent], [seen], within(30_000), Rules(), now_lo_ms=60_000).result
'met'
>>> judge([sent], [seen], within(20_000), Rules(), now_lo_ms=60_000).result
'undetermined'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sync.time import (
    CLOCK_DISORDER,
    COMPROMISED,
    FORKED,
    STATION_SAID,
    Bounds,
    Timed,
    elapsed_at_least_ms,
)

MET: Final = "met"
MISSED: Final = "missed"
UNDETERMINED: Final = "undetermined"
PENDING: Final = "pending"
OVERDUE: Final = "overdue"
UNPROVEN: Final = "unproven"
NOT_DELIVERED: Final = "not_delivered"
NO_LIMIT: Final = "no_limit"
DETERMINED: Final = frozenset({MET, MISSED})
FINDINGS: Final = frozenset({MET, MISSED, UNDETERMINED, UNPROVEN, NOT_DELIVERED})
"""Results that are written down; the others are how it stands at this moment (VD6)."""
FLAGGED: Final = frozenset({FORKED, COMPROMISED})
"""Causes that tell of a chain on whose word nobody is found late (VD3)."""
LOW_GRADE: Final = "low_grade"
NEAR_LIMIT: Final = "near_limit"

BEST: Final = 2
"""The last grade of evidence that bounds anything."""
SAID: Final = 2
"""The grade that stations' words are of (TM14)."""
_FAR: Final = 2**60


class Limit(Struct, frozen=True):
    """How long there is. `due` gives the last ms at which something that began at a moment is in time; for a later
    start it is never earlier. `within_ms`: the time from any start to its due moment, where that is always the same."""

    due: Callable[[int], int]
    within_ms: int | None = None


def within(within_ms: int) -> Limit:
    """The limit that lies `within_ms` after the start."""
    return Limit(lambda start_ms: start_ms + within_ms, within_ms)


class Rules(Struct, frozen=True):
    """What a policy says of verdicts: which grade may carry which, and how long late evidence is waited for."""

    met_max_grade: int = 2
    missed_max_grade: int = 1
    late_window_ms: int = 604_800_000


class Mark(Struct, frozen=True):
    """One statement that something happened: its op, and what is proved of when."""

    op: bytes
    timed: Timed

    @property
    def is_flagged(self) -> bool:
        """Whether its chain had other hands in it."""
        return not FLAGGED.isdisjoint(self.timed.why)

    @property
    def unsaid(self) -> int:
        """The last grade that no station's word is in: what may harm a person looks no further (TM14)."""
        return SAID - 1 if STATION_SAID in self.timed.why else BEST


class Verdict(Struct, frozen=True):
    """How one clock stands. `grade`: the least by which it is decided. `elapsed`, `start`, `end`: what it rests on, and
    the narrowest that is proved of the time between. `slack_ms`: how far within the limit, or beyond it, for certain.
    `turns_ms`: after which moment time alone makes another finding of it, None when it never does."""

    result: str
    grade: int | None = None
    within_ms: int | None = None
    elapsed: Bounds = Bounds(None, None)
    slack_ms: int | None = None
    start: Mark | None = None
    end: Mark | None = None
    why: tuple[str, ...] = ()
    turns_ms: int | None = None


class _Pair(Struct, frozen=True):
    start: Mark
    end: Mark

    @property
    def unsaid(self) -> int:
        """The last grade that no station's word is in."""
        return min(self.start.unsaid, self.end.unsaid)

    def elapsed(self, grade: int) -> Bounds:
        """What grades 0 to `grade` prove of the time between them."""
        if grade < 0:
            return Bounds(None, None)
        start, end = self.start.timed.proved(grade), self.end.timed.proved(grade)
        lo_ms = elapsed_at_least_ms(self.start.timed, self.end.timed) if grade else None
        if end.lo_ms is not None and start.hi_ms is not None:
            between = end.lo_ms - start.hi_ms
            lo_ms = between if lo_ms is None else max(lo_ms, between)
        hi_ms = None
        if end.hi_ms is not None and start.lo_ms is not None:
            hi_ms = end.hi_ms - start.lo_ms
        return Bounds(lo_ms, hi_ms)

    def sound(self, grade: int) -> int:
        """The greatest grade up to `grade` whose bounds do not contradict each other; -1 for none."""
        for at in range(grade + 1):
            bounds = self.elapsed(at)
            if (
                bounds.lo_ms is not None
                and bounds.hi_ms is not None
                and bounds.lo_ms > bounds.hi_ms
            ):
                return at - 1
        return grade

    def slack_if_met(self, limit: Limit, grade: int) -> int | None:
        """How long before the limit the end lies at least; negative where that is not proved, None where nothing is."""
        start, end = self.start.timed.proved(grade), self.end.timed.proved(grade)
        if start.lo_ms is None or end.hi_ms is None:
            return None
        return limit.due(start.lo_ms) - end.hi_ms

    def slack_if_missed(self, limit: Limit, grade: int) -> int | None:
        """How long after the limit the end lies at least; 0 or less where that is not proved, None where nothing is."""
        start, end = self.start.timed.proved(grade), self.end.timed.proved(grade)
        found = None
        if end.lo_ms is not None and start.hi_ms is not None:
            found = end.lo_ms - limit.due(start.hi_ms)
        least_ms = elapsed_at_least_ms(self.start.timed, self.end.timed) if grade else None
        if least_ms is not None and limit.within_ms is not None:
            by_clock = least_ms - limit.within_ms
            found = by_clock if found is None else max(found, by_clock)
        return found


def judge(
    starts: Iterable[Mark],
    ends: Iterable[Mark],
    limit: Limit | None,
    rules: Rules,
    *,
    now_lo_ms: int,
) -> Verdict:
    """The verdict on a clock that has started (VD1 to VD6); `starts` is not empty. `now_lo_ms`: it is at least as late
    as this. In whatever order the statements come and however often, the verdict is the same."""
    begun, done = _distinct(starts), _distinct(ends)
    if not done:
        return _open(begun, limit, rules, now_lo_ms)
    pairs = _in_order([_Pair(start, end) for start in begun for end in done])
    if limit is None:
        return _told(NO_LIMIT, _kindest(pairs), None)
    for grade in range(BEST + 1):
        met = [pair for pair in pairs if _is_met(pair, limit, grade)]
        if met and grade <= rules.met_max_grade:
            pair = min(met, key=lambda one: (-_slack(one, limit, grade), one.start.op, one.end.op))
            return _decided(MET, pair, limit, grade)
        is_missed = all(_is_missed(pair, limit, grade) for pair in pairs)
        if is_missed and grade <= rules.missed_max_grade and not _is_flagged(pairs):
            return _decided(MISSED, _kindest(pairs), limit, grade)
    return _undetermined(pairs, limit)


def _distinct(marks: Iterable[Mark]) -> list[Mark]:
    by_op = {mark.op: mark for mark in marks}
    return [by_op[op] for op in sorted(by_op)]


def _in_order(pairs: list[_Pair]) -> list[_Pair]:
    """Without pairs whose end certainly lies before their start: they measure nothing, while there are others (VD4)."""
    forward = []
    for pair in pairs:
        hi_ms = pair.elapsed(pair.sound(pair.unsaid)).hi_ms
        if hi_ms is None or hi_ms >= 0:
            forward.append(pair)
    return forward or pairs


def _is_flagged(pairs: list[_Pair]) -> bool:
    return any(pair.start.is_flagged or pair.end.is_flagged for pair in pairs)


def _is_met(pair: _Pair, limit: Limit, grade: int) -> bool:
    slack_ms = pair.slack_if_met(limit, grade)
    return slack_ms is not None and slack_ms >= 0 and pair.sound(grade) == grade


def _is_missed(pair: _Pair, limit: Limit, grade: int) -> bool:
    slack_ms = pair.slack_if_missed(limit, grade)
    return slack_ms is not None and slack_ms > 0 and pair.sound(grade) == grade


def _slack(pair: _Pair, limit: Limit, grade: int) -> int:
    slack_ms = pair.slack_if_met(limit, grade)
    return -_FAR if slack_ms is None else slack_ms


def _kindest(pairs: Sequence[_Pair]) -> _Pair:
    """The pair with the least that is proved of the time between, by what can have been at most, then at least."""

    def key(pair: _Pair) -> tuple[int, int, bytes, bytes]:
        bounds = pair.elapsed(pair.sound(BEST))
        return (
            _FAR if bounds.hi_ms is None else bounds.hi_ms,
            -_FAR if bounds.lo_ms is None else bounds.lo_ms,
            pair.start.op,
            pair.end.op,
        )

    return min(pairs, key=key)


def _told(result: str, pair: _Pair, limit: Limit | None, grade: int = BEST) -> Verdict:
    """A result with what is proved up to a grade of the pair it rests on."""
    return Verdict(
        result,
        within_ms=None if limit is None else _within(limit, pair.start),
        elapsed=pair.elapsed(pair.sound(grade)),
        start=pair.start,
        end=pair.end,
    )


def _within(limit: Limit, start: Mark) -> int:
    bounds = start.timed.proved(BEST)
    known = (bounds.lo_ms, bounds.hi_ms, start.timed.claimed_ms)
    from_ms = next(one for one in known if one is not None)
    return limit.due(from_ms) - from_ms


def _decided(result: str, pair: _Pair, limit: Limit, grade: int) -> Verdict:
    is_met = result == MET
    told = _told(result, pair, limit, BEST if is_met else pair.unsaid)
    slack_of = pair.slack_if_met if is_met else pair.slack_if_missed
    slack_ms = slack_of(limit, pair.sound(BEST if is_met else pair.unsaid))
    by_word = is_met and grade >= SAID and pair.unsaid < SAID
    return replace(told, grade=grade, slack_ms=slack_ms, why=(STATION_SAID,) if by_word else ())


def _undetermined(pairs: list[_Pair], limit: Limit) -> Verdict:
    """Neither is proved, and why not (VD5)."""
    pair = _kindest(pairs)
    causes = {*pair.start.timed.why, *pair.end.timed.why}
    if pair.sound(BEST) < BEST:
        causes.add(CLOCK_DISORDER)
    met = any(_is_met(one, limit, grade) for one in pairs for grade in range(BEST + 1))
    missed = any(all(_is_missed(one, limit, grade) for one in pairs) for grade in range(BEST + 1))
    if met or missed:
        causes.add(LOW_GRADE)
    why = tuple(sorted(causes)) or (NEAR_LIMIT,)
    return replace(_told(UNDETERMINED, pair, limit), why=why)


def _open(starts: list[Mark], limit: Limit | None, rules: Rules, now_lo_ms: int) -> Verdict:
    """Nobody says yet that it has ended (VD6)."""
    start = max(starts, key=lambda mark: (latest(mark), mark.op))
    if limit is None:
        return Verdict(PENDING, start=start)
    due_ms = limit.due(latest(start))
    turns_ms = due_ms + rules.late_window_ms
    within_ms = _within(limit, start)
    if now_lo_ms > turns_ms:
        return Verdict(UNPROVEN, within_ms=within_ms, start=start)
    result = OVERDUE if now_lo_ms > due_ms else PENDING
    return Verdict(result, within_ms=within_ms, start=start, turns_ms=turns_ms)


def latest(mark: Mark) -> int:
    """The latest moment at which it can have happened; by its author's word where nothing bounds it. No station's word
    lets time run out, or chooses the policy."""
    hi_ms = mark.timed.proved(mark.unsaid).hi_ms
    return mark.timed.claimed_ms if hi_ms is None else hi_ms
