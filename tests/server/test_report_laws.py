"""Laws of figures: whatever the truth is, the bounds hold it; nothing is counted twice, nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from server.reports import completeness, figures, periods
from server.reports.completeness import Heard
from server.reports.figures import Measured, bucket_of, percentile
from sync import verdict

EDGES = (30_000, 60_000, 120_000, 180_000)
LENGTHS = st.integers(0, 400_000)
SLACK = st.one_of(st.none(), st.integers(0, 90_000))
RESULTS = st.sampled_from(sorted(figures.ENDED))


@st.composite
def measured(draw: st.DrawFn) -> tuple[int, Measured]:
    """A true length, and a row whose bounds hold it."""
    true_ms = draw(LENGTHS)
    below, above = draw(SLACK), draw(SLACK)
    return true_ms, Measured(
        draw(RESULTS),
        lo_ms=None if below is None else true_ms - below,
        hi_ms=None if above is None else true_ms + above,
        is_ended=True,
    )


ENDED = st.lists(measured(), max_size=30)
OTHERS = st.lists(
    st.builds(
        Measured,
        result=st.sampled_from([verdict.PENDING, verdict.UNPROVEN, verdict.NOT_DELIVERED]),
        due_ms=st.one_of(st.none(), LENGTHS),
    ),
    max_size=10,
)


def nearest_rank(values: list[int], percent: int) -> int:
    return next(
        value
        for value in sorted(values)
        if sum(one <= value for one in values) * 100 >= percent * len(values)
    )


@given(ENDED, st.sampled_from([50, 90]))
def test_the_true_percentile_lies_between_its_bounds(
    rows: list[tuple[int, Measured]], percent: int
) -> None:
    span = percentile([row for _, row in rows], percent)
    if not rows:
        assert span is None
        return
    assert span is not None
    true_ms = nearest_rank([true_ms for true_ms, _ in rows], percent)
    assert span.lo_ms <= true_ms
    assert span.hi_ms is None or true_ms <= span.hi_ms


@given(measured())
def test_a_bucket_that_is_told_is_that_of_the_true_length(row: tuple[int, Measured]) -> None:
    true_ms, one = row
    told = bucket_of(one, EDGES)
    assert told is None or told == bucket_of(Measured("met", true_ms, true_ms, True), EDGES)


@given(measured())
def test_what_may_lie_in_two_buckets_is_in_none(row: tuple[int, Measured]) -> None:
    _true, one = row
    lo_ms = max(0, one.lo_ms or 0)
    hi_ms = 10**9 if one.hi_ms is None else one.hi_ms
    crosses = any(lo_ms <= edge < hi_ms for edge in EDGES)
    assert (bucket_of(one, EDGES) is None) == crosses


@given(ENDED, OTHERS, LENGTHS, st.randoms(use_true_random=False))
def test_every_clock_is_counted_once_and_their_order_is_nothing(
    rows: list[tuple[int, Measured]], others: list[Measured], now_ms: int, chance: object
) -> None:
    every = [row for _, row in rows] + others
    told = figures.of(every, EDGES, now_ms)
    assert told.n == len(every)
    assert sum(told.buckets) + told.hatched == told.ended == len(rows)
    assert told.met + told.missed + told.undetermined + told.unlimited == told.ended
    rest = told.pending + told.overdue + told.unproven + told.not_delivered
    assert told.ended + rest == told.n
    shuffled = list(every)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert figures.of(shuffled, EDGES, now_ms) == told


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(0, 99)), st.integers(0, 3), st.integers(0, 99))
    ),
    st.integers(0, 99),
)
def test_every_device_is_whole_silent_holding_or_unknown(
    devices: list[tuple[int | None, int, int]], upto_ms: int
) -> None:
    known = [Heard(b"", at, owed, oldest if owed else None) for at, owed, oldest in devices]
    mark = completeness.of(known, upto_ms)
    assert mark.whole + mark.silent + mark.holding + mark.unknown == mark.total == len(devices)
    assert (mark.basis_points is None) == (not devices)
    assert mark.basis_points != 10_000 or mark.whole == mark.total


@given(
    st.integers(0, periods.LATEST_MS - 40 * periods.DAY_MS),
    st.sampled_from(["day", "week", "month"]),
)
def test_a_moment_lies_in_its_period_and_periods_touch(at_ms: int, kind: str) -> None:
    found = periods.of(kind, at_ms)
    assert found.holds(at_ms)
    assert periods.of(kind, found.to_ms - 1) == found
    assert periods.of(kind, found.to_ms).from_ms == found.to_ms
