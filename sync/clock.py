"""The hybrid logical clock as pure functions (SPEC HL).

A stamp is 48 bits of milliseconds and a 16-bit counter. Sending never throws and never blocks; a remote stamp from far
ahead is kept with its set and ignored by the clock, so one phone with a wrong date infects nobody. The clock reads no
wall clock: the time walks in.

>>> send(Stamp(1000, 0), 1000, 0)
(Stamp(ms=1000, counter=1), False)
>>> receive(Stamp(1000, 0), 1000, 0, [Stamp(61001, 5), Stamp(1500, 2)])
(Stamp(ms=1500, counter=2), [0])

Source: S. Kulkarni et al., Logical Physical Clocks, 2014; the drift bound and the reset are our own (HL1).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

MS_MAX: Final = 2**48 - 1
COUNTER_MAX: Final = 2**16 - 1
AHEAD_WITH_OFFSET_MS: Final = 60_000
AHEAD_WITHOUT_OFFSET_MS: Final = 600_000


class Stamp(NamedTuple):
    """`ms` since the Unix epoch and a counter within that millisecond. Compares as its packed bytes do."""

    ms: int
    counter: int

    def pack(self) -> bytes:
        """8 bytes big-endian: 48-bit ms, 16-bit counter."""
        return ((self.ms << 16) | self.counter).to_bytes(8, "big")

    @staticmethod
    def unpack(data: bytes) -> Stamp:
        """The stamp written as 8 bytes; others are the caller's mistake."""
        number = int.from_bytes(data, "big")
        return Stamp(number >> 16, number & COUNTER_MAX)


def physical_ms(wall_ms: int, offset_ms: int | None) -> int:
    """Wall clock in ms corrected by the last known (server - device) difference, clamped to 48 bits (HL4)."""
    wall = min(max(wall_ms, 0), MS_MAX)
    return min(max(wall + (offset_ms or 0), 0), MS_MAX)


def ahead_ms(offset_ms: int | None) -> int:
    """How many ms a stamp may be ahead of physical time before it is not believed: `A` of HL."""
    return AHEAD_WITHOUT_OFFSET_MS if offset_ms is None else AHEAD_WITH_OFFSET_MS


def send(last: Stamp, wall_ms: int, offset_ms: int | None) -> tuple[Stamp, bool]:
    """The stamp for a new set, and whether the clock had to be reset because it ran too far ahead (HL1)."""
    physical = physical_ms(wall_ms, offset_ms)
    if last.ms - physical > ahead_ms(offset_ms):
        return Stamp(physical, 0), True
    if physical > last.ms:
        return Stamp(physical, 0), False
    if last.counter < COUNTER_MAX:
        return Stamp(last.ms, last.counter + 1), False
    return Stamp(min(last.ms + 1, MS_MAX), 0), False


def receive(
    last: Stamp, wall_ms: int, offset_ms: int | None, remotes: Iterable[Stamp]
) -> tuple[Stamp, list[int]]:
    """The clock after a whole batch, and the positions in it that are too far ahead to be believed (HL2, HL3)."""
    limit = physical_ms(wall_ms, offset_ms) + ahead_ms(offset_ms)
    ahead: list[int] = []
    for position, remote in enumerate(remotes):
        if remote.ms > limit:
            ahead.append(position)
        elif remote > last:
            last = remote
    return last, ahead
