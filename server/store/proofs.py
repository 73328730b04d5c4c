"""What makes the log provable, as stored: heads per entity, full tiles of its tree, signed checkpoints (TL).

Responsible for these rows and for reading back the bytes of rulings that a tree is made of. Refuses to hash and to
sign.

Example: `newest(connection, origin)` is the note that devices are given until the next one is signed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, query_in, upsert
from sync import canon
from sync.witness import ORG_ROW

ROWS_AT_ONCE = 4_096


class EntityHead(msgspec.Struct):
    """`n` rulings about one entity so far, and the head over them, 16 bytes (TL10)."""

    n: int = 0
    head: bytes = bytes(16)


class Signed(msgspec.Struct, frozen=True):
    """A checkpoint as signed: the log's name, how many entries, their root, when, and the whole note."""

    origin: str
    size: int
    root: bytes
    signed_at_ms: int
    note: str


class FullTile(msgspec.Struct, frozen=True):
    """256 hashes of one level, and the hash over them."""

    level: int
    n: int
    root: bytes
    hashes: bytes


def entity_heads(connection: Connection, entities: Sequence[bytes]) -> dict[bytes, EntityHead]:
    """The heads of those entities that anything was ruled about."""
    rows = query_in(
        connection, "SELECT entity, n, head FROM entity_heads WHERE entity IN (?)", entities
    )
    return {bytes(entity): EntityHead(n, bytes(head)) for entity, n, head in rows}


def rulings_between(connection: Connection, after: int, upto: int) -> Iterator[tuple[int, bytes]]:
    """(index, bytes) of the rulings after one and up to another, in order, read in pieces."""
    while after < upto:
        rows = query(
            connection,
            "SELECT idx, bytes FROM rulings WHERE idx > ? AND idx <= ? ORDER BY idx LIMIT ?",
            (after, upto, ROWS_AT_ONCE),
        )
        if not rows:
            return
        for idx, raw in rows:
            yield idx, bytes(raw)
        after = rows[-1][0]


def tile(connection: Connection, level: int, n: int) -> bytes | None:
    """The hashes of a full tile, None when it is not stored."""
    rows = query(connection, "SELECT hashes FROM log_tiles WHERE level = ? AND n = ?", (level, n))
    return bytes(rows[0][0]) if rows else None


def tile_roots(connection: Connection, level: int, low: int, high: int) -> list[bytes]:
    """The roots of the full tiles `low` to `high - 1` of a level, as far as they follow one another."""
    rows = query(
        connection,
        "SELECT n, root FROM log_tiles WHERE level = ? AND n >= ? AND n < ? ORDER BY n",
        (level, low, high),
    )
    return [bytes(root) for at, (n, root) in enumerate(rows, low) if n == at]


def tiles_stored(connection: Connection, level: int) -> int:
    """How many full tiles a level has."""
    rows = query(connection, "SELECT COALESCE(MAX(n), -1) FROM log_tiles WHERE level = ?", (level,))
    return int(rows[0][0]) + 1


def newest(connection: Connection, origin: str) -> Signed | None:
    """The newest signed checkpoint of a log."""
    rows = query(
        connection,
        "SELECT origin, size, root, signed_at_ms, note FROM log_checkpoints WHERE origin = ?"
        " ORDER BY size DESC LIMIT 1",
        (origin,),
    )
    return Signed(rows[0][0], rows[0][1], bytes(rows[0][2]), *rows[0][3:]) if rows else None


def made_until(connection: Connection, upto: int, at_ms: int) -> int:
    """How many of the first `upto` entries were made before one that was made after `at_ms`."""
    rows = query(
        connection, "SELECT MIN(idx) FROM rulings WHERE idx <= ? AND at_ms > ?", (upto, at_ms)
    )
    first: int | None = rows[0][0]
    return upto if first is None else first - 1


def roots(connection: Connection, origin: str, low: int, high: int) -> list[tuple[int, bytes]]:
    """(size, root) of the checkpoints of a log between two sizes, both included, the newest first."""
    rows = query(
        connection,
        "SELECT size, root FROM log_checkpoints WHERE origin = ? AND size >= ? AND size <= ?"
        " ORDER BY size DESC",
        (origin, low, high),
    )
    return [(size, bytes(root)) for size, root in rows]


def keep(connection: Connection, signed: Signed, tiles: Sequence[FullTile]) -> None:
    """Store a checkpoint with the tiles that became full since the one before."""
    upsert(connection, tables.log_tiles, [msgspec.structs.astuple(one) for one in tiles])
    upsert(connection, tables.log_checkpoints, [msgspec.structs.astuple(signed)])


def envelope(connection: Connection, chain: bytes, seq: int, set_id: bytes) -> bytes | None:
    """The envelope stored for a set, None when there is none at its place."""
    rows = query(
        connection,
        "SELECT envelope FROM sets WHERE chain = ? AND seq = ? AND set_id = ?",
        (chain, seq, set_id),
    )
    return bytes(rows[0][0]) if rows else None


def envelopes(connection: Connection, chain: bytes, low: int, high: int) -> list[bytes]:
    """The envelopes of one chain from seq `low` to `high`, both included."""
    rows = query(
        connection,
        "SELECT envelope FROM sets WHERE chain = ? AND seq BETWEEN ? AND ? ORDER BY seq, arrival_no",
        (chain, low, high),
    )
    return [bytes(raw) for (raw,) in rows]


def all_sets(connection: Connection) -> Iterator[tuple[bytes, bytes]]:
    """(set id, envelope) of every stored set, in order of arrival, read in pieces."""
    after = 0
    while True:
        rows = query(
            connection,
            "SELECT arrival_no, set_id, envelope FROM sets WHERE arrival_no > ?"
            " ORDER BY arrival_no LIMIT ?",
            (after, ROWS_AT_ONCE),
        )
        if not rows:
            return
        for _no, set_id, raw in rows:
            yield bytes(set_id), bytes(raw)
        after = rows[-1][0]


def named_log(connection: Connection, server_id: bytes) -> dict[str, Any] | None:
    """The row of the organisation that names this log (TL8), None before it was announced."""
    rows = query(
        connection, "SELECT bytes FROM org_rows WHERE what = ? AND id = ?", (ORG_ROW, server_id)
    )
    row: dict[str, Any] | None = canon.decode(bytes(rows[0][0])) if rows else None
    return row


def forget_tiles(connection: Connection) -> None:
    """Drop every tile: a new epoch is another tree."""
    connection.execute(tables.log_tiles.delete())
