"""What one transaction adds to the log: rulings numbered, listed in scopes, and written as rows.

Responsible for dense numbers (of the log, of each entity, of each scope, of the incidents of a day),
for the scopes an incident stands in, and for gathering rows so that each table is written by one
statement. Refuses to decide anything: it is told what was ruled.

Example: `idx, leaf = ledger.rule("org", {...}); ledger.list_in(["org"], idx, None, leaf)`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.intake.memory import Incident, Memory
from server.intake.places import day_of, home_scope, month_scope
from server.intake.reach import staying
from server.store import doubts, log, scopes, sets, snapshots, tables
from server.store.doubts import Doubt
from server.store.proofs import EntityHead
from server.store.rows import Row, execute, insert, upsert
from sync import rulings

Entry = tuple[int, int | None, bytes]
"""Ruling index, arrival number of the set it rules if any, and leaf hash."""


class Ledger:
    """The growing end of the log, inside a transaction that holds its head."""

    def __init__(self, connection: Connection, memory: Memory, at_ms: int) -> None:
        """Begin under the lock of the log's head; every ruling is made at `at_ms`."""
        self._head = memory.begin(connection)
        self._connection = connection
        self._memory = memory
        self._at_ms = at_ms
        self.idx, self.arrival_no = self._head.idx, self._head.arrival_no
        self.grown: dict[str, int] = {}  # scopes that grew, and their newest entry
        self._sets: list[Row] = []
        self._rulings: list[Row] = []
        self._entries: list[Row] = []
        self._doubts: list[Doubt] = []
        self._beside: list[Row] = []
        self._placed: list[Row] = []
        self._left: list[tuple[int, bytes, int]] = []  # scope, incident, and its last place there
        self._ruled: dict[int, bytes] = {}
        self._days: set[str] = set()
        self._about: dict[bytes, EntityHead] = {}

    # ---- rulings ---------------------------------------------------------------------------

    def rule(self, kind: str, payload: dict[str, Any]) -> tuple[int, bytes]:
        """Number a ruling. Gives its index and its leaf hash."""
        self.idx += 1
        about = None
        if (entity := payload.get("e")) is not None:
            about = self._about[entity] = self._memory.about(self._connection, entity)
            payload |= {"en": about.n + 1, "eh": about.head}  # TL10
            if kind != rulings.KIND_SET:
                self._beside.append((entity, self.idx))
        ruling = rulings.Ruling(rulings.VERSION, self.idx, self._at_ms, kind, payload)
        raw = rulings.encode_ruling(ruling)
        self._rulings.append((self.idx, self._at_ms, kind, raw))
        self._ruled[self.idx] = raw
        leaf = rulings.leaf_hash(raw)
        if about is not None:
            about.n, about.head = about.n + 1, rulings.entity_head(about.head, leaf)
        self._memory.written[self.idx] = leaf
        self._memory.leaf = leaf
        return self.idx, leaf

    def ruling(self, idx: int) -> bytes:
        """The bytes of a ruling on a stored set, of this transaction or an earlier one."""
        raw = self._ruled.get(idx) or sets.ruling(self._connection, idx)
        assert raw is not None, "a stored set has its ruling"
        return raw

    def pass_over(self, standing: rulings.Ruling) -> None:
        """Keep within reach what was ruled of a set until now: another ruling takes its place."""
        entity = standing.payload["e"]
        if entity is not None and standing.kind == rulings.KIND_SET:
            self._beside.append((entity, standing.idx))

    def keep_set(self, row: Row) -> None:
        """Write a set down, in the column order of its table."""
        self._sets.append(row)

    def doubt(self, one: Doubt) -> None:
        """Put a set before people."""
        self._doubts.append(one)

    def number(self, created_at_ms: int) -> str | None:
        """The next incident number of the day on which something was created."""
        day = day_of(created_at_ms)
        last = self._memory.number(self._connection, day) + 1
        self._memory.numbers[day] = last
        self._days.add(day)
        return f"{day}-{last:04d}"

    # ---- scopes ----------------------------------------------------------------------------

    def list_in(self, names: Sequence[str], idx: int, arrival_no: int | None, leaf: bytes) -> None:
        """List a ruling at the end of scopes (SC2)."""
        for name in names:
            scope = self._memory.scope(self._connection, name)
            scope.n += 1
            scope.head = rulings.scope_head(scope.head, leaf)
            self._entries.append((scope.id, scope.n, idx, arrival_no, scope.head))
            self.grown[name] = scope.n

    def list_incident(
        self, incident: Incident, chain: bytes, created_at_ms: int | None, entry: Entry
    ) -> None:
        """List a counted set in every scope of its incident, opening scopes it now belongs to and closing those that
        a transfer takes it from.
        """
        if created_at_ms is not None:
            created = incident.state.derived().created
            assert created is not None
            home = home_scope(created["station"], created_at_ms)
            if incident.counted == 1:
                self._open(incident, home)
                self.list_in([home], *entry)
            else:
                self._place(incident, home)
        elif incident.scopes:
            self.list_in(incident.scopes, *entry)
        else:
            self.list_in([f"device:{chain.hex()}"], *entry)
            return
        self._settle(incident)

    def _settle(self, incident: Incident) -> None:
        """Place an incident where it is wanted by now (SC3), and take it from whom a transfer leaves it not (SC6)."""
        home, owner = incident.scopes[0], None
        reached, incident.stations = incident.stations, set()
        gone: list[str] = []
        if incident.is_moved:
            incident.is_moved = False
            derived = incident.state.derived()
            owner, stays = derived.station, staying(derived, self._memory.directory)
            reached = {one for one in reached if one in stays}
            kept = {month_scope(home, one) for one in stays if one is not None}
            gone = sorted(name for name in incident.scopes if name not in kept)
        # Whose it is now comes last: that it goes there is what those are told who lose it.
        names = [
            month_scope(home, one) for one in sorted(reached, key=lambda at: (at == owner, at))
        ]
        new = [name for name in names if name not in incident.scopes]
        for name in new:
            self._place(incident, name)
            self._tell_placed(incident, name, gone if name == new[-1] else [])
        if gone and not new:
            self._tell_placed(incident, None, gone)

    def _tell_placed(self, incident: Incident, name: str | None, gone: Sequence[str]) -> None:
        """Rule that an incident was added to a scope, and is in these no longer."""
        payload: dict[str, Any] = {"e": incident.id}
        payload |= {} if name is None else {"add": name}
        idx, leaf = self.rule(rulings.KIND_SCOPE, payload | ({"del": gone} if gone else {}))
        self.list_in(incident.scopes, idx, None, leaf)
        if gone:
            self._leave(incident, gone)

    def _leave(self, incident: Incident, names: Sequence[str]) -> None:
        """Let an incident stand in these scopes no longer: what they list of it goes out without its sets."""
        for name in names:
            scope = self._memory.scope(self._connection, name)
            self._left.append((scope.id, incident.id, scope.n))
            incident.scopes.remove(name)
        snapshots.forget(self._connection, names)
        execute(self._connection, "DELETE FROM incident_scopes WHERE incident = ?", (incident.id,))
        self._placed = [row for row in self._placed if row[0] != incident.id]
        for place, name in enumerate(incident.scopes):
            scope = self._memory.scope(self._connection, name)
            self._placed.append((incident.id, scope.id, place))

    def _place(self, incident: Incident, name: str) -> None:
        """Add a scope to an incident, with everything that counts and was found so far (SC3)."""
        homes = incident.scopes[:1]
        self._open(incident, name)
        self.write_log()  # what this transaction has gathered is evidence too
        for entry in sorted(self._so_far(incident, homes), key=lambda one: one[0]):
            self.list_in([name], *entry)

    def _so_far(self, incident: Incident, homes: Sequence[str]) -> list[Entry]:
        entries: list[Entry] = [
            (idx, None, rulings.leaf_hash(raw))
            for home in homes
            for idx, raw in self._found(home, incident.id)
        ]
        for stored in sets.evidence(self._connection, incident.id):
            ruling = rulings.read_ruling(stored.ruling)
            if ruling.payload["d"] in rulings.COUNTED:
                leaf = rulings.leaf_hash(stored.ruling)
                entries.append((stored.idx, stored.arrival_no, leaf))
        return entries

    def _found(self, home: str, incident: bytes) -> list[tuple[int, bytes]]:
        """(index, bytes) of the verdicts on an incident that its home lists."""
        scope = self._memory.scope(self._connection, home)
        found = scopes.verdicts(self._connection, scope.id)
        return [
            (idx, raw) for idx, raw in found if rulings.read_ruling(raw).payload["e"] == incident
        ]

    def _open(self, incident: Incident, name: str) -> None:
        scope = self._memory.scope(self._connection, name)
        self._placed.append((incident.id, scope.id, len(incident.scopes)))
        incident.scopes.append(name)
        self.grown[name] = scope.n

    # ---- writing ---------------------------------------------------------------------------

    def write_log(self) -> None:
        """Write sets, rulings and doubts gathered so far: what follows wants to read them."""
        insert(self._connection, tables.sets, self._sets)
        insert(self._connection, tables.rulings, self._rulings)
        doubts.add(self._connection, self._doubts)
        self._sets, self._rulings, self._doubts = [], [], []

    def flush(self) -> None:
        """Write everything gathered, and move the head of the log."""
        memory, connection = self._memory, self._connection
        self.write_log()
        grown = [memory.scopes[name] for name in self.grown]
        upsert(connection, tables.scopes, [(s.id, s.name, s.epoch, s.n, s.head) for s in grown])
        insert(connection, tables.scope_entries, self._entries)
        for scope, entity, n in self._left:
            scopes.bare(connection, scope, entity, n)
        insert(connection, tables.incident_scopes, self._placed)
        insert(connection, tables.entity_rulings, self._beside)
        upsert(
            connection,
            tables.entity_heads,
            [(entity, about.n, about.head) for entity, about in self._about.items()],
        )
        upsert(
            connection, tables.incident_numbers, [(day, memory.numbers[day]) for day in self._days]
        )
        if self.idx != self._head.idx:
            assert memory.head is not None
            log.advance(connection, self.idx, self.arrival_no)
            memory.head = msgspec.structs.replace(
                memory.head, idx=self.idx, arrival_no=self.arrival_no
            )
