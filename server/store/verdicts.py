"""The verdicts of incidents as they stand: one row for each clock, order and round.

Responsible for the rows of `verdicts`, replaceable at any time, and for finding what was last written down of a clock.
Refuses to judge: rows come in finished.

Example: `of_incidents(connection, [incident])[incident][("C5", order, 0)].result` is `"met"`.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import execute, query, query_in, upsert

Key = tuple[str, bytes, int]
"""Clock, order (empty: of the incident itself), round."""

_NAMES = ", ".join(column.name for column in tables.verdicts.columns)


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One verdict, in the column order of the table. `ruled`: the finding that was last written down, None for none."""

    incident: bytes
    clock: str
    order_id: bytes
    round: int
    result: str
    grade: int | None = None
    within_ms: int | None = None
    policy_row: bytes | None = None
    policy_idx: int = 0
    start_op: bytes | None = None
    start_at_ms: int | None = None
    end_op: bytes | None = None
    elapsed_lo_ms: int | None = None
    elapsed_hi_ms: int | None = None
    why: str = ""
    ruled: str | None = None
    ruled_idx: int | None = None
    ruled_at_ms: int | None = None
    override_result: str | None = None
    override_by: bytes | None = None
    override_why: str | None = None
    override_at_ms: int | None = None
    station: bytes | None = None
    to_kind: str | None = None
    to_id: bytes | None = None
    tier: int | None = None
    zone: bytes | None = None
    exercise: bool = False

    @property
    def key(self) -> Key:
        """What of the incident it is about."""
        return (self.clock, self.order_id, self.round)


def write(connection: Connection, rows: Sequence[Row]) -> None:
    """Add rows, or replace them. One that is there is never taken away: a clock that is not judged any more is void."""
    upsert(connection, tables.verdicts, [msgspec.structs.astuple(row) for row in rows])


def forget(connection: Connection, incident: bytes) -> None:
    """Remove those of an incident, to be written anew."""
    execute(connection, "DELETE FROM verdicts WHERE incident = ?", (incident,))


def of_incidents(connection: Connection, incidents: Sequence[bytes]) -> dict[bytes, dict[Key, Row]]:
    """The verdicts of each of these incidents."""
    found: dict[bytes, dict[Key, Row]] = {incident: {} for incident in incidents}
    for row in query_in(
        connection,
        f"SELECT {_NAMES} FROM verdicts WHERE incident IN (?)",  # noqa: S608  our own names
        incidents,
    ):
        one = _read(row)
        found[one.incident][one.key] = one
    return found


def open_among(connection: Connection, incidents: Sequence[bytes]) -> list[bytes]:
    """Those of these incidents of which something is not determined yet."""
    rows = query_in(
        connection,
        "SELECT DISTINCT incident FROM verdicts WHERE result NOT IN ('met', 'missed') AND incident IN (?)",
        incidents,
    )
    return [bytes(incident) for (incident,) in rows]


def open_before(
    connection: Connection, chain: bytes, seq: int, low: int = 0, since_ms: int = -1
) -> list[bytes]:
    """Incidents of which something is not determined yet, among those that sets of a chain from `low` up to `seq` are
    about which came after a moment."""
    rows = query(
        connection,
        "SELECT DISTINCT v.incident FROM sets s JOIN verdicts v ON v.incident = s.entity"
        " WHERE s.chain = ? AND s.seq BETWEEN ? AND ? AND s.received_at_ms > ?"
        " AND v.result NOT IN ('met', 'missed')",
        (chain, low, seq, since_ms),
    )
    return sorted(bytes(incident) for (incident,) in rows)


def _read(row: Sequence[object]) -> Row:
    values = [bytes(value) if isinstance(value, memoryview) else value for value in row]
    values[-1] = bool(values[-1])
    return msgspec.convert(values, Row)
