"""Incident numbers: the last one given out of each day (ID6).

Responsible for that row and for leaving a gap where nobody knows any more what was given out. Refuses to know how a
number is written.

Example: `skip(connection, ["261128"])` after number 7 was given: the next one of that day is 1001.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, upsert

GAP = 1_000


def last(connection: Connection, day: str) -> int:
    """The last number given out for a day, 0 for none."""
    rows = query(connection, "SELECT last FROM incident_numbers WHERE day = ?", (day,))
    return int(rows[0][0]) if rows else 0


def skip(connection: Connection, days: Iterable[str]) -> None:
    """Go on behind the next full thousand, on these days and on all that had a number (TL8)."""
    known = dict(map(tuple, query(connection, "SELECT day, last FROM incident_numbers")))
    fresh = [(day, (known.get(day, 0) // GAP + 1) * GAP) for day in {*known, *days}]
    upsert(connection, tables.incident_numbers, fresh)
