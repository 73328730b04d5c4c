"""What time it is: handed in when the house is built, never asked of the system elsewhere.

Responsible for the one number every decision needs, milliseconds since the Unix epoch, UTC.
Refuses to know who asks or why, and what a device believes the time to be.

Example: `VirtualClock(1_700_000_000_000)` stands still until a story calls `advance(30_000)`.
"""

import time
from typing import Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """Anything that can say what time it is."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        ...


class SystemClock:
    """The clock of the machine, as the operating system keeps it."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1_000_000


class VirtualClock:
    """A clock that moves only when it is told to: stories, replays and simulations."""

    def __init__(self, start_ms: int) -> None:
        """Stand at `start_ms`."""
        self._now_ms = start_ms

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC, as last set."""
        return self._now_ms

    def set(self, now_ms: int) -> None:
        """Stand at `now_ms`; a clock may be set back, as real ones are."""
        self._now_ms = now_ms

    def advance(self, by_ms: int) -> int:
        """Move on by `by_ms` and say what time it is then."""
        self._now_ms += by_ms
        return self._now_ms
