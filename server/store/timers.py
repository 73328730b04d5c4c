"""Timers: when somebody must look at an incident again, and who is doing so now.

Responsible for the rows of `timers` and for claiming those that are due, so that of many nodes one takes each. Refuses
to know what is done then: `kind` says it, and whoever decided on a timer decides again.

A timer is claimed for a while by writing a fresh `holder` and moving its moment to the end of that while: a holder
that dies loses it by doing nothing, and one that comes too late finds that it is not the holder any more. Whoever sets
a timer anew takes it from its holder.

Example: `claimed = claim(connection, (now_ms, now_ms + 2_000), holder, 50, kinds)`, and later, in the transaction that
does the work, `held(connection, claimed, holder)`.
"""

from collections.abc import Collection, Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import placeholder, query, query_in, upsert

NUDGES = "nudges"  # the kind of timer after which somebody is told something
VERDICTS = "verdicts"  # the kind after which time alone has made another finding of a clock


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


def moments(connection: Connection, kind: str, entities: Sequence[bytes]) -> dict[bytes, int]:
    """When the timers of one kind of these entities ring, of those that have one; 0 where somebody is at it by now."""
    rows = query_in(
        connection,
        "SELECT entity, kind, CASE WHEN holder IS NULL THEN at_ms ELSE 0 END FROM timers WHERE entity IN (?)",
        entities,
    )
    return {bytes(entity): at_ms for entity, of_kind, at_ms in rows if of_kind == kind}


def soonest(connection: Connection, kinds: Collection[str]) -> int | None:
    """The moment of the next timer of these kinds, a claimed one's the end of its claim; None when there is none."""
    moments = [
        at_ms
        for kind in kinds
        for (at_ms,) in query(
            connection, "SELECT at_ms FROM timers WHERE kind = ? ORDER BY at_ms LIMIT 1", (kind,)
        )
    ]
    return min(moments, default=None)


def claim(
    connection: Connection, due: tuple[int, int], holder: bytes, limit: int, kinds: Collection[str]
) -> list[Timer]:
    """Claim timers of these kinds, kind after kind, of each the longest due first. `due`: (now, end of the claim)."""
    now_ms, until_ms = due
    skip = "" if connection.dialect.name == "sqlite" else " FOR UPDATE SKIP LOCKED"
    found: list[Timer] = []
    for kind in kinds:
        rows = query(
            connection,
            f"SELECT entity FROM timers WHERE kind = ? AND at_ms <= ? ORDER BY at_ms LIMIT ?{skip}",  # noqa: S608  our own words
            (kind, now_ms, limit - len(found)),
        )
        found += [Timer(bytes(entity), kind) for (entity,) in rows]
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
