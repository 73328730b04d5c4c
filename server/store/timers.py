"""Timers: when somebody must look at an incident again, and who is doing so now.

Responsible for the rows of `timers` and for claiming those that are due, so that of many nodes one takes each. Refuses
to know what is done then: `kind` says it, and whoever decided on a timer decides again.

A timer is claimed for a while by writing a fresh `holder` and moving its moment to the end of that while: a holder
that dies loses it by doing nothing, and one that comes too late finds that it is not the holder any more. Whoever sets
a timer anew takes it from its holder.

Example: `claimed = claim(connection, now_ms, now_ms + 2_000, holder, limit=50)`, and later, in the transaction that
does the work, `held(connection, claimed, holder)`.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import placeholder, query, upsert

NUDGES = "nudges"  # the kind of timer after which somebody is told something


class Timer(msgspec.Struct, frozen=True):
    """One timer: what is to be looked at, and why."""

    entity: bytes
    kind: str


def write(connection: Connection, kind: str, moments: Sequence[tuple[bytes, int | None]]) -> None:
    """Set the timers of these entities, or take them away (None)."""
    upsert(
        connection,
        tables.timers,
        [(entity, kind, at_ms, None) for entity, at_ms in moments if at_ms is not None],
    )
    gone = [(entity, kind) for entity, at_ms in moments if at_ms is None]
    if gone:
        first, second = (placeholder(connection.dialect.name, at) for at in (1, 2))
        connection.exec_driver_sql(
            f"DELETE FROM timers WHERE entity = {first} AND kind = {second}",  # noqa: S608  only parameter marks
            gone,
        )


def soonest(connection: Connection) -> int | None:
    """The moment of the next timer in ms, a claimed one's the end of its claim; None when there is none."""
    rows = query(connection, "SELECT at_ms FROM timers ORDER BY at_ms LIMIT 1")
    return rows[0][0] if rows else None


def claim(
    connection: Connection, now_ms: int, until_ms: int, holder: bytes, limit: int
) -> list[Timer]:
    """Claim timers that are due, the longest due first, until `until_ms`."""
    skip = "" if connection.dialect.name == "sqlite" else " FOR UPDATE SKIP LOCKED"
    rows = query(
        connection,
        f"SELECT entity, kind FROM timers WHERE at_ms <= ? ORDER BY at_ms LIMIT ?{skip}",  # noqa: S608  our own words
        (now_ms, limit),
    )
    found = [Timer(bytes(entity), kind) for entity, kind in rows]
    defer(connection, found, until_ms, holder)
    return found


def defer(connection: Connection, of: Sequence[Timer], until_ms: int, holder: bytes) -> None:
    """Have these looked at no earlier than `until_ms`, by others than `holder`."""
    if of:
        marks = [placeholder(connection.dialect.name, at) for at in (1, 2, 3, 4)]
        connection.exec_driver_sql(
            f"UPDATE timers SET at_ms = {marks[0]}, holder = {marks[1]} "  # noqa: S608  only parameter marks
            f"WHERE entity = {marks[2]} AND kind = {marks[3]}",
            [(until_ms, holder, one.entity, one.kind) for one in of],
        )


def held(connection: Connection, of: Sequence[Timer], holder: bytes) -> list[Timer]:
    """Those of these timers that this holder still holds."""
    return [
        one
        for one in of
        if query(
            connection,
            "SELECT 1 FROM timers WHERE entity = ? AND kind = ? AND holder = ?",
            (one.entity, one.kind, holder),
        )
    ]
