"""Days as the banner counts them: Asia/Shanghai, UTC+8 all year since 1991 (SPEC CK6, DL2).

Responsible for the ends of days and working days. Which days are free beside Saturdays and Sundays, and which of those
are worked, is handed in. It does not know what falls due.

>>> end_of_next_day(0), minute_of_day(0)
(143999999, 480)
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000
OFFSET_MS: Final = 28_800_000
_EPOCH_ORDINAL: Final = 719_163
_LAST_NAMED_DAY: Final = 2_932_896
"""9999-12-31: a clock that is further off names no day, and its week has no exceptions."""


def day_of(at_ms: int) -> int:
    """The number of the day that a moment lies in; 1970-01-01 is 0."""
    return (at_ms + OFFSET_MS) // DAY_MS


def minute_of_day(at_ms: int) -> int:
    """Minutes since that day began."""
    return (at_ms + OFFSET_MS) % DAY_MS // MINUTE_MS


def start_of_day(day: int) -> int:
    """The first ms of a day."""
    return day * DAY_MS - OFFSET_MS


def end_of_next_day(at_ms: int) -> int:
    """The last ms of the day after the one that `at_ms` lies in."""
    return start_of_day(day_of(at_ms) + 2) - 1


def end_of_working_day(
    at_ms: int, count: int, rest_days: Collection[str], work_days: Collection[str]
) -> int:
    """The last ms of the `count`-th working day after the day of `at_ms`. Days are written `2026-10-01`."""
    day = day_of(at_ms)
    while count > 0:
        day += 1
        count -= _is_worked(day, rest_days, work_days)
    return start_of_day(day + 1) - 1


def _is_worked(day: int, rest_days: Collection[str], work_days: Collection[str]) -> bool:
    weekend = (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday
    if day > _LAST_NAMED_DAY:
        return not weekend
    name = date.fromordinal(_EPOCH_ORDINAL + day).isoformat()
    return name in work_days or not (weekend or name in rest_days)
