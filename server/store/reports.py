"""What figures are counted from: verdicts of a period, how many incidents began in it, and which may bear an instant.

Responsible for reading rows, bounded. Refuses to count clocks and to know how they are shown: rows go out as they are.

Example: `verdicts_in(connection, ("C2",), (from_ms, to_ms), station=None)` gives every C2 that started then, no drills.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from server.store.tables import incidents, verdicts

MAX_ROWS: Final = 200_000
"""Clocks counted at once: a year of a banner's. What is beyond is said to be left out."""
VOID: Final = "void"
"""A clock that is not judged any more."""


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """One clock of the period, with the incident it is of."""

    incident: bytes
    number: str | None
    tag: str
    title: str
    clock: str
    order_id: bytes
    round: int
    result: str
    grade: int | None
    within_ms: int | None
    start_at_ms: int
    is_ended: bool
    elapsed_lo_ms: int | None
    elapsed_hi_ms: int | None
    why: str
    override_result: str | None
    station: bytes | None
    to_kind: str | None
    to_id: bytes | None
    tier: int | None
    zone: bytes | None


class Counted(msgspec.Struct, frozen=True):
    """Incidents created in a period: those that stand, drills, and those withdrawn or found to be duplicates."""

    incidents: int
    drills: int
    dropped: int


class Candidate(msgspec.Struct, frozen=True):
    """An incident that may bear an instant of a period."""

    id: bytes
    number: str | None
    tag: str
    title: str
    exercise: bool


_COLUMNS: Final = (
    verdicts.c.incident,
    incidents.c.number,
    incidents.c.tag,
    incidents.c.title,
    verdicts.c.clock,
    verdicts.c.order_id,
    verdicts.c.round,
    verdicts.c.result,
    verdicts.c.grade,
    verdicts.c.within_ms,
    verdicts.c.start_at_ms,
    verdicts.c.end_op.is_not(None).label("is_ended"),
    verdicts.c.elapsed_lo_ms,
    verdicts.c.elapsed_hi_ms,
    verdicts.c.why,
    verdicts.c.override_result,
    verdicts.c.station,
    verdicts.c.to_kind,
    verdicts.c.to_id,
    verdicts.c.tier,
    verdicts.c.zone,
)


def verdicts_in(
    connection: Connection,
    clocks: Sequence[str],
    span: tuple[int, int],
    *,
    station: bytes | None,
) -> tuple[list[Judged], bool]:
    """The clocks of these names that started in a span of ms, the newest first, without drills; of one station where
    one is given. And whether there were too many to give."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(incidents, incidents.c.id == verdicts.c.incident)
        .where(
            verdicts.c.clock.in_(tuple(clocks)),
            verdicts.c.start_at_ms >= span[0],
            verdicts.c.start_at_ms < span[1],
            verdicts.c.result != VOID,
            ~verdicts.c.exercise,
            *_of(verdicts.c.station, station),
        )
        .order_by(
            verdicts.c.start_at_ms.desc(),
            verdicts.c.incident,
            verdicts.c.clock,
            verdicts.c.order_id,
            verdicts.c.round,
        )
        .limit(MAX_ROWS + 1)
    ).all()
    found = [Judged(*tuple(row)) for row in rows[:MAX_ROWS]]
    return found, len(rows) > MAX_ROWS


def counted(connection: Connection, span: tuple[int, int], *, station: bytes | None) -> Counted:
    """How many incidents were created in a span of ms."""
    is_dropped = incidents.c.status.in_(("withdrawn", "duplicate"))
    row = connection.execute(
        select(
            func.count().filter(~incidents.c.exercise, ~is_dropped),
            func.count().filter(incidents.c.exercise),
            func.count().filter(~incidents.c.exercise, is_dropped),
        ).where(
            incidents.c.created_at_ms >= span[0],
            incidents.c.created_at_ms < span[1],
            *_of(incidents.c.station, station),
        )
    ).one()
    return Counted(*row)


def candidates(
    connection: Connection, span: tuple[int, int], limit: int, *, station: bytes | None
) -> tuple[list[Candidate], int]:
    """The newest incidents of which something may have happened in a span, at most `limit`, and how many there are.

    Those whose creation has not come are of unknown age and stand last. Whatever happened in it was received in it or
    later, and of an incident created before its end."""
    which = and_(
        or_(incidents.c.created_at_ms.is_(None), incidents.c.created_at_ms < span[1]),
        incidents.c.updated_at_ms >= span[0],
        *_of(incidents.c.station, station),
    )
    rows = connection.execute(
        select(
            incidents.c.id,
            incidents.c.number,
            incidents.c.tag,
            incidents.c.title,
            incidents.c.exercise,
        )
        .where(which)
        .order_by(incidents.c.created_at_ms.desc().nulls_last(), incidents.c.id)
        .limit(limit)
    ).all()
    total = connection.execute(
        select(func.count()).select_from(incidents).where(which)
    ).scalar_one()
    return [Candidate(*tuple(row)) for row in rows], total


def _of(column: ColumnElement[bytes | None], station: bytes | None) -> list[ColumnElement[bool]]:
    return [] if station is None else [column == station]
