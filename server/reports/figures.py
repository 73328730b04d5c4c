"""From verdicts to figures: buckets, percentiles and counts, with what cannot be said kept apart (docs/reports.md).

Responsible for counting rows of one clock. It judges nothing, reads nothing and knows no group: rows come in found and
judged, each with the bounds of its length. However they are ordered, the figures are the same.

>>> sure = Measured("met", lo_ms=12_000, hi_ms=14_000, is_ended=True)
>>> wide = Measured("undetermined", lo_ms=20_000, hi_ms=41_000, is_ended=True, why=("no_sample_after",))
>>> found = of([sure, wide], edges_ms=(30_000, 60_000), now_ms=0)
>>> found.buckets, found.hatched, found.p90
([1, 0, 0], 1, Span(lo_ms=20000, hi_ms=41000))
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sync import verdict

_FAR: Final = 2**62
"""Stands for a length that nothing bounds from above."""


class Measured(msgspec.Struct, frozen=True):
    """One clock as it stands: its result (SPEC VD), and between which lengths it lies, None where nothing bounds it.

    `is_ended`: somebody said that it ended. `due_ms`: the last moment in time, None without a limit. `override`: what a
    person found instead.
    """

    result: str
    lo_ms: int | None = None
    hi_ms: int | None = None
    is_ended: bool = False
    due_ms: int | None = None
    why: tuple[str, ...] = ()
    override: str | None = None


class Span(msgspec.Struct, frozen=True):
    """Between which lengths something lies; `hi_ms` is null where nothing bounds it."""

    lo_ms: int
    hi_ms: int | None


class Figures(msgspec.Struct, frozen=True):
    """Counts of one clock in one group, and two percentiles of its length.

    ``n`` = ``ended`` + ``pending`` + ``overdue`` + ``unproven`` + ``not_delivered``; ``ended`` = ``met`` + ``missed`` +
    ``undetermined`` + ``unlimited`` = the sum of ``buckets`` + ``hatched``. The rate is of ``met`` + ``missed`` alone.
    ``causes`` of undetermined add up to more than that where one has several. ``overrides``: what persons
    found, beside."""

    n: int
    ended: int
    buckets: list[int]
    hatched: int
    p50: Span | None
    p90: Span | None
    met: int
    missed: int
    basis_points: int | None
    undetermined: int
    causes: dict[str, int]
    unlimited: int
    unproven: int
    not_delivered: int
    pending: int
    overdue: int
    overrides: dict[str, int]


def of(rows: Iterable[Measured], edges_ms: Sequence[int], now_ms: int) -> Figures:
    """The figures of some rows of one clock, at a moment. `edges_ms` ascend; an edge is of the bucket below."""
    rows = list(rows)
    ended = [row for row in rows if row.result in ENDED and row.is_ended]
    places = Counter(bucket_of(row, edges_ms) for row in ended)
    results = Counter(row.result for row in ended)
    others = Counter(standing(row, now_ms) for row in rows if not _is_ended(row))
    judged = results[verdict.MET] + results[verdict.MISSED]
    return Figures(
        n=len(rows),
        ended=len(ended),
        buckets=[places[at] for at in range(len(edges_ms) + 1)],
        hatched=places[None],
        p50=percentile(ended, 50),
        p90=percentile(ended, 90),
        met=results[verdict.MET],
        missed=results[verdict.MISSED],
        basis_points=results[verdict.MET] * 10_000 // judged if judged else None,
        undetermined=results[verdict.UNDETERMINED],
        causes=_counted(
            cause for row in ended if row.result == verdict.UNDETERMINED for cause in row.why
        ),
        unlimited=results[verdict.NO_LIMIT],
        unproven=others[verdict.UNPROVEN],
        not_delivered=others[verdict.NOT_DELIVERED],
        pending=others[verdict.PENDING],
        overdue=others[verdict.OVERDUE],
        overrides=_counted(row.override for row in rows if row.override is not None),
    )


ENDED: Final = frozenset({verdict.MET, verdict.MISSED, verdict.UNDETERMINED, verdict.NO_LIMIT})
"""Results of clocks that somebody ended: those have a length."""


def _is_ended(row: Measured) -> bool:
    return row.result in ENDED and row.is_ended


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def standing(row: Measured, now_ms: int) -> str:
    """Its result at a moment: a row does not age, so what is pending may be overdue by now."""
    if _is_ended(row) or row.result in (verdict.UNPROVEN, verdict.NOT_DELIVERED):
        return row.result
    is_over = row.due_ms is not None and now_ms > row.due_ms
    return verdict.OVERDUE if is_over else verdict.PENDING


def length_of(row: Measured) -> Span:
    """Between which lengths it lies: nothing ends before it began, so what is not bounded below begins at 0."""
    hi_ms = None if row.hi_ms is None else max(0, row.hi_ms)
    return Span(max(0, row.lo_ms or 0), hi_ms)


def bucket_of(row: Measured, edges_ms: Sequence[int]) -> int | None:
    """The bucket that holds the length wherever it lies in its bounds; None where it may be in several."""
    span = length_of(row)
    first = bisect_left(edges_ms, span.lo_ms)
    last = len(edges_ms) if span.hi_ms is None else bisect_left(edges_ms, span.hi_ms)
    return first if first == last else None


def percentile(rows: Sequence[Measured], percent: int) -> Span | None:
    """Bounds of the nearest-rank percentile of the true lengths, None of no rows.

    The k-th smallest of values that each lie in an interval lies between the k-th smallest of their lower and the k-th
    smallest of their upper ends."""
    if not rows:
        return None
    at = -(-len(rows) * percent // 100) - 1
    spans = [length_of(row) for row in rows]
    lo_ms = sorted(span.lo_ms for span in spans)[at]
    hi_ms = sorted(_FAR if span.hi_ms is None else span.hi_ms for span in spans)[at]
    return Span(lo_ms, None if hi_ms == _FAR else hi_ms)
