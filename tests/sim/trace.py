"""What happened, line by line, and one hash of all of it.

Responsible for a record that two runs of one seed share to the byte: times are virtual, ids are short, and
nothing that chance outside the seed could touch is written. Refuses to keep lines when nobody will read them; the hash
needs none.

Example: `trace.note("p1", "write", "entry.add a1b2 → 3")` is `    12.250 p1       write    entry.add a1b2 → 3`.
"""

import hashlib
from collections.abc import Callable


class Trace:
    """The record of one world."""

    def __init__(self, now_ms: Callable[[], int], *, keep: bool = False) -> None:
        """`keep` the lines for a reader, or only their hash."""
        self._now_ms = now_ms
        self._hash = hashlib.sha256()
        self._keep = keep
        self.lines: list[str] = []

    def note(self, who: str, what: str, detail: str = "") -> None:
        """Write one line."""
        line = f"{self._now_ms() / 1000:12.3f} {who:8} {what:10} {detail}"
        self._hash.update(line.encode())
        if self._keep:
            self.lines.append(line)

    @property
    def hash(self) -> str:
        """64 hex digits over every line so far."""
        return self._hash.hexdigest()
