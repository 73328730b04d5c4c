"""A station's clock: the machine's own, put right by the centre's, and honest about how far it may be off (SPEC HB5).

Responsible for the one offset between the two, for carrying it through a start of the program or of the machine, and
for never going back. Refuses to ask anybody for the time: it is told what an exchange of four timestamps showed.

Between two measurements it runs by the clock that nobody can set. After a start of the machine there is only the
battery clock to go by; a battery clock that is behind what the centre said last is worth nothing at all.

Example: `clock.learn(measured)`; then `clock.now_ms()` is the centre's time, to within `clock.uncertainty_ms()`.

Source of the measurement: RFC 5905 section 8.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from server.now import Clock, SystemClock
from server.store.upstream import Upstream
from sync.hubs import RTC_UNCERTAINTY_MS, uncertainty_ms

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
WORTHLESS_MS: Final = 366 * 86_400_000
"""How far a clock may be off that is certainly wrong."""


class Machine(Struct, frozen=True):
    """What a station's clock is made from: a clock that somebody may set, one that only runs on, sleep included, and a
    name for the time since the machine was started."""

    wall: Clock
    steady_ms: Callable[[], int]
    boot: str


def machine(clock: Clock | None = None) -> Machine:
    """This machine; where a clock is given, as in a story, that is all there is."""
    if clock is not None:
        return Machine(clock, clock.now_ms, "story")
    return Machine(
        SystemClock(),
        lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
        BOOT_ID.read_text("ascii").strip(),
    )


class Measured(Struct, frozen=True):
    """What the centre said at `steady_ms` and `wall_ms` here: `centre_ms`, to within `within_ms`."""

    centre_ms: int
    within_ms: int
    steady_ms: int
    wall_ms: int


def measured(*, sent: tuple[int, int], t2: int, t3: int, server_ms: int, heard: int) -> Measured:
    """From what left at `sent` (steady, wall), was received by the centre at `t2` and answered at `t3`, to within
    `server_ms`, and was heard here at the steady time `heard`."""
    steady_ms, wall_ms = sent
    took_ms = max(0, heard - steady_ms)
    on_the_way_ms = max(0, took_ms - max(0, t3 - t2))
    centre_ms = t3 + on_the_way_ms // 2
    return Measured(
        centre_ms, on_the_way_ms // 2 + server_ms + 2, steady_ms + took_ms, wall_ms + took_ms
    )


class StationClock:
    """The clock that a whole station goes by."""

    def __init__(self, machine: Machine) -> None:
        """Begin with the machine's own time, worth what a battery clock is."""
        self._machine = machine
        self._known: Measured | None = None
        self._rebooted = True
        self._floor_ms = 0
        self._newest_ms = 0

    def resume(self, known: Upstream) -> None:
        """Take up what was measured before the program ended."""
        self._floor_ms = known.told_at_ms
        if known.offset_ms is None or known.known_ms is None or known.measured_at_ms is None:
            return
        boot, _, steady = (known.boot or "").partition("/")
        self._rebooted = boot != self._machine.boot
        wall_ms = known.measured_at_ms
        # What the steady clock showed then; of an earlier run of the machine only the wall clocks tell how long ago.
        since_ms = self._machine.wall.now_ms() - wall_ms
        at_ms = self._machine.steady_ms() - since_ms if self._rebooted else int(steady)
        self._known = Measured(wall_ms + known.offset_ms, known.known_ms, at_ms, wall_ms)

    def learn(self, found: Measured) -> bool:
        """Go by another measurement if that knows better than this clock by now; whether it does."""
        if self._known is not None and found.within_ms > self.uncertainty_ms():
            return False
        self._known, self._rebooted, self._floor_ms = found, False, 0
        return True

    def noted(self, upstream: Upstream) -> Upstream:
        """What is to be kept of the measurement."""
        known = self._known
        if known is None or self._rebooted:
            return upstream
        return msgspec.structs.replace(
            upstream,
            offset_ms=known.centre_ms - known.wall_ms,
            known_ms=known.within_ms,
            measured_at_ms=known.wall_ms,
            boot=f"{self._machine.boot}/{known.steady_ms}",
        )

    def read(self) -> tuple[int, int]:
        """The steady clock and the machine's wall clock, for a measurement."""
        return self._machine.steady_ms(), self._machine.wall.now_ms()

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC; never less than before."""
        self._newest_ms = max(self._newest_ms, self._floor_ms, self._by_measurement_ms())
        return self._newest_ms

    def uncertainty_ms(self) -> int:
        """How far `now_ms` may be off."""
        by_ms, known = self._by_measurement_ms(), self._known
        if by_ms < self._floor_ms:
            return WORTHLESS_MS
        ahead_ms = max(0, self._newest_ms - by_ms)
        if known is None:
            return RTC_UNCERTAINTY_MS + ahead_ms
        alone_ms = max(0, self._machine.steady_ms() - known.steady_ms)
        return uncertainty_ms(known.within_ms, alone_ms, rebooted=self._rebooted) + ahead_ms

    @property
    def offset_ms(self) -> int | None:
        """The centre's time minus the machine's, None while it was never measured."""
        if self._known is None:
            return None
        return self._by_measurement_ms() - self._machine.wall.now_ms()

    def _by_measurement_ms(self) -> int:
        known = self._known
        if known is None:
            return self._machine.wall.now_ms()
        return known.centre_ms + self._machine.steady_ms() - known.steady_ms
