"""Lists of overdue feedback as they stood at a moment, kept for good.

Responsible for writing one once and reading it back as written. Refuses to know what stands in it, and to change one.

Example: `add(connection, Cutoff(id, at_ms, author, digest, 3, raw))`, then `newest(connection, 50)[0].n` is 3.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import insert, query


class Cutoff(msgspec.Struct, frozen=True):
    """One list: who froze it when, the hash over its bytes, how many rows it holds, and the bytes themselves."""

    id: bytes
    at_ms: int
    author: bytes
    hash: bytes
    n: int
    raw: bytes


_COLUMNS = "id, at_ms, author, hash, n, bytes"


def add(connection: Connection, cutoff: Cutoff) -> None:
    """Keep a list."""
    insert(connection, tables.cutoffs, [msgspec.structs.astuple(cutoff)])


def newest(connection: Connection, limit: int) -> list[Cutoff]:
    """The lists frozen last, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM cutoffs ORDER BY at_ms DESC, id LIMIT ?"  # noqa: S608  our own names
    return [_cutoff(row) for row in query(connection, sql, (limit,))]


def find(connection: Connection, at: bytes) -> Cutoff | None:
    """One list, None when there is none of this id."""
    sql = f"SELECT {_COLUMNS} FROM cutoffs WHERE id = ?"  # noqa: S608  our own names
    rows = query(connection, sql, (at,))
    return _cutoff(rows[0]) if rows else None


def _cutoff(row: Any) -> Cutoff:
    at, at_ms, author, digest, n, raw = row
    return Cutoff(bytes(at), at_ms, bytes(author), bytes(digest), n, bytes(raw))
