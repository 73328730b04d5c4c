"""Rows of incidents for lists: read from the projection, narrowed to what a person may see.

Responsible for the SQL of lists and for who sees which incident. Refuses to fold and to change anything.

Example: ``await page(db, Query(q="围栏", limit=20), None)`` gives the newest twenty that match.
"""

from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, exists, or_, select, true, tuple_

from server.api.ids import Hex32, Ms, hex_or_none
from server.auth.guards import DESK, SignedIn
from server.problems import ProblemError
from server.store.tables import incident_scopes, incidents, scopes

MAX_PAGE: Final = 200
MAX_QUERY_CHARS: Final = 64

WIDE: Final = DESK - {"station"}
"""Roles that see the incidents of every station."""
ENDED: Final = ("closed", "withdrawn", "duplicate")
Status = Literal[
    "open",
    "reported",
    "assigned",
    "delivered",
    "signed",
    "departed",
    "arrived",
    "cleared",
    "closed",
    "withdrawn",
    "duplicate",
]


class Summary(msgspec.Struct, frozen=True):
    """One incident in a list. ``conflicts`` counts facts with two statements, ``orders`` open orders."""

    id: Hex32
    number: str | None
    tag: str
    title: str
    category: str
    place: str
    station: Hex32 | None
    status: str
    round: int
    level: int | None
    tier: int | None
    source: str | None
    created_at: Ms | None
    updated_at: Ms
    conflicts: int
    orders: int
    exercise: bool
    duplicate_of: Hex32 | None


class Query(msgspec.Struct, frozen=True):
    """What a list asks for. ``before`` is the cursor of the page before."""

    q: str = ""
    status: str | None = None
    station: bytes | None = None
    before: str | None = None
    limit: int = 50


def summary_of(row: RowMapping) -> Summary:
    """A row of the projection as a list shows it."""
    return Summary(
        id=row["id"].hex(),
        number=row["number"],
        tag=row["tag"],
        title=row["title"],
        category=row["category"],
        place=row["place"],
        station=hex_or_none(row["station"]),
        status=row["status"],
        round=row["round"],
        level=row["level"],
        tier=row["tier"],
        source=row["source"],
        created_at=row["created_at_ms"],
        updated_at=row["updated_at_ms"],
        conflicts=row["conflicts"],
        orders=row["orders"],
        exercise=row["exercise"],
        duplicate_of=hex_or_none(row["duplicate_of"]),
    )


def visible_to(who: SignedIn) -> ColumnElement[bool]:
    """The incidents a person may see: all, or those that reached the own station (SC3)."""
    if who.has(WIDE):
        return true()
    station = who.person.station
    if station is None:
        return ~true()
    reached = (
        exists()
        .where(incident_scopes.c.incident == incidents.c.id)
        .where(incident_scopes.c.scope == scopes.c.id)
        .where(scopes.c.name.startswith(f"station:{station.hex()}:"))
    )
    return or_(incidents.c.station == station, reached)


def one(connection: Connection, entity: bytes, seen: ColumnElement[bool]) -> Summary | None:
    """One incident, if it may be seen."""
    row = (
        connection.execute(select(incidents).where(incidents.c.id == entity, seen))
        .mappings()
        .one_or_none()
    )
    return summary_of(row) if row is not None else None


def page(
    connection: Connection, asked: Query, seen: ColumnElement[bool]
) -> tuple[list[Summary], str | None]:
    """A page of incidents, the newest first, and the cursor of the next one (``None`` at the end)."""
    newest = (incidents.c.created_at_ms.desc(), incidents.c.id.desc())
    statement = select(incidents).where(seen, incidents.c.created_at_ms.is_not(None))
    if asked.station is not None:
        statement = statement.where(incidents.c.station == asked.station)
    if asked.status == "open":
        statement = statement.where(incidents.c.status.not_in(ENDED))
    elif asked.status is not None:
        statement = statement.where(incidents.c.status == asked.status)
    for word in asked.q[:MAX_QUERY_CHARS].lower().split():
        statement = statement.where(incidents.c.search.contains(word, autoescape=True))
    if asked.before is not None:
        at_ms, entity = _cursor(asked.before)
        statement = statement.where(
            tuple_(incidents.c.created_at_ms, incidents.c.id) < tuple_(at_ms, entity)
        )
    rows = connection.execute(statement.order_by(*newest).limit(asked.limit + 1)).mappings().all()
    shown = [summary_of(row) for row in rows[: asked.limit]]
    more = len(rows) > asked.limit
    return shown, f"{shown[-1].created_at}.{shown[-1].id}" if more else None


def _cursor(text: str) -> tuple[Any, Any]:
    at_ms, _, entity = text.partition(".")
    if not (at_ms.isascii() and at_ms.isdigit() and len(at_ms) < 16 and len(entity) == 32):
        raise ProblemError("bad_request", detail="The cursor is not one this server gave.")
    try:
        return int(at_ms), bytes.fromhex(entity)
    except ValueError as error:
        raise ProblemError(
            "bad_request", detail="The cursor is not one this server gave."
        ) from error
