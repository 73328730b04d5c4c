"""The two clocks of a simulated phone, as functions of the true time.

Responsible for everything a real phone's clocks do wrong, as plain data: a wall clock that is off, gains
or loses, and is set by hand or by a network; a monotonic clock that stands still while the phone sleeps
and never goes back. Refuses to know where such data comes from and what anybody does with the clocks.

A phone has one crystal: both clocks gain the same. Steps move the wall clock only, sleep holds the
monotonic one only.

Example: `PhoneClock(began_ms=t, offset_ms=2_400_000, steps=((t + 60_000, -2_400_000),))` is forty
minutes ahead until somebody sets it right a minute later; its monotonic clock notices nothing.
"""

from bisect import bisect_left, bisect_right
from itertools import accumulate

import msgspec
from msgspec.structs import force_setattr

MILLION = 1_000_000
NEVER_MS = 1 << 52
"""The end of a sleep that still lasts."""


class PhoneClock(msgspec.Struct, frozen=True, kw_only=True):
    """One phone's clocks. All instants are true ms since the Unix epoch; without further data it is right."""

    began_ms: int
    """The monotonic clock is 0 here, and the wall clock ahead by `offset_ms`."""
    offset_ms: int = 0
    drift_ppm: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    """[at, by] the wall clock is set, ascending."""
    sleeps: tuple[tuple[int, int], ...] = ()
    """[from, until] the phone sleeps, ascending and apart."""

    _stepped_ms: tuple[int, ...] = ()
    _slept_ms: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Sum up what is asked for at every reading: a phone may have years of faults."""
        force_setattr(
            self, "_stepped_ms", tuple(accumulate((by for _at, by in self.steps), initial=0))
        )
        force_setattr(
            self, "_slept_ms", tuple(accumulate((b - a for a, b in self.sleeps), initial=0))
        )

    def wall_ms(self, true_ms: int) -> int:
        """What the wall clock says, at least 0."""
        stepped_ms = self._stepped_ms[bisect_right(self.steps, true_ms, key=_first)]
        return max(
            0, true_ms + self._gained_ms(true_ms - self.began_ms) + self.offset_ms + stepped_ms
        )

    def mono_ms(self, true_ms: int) -> int:
        """What the monotonic clock says."""
        begun = bisect_left(self.sleeps, true_ms, key=_first)
        awake_ms = true_ms - self.began_ms - self._slept_ms[begun]
        if begun:
            awake_ms += max(0, self.sleeps[begun - 1][1] - true_ms)
        return awake_ms + self._gained_ms(awake_ms)

    def true_at(self, mono_ms: int) -> int:
        """The first true ms at which the monotonic clock says so much."""
        awake_ms = -(-mono_ms * MILLION // (MILLION + self.drift_ppm))
        low, high = 0, len(self.sleeps)  # how many sleeps had begun by then
        while low < high:
            middle = (low + high) // 2
            if self.sleeps[middle][0] - self.began_ms - self._slept_ms[middle] < awake_ms:
                low = middle + 1
            else:
                high = middle
        return self.began_ms + awake_ms + self._slept_ms[low]

    def is_asleep(self, true_ms: int) -> bool:
        """Whether the phone sleeps at a moment."""
        begun = bisect_right(self.sleeps, true_ms, key=_first)
        return begun > 0 and true_ms < self.sleeps[begun - 1][1]

    def faults_ms(self, from_ms: int, until_ms: int) -> list[int]:
        """When between two moments, both included, the wall clock was set or the phone fell asleep."""
        return [
            at
            for faults in (self.steps, self.sleeps)
            for at, _ in faults[
                bisect_left(faults, from_ms, key=_first) : bisect_right(
                    faults, until_ms, key=_first
                )
            ]
        ]

    def _gained_ms(self, elapsed_ms: int) -> int:
        return elapsed_ms * self.drift_ppm // MILLION


def _first(fault: tuple[int, int]) -> int:
    return fault[0]
