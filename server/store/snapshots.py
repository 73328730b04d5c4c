"""Snapshots of scopes as they were published: packed bytes under their hash (SN).

Responsible for keeping, finding and forgetting them. Refuses to make one.

Example: `newest(connection, [scope_id])` gives `{scope_id: Kept(hash, n=12_000, size=...)}`.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import execute, insert, query, query_in


class Kept(msgspec.Struct, frozen=True):
    """One snapshot that may be fetched: what entries 1 to `n` come to, in `size` packed bytes."""

    hash: bytes
    scope: int
    epoch: int
    n: int
    size: int


def newest(connection: Connection, scopes: Sequence[int]) -> dict[int, Kept]:
    """The newest snapshot of each of these scopes that has one."""
    rows = query_in(
        connection,
        "SELECT hash, scope, epoch, n, size FROM snapshots WHERE scope IN (?) ORDER BY n",
        scopes,
    )
    return {scope: Kept(bytes(at), scope, epoch, n, size) for at, scope, epoch, n, size in rows}


def due(connection: Connection, beyond: int) -> list[tuple[str, int]]:
    """(name, entries) of scopes with at least `beyond` entries after their newest snapshot."""
    rows = query(
        connection,
        "SELECT s.name, s.n FROM scopes s WHERE s.n - COALESCE("
        "(SELECT MAX(p.n) FROM snapshots p WHERE p.scope = s.id AND p.epoch = s.epoch), 0) >= ?"
        " ORDER BY s.n DESC",
        (beyond,),
    )
    return [(name, n) for name, n in rows]


def keep(connection: Connection, kept: Kept, packed: bytes, at_ms: int) -> None:
    """Keep a snapshot; of its scope only it and the one before it, which may be on its way to
    somebody, remain.
    """
    before = newest(connection, [kept.scope]).get(kept.scope)
    if before is not None:
        execute(
            connection,
            "DELETE FROM snapshots WHERE scope = ? AND n < ?",
            (kept.scope, before.n),
        )
    row = (kept.hash, kept.scope, kept.epoch, kept.n, kept.size, packed, at_ms)
    insert(connection, tables.snapshots, [row])


def fetch(connection: Connection, snapshot_hash: bytes) -> tuple[str, bytes] | None:
    """The name of the scope and the packed bytes of a snapshot, None when it is not kept."""
    rows = query(
        connection,
        "SELECT s.name, p.packed FROM snapshots p JOIN scopes s ON s.id = p.scope WHERE p.hash = ?",
        (snapshot_hash,),
    )
    return (rows[0][0], bytes(rows[0][1])) if rows else None


def forget(connection: Connection, scopes: Sequence[str]) -> None:
    """Keep no snapshot of these scopes: words in them were taken away, or are no longer theirs to read."""
    for name in scopes:
        execute(
            connection,
            "DELETE FROM snapshots WHERE scope = (SELECT id FROM scopes WHERE name = ?)",
            (name,),
        )


def taken_since(connection: Connection, scope: int, n: int) -> bool:
    """Whether after entry `n` words were taken away in this scope, or an incident may have left it."""
    rows = query(
        connection,
        "SELECT 1 FROM scope_entries e JOIN rulings r ON r.idx = e.idx"
        " WHERE e.scope = ? AND e.n > ? AND r.kind IN ('redact', 'scope') LIMIT 1",
        (scope, n),
    )
    return bool(rows)
