"""Words of stations on when they had sets, as they stand in their chains (TM13).

Responsible for finding those about a set or a stretch of a chain. Refuses to know which of them count.

Example: `on_sets(connection, [set_id])` gives every word on that set, whoever gave it.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import Row, execute, query, query_in, upsert

NAMES = ", ".join(column.name for column in tables.kept_words.columns)


class Said(Struct, frozen=True, array_like=True):
    """One word, in the column order of its table: the station's chain `hub` says in its set `hub_seq` that it had set
    `set_id`, at `seq` of `chain`, at `at_ms` give or take `unsure_ms`. `received_at_ms`: when the word was."""

    set_id: bytes
    hub: bytes
    hub_seq: int
    chain: bytes
    seq: int
    at_ms: int
    unsure_ms: int
    received_at_ms: int

    @property
    def until_ms(self) -> int:
        """The set was there at this true time at the latest."""
        return self.at_ms + self.unsure_ms

    @property
    def is_own(self) -> bool:
        """Whether a station speaks of what it wrote itself."""
        return self.hub == self.chain


def write(connection: Connection, rows: list[Row]) -> None:
    """Add words, in the column order of their table."""
    upsert(connection, tables.kept_words, rows)


def of_hub(connection: Connection, hub: bytes) -> list[Row]:
    """Every word that a chain gives, as rows."""
    found = query(connection, f"SELECT {NAMES} FROM kept_words WHERE hub = ?", (hub,))  # noqa: S608  our own names
    return [_row(one) for one in found]


def forget(connection: Connection, hub: bytes, seq: int | None = None) -> None:
    """Remove those of a chain, or of its set at one place, to be written anew."""
    if seq is None:
        execute(connection, "DELETE FROM kept_words WHERE hub = ?", (hub,))
    else:
        execute(connection, "DELETE FROM kept_words WHERE hub = ? AND hub_seq = ?", (hub, seq))


def on_sets(connection: Connection, set_ids: Sequence[bytes]) -> list[Said]:
    """Every word on any of these sets."""
    found = query_in(
        connection,
        f"SELECT {NAMES} FROM kept_words WHERE set_id IN (?)",  # noqa: S608  our own names
        list(set_ids),
    )
    return [Said(*_row(one)) for one in found]


def on_chain(
    connection: Connection, chain: bytes, low: int, high: int, before_ms: int
) -> list[Said]:
    """The words on sets of a chain from seq `low` on which say that they were there before a moment; and those of the
    chain itself up to seq `high`. By seq."""
    found = query(
        connection,
        f"SELECT {NAMES} FROM kept_words WHERE chain = ? AND seq >= ?"  # noqa: S608  our own names
        " AND (at_ms + unsure_ms < ? OR (hub = chain AND seq <= ?)) ORDER BY seq",
        (chain, low, before_ms, high),
    )
    return [Said(*_row(one)) for one in found]


def _row(found: Row) -> Row:
    set_id, hub, hub_seq, chain, *rest = found
    return bytes(set_id), bytes(hub), hub_seq, bytes(chain), *rest
