"""Notes from one shift to the next, with what was open when they were written.

Responsible for writing one once, for who took it over, and for reading them back. Refuses to know what stands in one,
and to change its words.

Example: `add(connection, Note(id, b"", at_ms, author, "…", 3, raw))`, then `take(connection, id, at_ms, person)` is
True, and False for whoever comes second."""

from typing import Any

import msgspec
from sqlalchemy import Connection, update

from server.store import tables
from server.store.rows import insert, query


class Note(msgspec.Struct, frozen=True):
    """One note: of which seat (a station, or empty for the centre), by whom, in which words, how many incidents
    were open then, which in canonical bytes, and who took it over."""

    id: bytes
    seat: bytes
    at_ms: int
    author: bytes
    text: str
    open: int
    raw: bytes
    taken_at_ms: int | None = None
    taken_by: bytes | None = None


_COLUMNS = "id, seat, at_ms, author, text, open, bytes, taken_at_ms, taken_by"


def add(connection: Connection, note: Note) -> None:
    """Keep a note."""
    insert(connection, tables.handovers, [msgspec.structs.astuple(note)])


def find(connection: Connection, at: bytes) -> Note | None:
    """One note, None when there is none of this id."""
    sql = f"SELECT {_COLUMNS} FROM handovers WHERE id = ?"  # noqa: S608  our own names
    rows = query(connection, sql, (at,))
    return _note(rows[0]) if rows else None


def newest(connection: Connection, seat: bytes, limit: int, *, open_only: bool) -> list[Note]:
    """The notes of a seat, the newest first; with `open_only` those that nobody has taken over."""
    which = "seat = ? AND taken_by IS NULL" if open_only else "seat = ?"
    sql = f"SELECT {_COLUMNS} FROM handovers WHERE {which} ORDER BY at_ms DESC, id LIMIT ?"  # noqa: S608
    return [_note(row) for row in query(connection, sql, (seat, limit))]


def take(connection: Connection, at: bytes, now_ms: int, person: bytes) -> bool:
    """Take a note over in a person's name; False when somebody has."""
    table = tables.handovers
    done = connection.execute(
        update(table)
        .where(table.c.id == at, table.c.taken_by.is_(None))
        .values(taken_at_ms=now_ms, taken_by=person)
    )
    return done.rowcount == 1


def _note(row: Any) -> Note:
    at, seat, at_ms, author, text, n, raw, taken_at_ms, taken_by = row
    taker = None if taken_by is None else bytes(taken_by)
    return Note(
        bytes(at), bytes(seat), at_ms, bytes(author), text, n, bytes(raw), taken_at_ms, taker
    )
