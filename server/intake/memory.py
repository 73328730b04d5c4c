"""What the writer remembers between batches so that it need not read it again.

Responsible for caches of devices, chain heads, scopes, folded incidents and the organisation, each
bounded, and for dropping all of them whenever the log was moved by someone else or a transaction
failed. Only the writer touches it, inside a transaction that holds the head of the log. Refuses to
decide anything.

Example: `memory.begin(connection)` returns the locked head; if another node has written since,
everything below it is read anew.
"""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.intake.beacons import Beacons
from server.intake.contested import unanswered_delays, waiting
from server.intake.desk import Desk
from server.intake.nudged import rows_of
from server.intake.project import project
from server.intake.reach import REACHING, TRANSFER, station_reached
from server.intake.verify import Incoming
from server.store import devices, log, numbers, people, proofs, scopes, sets
from server.store.devices import ChainHead, Device
from server.store.log import Head
from server.store.people import Directory
from server.store.projections import Projected
from server.store.proofs import EntityHead
from server.store.rows import query
from server.store.scopes import Scope
from sync import changeset, fold, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet, Writer
from sync.incident import escalation, shapes
from sync.incident.deadlines import Deadline, deadlines
from sync.incident.facts import Grant, KnownIncident
from sync.incident.policy import PolicyBook
from sync.incident.state import IncidentState
from sync.incident.status import Derived

CHAINS_LIMIT = 50_000
SCOPES_LIMIT = 50_000
ENTITIES_LIMIT = 100_000
WRITTEN_LIMIT = 200_000  # leaf hashes of rulings that nobody has read back yet
DAYS_LIMIT = 400
UNKNOWN_MS = -1  # of a timer whose row nobody here has written
RULED_LIMIT = 50_000


class Tail(msgspec.Struct, frozen=True):
    """What the ruling on one set leaves for the set after it: its stamp (ST1), its earliest making (AU3)."""

    set_id: bytes
    eff: bytes
    lo_ms: int | None


class Chain(msgspec.Struct, eq=False):
    """Progress of one chain; `beyond` maps each seq held after a gap to the set id there, `tail` is of the set taken
    last."""

    head: ChainHead
    beyond: dict[int, bytes]
    tail: Tail | None = None
    changed: bool = False

    def is_forked(self, seq: int) -> bool:
        """Whether a set at `seq` stands where the chain has two writers (FK2)."""
        return self.head.forked_at is not None and seq >= self.head.forked_at

    def holds(self, seq: int, set_id: bytes) -> bool | None:
        """Whether this very set stands at `seq`; None when only the database knows."""
        if seq == self.head.have:
            return self.head.have_set == set_id or None
        if seq in self.beyond:
            return self.beyond[seq] == set_id or None
        return None if seq < self.head.have else False

    def add(self, seq: int, set_id: bytes) -> None:
        """Note a set that is now held. The first to come stands for its place."""
        head = self.head
        head.stored += 1
        head.top = max(head.top, seq)
        self.changed = True
        if seq != head.have + 1:
            if seq > head.have:
                self.beyond.setdefault(seq, set_id)
            return
        head.have, head.have_set = seq, set_id
        while self.beyond and (following := self.beyond.pop(head.have + 1, None)) is not None:
            head.have, head.have_set = head.have + 1, following


class Incident(msgspec.Struct, eq=False):
    """One folded incident and where its rulings are listed."""

    id: bytes
    state: IncidentState
    scopes: list[str]  # home first; empty until the create has come
    created_chain: bytes | None = None
    known: KnownIncident | None = None  # what admission needs; None: to be derived anew
    stations: set[bytes] = msgspec.field(
        default_factory=set
    )  # reached, perhaps not yet listed there
    is_moved: bool = False  # transferred, and nobody has looked yet which stations it leaves
    projected: Projected | None = None  # as last written; None: not known
    clocks: tuple[Derived, PolicyBook, list[Deadline]] | None = None  # of that state, by that book
    timer_ms: int | None = UNKNOWN_MS  # as last written; None: it has none
    turns_ms: int | None = UNKNOWN_MS  # the same of the timer of its verdicts
    counted: int = 0  # sets that count so far
    updated_at_ms: int = 0
    updated_idx: int = 0


class Memory:
    """Everything the writer remembers."""

    def __init__(self, desk: Desk, beacons: Beacons, *, incidents_limit: int) -> None:
        """Remember at most `incidents_limit` folded incidents."""
        self.desk = desk
        self.beacons = beacons
        self._incidents_limit = incidents_limit
        self.directory = self._stored = Directory(0, {})
        self.drop()

    def drop(self) -> None:
        """Forget everything: it may not be what is stored. The organisation is again what certainly is."""
        self.directory = self._stored
        self.head: Head | None = None
        self.leaf: bytes | None = None  # of the newest ruling, when known
        self.devices: dict[bytes, Device | None] = {}
        self.chains: dict[bytes, Chain] = {}
        self.scopes: dict[str, Scope] = {}
        self.next_scope_id = 0
        self.incidents: OrderedDict[bytes, Incident] = OrderedDict()
        self.numbers: dict[str, int] = {}
        self.abouts: dict[bytes, EntityHead] = {}
        self.written: dict[int, bytes] = {}
        self.writer: Writer | None = None
        self._histories: dict[bytes, list[tuple[int, Grant]]] = {}
        self._ruled: dict[int, tuple[bytes, int]] = {}  # index: (leaf prefix, when)

    def committed(self) -> None:
        """What the newest batch made of the organisation is stored."""
        self._stored = self.directory

    def begin(self, connection: Connection) -> Head:
        """Lock the head of the log and make sure that what is remembered belongs to it."""
        head = log.lock(connection)
        if self.head is None or head != self.head:
            self.drop()
            self.head = head
            self.directory = people.directory(connection)
            self.next_scope_id = scopes.newest_id(connection) + 1
        self._stored = self.directory
        self._trim()
        return head

    def _trim(self) -> None:
        while len(self.incidents) > self._incidents_limit:
            self.incidents.popitem(last=False)
        if len(self.chains) > CHAINS_LIMIT:
            self.chains.clear()
            self.devices.clear()
        if len(self.scopes) > SCOPES_LIMIT:
            self.scopes.clear()
        if len(self.numbers) > DAYS_LIMIT:
            self.numbers.clear()
        if len(self.abouts) > ENTITIES_LIMIT:
            self.abouts.clear()
        if len(self.written) > WRITTEN_LIMIT:
            self.written.clear()
        if len(self._ruled) > RULED_LIMIT:
            self._ruled.clear()

    def foresee(self, connection: Connection, coming: Sequence[Incoming]) -> None:
        """Read in a few statements what a batch will ask for one by one.

        What is remembered is only ever asked for, never walked: `some - many.keys()` would walk all of it.
        """
        chains = [one for one in {one.chain for one in coming} if one not in self.chains]
        if chains:
            heads = devices.heads(connection, chains)
            enrolled = devices.by_chains(connection, chains)
            tails = sets.tails(connection, chains)
            for chain in chains:
                self.chains[chain] = _progress(connection, chain, heads.get(chain, ChainHead()))
                if chain in tails:
                    self.chains[chain].tail = tail_of(tails[chain])
                self.devices[chain] = enrolled.get(chain)
        named = {
            one.change.header.seen[0]
            for one in coming
            if one.change is not None and one.change.header.seen is not None
        }
        unread = [idx for idx in named if idx not in self._ruled]
        for idx, at_ms, raw in sets.rulings_at(connection, unread):
            self._ruled[idx] = (rulings.leaf_hash(raw)[:16], at_ms)
        bodies = [one.change.body for one in coming if one.change is not None]
        entities = {body.entity for body in bodies if body is not None}
        unknown = [one for one in entities if one not in self.abouts]
        if unknown:
            found = proofs.entity_heads(connection, unknown)
            self.abouts |= {entity: found.get(entity, EntityHead()) for entity in unknown}
        incidents = {b.entity for b in bodies if b is not None and b.kind == KIND_INCIDENT}
        unfolded = [one for one in incidents if one not in self.incidents]
        if unfolded:
            self.incidents |= self._folded(connection, unfolded)

    def seen_at(self, seen: tuple[int, bytes]) -> int | None:
        """When the ruling was made that a set of this batch names as seen, None when the log has no such (AU3)."""
        leaf, at_ms = self._ruled.get(seen[0], (b"", 0))
        return at_ms if leaf == seen[1] else None

    def history(self, connection: Connection, person: bytes) -> list[tuple[int, Grant]]:
        """What a person was granted, oldest first."""
        if person not in self._histories:
            self._histories[person] = people.history(connection, person)
        return self._histories[person]

    def device(self, connection: Connection, chain: bytes) -> Device | None:
        """The enrolled device of a chain."""
        if chain not in self.devices:
            self.devices[chain] = devices.by_chain(connection, chain)
        return self.devices[chain]

    def chain(self, connection: Connection, chain: bytes) -> Chain:
        """Progress of a chain, a fresh one when nothing of it is held."""
        known = self.chains.get(chain)
        if known is None:
            head = devices.heads(connection, [chain]).get(chain, ChainHead())
            known = self.chains[chain] = _progress(connection, chain, head)
        return known

    def scope(self, connection: Connection, name: str) -> Scope:
        """Where a scope stands, made with the next id when it has no entries yet."""
        known = self.scopes.get(name)
        if known is None:
            known = scopes.by_name(connection, [name]).get(name)
            if known is None:
                known = scopes.unborn(connection, name)
                known.id = self.next_scope_id
                self.next_scope_id += 1
            self.scopes[name] = known
        return known

    def about(self, connection: Connection, entity: bytes) -> EntityHead:
        """How many rulings there are about an entity, and the head over them."""
        known = self.abouts.get(entity)
        if known is None:
            found = proofs.entity_heads(connection, [entity])
            known = self.abouts[entity] = found.get(entity, EntityHead())
        return known

    def number(self, connection: Connection, day: str) -> int:
        """The last incident number given out for a day, 0 for none."""
        if day not in self.numbers:
            self.numbers[day] = numbers.last(connection, day)
        return self.numbers[day]

    def incident(self, connection: Connection, entity: bytes) -> Incident:
        """One incident, folded from its evidence when it is not remembered."""
        known = self.incidents.get(entity)
        if known is None:
            known = self._folded(connection, [entity])[entity]
            self.incidents[entity] = known
        else:
            self.incidents.move_to_end(entity)
        return known

    def _folded(self, connection: Connection, entities: Sequence[bytes]) -> dict[bytes, Incident]:
        return load_all(connection, entities, self.directory)

    def desk_writer(self, connection: Connection) -> Writer:
        """Where the desk chain stands."""
        if self.writer is None:
            head = self.chain(connection, self.desk.chain).head
            self.writer = Writer(self.desk.chain)
            if head.top >= 0:
                rows = query(
                    connection,
                    "SELECT envelope FROM sets WHERE chain = ? AND seq = ? ORDER BY arrival_no",
                    (self.desk.chain, head.top),
                )
                self.writer = self.desk.resumed(head.top, bytes(rows[0][0]))
        return self.writer


def tail_of(ruling: bytes) -> Tail:
    """What a ruling on a set leaves for the set after it."""
    payload = rulings.read_ruling(ruling).payload
    return Tail(payload["set"], payload["eff"], payload.get("in", {}).get("lo"))


def _progress(connection: Connection, chain: bytes, head: ChainHead) -> Chain:
    beyond: dict[int, bytes] = {}
    if head.top > head.have:
        for seq, set_id in sets.beyond(connection, chain, head.have):
            beyond.setdefault(seq, set_id)
    return Chain(head, beyond)


def load(connection: Connection, entity: bytes, directory: Directory) -> Incident:
    """Fold an incident from its stored evidence, whatever stands in the projections."""
    return load_all(connection, [entity], directory)[entity]


def load_all(
    connection: Connection, entities: Sequence[bytes], directory: Directory
) -> dict[bytes, Incident]:
    """Fold incidents from their stored evidence, read in two statements."""
    listed = scopes.of_incidents(connection, entities)
    incidents = {one: Incident(one, IncidentState(one), listed[one]) for one in entities}
    for entity, evidence in sets.evidence_of(connection, entities).items():
        for stored in evidence:
            found = changeset.read(stored.envelope)
            if not isinstance(found, ChangeSet):
                continue
            if found.body is None or found.body.kind == KIND_INCIDENT:
                ruling = rulings.read_ruling(stored.ruling)
                note(incidents[entity], found, ruling, directory)
    for incident in incidents.values():
        if incident.scopes:  # whom it reached, and whom it left, is in what it stands in
            incident.stations.clear()
            incident.is_moved = False
        # Of several creates the one that counted first earned the number, whichever arrived first.
        for item in incident.state.counted("incident.create"):
            if item.number is not None:
                incident.created_chain = item.chain
    return incidents


def note(
    incident: Incident,
    change: ChangeSet,
    ruling: rulings.Ruling,
    directory: Directory,
    *,
    is_admitted: bool = False,
) -> None:
    """Fold one ruled set into an incident. `is_admitted`: admission has just accepted it, so its ops are well formed
    (IN1) and need not be looked at again."""
    incident.state.add(fold.items_of(change, ruling), are_checked=is_admitted)
    ops = fold.ops_of(change, ruling)
    if not ops or ruling.payload["d"] not in rulings.COUNTED:
        return
    incident.counted += 1
    incident.updated_at_ms = max(incident.updated_at_ms, rulings.received_at_ms(ruling))
    incident.updated_idx = max(incident.updated_idx, ruling.idx)
    for op in ops:
        if op["t"] in REACHING and (is_admitted or shapes.problem(op) is None):
            incident.known = None
            station = station_reached(op, directory)
            if station is not None:
                incident.stations.add(station)
            incident.is_moved |= op["t"] == TRANSFER
            if op["t"] == "incident.create" and incident.created_chain is None:
                incident.created_chain = change.header.chain


def clocks_of(incident: Incident, book: PolicyBook) -> list[Deadline]:
    """The countdowns of an incident (DL2), reckoned once for whatever looks at them."""
    derived = incident.state.derived()
    known = incident.clocks
    if known is None or known[0] is not derived or known[1] is not book:
        known = incident.clocks = (derived, book, deadlines(derived.view, book))
    return known[2]


def projected(incident: Incident, book: PolicyBook) -> Projected:
    """The rows screens read of an incident as it stands folded."""
    rows = project(
        incident.state.derived().view,
        book,
        clocks=clocks_of(incident, book),
        waiting=waiting(incident.state),
        delays=unanswered_delays(incident.state),
        created_chain=incident.created_chain,
        home=incident.scopes[0] if incident.scopes else None,
        updated_at_ms=incident.updated_at_ms,
        updated_idx=incident.updated_idx,
    )
    return msgspec.structs.replace(rows, nudges=rows_of(incident.state))


def pending(
    incident: Incident, book: PolicyBook, now_ms: int
) -> tuple[list[escalation.Step], int | None]:
    """The steps of the nudging plan that the centre must take now, and when the next one will be due (NU)."""
    derived = incident.state.derived()
    said = [
        {"by": item.user, "kind": item.fields["kind"], "data": item.fields.get("data")}
        for item in incident.state.counted("entry.add")
        if item.user == escalation.CENTRE
    ]
    view = derived.view | {"entries": said}
    return escalation.steps(view, book, now_ms, clocks=clocks_of(incident, book))


def due_ms(incident: Incident, book: PolicyBook, now_ms: int) -> int | None:
    """When somebody must be told something about an incident, None while nothing will be."""
    due, next_ms = pending(incident, book, now_ms)
    return due[0].at_ms if due else next_ms
