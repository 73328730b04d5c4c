"""Scopes: dense lists of rulings that a device may follow (SC).

Responsible for where each scope stands and for pages of its entries as stored bytes. Refuses to
know who may follow which.

Example: `page(connection, scope_id, after=40, budget_bytes=65_536)` gives entries 41, 42, ...
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, update

from server.store import tables
from server.store.rows import execute, query, query_in
from sync.rulings import PROVISIONAL_FROM, is_provisional

PAGE_ROWS = 1_000
FIRST_EPOCH = 1
ENTRY_OVERHEAD_BYTES = 12
ORG = "org"
HUB = "hub:"
"""How the names of a station's own scopes begin (HB3)."""
_THOUGHT = f"FROM scope_entries WHERE idx >= {PROVISIONAL_FROM}"
"""Where the index of what is provisional helps."""


class Scope(msgspec.Struct):
    """Where a scope stands: `n` entries, the rolling head after the last."""

    id: int
    name: str
    epoch: int
    n: int
    head: bytes


class Entry(NamedTuple):
    """One entry: its place, its ruling, the envelope of the set it rules, and the head here."""

    n: int
    ruling: bytes
    envelope: bytes | None
    head: bytes


def unborn(connection: Connection, name: str) -> Scope:
    """A scope nothing was listed in yet: of the epoch that all began with when the log last began anew. Those of a
    station's own know only one.
    """
    [[epoch]] = query(
        connection, "SELECT COALESCE(MAX(epoch), ?) FROM scopes WHERE name = ?", (FIRST_EPOCH, ORG)
    )
    return Scope(0, name, FIRST_EPOCH if name.startswith(HUB) else epoch, 0, bytes(16))


def hub_scope(server: bytes, name: str) -> str:
    """A station's own scope beside one of the centre's (HB3)."""
    return f"{HUB}{server.hex()}:{name}"


def by_name(connection: Connection, names: Iterable[str]) -> dict[str, Scope]:
    """The scopes of these names that exist."""
    rows = query_in(
        connection, "SELECT id, name, epoch, n, head FROM scopes WHERE name IN (?)", list(names)
    )
    return {name: Scope(at, name, epoch, n, bytes(head)) for at, name, epoch, n, head in rows}


def family_of(name: str) -> str:
    """What all months of a station share, and what a station lists beside them; other scopes stand for themselves.

    >>> family_of("station:5e:2026-11"), family_of("hub:77:station:5e:2026-11"), family_of("org")
    ('station:5e', 'hub:77:station:5e', 'org')
    """
    head, _, last = name.rpartition(":")
    return head if len(last) == len("yyyy-mm") else name


def places(connection: Connection, families: Collection[str]) -> dict[str, int]:
    """How many entries each scope of these families has; those without any are left out."""
    rows = query(connection, "SELECT name, n FROM scopes")
    return {name: n for name, n in rows if family_of(name) in families}


def moved_since(connection: Connection, prefix: str, since_ms: int) -> list[str]:
    """Names with this beginning whose newest entry is not older, that of the newest entry first."""
    rows = query(
        connection,
        "SELECT s.name FROM scopes s JOIN scope_entries e ON e.scope = s.id AND e.n = s.n"
        " JOIN rulings r ON r.idx = e.idx WHERE s.name LIKE ? AND r.at_ms >= ? ORDER BY r.idx DESC",
        (prefix + "%", since_ms),
    )
    return [name for (name,) in rows]


def beginning(connection: Connection, prefix: str) -> list[str]:
    """Names with this beginning, the newest scope first."""
    rows = query(
        connection, "SELECT name FROM scopes WHERE name LIKE ? ORDER BY id DESC", (prefix + "%",)
    )
    return [name for (name,) in rows]


def newest_id(connection: Connection) -> int:
    """The greatest scope id given out, 0 at first."""
    return int(query(connection, "SELECT COALESCE(MAX(id), 0) FROM scopes")[0][0])


def of_incident(connection: Connection, incident: bytes) -> list[str]:
    """Names of the scopes an incident stands in, its home first."""
    return of_incidents(connection, [incident])[incident]


def of_incidents(connection: Connection, incidents: Sequence[bytes]) -> dict[bytes, list[str]]:
    """Names of the scopes each of these incidents stands in, its home first."""
    rows = query_in(
        connection,
        "SELECT i.incident, s.name FROM incident_scopes i JOIN scopes s ON s.id = i.scope"
        " WHERE i.incident IN (?) ORDER BY i.incident, i.place",
        incidents,
    )
    found: dict[bytes, list[str]] = {incident: [] for incident in incidents}
    for incident, name in rows:
        found[bytes(incident)].append(name)
    return found


def begin_anew(connection: Connection, at_ms: int) -> None:
    """Give every scope an epoch that none had before: whoever follows one reads it from the start (EX5).

    It follows from the time, because a copy that was put back does not know what was given out since it was made.
    """
    [[newest]] = query(connection, "SELECT COALESCE(MAX(epoch), 0) FROM scopes")
    connection.execute(update(tables.scopes).values(epoch=max(newest + 1, at_ms)))


def page(connection: Connection, scope_id: int, after: int, budget_bytes: int) -> list[Entry]:
    """Entries after place `after`, as many as fit the budget but at least one if there is one."""
    entries: list[Entry] = []
    while budget_bytes > 0:
        limit = min(PAGE_ROWS, budget_bytes // 256 + 1)
        rows = query(
            connection,
            "SELECT e.n, r.bytes, s.envelope, e.head FROM scope_entries e"
            " JOIN rulings r ON r.idx = e.idx LEFT JOIN sets s ON s.arrival_no = e.arrival_no"
            " WHERE e.scope = ? AND e.n > ? ORDER BY e.n LIMIT ?",
            (scope_id, after, limit),
        )
        for row in rows:
            entry = Entry._make(row)
            budget_bytes -= len(entry.ruling) + len(entry.envelope or b"") + ENTRY_OVERHEAD_BYTES
            if budget_bytes < 0 and entries:
                return entries
            entries.append(entry)
        if len(rows) < limit:
            break
        after = entries[-1].n
    return entries


def bare(connection: Connection, scope: int, entity: bytes, n: int) -> None:
    """Let a scope list what it lists about an entity up to place `n` without its sets (SC6)."""
    execute(
        connection,
        "UPDATE scope_entries SET arrival_no = NULL WHERE scope = ? AND n <= ?"
        " AND arrival_no IN (SELECT arrival_no FROM sets WHERE entity = ?)",
        (scope, n, entity),
    )


def head_at(connection: Connection, scope_id: int, n: int) -> bytes | None:
    """The rolling head after entry `n`."""
    rows = query(
        connection, "SELECT head FROM scope_entries WHERE scope = ? AND n = ?", (scope_id, n)
    )
    return bytes(rows[0][0]) if rows else None


def listed(connection: Connection, scope: int, among: Sequence[tuple[int, int]]) -> set[int]:
    """Which rulings on these sets, each (index of a ruling, arrival number), a scope lists with their sets. Of
    provisional ones a station's scopes are full, so these are found without reading the scope.
    """
    thought = [no for idx, no in among if is_provisional(idx)]
    ruled = [no for idx, no in among if not is_provisional(idx)]
    told = query_in(connection, f"SELECT scope, idx {_THOUGHT} AND arrival_no IN (?)", thought)
    of_centre = query_in(
        connection,
        f"SELECT scope, idx FROM scope_entries WHERE scope = {scope:d} AND arrival_no IN (?)",  # noqa: S608  our own number
        ruled,
    )
    return {idx for at, idx in (*told, *of_centre) if at == scope}


def thought_in(connection: Connection, arrival_no: int) -> list[str]:
    """Names of a station's own scopes in which it listed what it thinks of a set."""
    rows = query(
        connection,
        f"SELECT name FROM scopes WHERE id IN (SELECT scope {_THOUGHT} AND arrival_no = ?) ORDER BY id",  # noqa: S608  our own words
        (arrival_no,),
    )
    return [name for (name,) in rows]


def verdicts(connection: Connection, scope: int) -> list[tuple[int, bytes]]:
    """(index, bytes) of the verdicts that a scope lists, in its order."""
    rows = query(
        connection,
        "SELECT r.idx, r.bytes FROM scope_entries s JOIN rulings r ON r.idx = s.idx"
        " WHERE s.scope = ? AND r.kind = 'verdict' ORDER BY s.n",
        (scope,),
    )
    return [(idx, bytes(raw)) for idx, raw in rows]
