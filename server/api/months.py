"""Which months of a station a device is told to follow (SC1, EX4).

Responsible for finding those in which something was listed lately: an incident is listed in the month of its creation
for as long as it lives, also one that is ordered long afterwards, and one whose creation bears the date of a wrong
clock. Refuses to know who asks.

Looking costs a look at every scope, so what was found is believed for a minute, or until a scope is born.

Example: `months.of(connection, station, now_ms)` gives `["station:…:2026-11", "station:…:2026-10"]`, and
`"station:…:1970-01"` where a phone whose clock had stopped reported something.
"""

import msgspec
from sqlalchemy import Connection

from server.intake.places import month_before, month_of
from server.store import scopes

LATELY_MS = 40 * 86_400_000
MONTHS_MOST = 24  # of one station; whoever keeps opening incidents in other centuries makes nobody's list longer
BELIEVED_MS = 60_000


class _Found(msgspec.Struct, frozen=True):
    at_ms: int
    newest_id: int
    by_station: dict[str, list[str]]  # names by their part before the month, the newest entry first


class Months:
    """What was found, for every station at once."""

    def __init__(self) -> None:
        self._found: _Found | None = None

    def of(self, connection: Connection, station: bytes, now_ms: int) -> list[str]:
        """Names of scopes: this month and the last, then others in which something moved lately."""
        family = f"station:{station.hex()}"
        this = month_of(now_ms)
        names = [f"{family}:{month}" for month in (this, month_before(this))]
        moved = self._look(connection, now_ms).by_station.get(family, [])
        return [*names, *(name for name in moved if name not in names)][:MONTHS_MOST]

    def _look(self, connection: Connection, now_ms: int) -> _Found:
        found, newest_id = self._found, scopes.newest_id(connection)
        if (
            found is None
            or found.newest_id != newest_id
            or not 0 <= now_ms - found.at_ms < BELIEVED_MS
        ):
            by_station: dict[str, list[str]] = {}
            for name in scopes.moved_since(connection, "station:", now_ms - LATELY_MS):
                by_station.setdefault(name.rpartition(":")[0], []).append(name)
            found = self._found = _Found(now_ms, newest_id, by_station)
        return found
