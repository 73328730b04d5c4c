"""How much goes over the link at once: little at first, more while that goes well, less after a break.

Responsible for one number. Every exchange is durable by itself, so an interrupted one costs no more than this number;
a line of 16 kbit/s gets some kilobytes at a time, a good one as much as a message may carry. Refuses to know what is
sent.

>>> pace = Pace(8_192, least=512, most=1_048_576)
>>> pace.went_well(2_000); pace.bytes
16384
>>> pace.broke(); pace.broke(); pace.bytes
4096
"""

from typing import Final

SLOW_MS: Final = 15_000
"""An exchange that takes longer than this is large enough."""
QUICK_MS: Final = 5_000
LEAST_RATE: Final = 500
"""Bytes in a second of the slowest line that is waited for: a fourth of 16 kbit/s."""
PATIENCE_S: Final = 30.0


class Pace:
    """One direction of the link."""

    def __init__(self, start: int, *, least: int, most: int) -> None:
        """Begin with `start` bytes."""
        self.bytes = start
        self._least = least
        self._most = most

    def went_well(self, took_ms: int) -> None:
        """An exchange of that size came through."""
        if took_ms < QUICK_MS:
            self.bytes = min(self._most, self.bytes * 2)
        elif took_ms > SLOW_MS:
            self.bytes = max(self._least, self.bytes // 2)

    def broke(self) -> None:
        """One did not."""
        self.bytes = max(self._least, self.bytes // 2)


def patience_s(size_bytes: int) -> float:
    """How long nothing need be heard while so many bytes are on their way."""
    return PATIENCE_S + size_bytes / LEAST_RATE
