"""The head of the log: one row that says how far the centre has come.

Responsible for founding the log once, and for the row lock under which indices are given out.
Refuses to know what is ruled.

Example: the writer begins every batch with `head = lock(connection)`; if `head.idx` is not what it
remembers, another node has written and its caches are worth nothing.
"""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, insert, select, update

from server.store import tables
from server.store.rows import query


class Head(msgspec.Struct, frozen=True):
    """`idx` of the newest ruling and `arrival_no` of the newest set, both 0 at first."""

    idx: int
    arrival_no: int
    origin: str  # hex of server_id
    server_id: bytes  # 16 bytes
    epoch: bytes  # 8 bytes


_COLUMNS = "idx, arrival_no, origin, server_id, epoch"


def found(
    connection: Connection,
    entropy: Callable[[int], bytes],
    first_idx: int = 0,
    server_id: bytes | None = None,
) -> Head:
    """The head, made when the log has none yet, with the identity that is given or one of its own; rulings come after
    `first_idx`.
    """
    if connection.execute(select(tables.log_head.c.id)).first() is None:
        server_id = server_id or entropy(16)
        connection.execute(
            insert(tables.log_head).values(
                id=1,
                idx=first_idx,
                arrival_no=0,
                origin=server_id.hex(),
                server_id=server_id,
                epoch=entropy(8),
            )
        )
    return lock(connection)


def lock(connection: Connection) -> Head:
    """The head, held against every other writer until the transaction ends."""
    share = "" if connection.dialect.name == "sqlite" else " FOR UPDATE"
    return read(connection, share)


def read(connection: Connection, share: str = "") -> Head:
    """The head as it stands. Raises LookupError for a log that was never founded."""
    rows = query(connection, f"SELECT {_COLUMNS} FROM log_head WHERE id = 1{share}")  # noqa: S608  our own words
    if not rows:
        raise LookupError("the log has no head: the server has never been started on this database")
    return Head(*rows[0])


def newest_at_ms(connection: Connection) -> int:
    """When the newest ruling was made, 0 before there is one."""
    return int(
        query(
            connection,
            "SELECT COALESCE(MAX(at_ms), 0) FROM rulings WHERE idx = (SELECT MAX(idx) FROM rulings)",
        )[0][0]
    )


def begin_epoch(connection: Connection, epoch: bytes) -> None:
    """Go on under another epoch, 8 bytes."""
    connection.execute(update(tables.log_head).values(epoch=epoch))


def advance(connection: Connection, idx: int, arrival_no: int) -> None:
    """Move the head on."""
    connection.execute(update(tables.log_head).values(idx=idx, arrival_no=arrival_no))
