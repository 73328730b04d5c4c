"""The notes of one seat as they are shown, and which seat somebody has.

Whoever dispatches for the banner has the seat of the centre, whoever watches for a station the seat of that station;
nobody else hands anything over. Knows nothing of writing one.

Example: ``seat_of(dispatcher)`` is ``b""``, and ``seat_of(reviewer)`` is ``None``.
"""

from typing import Final

from sqlalchemy import Connection

from server.api.wallrows import Handover
from server.auth.guards import DISPATCH, SignedIn
from server.store import handovers
from server.store.handovers import Note
from server.store.people import Directory

CENTRE: Final = b""
MAX_WAITING: Final = 5
"""Notes that wait on the wall, the newest; more than one is rare."""
_STATION: Final = frozenset({"station"})


def seat_of(who: SignedIn) -> bytes | None:
    """The seat whose notes a person writes and takes over; None for whoever has none."""
    if who.has(DISPATCH):
        return CENTRE
    return who.person.station if who.has(_STATION) else None


def waiting_for(connection: Connection, who: SignedIn, directory: Directory) -> list[Handover]:
    """The notes of somebody's seat that nobody has taken over."""
    seat = seat_of(who)
    if seat is None:
        return []
    found = handovers.newest(connection, seat, MAX_WAITING, open_only=True)
    return [shown(note, directory) for note in found]


def shown(note: Note, directory: Directory) -> Handover:
    """A note with names."""
    author = directory.person(note.author)
    taker = None if note.taken_by is None else directory.person(note.taken_by)
    return Handover(
        id=note.id.hex(),
        at_ms=note.at_ms,
        by=note.author.hex(),
        by_name=author.name if author else "",
        text=note.text,
        open=note.open,
        taken_at_ms=note.taken_at_ms,
        taken_by_name=None if note.taken_by is None else taker.name if taker else "",
    )
