"""Which order of which other system became which incident: what makes an import repeatable.

Responsible for one row per (source, number there). Refuses to know formats.

Example: `find(connection, "city-110", "20261124-00017")` is None the first time an order is seen.
"""

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, upsert

REDACTED = None
"""What stands for a value whose words were taken away: the source does not bring them back."""


class ImportedOrder(msgspec.Struct, frozen=True):
    """One order of another system and the incident it became."""

    source: str
    source_no: str
    incident: bytes
    content_hash: bytes  # empty once a value was redacted: a hash of what is left could be guessed
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


def of_incident(connection: Connection, incident: bytes) -> list[ImportedOrder]:
    """The orders of other systems that became this incident."""
    rows = query(
        connection,
        "SELECT source, source_no FROM imported_orders WHERE incident = ?",
        (incident,),
    )
    found = [find(connection, source, source_no) for source, source_no in rows]
    return [row for row in found if row is not None]


def save(connection: Connection, orders: list[ImportedOrder]) -> None:
    """Note what became of these orders."""
    upsert(connection, tables.imported_orders, [msgspec.structs.astuple(row) for row in orders])
