"""Sets that a person should look at, and what was said about them since.

Responsible for the list behind the desk's queue: which sets are in doubt and why, what was asked and decided. Refuses
to decide, and to say how a set stands: its newest ruling does.

Example: `by_set(connection, set_id)` is the doubt about a held set, `None` for one that was accepted at once.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import execute, insert, query, query_in, upsert

COMPROMISED = "compromised"


class Doubt(msgspec.Struct, frozen=True):
    """One set in doubt. `kind`: `held`, `rejected`, `opaque`, or `compromised` for one that counts."""

    arrival_no: int
    set_id: bytes
    chain: bytes
    entity: bytes | None
    person: bytes | None
    kind: str
    open: bool = True


_COLUMNS = "arrival_no, set_id, chain, entity, person, kind, open"


def add(connection: Connection, found: Sequence[Doubt]) -> None:
    """Put sets on the list."""
    insert(connection, tables.doubts, [msgspec.structs.astuple(one) for one in found])


def save(connection: Connection, one: Doubt) -> None:
    """Put a set on the list, or replace what the list says of it."""
    upsert(connection, tables.doubts, [msgspec.structs.astuple(one)])


def settle(connection: Connection, set_id: bytes) -> None:
    """Ask nobody about a set any more, if it was on the list."""
    if (known := by_set(connection, set_id)) is not None:
        save(connection, msgspec.structs.replace(known, open=False))


def remark(connection: Connection, arrival_no: int, idx: int) -> None:
    """Note a later ruling on a set of the list."""
    execute(connection, "INSERT INTO remarks (arrival_no, idx) VALUES (?, ?)", (arrival_no, idx))


def by_set(connection: Connection, set_id: bytes) -> Doubt | None:
    """The doubt about a set."""
    rows = query(connection, f"SELECT {_COLUMNS} FROM doubts WHERE set_id = ?", (set_id,))  # noqa: S608  our own words
    return of_row(rows[0]) if rows else None


def of_kind(connection: Connection, kind: str, after_no: int, limit: int) -> list[Doubt]:
    """Open doubts of a kind in order of arrival, after one, a page at a time."""
    rows = query(
        connection,
        f"SELECT {_COLUMNS} FROM doubts WHERE kind = ? AND open AND arrival_no > ?"  # noqa: S608  our own words
        " ORDER BY arrival_no LIMIT ?",
        (kind, after_no, limit),
    )
    return [of_row(row) for row in rows]


def of_row(row: Sequence[Any]) -> Doubt:
    """A doubt from a row of its table."""
    arrival_no, set_id, chain, entity, person, kind, is_open = row
    return Doubt(
        arrival_no,
        bytes(set_id),
        bytes(chain),
        None if entity is None else bytes(entity),
        None if person is None else bytes(person),
        kind,
        bool(is_open),
    )


def remarks(connection: Connection, arrivals: Sequence[int]) -> dict[int, list[bytes]]:
    """The later rulings on these sets, each in the order of the log."""
    rows = query_in(
        connection,
        "SELECT m.arrival_no, r.bytes FROM remarks m JOIN rulings r ON r.idx = m.idx"
        " WHERE m.arrival_no IN (?) ORDER BY m.idx",
        arrivals,
    )
    found: dict[int, list[bytes]] = {}
    for arrival_no, raw in rows:
        found.setdefault(arrival_no, []).append(bytes(raw))
    return found


def everything(connection: Connection) -> dict[int, tuple[Doubt, list[int]]]:
    """The whole list with the later rulings on each set, by arrival."""
    found: dict[int, tuple[Doubt, list[int]]] = {
        row[0]: (of_row(row), [])
        for row in query(connection, f"SELECT {_COLUMNS} FROM doubts")  # noqa: S608  our own words
    }
    for arrival_no, idx in query(connection, "SELECT arrival_no, idx FROM remarks ORDER BY idx"):
        if arrival_no in found:
            found[arrival_no][1].append(idx)
    return found


def replace_all(connection: Connection, should: Sequence[tuple[Doubt, list[int]]]) -> None:
    """Replace the whole list."""
    execute(connection, "DELETE FROM remarks")
    execute(connection, "DELETE FROM doubts")
    add(connection, [doubt for doubt, _remarks in should])
    insert(
        connection,
        tables.remarks,
        [(doubt.arrival_no, idx) for doubt, remarks in should for idx in remarks],
    )
