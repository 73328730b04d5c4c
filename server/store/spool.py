"""What a station keeps for the centre: the sets that the centre has not ruled on (SPEC HB7).

Responsible for one row for each such set, from the moment it is kept until the centre's ruling on it is here, and for
the order in which they go up. Refuses to send anything and to decide what an answer means for the set itself.

Example: `waiting(connection, 200, 1 << 20)` is the next push; with the answers `handed(connection, told, now_ms)`.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import Row, execute, execute_in, insert, query
from sync import exchange


class Counts(msgspec.Struct, frozen=True):
    """How many sets wait to go up and when the oldest of them was received here, how many are durable at the centre
    and wait for its ruling, and how many it refused."""

    waiting: int
    oldest_ms: int | None
    handed: int
    refused: int


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Owe these sets to the centre: (arrival number, chain, seq, lane) of each."""
    insert(connection, tables.spool, [(*row, None, None) for row in rows])


def remove(connection: Connection, arrival_nos: Sequence[int]) -> None:
    """Owe these no longer: the centre ruled on them."""
    execute_in(connection, "DELETE FROM spool WHERE arrival_no IN (?)", arrival_nos)


def waiting(connection: Connection, sets: int, bytes_: int) -> list[tuple[int, bytes, bytes]]:
    """(arrival number, set id, envelope) of what goes up next: at most so many sets and bytes, but at least one if
    there is one.

    The priority lane first, then chains in turn, so that nobody's long chain keeps the others back.
    """
    rows = query(
        connection,
        "SELECT t.arrival_no, s.set_id, s.envelope FROM (SELECT arrival_no, lane,"
        " ROW_NUMBER() OVER (PARTITION BY lane, chain ORDER BY seq, arrival_no) AS turn"
        " FROM spool WHERE handed_at_ms IS NULL AND why IS NULL) t"
        " JOIN sets s ON s.arrival_no = t.arrival_no"
        " ORDER BY t.lane DESC, t.turn, t.arrival_no LIMIT ?",
        (sets,),
    )
    found: list[tuple[int, bytes, bytes]] = []
    for arrival_no, set_id, envelope in rows:
        bytes_ -= len(envelope)
        if bytes_ < 0 and found:
            break
        found.append((arrival_no, bytes(set_id), bytes(envelope)))
    return found


def handed(connection: Connection, told: Sequence[tuple[int, str, str | None]], at_ms: int) -> None:
    """Note what the centre answered: (arrival number, result, why) of each. What it keeps waits for its ruling; what
    it refuses stays here with the reason."""
    for arrival_no, result, why in told:
        refused = None if result in exchange.DURABLE else why or result
        execute(
            connection,
            "UPDATE spool SET handed_at_ms = ?, why = ? WHERE arrival_no = ?",
            (at_ms if refused is None else None, refused, arrival_no),
        )


def again(connection: Connection, before_ms: int) -> None:
    """Owe once more what was handed up before a moment and never ruled on."""
    execute(connection, "UPDATE spool SET handed_at_ms = NULL WHERE handed_at_ms < ?", (before_ms,))


def refused(connection: Connection, limit: int) -> list[tuple[bytes, int, str]]:
    """(chain, seq, reason) of what the centre would not have, in the order in which it came here."""
    rows = query(
        connection,
        "SELECT chain, seq, why FROM spool WHERE why IS NOT NULL ORDER BY arrival_no LIMIT ?",
        (limit,),
    )
    return [(bytes(chain), seq, why) for chain, seq, why in rows]


def counts(connection: Connection) -> Counts:
    """How much is owed, and since when."""
    [[waits, handed_up, refused]] = query(
        connection,
        "SELECT COUNT(CASE WHEN handed_at_ms IS NULL AND why IS NULL THEN 1 END),"
        " COUNT(handed_at_ms), COUNT(why) FROM spool",
    )
    [[oldest_ms]] = query(
        connection,
        "SELECT MIN(s.received_at_ms) FROM spool o JOIN sets s ON s.arrival_no = o.arrival_no"
        " WHERE o.handed_at_ms IS NULL AND o.why IS NULL",
    )
    return Counts(waits, oldest_ms, handed_up, refused)
