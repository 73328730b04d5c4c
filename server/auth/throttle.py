"""How often someone may be wrong: bounded counters of failures, per account and per address.

Knows nothing of logins or codes; a key is any text. Failures are counted in a window that slides
with them; a success forgives the account but not the address. Counters live in memory: a restart
forgives everyone, which costs an attacker more (a restart) than it gives.

>>> throttle = Throttle(failures=3, window_ms=60_000)
>>> [throttle.wait_ms("a", now) or throttle.failed("a", now) for now in (0, 10, 20)]
[None, None, None]
>>> throttle.wait_ms("a", 1_000)
59020
"""

from collections import OrderedDict
from typing import Final

MAX_KEYS: Final = 10_000
"""Keys remembered; beyond that the least recently wrong one is forgotten."""


class Throttle:
    """Allows ``failures`` failures per key in ``window_ms``; then tells how long to wait."""

    def __init__(self, failures: int, window_ms: int, max_keys: int = MAX_KEYS) -> None:
        self._failures = failures
        self._window_ms = window_ms
        self._max_keys = max_keys
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Milliseconds until the key may try again; 0 when it may try now."""
        count, last_ms = self._seen.get(key, (0, 0))
        if count < self._failures:
            return 0
        return max(0, last_ms + self._window_ms - now_ms)

    def failed(self, key: str, now_ms: int) -> None:
        """Count one failure. A failure after a quiet window starts a new count."""
        count, last_ms = self._seen.pop(key, (0, now_ms))
        if now_ms - last_ms >= self._window_ms:
            count = 0
        self._seen[key] = (count + 1, now_ms)
        while len(self._seen) > self._max_keys:
            self._seen.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Forget the failures of a key."""
        self._seen.pop(key, None)
