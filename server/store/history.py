"""What was ruled about one entity up to a moment, in order: the log as it stood then.

Responsible for finding those rulings without reading the whole log: the ones that stand are named by `sets`, all others
by `entity_rulings`. Refuses to decode them.

Example: `until(connection, incident, at_ms)[-1]` is the index and the bytes of what was ruled last by then.
"""

from sqlalchemy import Connection

from server.store.rows import query


def until(connection: Connection, entity: bytes, at_ms: int) -> list[tuple[int, bytes]]:
    """(index, bytes) of every ruling about an entity that was made at or before a moment, in ms."""
    rows = query(
        connection,
        "SELECT idx, bytes FROM rulings WHERE idx IN"
        " (SELECT idx FROM sets WHERE entity = ? UNION SELECT idx FROM entity_rulings WHERE entity = ?)"
        " AND at_ms <= ? ORDER BY idx",
        (entity, entity, at_ms),
    )
    return [(idx, bytes(raw)) for idx, raw in rows]
