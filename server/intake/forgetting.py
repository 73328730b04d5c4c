"""What a station has no more business with, and deletes (SPEC HB14).

Responsible for the statements that take sets and whole months out of a station's tables: what others said of an
incident that has left the township, what roaming phones left here, and months older than the station keeps. Refuses to
touch what the centre has not ruled on, and to know when it is time.

What is deleted stays in no freed page (`secure_delete`); whoever calls has the write-ahead log cleaned too (`ERASE`).

Example: `close_months(connection, station, "2025-11")` empties the months before that November in which nothing is
open, and `forget(connection, station, desk, directory, before_ms)` then deletes the sets that nothing lists any more.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from server.intake.places import month_before, month_of
from server.store import samples, scopes
from server.store.people import Directory
from server.store.rows import execute, execute_in, query, query_in
from server.store.scopes import HUB
from sync.rulings import PROVISIONAL_FROM

ROWS_OF: Final = (
    ("incidents", "id"),
    ("orders", "incident"),
    ("deadlines", "incident"),
    ("nudges", "incident"),
    ("incident_scopes", "incident"),
    ("timers", "entity"),
    ("verdicts", "incident"),
)
"""Where an incident has rows, and the column that names it."""

_UNLISTED: Final = (
    "SELECT s.arrival_no, s.entity, s.chain FROM sets s JOIN rulings r ON r.idx = s.idx"  # noqa: S608  our own words
    " LEFT JOIN spool o ON o.arrival_no = s.arrival_no"
    f" WHERE s.idx < {PROVISIONAL_FROM} AND o.arrival_no IS NULL AND s.arrival_no NOT IN"
    " (SELECT e.arrival_no FROM scope_entries e JOIN scopes c ON c.id = e.scope"
    f" WHERE e.arrival_no IS NOT NULL AND c.name NOT LIKE '{HUB}%')"
)
"""Sets that the centre has ruled on, and that no scope of its own lists here with its set."""
_TOLD: Final = "('set', 'review', 'redact', 'ask', 'scope', 'verdict', 'snapshot')"
"""Kinds of rulings that nobody needs whom no scope, no set and no incident leads to them."""


def first_month(now_ms: int, months: int) -> str:
    """The oldest of so many whole months before this one: `yyyy-mm`."""
    month = month_of(now_ms)
    for _ in range(months):
        month = month_before(month)
    return month


def is_past(name: str, station: bytes, first: str) -> bool:
    """Whether a scope is a month of this station before the first that it keeps."""
    family = f"station:{station.hex()}:"
    return name.startswith(family) and name.removeprefix(family) < first


def own_chains(directory: Directory, station: bytes | None) -> set[bytes]:
    """The chains of a station's people, and its own: the centre tells it what becomes of what stands there."""
    return {
        chain
        for chain, row in directory.of("devices").items()
        if row.get("station") == station
        or (row.get("person") and directory.station_of("person", row["person"]) == station)
    }


def words_of_others(
    connection: Connection, entities: Sequence[bytes], station: bytes | None, directory: Directory
) -> None:
    """Delete what is stored of incidents and no scope lists with its set any more, but for what is owed to the
    centre, and what this township's own people wrote: of that alone it would be told that words were taken away.
    """
    rows = query_in(connection, f"{_UNLISTED} AND s.entity IN (?)", entities)
    mine = own_chains(directory, station)
    _delete_sets(connection, [no for no, _entity, chain in rows if bytes(chain) not in mine])


def close_months(connection: Connection, station: bytes, first: str) -> list[bytes]:
    """Delete the months of a station before `first`, with all rows of what stands in them: those in which nothing is
    open and nothing is owed to the centre. Gives the incidents.
    """
    gone: list[bytes] = []
    for name in scopes.beginning(connection, f"station:{station.hex()}:"):
        if not is_past(name, station, first):
            continue
        scope = scopes.by_name(connection, [name])[name]
        in_it = "SELECT incident FROM incident_scopes WHERE scope = ?"
        is_needed = query(
            connection,
            f"SELECT 1 FROM incidents WHERE id IN ({in_it}) AND ended_at_ms IS NULL UNION ALL"  # noqa: S608  our own words
            f" SELECT 1 FROM spool o JOIN sets s ON s.arrival_no = o.arrival_no WHERE s.entity IN ({in_it})",
            (scope.id, scope.id),
        )
        if is_needed:
            continue
        incidents = [bytes(one) for (one,) in query(connection, in_it, (scope.id,))]
        for table, column in ROWS_OF:
            execute_in(connection, f"DELETE FROM {table} WHERE {column} IN (?)", incidents)  # noqa: S608  our own names
        beside = "SELECT id FROM scopes WHERE name = ? OR name LIKE ?"
        names = (name, f"{HUB}%:{name}")
        execute(connection, f"DELETE FROM scope_entries WHERE scope IN ({beside})", names)  # noqa: S608  our own words
        execute(connection, "DELETE FROM scopes WHERE name = ? OR name LIKE ?", names)
        gone += incidents
    return gone


def forget(
    connection: Connection, station: bytes, desk: bytes, directory: Directory, before_ms: int
) -> set[bytes]:
    """Delete sets that the centre has ruled on before a moment and that belong to nothing here: of incidents that stand
    in no month of this station, and of other stations' chains about themselves; but not the newest of the chain `desk`,
    which goes on from there. Gives what they were about.
    """
    rows = query(
        connection,
        f"{_UNLISTED} AND r.at_ms <= ? AND (s.chain <> ? OR s.seq <"  # noqa: S608  our own words
        " (SELECT top FROM chain_heads WHERE chain = s.chain)) AND (s.entity IS NULL OR s.entity NOT IN"
        " (SELECT i.incident FROM incident_scopes i JOIN scopes c ON c.id = i.scope WHERE c.name LIKE ?))",
        (before_ms, desk, f"station:{station.hex()}:%"),
    )
    mine = own_chains(directory, station)
    foreign = [
        (no, entity and bytes(entity))
        for no, entity, chain in rows
        if bytes(chain) not in mine or entity not in (None, chain)
    ]
    _delete_sets(connection, [no for no, _entity in foreign])
    return {entity for _no, entity in foreign if entity is not None}


def sweep(connection: Connection, about: Iterable[bytes]) -> None:
    """Delete what is left of incidents and chains of which no set is here any more, and the rulings that nothing leads
    to: what a month lists stays, so that its head holds.
    """
    here = {
        bytes(one)
        for (one,) in query_in(
            connection, "SELECT DISTINCT entity FROM sets WHERE entity IN (?)", list(about)
        )
    }
    gone = [entity for entity in about if entity not in here]
    execute_in(
        connection,
        "DELETE FROM entity_rulings WHERE entity IN (?) AND idx NOT IN (SELECT idx FROM scope_entries)",
        gone,
    )
    execute_in(connection, "DELETE FROM incident_scopes WHERE incident IN (?)", gone)
    for chain in gone:
        samples.forget(connection, chain)
    execute(
        connection,
        f"DELETE FROM rulings WHERE kind IN {_TOLD} AND idx NOT IN (SELECT idx FROM scope_entries)"  # noqa: S608  our own words
        " AND idx NOT IN (SELECT idx FROM sets) AND idx NOT IN (SELECT idx FROM entity_rulings)",
    )


def _delete_sets(connection: Connection, arrival_nos: Sequence[int]) -> None:
    execute_in(connection, "DELETE FROM sets WHERE arrival_no IN (?)", arrival_nos)
