"""The two clocks of a simulated phone, as functions of the true time.

Responsible for everything a real phone's clocks do wrong, as plain data: a wall clock that is off, gains
or loses, and is set by hand or by a network; a monotonic clock that stands still while the phone sleeps
and never goes back. Refuses to know where such data comes from and what anybody does with the clocks.

A phone has one crystal: both clocks gain the same. Steps move the wall clock only, sleep holds the
monotonic one only.

Example: `PhoneClock(began_ms=t, offset_ms=2_400_000, steps=((t + 60_000, -2_400_000),))` is forty
minutes ahead until somebody sets it right a minute later; its monotonic clock notices nothing.
"""

import msgspec

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

    def wall_ms(self, true_ms: int) -> int:
        """What the wall clock says, at least 0."""
        stepped_ms = sum(by_ms for at_ms, by_ms in self.steps if at_ms <= true_ms)
        return max(
            0, true_ms + self._gained_ms(true_ms - self.began_ms) + self.offset_ms + stepped_ms
        )

    def mono_ms(self, true_ms: int) -> int:
        """What the monotonic clock says."""
        awake_ms = true_ms - self.began_ms
        for from_ms, until_ms in self.sleeps:
            if from_ms < true_ms:
                awake_ms -= min(until_ms, true_ms) - from_ms
        return awake_ms + self._gained_ms(awake_ms)

    def true_at(self, mono_ms: int) -> int:
        """The first true ms at which the monotonic clock says so much."""
        awake_ms = -(-mono_ms * MILLION // (MILLION + self.drift_ppm))
        true_ms = self.began_ms + awake_ms
        for from_ms, until_ms in self.sleeps:
            if from_ms < true_ms:
                true_ms += until_ms - from_ms
        return true_ms

    def _gained_ms(self, elapsed_ms: int) -> int:
        return elapsed_ms * self.drift_ppm // MILLION
