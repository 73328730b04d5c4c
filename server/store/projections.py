"""What screens read: incidents, orders, deadlines and nudges, folded by the intake, replaceable at any time.

Responsible for replacing and reading the projected rows of one incident. Refuses to fold: rows come
in finished.

Example: `write(connection, [Projected(incident=(...), orders=[...], deadlines=[...])])`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, Table

from server.store import tables
from server.store.rows import Row, execute_in, query, upsert

_INCIDENT_COLUMNS = ", ".join(column.name for column in tables.incidents.columns)


class Projected(msgspec.Struct, frozen=True):
    """Rows of one incident, in the column order of their tables: all of them, or (`is_part`) those that changed."""

    incident: Row
    orders: tuple[Row, ...] = ()
    deadlines: tuple[Row, ...] = ()
    nudges: tuple[Row, ...] = ()
    is_part: bool = False

    def since(self, before: Projected | None) -> Projected:
        """What is to be written of these rows when `before` stands: those that changed, or all once one is gone."""
        if before is None or not _keys(before) <= _keys(self):
            return self
        return Projected(
            self.incident,
            tuple(row for row in self.orders if row not in before.orders),
            tuple(row for row in self.deadlines if row not in before.deadlines),
            tuple(row for row in self.nudges if row not in before.nudges),
            is_part=True,
        )


def _keys(rows: Projected) -> set[Row]:
    return {row[:3] for row in rows.deadlines} | {row[:4] for row in rows.nudges}


def write(connection: Connection, changes: Sequence[Projected]) -> None:
    """Replace rows: all of an incident's, or those that changed. An order, once issued, never disappears."""
    whole = [change.incident[0] for change in changes if not change.is_part]
    execute_in(connection, "DELETE FROM deadlines WHERE incident IN (?)", whole)
    execute_in(connection, "DELETE FROM nudges WHERE incident IN (?)", whole)
    upsert(connection, tables.incidents, [change.incident for change in changes])
    upsert(connection, tables.orders, [row for change in changes for row in change.orders])
    upsert(connection, tables.deadlines, [row for change in changes for row in change.deadlines])
    upsert(connection, tables.nudges, [row for change in changes for row in change.nudges])


def of_incident(connection: Connection, incident: bytes) -> Projected | None:
    """The projected rows of one incident as they stand, None when there are none."""
    rows = query(
        connection,
        f"SELECT {_INCIDENT_COLUMNS} FROM incidents WHERE id = ?",  # noqa: S608  names of our own metadata
        (incident,),
    )
    if not rows:
        return None

    def found(table: Table) -> tuple[Row, ...]:
        names = ", ".join(column.name for column in table.columns)
        sql = f"SELECT {names} FROM {table.name} WHERE incident = ?"  # noqa: S608  our own names
        return tuple(_plain(part) for part in query(connection, sql, (incident,)))

    return Projected(
        _plain(rows[0]), found(tables.orders), found(tables.deadlines), found(tables.nudges)
    )


def is_unsigned(connection: Connection, incident: bytes, order: bytes) -> bool:
    """Whether an order still waits for somebody to sign it."""
    rows = query(
        connection,
        "SELECT open, signed_at_ms FROM orders WHERE id = ? AND incident = ?",
        (order, incident),
    )
    return bool(rows) and bool(rows[0][0]) and rows[0][1] is None


def _plain(row: Sequence[object]) -> Row:
    return tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)


def entities(connection: Connection, after: bytes, limit: int) -> list[bytes]:
    """Entities that have evidence, in order of their ids, a page at a time."""
    rows = query(
        connection,
        "SELECT DISTINCT entity FROM sets WHERE entity > ? ORDER BY entity LIMIT ?",
        (after, limit),
    )
    return [bytes(entity) for (entity,) in rows]
