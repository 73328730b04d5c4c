"""Evidence as received: who holds which sequence numbers, and what is known of one entity.

Responsible for finding stored sets by chain and seq and by entity. Refuses to decode them.

Example: `held(connection, chain, 3, 5)` gives `[(3, id, idx), (4, id, idx), (4, other_id, idx)]`
when seq 4 is a fork and 5 has not come.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store.rows import execute, query, query_in

# A chain with this many sets beyond a gap is remembered only up to here; `have` then simply lags
# until the gap closes and the rest is read again.
BEYOND_LIMIT = 10_000


class Evidence(msgspec.Struct, frozen=True):
    """One stored set with its ruling."""

    arrival_no: int
    received_at_ms: int
    envelope: bytes
    idx: int
    ruling: bytes


def held(connection: Connection, chain: bytes, low: int, high: int) -> list[tuple[int, bytes, int]]:
    """(seq, set id, ruling index) of the chain's sets from `low` to `high`, both included."""
    rows = query(
        connection,
        "SELECT seq, set_id, idx FROM sets WHERE chain = ? AND seq BETWEEN ? AND ?"
        " ORDER BY arrival_no",
        (chain, low, high),
    )
    return [(seq, bytes(set_id), idx) for seq, set_id, idx in rows]


def standing(connection: Connection, chain: bytes, seq: int, set_id: bytes) -> int | None:
    """The index of the ruling that stands on a set, None when the set is not held."""
    rows = query(
        connection,
        "SELECT idx FROM sets WHERE chain = ? AND seq = ? AND set_id = ?",
        (chain, seq, set_id),
    )
    return rows[0][0] if rows else None


def standing_of(connection: Connection, chain: bytes) -> list[int]:
    """The indices of the rulings that stand on the sets of a chain, ascending."""
    rows = query(connection, "SELECT idx FROM sets WHERE chain = ? ORDER BY idx", (chain,))
    return [idx for (idx,) in rows]


def beyond(connection: Connection, chain: bytes, have: int) -> list[tuple[int, bytes]]:
    """(seq, set id) of the sets held beyond `have`, least seq first, the first to come of a fork."""
    rows = query(
        connection,
        "SELECT seq, set_id FROM sets WHERE chain = ? AND seq > ? ORDER BY seq, arrival_no LIMIT ?",
        (chain, have, BEYOND_LIMIT),
    )
    return [(seq, bytes(set_id)) for seq, set_id in rows]


def evidence(connection: Connection, entity: bytes) -> list[Evidence]:
    """Every set of one entity with its ruling, in order of arrival."""
    return evidence_of(connection, [entity])[entity]


def evidence_of(connection: Connection, entities: Sequence[bytes]) -> dict[bytes, list[Evidence]]:
    """Every set of each of these entities with its ruling, in order of arrival."""
    rows = query_in(
        connection,
        "SELECT s.entity, s.arrival_no, s.received_at_ms, s.envelope, s.idx, r.bytes FROM sets s"
        " JOIN rulings r ON r.idx = s.idx WHERE s.entity IN (?) ORDER BY s.entity, s.arrival_no",
        entities,
    )
    found: dict[bytes, list[Evidence]] = {entity: [] for entity in entities}
    for entity, no, at, raw, idx, ruling in rows:
        found[bytes(entity)].append(Evidence(no, at, bytes(raw), idx, bytes(ruling)))
    return found


def envelope(connection: Connection, chain: bytes, seq: int, set_id: bytes) -> bytes:
    """The envelope of a set that is held."""
    rows = query(
        connection,
        "SELECT envelope FROM sets WHERE chain = ? AND seq = ? AND set_id = ?",
        (chain, seq, set_id),
    )
    raw: bytes = rows[0][0]
    return raw


def by_arrival(connection: Connection, arrival_no: int) -> Evidence:
    """One set with the ruling that stands."""
    [(no, at, raw, idx, ruling)] = query(
        connection,
        "SELECT s.arrival_no, s.received_at_ms, s.envelope, s.idx, r.bytes FROM sets s"
        " JOIN rulings r ON r.idx = s.idx WHERE s.arrival_no = ?",
        (arrival_no,),
    )
    return Evidence(no, at, bytes(raw), idx, bytes(ruling))


def received_since(connection: Connection, chain: bytes, since_ms: int) -> list[Evidence]:
    """The sets of a chain that came at or after a moment, in order of arrival."""
    rows = query(
        connection,
        "SELECT s.arrival_no, s.received_at_ms, s.envelope, s.idx, r.bytes FROM sets s"
        " JOIN rulings r ON r.idx = s.idx WHERE s.chain = ? AND s.received_at_ms >= ?"
        " ORDER BY s.arrival_no",
        (chain, since_ms),
    )
    return [Evidence(no, at, bytes(raw), idx, bytes(ruling)) for no, at, raw, idx, ruling in rows]


def arrived(connection: Connection, chain: bytes, seq: int, set_id: bytes) -> tuple[int, bytes]:
    """The arrival number and the envelope of a set that is held."""
    [(arrival_no, raw)] = query(
        connection,
        "SELECT arrival_no, envelope FROM sets WHERE chain = ? AND seq = ? AND set_id = ?",
        (chain, seq, set_id),
    )
    return arrival_no, bytes(raw)


def rule_again(
    connection: Connection, arrival_no: int, idx: int, envelope: bytes, entity: bytes | None
) -> None:
    """Let another ruling decide about a stored set, and these bytes stand for it."""
    execute(
        connection,
        "UPDATE sets SET idx = ?, envelope = ?, entity = ? WHERE arrival_no = ?",
        (idx, envelope, entity, arrival_no),
    )


def openings(connection: Connection, chains: Sequence[bytes]) -> dict[bytes, bytes]:
    """The stored first envelope of each chain that has one."""
    rows = query_in(
        connection,
        "SELECT chain, envelope FROM sets WHERE seq = 0 AND chain IN (?) ORDER BY arrival_no DESC",
        chains,
    )
    return {bytes(chain): bytes(envelope) for chain, envelope in rows}


def ruling(connection: Connection, idx: int) -> bytes | None:
    """The bytes of one ruling."""
    rows = query(connection, "SELECT bytes FROM rulings WHERE idx = ?", (idx,))
    return bytes(rows[0][0]) if rows else None


def rulings_at(connection: Connection, indices: Sequence[int]) -> list[tuple[int, int, bytes]]:
    """(index, ms, bytes) of those of these rulings that there are."""
    rows = query_in(connection, "SELECT idx, at_ms, bytes FROM rulings WHERE idx IN (?)", indices)
    return [(idx, at_ms, bytes(raw)) for idx, at_ms, raw in rows]


def tails(connection: Connection, chains: Sequence[bytes]) -> dict[bytes, bytes]:
    """The first ruling on the set at the contiguous end of each chain."""
    rows = query_in(
        connection,
        "SELECT h.chain, r.bytes FROM chain_heads h"
        " JOIN sets s ON s.chain = h.chain AND s.seq = h.have AND s.set_id = h.have_set"
        " JOIN rulings r ON r.idx = s.idx WHERE h.chain IN (?)",
        chains,
    )
    return {bytes(chain): bytes(raw) for chain, raw in rows}
