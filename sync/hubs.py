"""Several clocks that are each somewhat wrong: what they say together, and how wrong one becomes (SPEC TM11).

Responsible for agreeing on one interval and for naming a clock that cannot be right, and for the uncertainty of a
centre that has lost its reference. It measures nothing.

>>> agreed([(100, 120), (110, 130), (900, 920)])
Agreed(lo_ms=110, hi_ms=120, odd=(2,), is_agreed=True)
>>> uncertainty_ms(50, 3_600_000, rebooted=False)
230

Source: K. Marzullo, Maintaining the Time in a Distributed System, 1984, in the form of RFC 5905 section 11.2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

RTC_UNCERTAINTY_MS: Final = 60_000
"""What a battery clock is worth after a start, until something better was asked."""


class Agreed(Struct, frozen=True):
    """What several clocks say together, in ms. `odd`: positions of those that cannot be right. Without a moment that
    more than half of them hold possible `is_agreed` is False, nobody is named, and the interval is all they said."""

    lo_ms: int
    hi_ms: int
    odd: tuple[int, ...]
    is_agreed: bool


def agreed(said: Sequence[tuple[int, int]]) -> Agreed:
    """From the first to the last moment that more than half of these intervals `(lo_ms, hi_ms)` hold; one at least is
    given. While more than half of the clocks are right it holds the truth."""
    moments = sorted({moment for interval in said for moment in interval})
    shared = [at for at in moments if sum(lo <= at <= hi for lo, hi in said) * 2 > len(said)]
    if not shared:
        return Agreed(moments[0], moments[-1], (), is_agreed=False)
    odd = tuple(
        position
        for position, (lo, hi) in enumerate(said)
        if not any(lo <= at <= hi for at in shared)
    )
    return Agreed(shared[0], shared[-1], odd, is_agreed=True)


def uncertainty_ms(known_ms: int, alone_ms: int, *, rebooted: bool) -> int:
    """How far a centre's clock may be off `alone_ms` after it was last known to within `known_ms`: 50 ppm more. One
    that started anew without a reference has only its battery clock."""
    start_ms = max(known_ms, RTC_UNCERTAINTY_MS) if rebooted else known_ms
    return start_ms + -(-alone_ms // 20_000)
