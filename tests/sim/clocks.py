"""The clocks of the simulated world: one that is right, and those that people carry.

Responsible for telling a device its wall time and its monotonic time when the true time is known. Refuses to
know what anybody does with them.

A phone's wall clock has an offset, drifts and is set by hand; its monotonic clock stands still while the phone
sleeps, as `performance.now()` does nearly everywhere.

Example: `PhoneClock(true, offset_ms=3_600_000, drift_ppm=80)` is an hour ahead and gains 80 µs every second.
"""

from collections.abc import Callable


class TrueClock:
    """What time it is, in ms since the Unix epoch. The centre's clock is this plus `error_ms`."""

    def __init__(self, start_ms: int, elapsed_ms: Callable[[], int]) -> None:
        self._start_ms = start_ms
        self._elapsed_ms = elapsed_ms
        self.error_ms = 0

    def true_ms(self) -> int:
        """The truth."""
        return self._start_ms + self._elapsed_ms()

    def now_ms(self) -> int:
        """What the centre believes: kept by NTP, a few ms off."""
        return self.true_ms() + self.error_ms


class PhoneClock:
    """The two clocks of one device."""

    def __init__(self, true: TrueClock, *, offset_ms: int = 0, drift_ppm: int = 0) -> None:
        self._true = true
        self._offset_ms = offset_ms
        self._drift_ppm = drift_ppm
        self._began_ms = true.true_ms()
        self._slept_ms = 0
        self._asleep_since_ms: int | None = None
        self.was_set = False

    def now_ms(self) -> int:
        """Wall time as the device says, ms since the Unix epoch."""
        true_ms = self._true.true_ms()
        drifted_ms = (true_ms - self._began_ms) * self._drift_ppm // 1_000_000
        return max(0, true_ms + self._offset_ms + drifted_ms)

    @property
    def is_honest(self) -> bool:
        """Whether it was right within a minute all the time."""
        return not self.was_set and abs(self.now_ms() - self._true.true_ms()) < 60_000

    def mono_ms(self) -> int:
        """Monotonic ms; stands still in sleep."""
        since_ms = self._asleep_since_ms
        until_ms = self._true.true_ms() if since_ms is None else since_ms
        return until_ms - self._began_ms - self._slept_ms

    def step(self, by_ms: int) -> None:
        """Somebody sets the wall clock."""
        self._offset_ms += by_ms
        self.was_set = True

    def sleep(self) -> None:
        """The screen goes dark."""
        if self._asleep_since_ms is None:
            self._asleep_since_ms = self._true.true_ms()

    def wake(self) -> None:
        """It lights up again."""
        if self._asleep_since_ms is not None:
            self._slept_ms += self._true.true_ms() - self._asleep_since_ms
            self._asleep_since_ms = None
