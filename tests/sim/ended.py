"""What a world holds when it has come to rest, read past all product code that could be wrong in the same way.

Responsible for the raw rows of the centre and the storage of every phone, and for small questions about them. Refuses
to judge.

Example: `ended.standing(set_id)` is the newest ruling that decides about a set.
"""

import gzip
from collections import defaultdict
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import Connection

from sync import changeset, fold, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.incident.state import IncidentState
from sync.rulings import Ruling
from tests.sim.phone import Stored
from tests.sim.scene import Scene


class Held(msgspec.Struct, frozen=True):
    """One stored set."""

    arrival_no: int
    id: bytes
    chain: bytes
    seq: int
    idx: int
    received_at_ms: int
    envelope: bytes

    @property
    def change(self) -> ChangeSet | None:
        """The set as read; None for one of a newer version."""
        read = changeset.read(self.envelope)
        return read if isinstance(read, ChangeSet) else None


class Line(msgspec.Struct, frozen=True):
    """One entry of a scope."""

    n: int
    idx: int
    head: bytes
    is_bare: bool  # served without the set that it decides about


class ScopeState(msgspec.Struct, frozen=True):
    """One scope."""

    epoch: int
    n: int
    head: bytes
    lines: list[Line]


class Key(msgspec.Struct, frozen=True):
    """An enrolled device: its key, whose it is (a person's, a station's desks', or the centre's), since when and until
    when."""

    alg: str
    pub: bytes
    person: bytes | None
    station: bytes | None
    enrolled_at_ms: int
    revoked_at_ms: int | None


class Ended:
    """The whole world, read once."""

    def __init__(self, world: Scene) -> None:
        self.world = world
        self.oracle = world.oracle
        self.stored: dict[str, Stored] = {phone.name: phone.stored() for phone in world.phones}
        world.storage.look(self._read)

    def _read(self, connection: Connection) -> None:
        def rows(sql: str) -> list[Any]:
            return list(connection.exec_driver_sql(sql).fetchall())

        self.raw_rulings: list[bytes] = [
            bytes(raw) for (raw,) in rows("SELECT bytes FROM rulings ORDER BY idx")
        ]
        self.sets = [
            Held(no, bytes(at), bytes(chain), seq, idx, ms, bytes(raw))
            for no, at, chain, seq, idx, ms, raw in rows(
                "SELECT arrival_no, set_id, chain, seq, idx, received_at_ms, envelope FROM sets"
                " ORDER BY arrival_no"
            )
        ]
        lines: dict[int, list[Line]] = defaultdict(list)
        for scope, n, idx, head, no in rows(
            "SELECT scope, n, idx, head, arrival_no FROM scope_entries ORDER BY scope, n"
        ):
            lines[scope].append(Line(n, idx, bytes(head), no is None))
        self.scopes = {
            name: ScopeState(epoch, n, bytes(head), lines[at])
            for at, name, epoch, n, head in rows("SELECT id, name, epoch, n, head FROM scopes")
        }
        self.snapshots = [
            (name, n, gzip.decompress(packed))
            for name, n, packed in rows(
                "SELECT s.name, p.n, p.packed FROM snapshots p JOIN scopes s ON s.id = p.scope"
            )
        ]
        self.keys = {
            bytes(chain): Key(
                alg,
                bytes(pub),
                None if person is None else bytes(person),
                None if station is None else bytes(station),
                since,
                until,
            )
            for chain, alg, pub, person, station, since, until in rows(
                "SELECT chain, alg, pub, person, station, enrolled_at_ms, revoked_at_ms FROM devices"
            )
        }

    @cached_property
    def rulings(self) -> list[Ruling]:
        """The log."""
        return [rulings.read_ruling(raw) for raw in self.raw_rulings]

    @cached_property
    def by_id(self) -> dict[bytes, Held]:
        """Stored sets by the id that follows from their header."""
        return {held.id: held for held in self.sets}

    @cached_property
    def incidents(self) -> dict[bytes, IncidentState]:
        """Every incident, folded here from the evidence and its standing rulings."""
        states: dict[bytes, IncidentState] = {}
        for held in self.sets:
            change, ruling = held.change, self.standing(held.id)
            entity = ruling.payload["e"]
            if change is None or entity is None or entity == held.chain:
                continue
            if change.body is not None and change.body.kind != KIND_INCIDENT:
                continue
            state = states.setdefault(entity, IncidentState(entity))
            state.add(fold.items_of(change, ruling))
        return states

    @cached_property
    def _decisions(self) -> dict[bytes, list[Ruling]]:
        found: dict[bytes, list[Ruling]] = defaultdict(list)
        for ruling in self.rulings:
            if ruling.kind in rulings.DECIDING and "set" in ruling.payload:
                found[ruling.payload["set"]].append(ruling)
        return found

    def first(self, set_id: bytes) -> Ruling:
        """The ruling of admission."""
        return self._decisions[set_id][0]

    def standing(self, set_id: bytes) -> Ruling:
        """The newest ruling that decides about a set."""
        return self._decisions[set_id][-1]

    def was_reviewed(self, set_id: bytes) -> bool:
        """Whether a person decided about a set, whatever became of its words since."""
        said = self._decisions[set_id]
        return any(one.kind == rulings.KIND_REVIEW and one.payload["by"] for one in said)

    @cached_property
    def redacted(self) -> set[bytes]:
        """Sets whose words were taken away."""
        return {
            set_id
            for set_id, said in self._decisions.items()
            if any(ruling.kind == rulings.KIND_REDACT for ruling in said)
        }

    def published(self, scope: str) -> dict[int, bytes]:
        """Hashes of the snapshots that were ever published of a scope, by their place."""
        return {
            ruling.payload["n"]: ruling.payload["hash"]
            for ruling in self.rulings
            if ruling.kind == rulings.KIND_SNAPSHOT and ruling.payload["scope"] == scope
        }

    def entries(self, scope: str) -> list[tuple[Ruling, ChangeSet | None]]:
        """The entries of a scope as whoever pulls it now would get them."""
        found: list[tuple[Ruling, ChangeSet | None]] = []
        for line in self.scopes[scope].lines:
            ruling = self.rulings[line.idx - 1]
            held = None if line.is_bare else self.by_id[ruling.payload["set"]]
            found.append((ruling, held.change if held is not None else None))
        return found

    def stands_in(self, scope: str) -> set[bytes]:
        """The incidents that a scope tells of, by its lines: not those that have left it since (SC6)."""
        found: set[bytes] = set()
        for line in self.scopes[scope].lines if scope in self.scopes else ():
            ruling = self.rulings[line.idx - 1]
            entity = ruling.payload.get("e")
            if rulings.leaving(ruling, scope) is not None:
                found.discard(ruling.payload["e"])
            elif entity is not None:
                found.add(entity)
        return found

    def counts(self, set_id: bytes) -> bool:
        """Whether the set has effect."""
        return self.standing(set_id).payload["d"] in rulings.COUNTED

    def org_history(self, what: str) -> dict[bytes, list[tuple[int, dict[str, Any] | None]]]:
        """Rows of a kind by id, each with the time from which it held."""
        found: dict[bytes, list[tuple[int, dict[str, Any] | None]]] = defaultdict(list)
        for ruling in self.rulings:
            if ruling.kind == rulings.KIND_ORG and ruling.payload["what"] == what:
                found[ruling.payload["id"]].append((ruling.at_ms, ruling.payload["row"]))
        return found
