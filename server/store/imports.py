"""Which order of which other system became which incident: what makes an import repeatable.

Responsible for one row per (source, number there). Refuses to know formats.

Example: `find(connection, "city-110", "20261124-00017")` is None the first time an order is seen.
"""

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, upsert


class ImportedOrder(msgspec.Struct, frozen=True):
    """One order of another system and the incident it became."""

    source: str
    source_no: str
    incident: bytes
    content_hash: bytes  # empty while the place is only reserved
    facts: bytes  # canonical {field: [op id, value]} as last imported
    imported_at_ms: int


def find(connection: Connection, source: str, source_no: str) -> ImportedOrder | None:
    """What became of this order."""
    rows = query(
        connection,
        "SELECT source, source_no, incident, content_hash, facts, imported_at_ms FROM imported_orders"
        " WHERE source = ? AND source_no = ?",
        (source, source_no),
    )
    if not rows:
        return None
    found_source, found_no, incident, content_hash, facts, at_ms = rows[0]
    return ImportedOrder(
        found_source, found_no, bytes(incident), bytes(content_hash), bytes(facts), at_ms
    )


def save(connection: Connection, orders: list[ImportedOrder]) -> None:
    """Note what became of these orders."""
    upsert(connection, tables.imported_orders, [msgspec.structs.astuple(row) for row in orders])
