"""The organisation as a station takes it over from its centre: people, places, limits and devices (SPEC HB2).

Responsible for the rows that the centre's `org` rulings leave, and for the record of each device. What no ruling says
of a device (the hash of its token, since when it is enrolled) a station is told apart, and is kept. Refuses to decide
who is in it.

Example: after the last page of a scope that began anew nobody is left whom its rulings do not name.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection

from server.intake.pages import Entry
from server.store import devices, people
from server.store.devices import Device
from server.store.rows import query
from server.store.scopes import ORG
from sync import canon, rulings

OF_A_DEVICE = ("person", "station", "seal", "revoked_at_ms", "continues", "continued_by")
"""What a ruling says of a device only where it is so."""


def take(connection: Connection, entries: list[Entry], *, is_whole: bool) -> None:
    """Apply what a page of the organisation says; `is_whole`: with it all is here, and nothing else stays."""
    changes: list[tuple[str, bytes, int, bytes | None]] = []
    for one in entries:
        if one.ruling.kind != rulings.KIND_ORG:
            continue
        what, row_id, row = (one.ruling.payload[name] for name in ("what", "id", "row"))
        changes.append((what, row_id, one.ruling.idx, None if row is None else canon.encode(row)))
        if what == "devices" and row is not None:
            _device(connection, row_id, row, one.ruling.at_ms)
    people.save(connection, changes)
    if is_whole:
        _leave_out(connection, {one.ruling.idx for one in entries})


def _leave_out(connection: Connection, said: set[int]) -> None:
    """Remove rows that neither these rulings wrote nor those listed before them."""
    listed = query(
        connection,
        "SELECT e.idx FROM scope_entries e JOIN scopes s ON s.id = e.scope WHERE s.name = ?",
        (ORG,),
    )
    named = said | {idx for (idx,) in listed}
    rows = query(connection, "SELECT what, id, idx FROM org_rows")
    people.forget(connection, [(what, bytes(at)) for what, at, idx in rows if idx not in named])


def _device(connection: Connection, chain: bytes, row: dict[str, Any], at_ms: int) -> None:
    said: dict[str, Any] = {name: row.get(name) for name in OF_A_DEVICE}
    said |= {name: row[name] for name in ("alg", "pub", "label")}
    known = devices.by_chain(connection, chain)
    if known is None:
        known = Device(chain=chain, app="", token_hash=None, enrolled_at_ms=at_ms, **said)
    devices.save(connection, msgspec.structs.replace(known, **said))
