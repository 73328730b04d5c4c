"""The organisation as the `org` rulings leave it: people, stations, units and the rest.

Responsible for the rows and for one read-only picture of them all, the Directory, which is small
enough (some thousand rows) to be held whole. Refuses to know what a role may do.

A row is a map as the ruling carries it, ids as 16 raw bytes. People have `name`, `role`, `roles?`,
`station?`, `unit?`; stations `name`; units `name`, `station`; vehicles `name`, `unit?`, `station?`;
zones, policies and modes as SPEC PO; categories and results `code`, `zh`, `en`.

Example: `directory(connection).person(person_id).station`.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from server.store import log, tables
from server.store.rows import insert, query, upsert
from sync import rulings
from sync.incident.facts import Grant
from sync.incident.policy import PolicyBook

Row = dict[str, Any]

JUDGING: Final = frozenset({"policies", "zones", "modes"})
"""The rows that limits are made of."""


class Person(msgspec.Struct, frozen=True):
    """Someone who may act. `roles` holds `role` and any further ones."""

    id: bytes
    name: str
    role: str
    roles: tuple[str, ...]
    station: bytes | None
    unit: bytes | None


class Directory(msgspec.Struct, frozen=True, dict=True):
    """Everything the organisation is, by kind and id, as of ruling `idx`. `made`: the rulings of its policies."""

    idx: int
    rows: dict[str, dict[bytes, Row]]
    made: dict[bytes, int] = {}

    @cached_property
    def book(self) -> PolicyBook:
        """All policies, zones and modes (PO3)."""
        policies = ((at, self.made.get(at, 0), row) for at, row in self.of("policies").items())
        return PolicyBook(policies, self.of("zones").items(), self.of("modes").items())

    def person(self, person_id: bytes) -> Person | None:
        """The person of this id, None when removed or never known."""
        row = self.rows.get("people", {}).get(person_id)
        return None if row is None else person_of(person_id, row)

    def people(self) -> list[Person]:
        """Everyone."""
        return [person_of(at, row) for at, row in self.rows.get("people", {}).items()]

    def row(self, what: str, row_id: bytes) -> Row | None:
        """One row of any kind."""
        return self.rows.get(what, {}).get(row_id)

    def of(self, what: str) -> dict[bytes, Row]:
        """All rows of a kind by id."""
        return self.rows.get(what, {})

    def with_row(self, what: str, row_id: bytes, row: Row | None, idx: int) -> "Directory":
        """The same organisation after one more ruling."""
        kind = {key: value for key, value in self.of(what).items() if key != row_id}
        if row is not None:
            kind[row_id] = row
        made = self.made | {row_id: idx} if what == "policies" else self.made
        changed = Directory(idx, {**self.rows, what: kind}, made)
        if what not in JUDGING and "book" in self.__dict__:
            changed.__dict__["book"] = (
                self.book
            )  # made of other rows: a new person changes no limit
        return changed

    def station_of(self, kind: str, target_id: bytes) -> bytes | None:
        """The station an order's target (`unit`, `person`, `vehicle`) belongs to."""
        what = {"unit": "units", "person": "people", "vehicle": "vehicles"}.get(kind)
        row = self.row(what, target_id) if what else None
        if row is None:
            return None
        station: bytes | None = row.get("station")
        if station is None and row.get("unit") is not None:
            unit = self.row("units", row["unit"])
            station = unit.get("station") if unit else None
        return station


def person_of(person_id: bytes, row: Row) -> Person:
    """A person from an org row."""
    grant = grant_of(row)
    return Person(
        id=person_id,
        name=row["name"],
        role=row["role"],
        roles=grant.roles,
        station=grant.station,
        unit=row.get("unit"),
    )


def directory(connection: Connection) -> Directory:
    """The organisation as it stands in the database, as of the newest ruling there."""
    rows: dict[str, dict[bytes, Row]] = {}
    made: dict[bytes, int] = {}
    for what, row_id, idx, raw in query(
        connection, "SELECT what, id, idx, bytes FROM org_rows ORDER BY what, id"
    ):
        rows.setdefault(what, {})[bytes(row_id)] = msgspec.msgpack.decode(raw)
        if what == "policies":
            made[bytes(row_id)] = idx
    return Directory(log.read(connection).idx, rows, made)


def history(connection: Connection, person: bytes) -> list[tuple[int, Grant]]:
    """What a person was granted by the log, as (ms from when, what), oldest first; removed means nothing (AU4)."""
    rows = query(
        connection,
        "SELECT r.at_ms, r.bytes FROM grants g JOIN rulings r ON r.idx = g.idx"
        " WHERE g.person = ? ORDER BY g.idx",
        (person,),
    )
    return [
        (at_ms, grant_of(rulings.read_ruling(bytes(raw)).payload["row"])) for at_ms, raw in rows
    ]


def grant_of(row: Row | None) -> Grant:
    """What a row of a person grants; None is a person removed."""
    if row is None:
        return Grant()
    return Grant(tuple(dict.fromkeys([row["role"], *row.get("roles", [])])), row.get("station"))


def save(connection: Connection, changes: list[tuple[str, bytes, int, bytes | None]]) -> None:
    """Apply (what, id, ruling index, canonical row or None for removed); the last of a row wins."""
    insert(
        connection,
        tables.grants,
        [(row_id, idx) for what, row_id, idx, _raw in changes if what == "people"],
    )
    last = {(what, row_id): (idx, raw) for what, row_id, idx, raw in changes}
    upsert(
        connection,
        tables.org_rows,
        [(*key, idx, raw) for key, (idx, raw) in last.items() if raw is not None],
    )
    forget(connection, [key for key, (_idx, raw) in last.items() if raw is None])


def forget(connection: Connection, gone: Iterable[tuple[str, bytes]]) -> None:
    """Remove these rows: (what, id)."""
    for what, row_id in gone:
        statement = tables.org_rows.delete().where(
            tables.org_rows.c.what == what, tables.org_rows.c.id == row_id
        )
        connection.execute(statement)
