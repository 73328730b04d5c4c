"""What a station does differently: it keeps sets for the centre and says what it thinks of them (SPEC HB3, HB4, HB8).

Responsible for provisional rulings, for the scopes beside the centre's in which they are listed, for what is owed to
the centre, and for refusing what only the centre may rule. Judging, folding, projecting and timing are the same code
as the centre's. Refuses to know how the centre's own rulings come here: `mirror` does.

Example: a note pushed here is answered `kept`, stands in `hub:<server>:station:<id>:2026-11` and in the spool; once
the centre's ruling is mirrored the same push is answered `duplicate`.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, NoReturn

import msgspec
from sqlalchemy import Connection

from server.intake import forgetting
from server.intake.batch import Batch, payload_of
from server.intake.beacons import MS_BYTES
from server.intake.desk import Heard
from server.intake.ledger import Entry, Ledger
from server.intake.looking import Looking
from server.intake.memory import Incident, Memory
from server.intake.mirrored import folded, is_shown, places, verdict_rows
from server.intake.verify import Incoming
from server.problems import ProblemError
from server.store import kept as stored_words
from server.store import people, samples, scopes, sets, spool, upstream
from server.store import verdicts as stored_verdicts
from server.store.outbox import Effect
from server.store.rows import Row, execute, insert
from server.store.scopes import Scope, hub_scope
from server.store.tables import entity_rulings
from sync import changeset, exchange, kept, rulings
from sync.changeset import KIND_CHAIN, KIND_INCIDENT, ChangeSet
from sync.exchange import PushResult

MONTHS: Final = "station:"
"""How the names of scopes begin that have one of the station's own beside them: others hear nothing from these."""
WORDS_LANE: Final = 2


class HubLedger(Ledger):
    """What a station adds: rulings of its own, in no log, and the centre's where they are mirrored."""

    def rule(self, kind: str, payload: dict[str, Any]) -> tuple[int, bytes]:
        """Write down what is thought here; it is no entry of a log, and has no place among those on its entity."""
        self.idx += 1
        ruling = rulings.Ruling(rulings.VERSION, self.idx, self._at_ms, kind, payload)
        raw = rulings.encode_ruling(ruling)
        self.add_ruling(ruling, raw)
        return self.idx, rulings.leaf_hash(raw)

    def add_ruling(self, ruling: rulings.Ruling, raw: bytes) -> None:
        """Write a ruling down as it is."""
        self._rulings.append((ruling.idx, ruling.at_ms, ruling.kind, raw))
        self._ruled[ruling.idx] = raw

    def move_on(self) -> None:
        """Take an index under which nothing is said, so that whoever watches the head notices what is mirrored."""
        self.idx += 1

    def add_beside(self, entity: bytes, idx: int) -> None:
        """Keep within reach a ruling about an entity that no set names."""
        self._beside.append((entity, idx))

    def list_in(self, names: Sequence[str], idx: int, arrival_no: int | None, leaf: bytes) -> None:
        """List beside the months of stations; nowhere else (HB3)."""
        own = [self._own(name) for name in names if name.startswith(MONTHS)]
        super().list_in(own, idx, arrival_no, leaf)

    def _own(self, name: str) -> str:
        """The station's scope beside one of the centre's."""
        assert self._memory.head is not None
        return hub_scope(self._memory.head.server_id, name)

    def list_mirrored(self, scope: Scope, entry: Row) -> None:
        """List an entry of the centre's at its place: n, index, arrival number, head."""
        self._entries.append((scope.id, *entry))
        self.move(scope)

    def move(self, scope: Scope) -> None:
        """A scope stands elsewhere than before."""
        self.grown[scope.name] = scope.n

    def leave(self, scope: Scope, entity: bytes) -> None:
        """Let a scope list what it lists of an incident without its sets (SC6)."""
        scopes.bare(self._connection, scope.id, entity, scope.n)  # what may be listed anew
        self._left.append((scope.id, entity, scope.n))  # and what this transaction lists

    def leave_beside(self, names: Iterable[str], entity: bytes) -> None:
        """The same of what is listed beside these scopes of the centre, mirrored or not."""
        own = scopes.by_name(self._connection, [self._own(name) for name in names])
        for name in own:
            self.leave(self._memory.scope(self._connection, name), entity)

    def place(self, incident: Incident, names: Sequence[str], thought: Collection[str]) -> None:
        """Let an incident stand in these scopes, and list beside each what is not to be read there: what the centre
        has not ruled on, and all of it where only we think that it will stand there.
        """
        incident.scopes = []
        for name in names:
            self._open(incident, name)
        entries = self._so_far(incident, ())
        own = [entry for entry in entries if rulings.is_provisional(entry[0])]
        for name in names:
            if wanted := entries if name in thought else own:
                scope = self._memory.scope(self._connection, self._own(name))
                among = [(idx, no) for idx, no, _leaf in wanted if no is not None]
                listed = scopes.listed(self._connection, scope.id, among)
                for entry in wanted:
                    if entry[0] not in listed:
                        self.list_in([name], *entry)

    def number(self, created_at_ms: int) -> None:
        """Give none: only the centre does (ID6)."""

    def doubt(self, one: object) -> None:
        """Ask nobody: only people at the centre decide."""

    def list_incident(
        self, incident: Incident, chain: bytes, created_at_ms: int | None, entry: Entry
    ) -> None:
        """List beside the months that it reaches. Only the centre takes an incident from a station (HB3)."""
        incident.is_moved = False
        # Where it stands may be ruled while its create is not here.
        begins_ms = None if incident.scopes else created_at_ms
        super().list_incident(incident, chain, begins_ms, entry)

    def _tell_placed(self, incident: Incident, name: str | None, gone: Sequence[str]) -> None:
        """Leave it to the centre to rule so."""

    def _so_far(self, incident: Incident, _homes: Sequence[str]) -> list[Entry]:
        """What counts of an incident, whoever says so."""
        return sorted(
            (stored.idx, stored.arrival_no, rulings.leaf_hash(stored.ruling))
            for stored in sets.evidence(self._connection, incident.id)
            if rulings.read_ruling(stored.ruling).payload["d"] in rulings.COUNTED
        )

    def write_log(self) -> None:
        """Write what is gathered, and what stands beside it."""
        super().write_log()
        insert(self._connection, entity_rulings, self._beside)
        self._beside = []


class LeftToTheCentre(Looking):
    """No clock is judged at a station."""

    def flush(self) -> list[tuple[bytes, int | None]]:
        """Find nothing."""
        return []


class HubMemory(Memory):
    """What the writer of a station remembers."""

    def _folded(self, connection: Connection, entities: Sequence[bytes]) -> dict[bytes, Incident]:
        return folded(connection, entities, self.directory)

    def org_changed(self, connection: Connection, idx: int) -> None:
        """Read the organisation again, as of this index."""
        self.directory = msgspec.structs.replace(people.directory(connection), idx=idx)
        self._histories.clear()


class HubBatch(Batch):
    """One transaction of a station."""

    of_ledger = HubLedger
    of_looking = LeftToTheCentre

    def __init__(self, connection: Connection, memory: Memory, at_ms: int, unsure_ms: int) -> None:
        """Begin under the lock of the head, at a time that may be off by so much."""
        super().__init__(connection, memory, at_ms, unsure_ms)
        self._owed: list[Row] = []
        self._left: set[bytes] = set()

    @property
    def ledger(self) -> HubLedger:
        """What this transaction adds."""
        assert isinstance(self._ledger, HubLedger)
        return self._ledger

    @property
    def memory(self) -> HubMemory:
        """What the writer remembers."""
        assert isinstance(self._memory, HubMemory)
        return self._memory

    # ---- sets ------------------------------------------------------------------------------

    def take(self, one: Incoming, received_at_ms: int) -> PushResult:
        """Keep one set, say what is thought of it, and owe it to the centre."""
        before = self._ledger.arrival_no
        result = super().take(one, received_at_ms)
        if self._ledger.arrival_no != before:
            # What its own chain says of itself needs no word on when that was.
            body = one.change.body if one.change is not None else None
            is_own = one.chain == self.desk_chain and body is not None and body.kind == KIND_CHAIN
            since = (None, None) if is_own else (self.at_ms, self.unsure_ms)
            self._owe(self._ledger.arrival_no, one, *since)
        return result

    def _owe(
        self,
        arrival_no: int,
        one: Incoming,
        kept_at_ms: int | None = None,
        unsure_ms: int | None = None,
    ) -> None:
        row = (arrival_no, one.chain, one.seq, _lane(one), kept_at_ms, unsure_ms)
        self._owed.append(row)

    def answers(self, results: list[PushResult]) -> list[PushResult]:
        """Say of what the centre has not ruled on that it is kept, and since when, and nothing else (HB4)."""
        return [
            PushResult(r=exchange.KEPT, id=one.id, at_ms=one.at_ms)
            if one.idx is not None and rulings.is_provisional(one.idx)
            else one
            for one in results
        ]

    def _heard(self) -> Heard:
        """What was heard of the centre last."""
        known = upstream.read(self.connection)
        if known is None:
            return Heard()
        return Heard((known.size, known.leaf) if known.size else None, known.beacon)

    def _seen_at(self, seen: tuple[int, bytes]) -> int:
        """A ruling that is not mirrored here bounds nothing, and is not doubted."""
        return super()._seen_at(seen) or 0

    def _beacon_at(self, beacon: bytes) -> int:
        """Only the centre can tell its own; here each is believed."""
        return int.from_bytes(beacon[:MS_BYTES])

    def _doubt(self, one: object, arrival_no: int, decision: str) -> None:
        """Leave it to people at the centre."""

    def _prove(self, chain: object, one: object, first_id: bytes) -> None:
        """Leave it to the centre: it will see both."""

    # ---- what the centre rules -----------------------------------------------------------------

    def think_again(self, arrival_no: int, one: Incoming) -> None:
        """Say what is thought of a stored set that the centre has ruled on and has lost."""
        body = one.change.body if one.change is not None else None
        entity = body.entity if body is not None else None
        is_incident = body is not None and body.kind == KIND_INCIDENT
        incident = (
            self._memory.incident(self.connection, body.entity)
            if body is not None and is_incident
            else None
        )
        chain = self._memory.chain(self.connection, one.chain)
        idx, _leaf = self._ledger.rule(
            rulings.KIND_SET,
            payload_of(one, entity, self._judge(one, chain, incident, is_second=False)),
        )
        sets.rule_again(self.connection, arrival_no, idx, one.raw, entity)
        self._owe(arrival_no, one)

    def fold_anew(self, entities: Iterable[bytes]) -> None:
        """Fold these incidents from all that is stored, and have their rows written anew. What the station alone took
        for true may be gone, and whole incidents to other stations: so go their rows.
        """
        self.ledger.write_log()
        for entity in entities:
            self._memory.incidents.pop(entity, None)
            incident = self._memory.incident(self.connection, entity)
            for table, column in forgetting.ROWS_OF:
                execute(self.connection, f"DELETE FROM {table} WHERE {column} = ?", (entity,))  # noqa: S608  our own names
            self.ledger.place(incident, *places(self.connection, incident, self.directory))
            self._incidents[entity] = incident  # `flush` drops it unless it is shown
            if self._is_shown(incident):
                rows = verdict_rows(self.connection, incident)
                stored_verdicts.write(self.connection, rows)

    def left(self, entity: bytes) -> None:
        """An incident has left a month of this station: what others said of it goes, unless that is listed anew."""
        self._left.add(entity)

    def forgot(self, about: Iterable[bytes]) -> None:
        """Sets about these incidents and chains are here no longer, and perhaps whole months: whatever is remembered of
        them is read again."""
        for one in about:
            self._memory.incidents.pop(one, None)
        self._memory.chains.clear()
        self._memory.scopes.clear()

    @cached_property
    def _station(self) -> bytes | None:
        known = upstream.read(self.connection)
        return None if known is None else known.station

    def _is_shown(self, incident: Incident) -> bool:
        return is_shown(incident, self._station, self.directory)

    def note_again(self, places: Iterable[tuple[bytes, int]]) -> None:
        """Write anew what chains say of their clocks, and of sets they keep, at these places: it is ruled otherwise by
        now. No more of a chain is read, for a station's own grows with every word that it gives."""
        self.moments.flush()
        for chain, seq in sorted(places):
            samples.forget(self.connection, chain, seq)
            stored_words.forget(self.connection, chain, seq)
            for _seq, set_id, idx in sets.held(self.connection, chain, seq, seq):
                found = changeset.read(sets.envelope(self.connection, chain, seq, set_id))
                if isinstance(found, ChangeSet):
                    self.moments.note(found, rulings.read_ruling(self.ledger.ruling(idx)))

    def chain_moved(self, chain: bytes, seq: int, set_id: bytes) -> None:
        """A set of a chain came from the centre."""
        known = self._memory.chain(self.connection, chain)
        known.add(seq, set_id)
        self.ruled_anew(chain)

    def ruled_anew(self, chain: bytes, forked_at: int | None = None) -> None:
        """The centre ruled about a chain: what its last set leaves for the next one is to be read again."""
        known = self._memory.chain(self.connection, chain)
        known.tail = None
        if forked_at is not None:
            known.head.fork_from(forked_at)
        self._chains[chain] = known

    def org(self, *_args: object, **_named: object) -> NoReturn:
        """Refuse."""
        raise _centre_only("the organisation is decided there")

    def renew(self, *_args: object, **_named: object) -> NoReturn:
        """Refuse."""
        raise _centre_only("what was ruled is reviewed there")

    def ask(self, *_args: object) -> NoReturn:
        """Refuse."""
        raise _centre_only("authors are asked there")

    def rule_in(self, *_args: object) -> NoReturn:
        """Refuse."""
        raise _centre_only("it keeps the log")

    def rotate(self, *_args: object) -> NoReturn:
        """Refuse."""
        raise _centre_only("it gives places to chains")

    def begin_epoch(self, *_args: object) -> NoReturn:
        """Refuse."""
        raise _centre_only("it keeps the log")

    # ---- writing -----------------------------------------------------------------------------

    def flush(self, done: Sequence[int] = ()) -> list[Effect]:
        """Write everything gathered. Of what concerns other stations alone nothing is shown here, and nobody is woken
        (HB14).
        """
        self._incidents = {e: one for e, one in self._incidents.items() if self._is_shown(one)}
        self._to_time = {e: one for e, one in self._to_time.items() if self._is_shown(one)}
        effects = super().flush(done)
        spool.add(self.connection, self._owed)
        if self._left:
            left = sorted(self._left)
            forgetting.words_of_others(self.connection, left, self._station, self.directory)
            for entity in left:
                self._memory.incidents.pop(entity, None)
        self._memory.devices.clear()  # their tokens and dates are learned without a ruling
        return effects


def _lane(one: Incoming) -> int:
    """In which lane a set goes up: before all others what is said of these (HB11)."""
    if one.change is None:
        return 0
    body = one.change.body
    speaks = body is not None and any(op["t"] == kept.KEPT for op in body.ops)
    return WORDS_LANE if speaks else one.change.header.lane


def _centre_only(detail: str) -> ProblemError:
    return ProblemError("centre_only", detail)
