"""What a station keeps for the centre: the sets that the centre has not ruled on (SPEC HB7).

Responsible for one row for each such set, from the moment it is kept until the centre's ruling on it is here, and for
the order in which they go up. Refuses to send anything and to decide what an answer means for the set itself.

Example: `waiting(connection, 200, 1 << 20)` is the next push; with the answers `handed(connection, told, now_ms)`.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import Row, execute, execute_in, insert, query, query_in
from sync import exchange
from sync.clock import MS_MAX
from sync.kept import Word


class Counts(msgspec.Struct, frozen=True):
    """How many sets wait to go up and when the oldest of them was received here, how many are durable at the centre
    and wait for its ruling, and how many it refused."""

    waiting: int
    oldest_ms: int | None
    handed: int
    refused: int


class Unsaid(msgspec.Struct, frozen=True):
    """A set that the station can give its word on and has not: its arrival number, and that word."""

    arrival_no: int
    word: Word


def add(connection: Connection, rows: Sequence[Row]) -> None:
    """Owe these sets to the centre: of each (arrival number, chain, seq, lane, since when it is kept here, how far the
    clock may have been off then), both in ms and None where the station has nothing to say of that.
    """
    insert(connection, tables.spool, [(*row[:4], None, None, *row[4:]) for row in rows])


def remove(connection: Connection, arrival_nos: Sequence[int]) -> None:
    """Owe these no longer: the centre ruled on them."""
    execute_in(connection, "DELETE FROM spool WHERE arrival_no IN (?)", arrival_nos)


def waiting(connection: Connection, sets: int, bytes_: int) -> list[tuple[int, bytes, bytes]]:
    """(arrival number, set id, envelope) of what goes up next: at most so many sets and bytes, but at least one if
    there is one.

    The station's own words on the others first (lane 2), then the priority lane, then chains in turn, so that nobody's
    long chain keeps the others back.
    """
    rows = query(
        connection,
        "SELECT t.arrival_no, s.set_id, s.envelope FROM (SELECT arrival_no, lane, turn FROM"
        " (SELECT arrival_no, lane,"
        " ROW_NUMBER() OVER (PARTITION BY lane, chain ORDER BY seq, arrival_no) AS turn"
        " FROM spool WHERE handed_at_ms IS NULL AND why IS NULL) o"
        " ORDER BY lane DESC, turn, arrival_no LIMIT ?) t"
        " JOIN sets s ON s.arrival_no = t.arrival_no"
        " ORDER BY t.lane DESC, t.turn, t.arrival_no",
        (sets,),
    )
    found: list[tuple[int, bytes, bytes]] = []
    for arrival_no, set_id, envelope in rows:
        bytes_ -= len(envelope)
        if bytes_ < 0 and found:
            break
        found.append((arrival_no, bytes(set_id), bytes(envelope)))
    return found


def unsaid(
    connection: Connection, arrival_nos: Sequence[int], own: bytes, before_ms: int = MS_MAX
) -> list[Unsaid]:
    """Which of these sets are not spoken of yet, as they came: those of the chain `own`, and of others those that came
    before a moment, in ms."""
    rows = query_in(
        connection,
        "SELECT o.arrival_no, s.set_id, s.chain, s.seq, o.kept_at_ms, o.unsure_ms FROM spool o"
        " JOIN sets s ON s.arrival_no = o.arrival_no"
        " WHERE o.kept_at_ms IS NOT NULL AND o.arrival_no IN (?)",
        sorted(arrival_nos),
    )
    return [
        Unsaid(arrival_no, Word(bytes(set_id), bytes(chain), seq, at_ms, unsure_ms))
        for arrival_no, set_id, chain, seq, at_ms, unsure_ms in rows
        if at_ms < before_ms or bytes(chain) == own
    ]


def unspoken(connection: Connection, most: int) -> list[int]:
    """The arrival numbers of those that the station can give its word on and has not, the first of them."""
    rows = query(
        connection,
        "SELECT arrival_no FROM spool WHERE kept_at_ms IS NOT NULL ORDER BY arrival_no LIMIT ?",
        (most,),
    )
    return [arrival_no for (arrival_no,) in rows]


def said(connection: Connection, arrival_nos: Sequence[int]) -> None:
    """The station has spoken of these."""
    sql = "UPDATE spool SET kept_at_ms = NULL, unsure_ms = NULL WHERE arrival_no IN (?)"
    execute_in(connection, sql, arrival_nos)


def numbers(connection: Connection, set_ids: Sequence[bytes]) -> list[int]:
    """The arrival numbers of those of these sets that are owed."""
    rows = query_in(
        connection,
        "SELECT o.arrival_no FROM spool o JOIN sets s ON s.arrival_no = o.arrival_no"
        " WHERE s.set_id IN (?)",
        list(set_ids),
    )
    return [arrival_no for (arrival_no,) in rows]


def by_hand(connection: Connection, lane: int, after_no: int, most: int) -> list[tuple[int, bytes]]:
    """(arrival number, envelope) of what of a lane is still to be ruled on at the centre, in the order in which it came
    here, after a number; nothing of what the centre refused.
    """
    rows = query(
        connection,
        "SELECT o.arrival_no, s.envelope FROM spool o JOIN sets s ON s.arrival_no = o.arrival_no"
        " WHERE o.lane = ? AND o.arrival_no > ? AND o.why IS NULL ORDER BY o.arrival_no LIMIT ?",
        (lane, after_no, most),
    )
    return [(arrival_no, bytes(envelope)) for arrival_no, envelope in rows]


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


def paid(connection: Connection, arrival_nos: Sequence[int], provisional_from: int) -> None:
    """Owe these no longer where the ruling that stands is the centre's, whose indices lie below this."""
    ruled = query_in(
        connection,
        f"SELECT arrival_no FROM sets WHERE idx < {provisional_from} AND arrival_no IN (?)",  # noqa: S608  a number of ours
        arrival_nos,
    )
    remove(connection, [arrival_no for (arrival_no,) in ruled])


def mend(connection: Connection, provisional_from: int) -> int:
    """Owe every set whose ruling is not the centre's, those from this index on, and no other; how many rows were wrong.
    What was owed to nobody has waited long, and takes the priority lane. What was refused goes up again: it may have
    been changed on its way, and its ruling be heard of nowhere else.
    """
    execute(connection, "UPDATE spool SET why = NULL WHERE why IS NOT NULL")
    wrong = query(
        connection,
        "SELECT arrival_no FROM spool WHERE arrival_no NOT IN (SELECT arrival_no FROM sets WHERE idx >= ?)",
        (provisional_from,),
    )
    remove(connection, [arrival_no for (arrival_no,) in wrong])
    unowed = query(
        connection,
        "SELECT arrival_no, chain, seq FROM sets WHERE idx >= ?"
        " AND arrival_no NOT IN (SELECT arrival_no FROM spool)",
        (provisional_from,),
    )
    add(connection, [(*row, 1, None, None) for row in unowed])
    return len(wrong) + len(unowed)


def owe_above(connection: Connection, chain: bytes, seq: int) -> int:
    """Owe once more what is kept of a chain above a place, whoever ruled on it, and what was refused there: it may have
    been changed on its way. Gives how many sets were thought to be there.
    """
    kept = query(
        connection,
        "SELECT s.arrival_no, s.chain, s.seq, o.arrival_no, o.handed_at_ms FROM sets s"
        " LEFT JOIN spool o ON o.arrival_no = s.arrival_no WHERE s.chain = ? AND s.seq > ?",
        (chain, seq),
    )
    unowed = [row for *row, owed, _handed_ms in kept if owed is None]
    handed = [row for *row, _owed, handed_ms in kept if handed_ms is not None]
    add(connection, [(*row, 1, None, None) for row in unowed])
    execute(
        connection,
        "UPDATE spool SET handed_at_ms = NULL, why = NULL WHERE chain = ? AND seq > ?",
        (chain, seq),
    )
    return len(unowed) + len(handed)


def by_chain(connection: Connection) -> dict[bytes, int]:
    """How many sets of each chain wait to go up, or for the centre's ruling."""
    rows = query(connection, "SELECT chain, COUNT(*) FROM spool GROUP BY chain")
    return {bytes(chain): many for chain, many in rows}


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
