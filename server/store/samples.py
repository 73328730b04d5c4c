"""Samples of devices' clocks as they stand in chains, by session and reading (TM3).

Responsible for finding those that speak of a stretch of one monotonic clock. Refuses to know what they prove.

Example: `between(connection, chain, session, 0, 60_000)` gives the samples of the session's first minute.
"""

from sqlalchemy import Connection

from server.store import tables
from server.store.rows import Row, execute, query, upsert
from sync.time import Observed

# More than a busy day has; a session with more of them in one stretch is judged by the first.
SAMPLES_LIMIT = 2_000
NAMES = ", ".join(column.name for column in tables.clock_samples.columns)


def write(connection: Connection, rows: list[Row]) -> None:
    """Add samples, in the column order of their table."""
    upsert(connection, tables.clock_samples, rows)


def of_chain(connection: Connection, chain: bytes) -> list[Row]:
    """Every sample of a chain, as rows."""
    found = query(connection, f"SELECT {NAMES} FROM clock_samples WHERE chain = ?", (chain,))  # noqa: S608  our own names
    return [(bytes(chain), bytes(session), *rest) for chain, session, *rest in found]


def forget(connection: Connection, chain: bytes, seq: int | None = None) -> None:
    """Remove those of a chain, or of its set at one place, to be written anew."""
    if seq is None:
        execute(connection, "DELETE FROM clock_samples WHERE chain = ?", (chain,))
    else:
        execute(connection, "DELETE FROM clock_samples WHERE chain = ? AND seq = ?", (chain, seq))


def between(
    connection: Connection, chain: bytes, session: bytes, low_m: int, high_m: int
) -> list[tuple[int, Observed]]:
    """(receipt, sample) of those taken between two readings, both included, earliest first."""
    rows = query(
        connection,
        "SELECT received_at_ms, seq, m, lo_ms, hi_ms, wall_ms, n, fell, gap FROM clock_samples"
        " WHERE chain = ? AND session = ? AND m BETWEEN ? AND ? ORDER BY m LIMIT ?",
        (chain, session, low_m, high_m, SAMPLES_LIMIT),
    )
    return [(received_at_ms, Observed(*rest)) for received_at_ms, *rest in rows]


def newest_before(connection: Connection, chain: bytes, session: bytes, seq: int) -> int | None:
    """The reading of the newest sample that stands in an earlier set of the chain."""
    [(m,)] = query(
        connection,
        "SELECT MAX(m) FROM clock_samples WHERE chain = ? AND session = ? AND seq < ?",
        (chain, session, seq),
    )
    reading: int | None = m
    return reading
