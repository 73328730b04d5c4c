"""Periods as the banner counts them: days, ISO weeks and months of Asia/Shanghai, or any two moments. Pure arithmetic.

Refuses to know what happened in one.

>>> week = of("week", 1_772_600_000_000)
>>> week.number, week.to_ms - week.from_ms == 7 * DAY_MS
(10, True)
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

DAY_MS: Final = 86_400_000
OFFSET_MS: Final = 8 * 3_600_000
"""Asia/Shanghai, all year."""
LONGEST_MS: Final = 400 * DAY_MS
"""No period is longer: a year and what is to be compared with it."""
EARLIEST_MS: Final = 0
LATEST_MS: Final = 4_102_444_800_000
"""The year 2100; a clock that claims more is wrong."""
KINDS: Final = ("week", "day", "month", "range")


class Period(msgspec.Struct, frozen=True):
    """From `from_ms` until just before `to_ms`. `number`: of a week its ISO number, else none."""

    kind: str
    from_ms: int
    to_ms: int
    number: int | None = None

    def holds(self, at_ms: int) -> bool:
        """Whether a moment lies in it."""
        return self.from_ms <= at_ms < self.to_ms


def of(kind: str, at_ms: int) -> Period:
    """The week, day or month that a moment lies in. Raises ValueError for any other kind or time."""
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise ValueError("the moment lies outside of 1970 to 2100")
    day = local_day(at_ms)
    if kind == "day":
        return Period(kind, start_ms(day), start_ms(day + timedelta(days=1)))
    if kind == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(
            kind, start_ms(monday), start_ms(monday + timedelta(days=7)), day.isocalendar().week
        )
    if kind == "month":
        first = day.replace(day=1)
        return Period(kind, start_ms(first), start_ms((first + timedelta(days=32)).replace(day=1)))
    raise ValueError("a period is a week, a day, a month or a range")


def between(from_ms: int, to_ms: int) -> Period:
    """From one moment until just before another. Raises ValueError where they are no period, or one too long."""
    if not EARLIEST_MS <= from_ms < to_ms <= LATEST_MS:
        raise ValueError("a range begins before it ends, between 1970 and 2100")
    if to_ms - from_ms > LONGEST_MS:
        raise ValueError("a range is 400 days long at most")
    return Period("range", from_ms, to_ms)


def local_day(at_ms: int) -> date:
    """The day in Asia/Shanghai."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms + OFFSET_MS)).date()


def start_ms(day: date) -> int:
    """Its first moment."""
    return (day - date(1970, 1, 1)).days * DAY_MS - OFFSET_MS


def written(at_ms: int) -> str:
    """A moment for a file: `2026-03-09 08:00:00`, Asia/Shanghai."""
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms + OFFSET_MS)
    return local.strftime("%Y-%m-%d %H:%M:%S")
