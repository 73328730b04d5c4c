"""Effects: what must still happen after a commit, kept in the transaction that decided it.

Responsible for keeping effects until they are performed. Refuses to know how to perform them.

Example: a batch adds `("moved", payload)`; a server that dies before announcing it finds it again
with `waiting(connection)`.
"""

import msgspec
from sqlalchemy import Connection, insert

from server.store import tables
from server.store.rows import placeholder, query

BATCH = 500  # read at a time


class Effect(msgspec.Struct, frozen=True):
    """One thing to do; `payload` is MessagePack whose shape belongs to `kind`."""

    id: int
    kind: str
    payload: bytes


def add(connection: Connection, kind: str, payload: bytes, at_ms: int) -> Effect:
    """Keep one effect; the id is given by the database."""
    statement = insert(tables.effects).values(kind=kind, payload=payload, created_at_ms=at_ms)
    key = connection.execute(statement).inserted_primary_key
    assert key is not None
    return Effect(key[0], kind, payload)


def waiting(connection: Connection, after: int = 0) -> list[Effect]:
    """Effects not yet performed, oldest first, a batch at a time."""
    rows = query(
        connection,
        "SELECT id, kind, payload FROM effects WHERE id > ? ORDER BY id LIMIT ?",
        (after, BATCH),
    )
    return [Effect(at, kind, bytes(payload)) for at, kind, payload in rows]


def performed(connection: Connection, ids: list[int]) -> None:
    """Forget effects that were performed."""
    if ids:
        mark = placeholder(connection.dialect.name, 1)
        connection.exec_driver_sql(
            f"DELETE FROM effects WHERE id = {mark}",  # noqa: S608  only a parameter mark
            [(effect_id,) for effect_id in ids],
        )
