"""A station's centre, as it was heard last: where it is, whose log it keeps, and how far apart the two clocks are.

Responsible for the one row that a station has and a centre has not. Refuses to talk to anybody and to judge how much
what was heard is worth by now.

Example: `read(connection)` is None at a centre; at a station `read(connection).size` is how long the centre's log was
when it last answered.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, upsert
from sync import canon


class Upstream(msgspec.Struct, frozen=True):
    """What is known of the centre. Before it was met `epoch` is empty."""

    url: str
    station: bytes  # which station this is
    server: bytes  # the centre's id
    token: str  # bearer token of the station's own chain
    origin: str = ""
    epoch: bytes = b""
    size: int = 0  # of its log
    leaf: bytes = bytes(16)  # of ruling `size`, as a pull says it
    lost: list[tuple[bytes, int]] = []  # what the log lost of earlier epochs (TL12)
    beacon: bytes | None = None  # the newest that it gave (TM12)
    held: str | None = (
        None  # the highest checkpoint of its log that was checked, the whole note (TL9)
    )
    told_at_ms: int = 0  # by its clock, at the last hello or pull
    heard_at_ms: int = 0  # the same moment by the clock here
    offset_ms: int | None = None  # centre minus here; None: never measured
    known_ms: int | None = None  # how far that may be off, when it was measured
    measured_at_ms: int | None = None  # by the clock here
    boot: str | None = None  # the run of this machine in which it was measured


_COLUMNS = ", ".join(Upstream.__struct_fields__)


def read(connection: Connection) -> Upstream | None:
    """The centre of this station; None where there is none."""
    rows = query(connection, f"SELECT {_COLUMNS} FROM upstream WHERE id = 1")  # noqa: S608  our own words
    if not rows:
        return None
    values: dict[str, Any] = dict(zip(Upstream.__struct_fields__, rows[0], strict=True))
    lost: Any = canon.decode(bytes(values["lost"]))
    return Upstream(**values | {"lost": [(epoch, kept) for epoch, kept in lost]})


def save(connection: Connection, upstream: Upstream) -> None:
    """Write what is known of the centre."""
    values = msgspec.structs.asdict(upstream)
    values |= {"id": 1, "lost": canon.encode([list(one) for one in upstream.lost])}
    row = tuple(values[column.name] for column in tables.upstream.columns)
    upsert(connection, tables.upstream, [row])
