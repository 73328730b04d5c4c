"""The clocks of the simulated world: one that is right, and those that people carry.

Responsible for telling a device its wall time and its monotonic time when the true time is known. Refuses to
know what anybody does with them.

What a phone's clocks do wrong is the fleet's own `PhoneClock`; here it grows as things happen to the phone.

Example: `PhoneClock(true, offset_ms=3_600_000, drift_ppm=80)` is an hour ahead and gains 80 µs every second.
"""

from collections.abc import Callable

from msgspec import structs

from server.fleet import phoneclock as clocks


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
    """The two clocks of one device, and all that has happened to them so far."""

    def __init__(self, true: TrueClock, *, offset_ms: int = 0, drift_ppm: int = 0) -> None:
        self._true = true
        self._clock = clocks.PhoneClock(
            began_ms=true.true_ms(), offset_ms=offset_ms, drift_ppm=drift_ppm
        )

    @property
    def history(self) -> clocks.PhoneClock:
        """What they said and say at any true time up to now."""
        return self._clock

    def now_ms(self) -> int:
        """Wall time as the device says, ms since the Unix epoch."""
        return self._clock.wall_ms(self._true.true_ms())

    @property
    def was_set(self) -> bool:
        """Whether anybody ever set the wall clock."""
        return bool(self._clock.steps)

    @property
    def is_honest(self) -> bool:
        """Whether it was right within a minute all the time."""
        return not self.was_set and abs(self.now_ms() - self._true.true_ms()) < 60_000

    def mono_ms(self) -> int:
        """Monotonic ms; stands still in sleep."""
        return self._clock.mono_ms(self._true.true_ms())

    def step(self, by_ms: int) -> None:
        """Somebody sets the wall clock."""
        steps = (*self._clock.steps, (self._true.true_ms(), by_ms))
        self._clock = structs.replace(self._clock, steps=steps)

    @property
    def _is_asleep(self) -> bool:
        return bool(self._clock.sleeps) and self._clock.sleeps[-1][1] == clocks.NEVER_MS

    def sleep(self) -> None:
        """The screen goes dark."""
        if not self._is_asleep:
            sleeps = (*self._clock.sleeps, (self._true.true_ms(), clocks.NEVER_MS))
            self._clock = structs.replace(self._clock, sleeps=sleeps)

    def wake(self) -> None:
        """It lights up again."""
        if self._is_asleep:
            *before, (from_ms, _never) = self._clock.sleeps
            sleeps = (*before, (from_ms, self._true.true_ms()))
            self._clock = structs.replace(self._clock, sleeps=sleeps)


class MachineClock(PhoneClock):
    """Those of a computer: its wall clock may be set, and is what the battery clock says again after a start."""

    boots = 1

    def reboot(self) -> None:
        """The machine starts anew."""
        self.boots += 1
        if set_ms := sum(by_ms for _at_ms, by_ms in self.history.steps):
            self.step(-set_ms)
