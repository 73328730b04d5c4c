"""One transaction of the writer: sets judged in order, numbered, listed, folded, and written.

Responsible for everything that must be true together (RL5): a set never stands without its ruling,
a ruling never without its place in its scopes, a projection never apart from its evidence. Refuses
to queue, to verify signatures and to commit: it is handed a connection inside a transaction.

Rows are gathered while judging and written at the end, one statement per table.

Example: `batch = Batch(connection, memory, at_ms, 50); results = [batch.take(one) for one in found];
batch.flush()`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server import keys
from server.intake import judge
from server.intake.desk import Heard
from server.intake.enrolled import Enrolled
from server.intake.greetings import ROTATED, Greeting, Greetings, Welcome
from server.intake.ledger import Ledger
from server.intake.looking import Looking
from server.intake.memory import (
    UNKNOWN_MS,
    Chain,
    Incident,
    Memory,
    Tail,
    due_ms,
    note,
    pending,
    projected,
)
from server.intake.moments import Moments
from server.intake.places import days_until
from server.intake.standing import Standing
from server.intake.verify import Incoming
from server.push.wanted import want_order
from server.store import (
    log,
    numbers,
    outbox,
    people,
    projections,
    scopes,
    sets,
    subscriptions,
    tables,
    timers,
)
from server.store.devices import Device
from server.store.doubts import COMPROMISED, Doubt
from server.store.outbox import Effect
from server.store.people import Directory
from server.store.projections import Projected
from server.store.rows import upsert
from server.store.sets import Evidence
from sync import canon, changeset, exchange, fold, forks, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet, Draft
from sync.exchange import PushResult
from sync.incident import shapes
from sync.incident.escalation import Step
from sync.incident.facts import Grant, captured

MOVED = "moved"  # the kind of effect that tells listeners which scopes grew, and who waits for timers of the soonest
Told = tuple[int, dict[str, int], int | None]
"""What it carries: the log's newest index, each scope's newest entry, and the soonest timer that was set (ms)."""
GIVES = {"order.issue": "order", "order.reassign": "new"}
"""Ops that give an order, and the field with its id."""

_RESULT = {
    rulings.ACCEPTED: exchange.STORED,
    rulings.ACCEPTED_LATE: exchange.STORED,
    rulings.HELD: exchange.HELD,
    rulings.REJECTED: exchange.REJECTED,
    rulings.OPAQUE: exchange.OPAQUE,
}


class Batch:
    """What one transaction will have done. Also what a job is given to write with."""

    of_ledger: type[Ledger] = Ledger
    of_looking: type[Looking] = Looking

    def __init__(self, connection: Connection, memory: Memory, at_ms: int, unsure_ms: int) -> None:
        """Begin under the lock of the log's head; every ruling of the batch is made at `at_ms`, by a clock that is off
        by at most `unsure_ms`.
        """
        self.connection = connection
        self.at_ms = at_ms
        self.unsure_ms = unsure_ms
        self._memory = memory
        self._ledger = self.of_ledger(connection, memory, at_ms)
        self._standing = Standing(connection, memory, self._ledger)
        self.moments = Moments(connection, memory, self._ledger.write_log)
        self._org: list[tuple[str, bytes, int, bytes | None]] = []
        self._chains: dict[bytes, Chain] = {}
        self._incidents: dict[bytes, Incident] = {}
        self._given: list[tuple[Incident, bytes]] = []  # orders of this batch
        self._to_time: dict[bytes, Incident] = {}
        self._effects: list[Effect] = []
        self._greetings = Greetings(connection, at_ms)
        self._looking = self.of_looking(connection, memory, self._ledger, self.moments, at_ms)
        self.devices = Enrolled(connection, memory, self._ledger, at_ms, self.org)

    # ---- what a job may ask and do ---------------------------------------------------------

    @property
    def directory(self) -> Directory:
        """The organisation, changes of this batch included."""
        return self._memory.directory

    @property
    def desk_chain(self) -> bytes:
        """The server's own chain."""
        return self._memory.desk.chain

    def device(self, chain: bytes) -> Device | None:
        """The enrolled device of a chain."""
        return self._memory.device(self.connection, chain)

    def view(self, entity: bytes) -> dict[str, Any]:
        """The folded view of an incident, sets of this batch included."""
        return self._memory.incident(self.connection, entity).state.view()

    def scope_of(self, entity: bytes) -> str:
        """Where a set about this incident is meant for: its home, or its own scope while nothing lists it."""
        scopes_of = self._memory.incident(self.connection, entity).scopes
        return scopes_of[0] if scopes_of else f"incident:{entity.hex()}"

    def pending(self, entity: bytes) -> list[Step]:
        """The steps of the nudging plan that the centre must take on an incident now (NU)."""
        incident = self._memory.incident(self.connection, entity)
        return pending(incident, self._memory.directory.book, self.at_ms)[0]

    def time_again(self, entity: bytes) -> None:
        """Set the timer of an incident anew, whatever it stands at."""
        incident = self._memory.incident(self.connection, entity)
        incident.timer_ms = UNKNOWN_MS
        self._to_time[entity] = incident

    def judge_again(self, entity: bytes) -> None:
        """Look at the clocks of an incident as they stand now (VD9), and set its timer for when time changes one."""
        self._looking.judge(self._memory.incident(self.connection, entity))

    def write(self, draft: Draft) -> PushResult:
        """Sign a draft with the desk chain and take it in. Raises DraftError, CanonError."""
        memory = self._memory
        writer = memory.desk_writer(self.connection)
        heard = self._heard()
        if writer.seq == 0:
            opening, writer = memory.desk.write(writer, memory.desk.opening(), self.at_ms, heard)
            self.take(opening, self.at_ms)
        one, writer = memory.desk.write(writer, draft, self.at_ms, heard)
        memory.writer = writer
        return self.take(one, self.at_ms)

    def org(
        self, what: str, row_id: bytes, row: dict[str, Any] | None, *, by: bytes | None = None
    ) -> int:
        """Rule that the organisation has this row, or (None) no longer has it; `by` is who decided it, None for the
        centre itself. Gives the index.
        """
        raw = None if row is None else canon.encode(row)
        said = {"what": what, "id": row_id, "row": row}
        idx, leaf = self._ledger.rule(rulings.KIND_ORG, said if by is None else said | {"by": by})
        self._ledger.list_in(["org"], idx, None, leaf)
        self._org.append((what, row_id, idx, raw))
        if what == "people":
            self._history(row_id).append((self.at_ms, people.grant_of(row)))
        self._memory.directory = self._memory.directory.with_row(what, row_id, row, idx)
        return idx

    def begin_epoch(self, epoch: bytes) -> None:
        """Let the log go on under another epoch, every scope begin anew, and no number be given twice (TL8)."""
        memory = self._memory
        assert memory.head is not None
        log.begin_epoch(self.connection, epoch)
        scopes.begin_anew(self.connection, self.at_ms)
        numbers.skip(self.connection, days_until(self.at_ms, log.newest_at_ms(self.connection)))
        memory.numbers.clear()
        memory.head = msgspec.structs.replace(memory.head, epoch=epoch)
        memory.scopes.clear()

    def rule_in(self, scope: str, kind: str, payload: dict[str, Any]) -> int:
        """Rule something that is about no set, and list it in one scope. Gives the index."""
        idx, leaf = self._ledger.rule(kind, payload)
        self._ledger.list_in([scope], idx, None, leaf)
        return idx

    def rotate(self, old: Device, new: Device, opening: Incoming) -> bool:
        """Let the chain that `opening` begins take the place of another (FK5). The same one may ask
        again; False for any other, once the place is taken.
        """
        change = opening.change
        assert change is not None
        assert change.header.continues is not None
        _chain, last_seq, _set, why = change.header.continues
        known = self._memory.device(self.connection, old.chain)
        assert known is not None
        if known.continued_by == new.chain:
            return True  # it never heard so; what became of it since stands
        if known.continued_by is not None:
            self._greetings.refused(old.chain, new.chain)
            return False
        self.devices.enrol(new)
        self.devices.enrol(msgspec.structs.replace(known, continued_by=new.chain))
        subscriptions.move(self.connection, old.chain, new.chain)
        chain = self._memory.chain(self.connection, old.chain)
        # Its own writer has ended it there: what comes beyond is written by another.
        if chain.head.fork_from(last_seq + 1):
            self._chains[old.chain] = chain
        self._greetings.note(old.chain, ROTATED, {"to": new.chain, "seq": last_seq, "why": why})
        self.take(opening, self.at_ms)
        return True

    def happened(self, chain: bytes, kind: str, proof: dict[str, Any]) -> None:
        """Remember for the devices desk what befell a device (FK8)."""
        self._greetings.note(chain, kind, proof)

    def greet(self, one: Greeting) -> Welcome:
        """Answer one hello."""
        return self._greetings.take(one, self._memory.chain(self.connection, one.chain).head)

    # ---- what a station knows less of -------------------------------------------------------

    def _heard(self) -> Heard:
        """What sets of the desk name as heard of."""
        leaf = self._memory.leaf
        return Heard() if leaf is None else Heard((self._ledger.idx, leaf[:16]))

    def _seen_at(self, seen: tuple[int, bytes]) -> int | None:
        return self._memory.seen_at(seen)

    def _beacon_at(self, beacon: bytes) -> int | None:
        return self._memory.beacons.read(beacon)

    def answers(self, results: list[PushResult]) -> list[PushResult]:
        """What the pushing device is told of its sets."""
        return results

    # ---- sets ------------------------------------------------------------------------------

    def prepare(self, coming: Sequence[Incoming], greeting: Sequence[Greeting] = ()) -> None:
        """Read in few statements what these sets and hellos will be judged by."""
        self._greetings.prepare(greeting)
        self._memory.foresee(self.connection, coming)
        self._standing.foresee(coming)
        self.moments.foresee(coming)

    def take(self, one: Incoming, received_at_ms: int) -> PushResult:
        """Judge one set whose signature holds, and gather all that follows from it."""
        memory = self._memory
        chain = memory.chain(self.connection, one.chain)
        standing = self._standing.at(chain, one.chain, one.seq)
        for set_id, idx in standing:
            if set_id == one.set_id:
                return self._duplicate(one, idx)
        change = one.change
        body = change.body if change is not None else None
        if change is not None and body is None:
            # What a set says must be here before it is ruled on: a relay may not take it away.
            return PushResult(r=exchange.MALFORMED, id=one.set_id, why="no_body")
        entity = body.entity if body is not None else None
        incident = (
            memory.incident(self.connection, body.entity)
            if body is not None and body.kind == KIND_INCIDENT
            else None
        )
        verdict = self._judge(one, chain, incident, is_second=bool(standing))
        ruled = verdict.ruled
        number = None
        if incident is not None and verdict.creates_at_ms is not None:
            number = self._ledger.number(verdict.creates_at_ms)
        payload = payload_of(one, entity, verdict, number)
        self._ledger.arrival_no += 1
        arrival_no = self._ledger.arrival_no
        idx, leaf = self._ledger.rule(rulings.KIND_SET, payload)
        self._ledger.keep_set(
            (arrival_no, one.set_id, one.chain, one.seq, entity, idx, received_at_ms, one.raw)
        )
        if standing:
            self._prove(chain, one, standing[0][0])
        self._standing.add(one, idx, standing)
        if one.seq < chain.head.top:
            self._looking.filled(one.chain, one.seq)
        chain.add(one.seq, one.set_id)
        chain.tail = Tail(one.set_id, ruled.eff, verdict.facts.lo_ms)
        self._chains[one.chain] = chain
        if ruled.decision not in rulings.COUNTED or "compromised" in ruled.flags:
            self._doubt(one, arrival_no, ruled.decision)
        if change is not None:
            ruling = rulings.Ruling(rulings.VERSION, idx, self.at_ms, rulings.KIND_SET, payload)
            if incident is not None:
                is_admitted = ruled.decision in rulings.COUNTED
                note(incident, change, ruling, memory.directory, is_admitted=is_admitted)
            else:
                self.moments.note(change, ruling)
        if incident is None or ruled.decision not in rulings.COUNTED:
            self._ledger.list_in([f"device:{one.chain.hex()}"], idx, arrival_no, leaf)
        else:
            self._incidents[incident.id] = incident
            self._note_orders(incident, change)
            self._looking.note(incident, body.ops if body is not None else [])
            entry = (idx, arrival_no, leaf)
            self._ledger.list_incident(incident, one.chain, verdict.creates_at_ms, entry)
        result = _RESULT[ruled.decision]
        return PushResult(
            r=exchange.FORK if "fork" in ruled.flags else result,
            id=one.set_id,
            why=ruled.why,
            idx=idx,
            at_ms=self.at_ms,
            d=ruled.decision,
            no=number,
        )

    def _judge(
        self, one: Incoming, chain: Chain, incident: Incident | None, *, is_second: bool
    ) -> judge.Verdict:
        """What admission says of a set now; `is_second`: another stands at its place."""
        is_gap = self._standing.is_gap(chain, one)
        return judge.judge(
            one,
            at_ms=self.at_ms,
            device=self._memory.device(self.connection, one.chain),
            before=None if is_gap else self._standing.before(chain, one),
            incident=incident,
            history=self._history,
            seen_at=self._seen_at,
            beacon_at=self._beacon_at,
            had_by=self.moments.had_by_ms,
            is_fork=is_second or chain.is_forked(one.seq),
            is_gap=is_gap,
        )

    def _doubt(self, one: Incoming, arrival_no: int, decision: str) -> None:
        """Put a set before people, unless it is a desk's own: whoever sits there has the answer."""
        if one.chain == self._memory.desk.chain:
            return
        change = one.change
        body = change.body if change is not None else None
        self._ledger.doubt(
            Doubt(
                arrival_no,
                one.set_id,
                one.chain,
                body.entity if body is not None else None,
                change.header.user if change is not None else None,
                COMPROMISED if decision in rulings.COUNTED else decision,
            )
        )

    def _prove(self, chain: Chain, one: Incoming, first_id: bytes) -> None:
        """Rule that a chain has two writers, unless that is known or not certain (FK1)."""
        device = self._memory.device(self.connection, one.chain)
        if device is None or not one.key_known or chain.is_forked(one.seq):
            return
        self._ledger.write_log()  # the first of the two may have come in this batch
        first = sets.envelope(self.connection, one.chain, one.seq, first_id)
        proof = forks.fork_payload(
            chain=one.chain, seq=one.seq, a=forks.witness(first), b=forks.witness(one.raw)
        )
        if not forks.proof_holds(proof, device.alg, device.pub, keys.verify):
            return
        chain.head.fork_from(one.seq)
        idx, leaf = self._ledger.rule(forks.KIND_FORK, proof)
        self._ledger.list_in(["org"], idx, None, leaf)
        self._greetings.note(one.chain, forks.FORKED, proof | {"idx": idx})

    def renew(
        self, stored: Evidence, kind: str, changed: dict[str, Any], envelope: bytes | None = None
    ) -> int:
        """Rule again on a stored set (RL6) and list that wherever the set is listed. `envelope`
        takes the place of the stored one. A set that counts from now on is folded, numbered and
        listed like one that was accepted at once. Gives the index.
        """
        standing = rulings.read_ruling(stored.ruling)
        payload = rulings.renewed_payload(standing, **changed)
        raw = stored.envelope if envelope is None else envelope
        found = changeset.read(raw)
        change = found if isinstance(found, ChangeSet) else None
        # Remembered before anything changes: what is not, is folded from what is stored.
        incident = self._incident_of(change, payload["e"])
        counts = payload["d"] in rulings.COUNTED
        begins = counts and standing.payload["d"] not in rulings.COUNTED
        created_at_ms = None
        if begins and change is not None and incident is not None and not incident.created_chain:
            created_at_ms = judge.created_at_ms(change, payload["eff"], payload["at"])
            if created_at_ms is not None:
                payload["no"] = self._ledger.number(created_at_ms)
        idx, leaf = self._ledger.rule(kind, payload)
        self._ledger.pass_over(standing)
        sets.rule_again(self.connection, stored.arrival_no, idx, raw, payload["e"])
        entry = (idx, stored.arrival_no, leaf)
        self._ledger.list_in([f"device:{payload['chain'].hex()}"], *entry)
        ruling = rulings.Ruling(rulings.VERSION, idx, self.at_ms, kind, payload)
        if change is not None and incident is None:
            self.moments.note(change, ruling)
        if incident is None or change is None:
            return idx
        if begins:
            note(incident, change, ruling, self.directory)
            self._note_orders(incident, change)
        else:
            incident.state.add(fold.items_of(change, ruling))
        self._looking.note(incident, fold.ops_of(change, ruling))
        if counts:
            incident.projected = None
            incident.updated_idx = idx
            self._incidents[incident.id] = incident
            if created_at_ms is not None or incident.scopes:
                self._ledger.list_incident(incident, payload["chain"], created_at_ms, entry)
        return idx

    def _incident_of(self, change: ChangeSet | None, entity: bytes | None) -> Incident | None:
        """The incident a stored set is about, None for one about anything else or unread."""
        if change is None or entity is None:
            return None
        body = change.body
        is_one = body.kind == KIND_INCIDENT if body is not None else entity != change.header.chain
        return self._memory.incident(self.connection, entity) if is_one else None

    def weigh(self, one: Incoming, standing: rulings.Ruling) -> judge.Verdict:
        """What admission says of a stored set that `standing` left unread, as of its receipt."""
        assert one.change is not None
        self._memory.foresee(self.connection, [one])
        body = one.change.body
        flags = standing.payload["flags"]
        return judge.judge(
            one,
            at_ms=rulings.received_at_ms(standing),
            device=self.device(one.chain),
            before=None,
            incident=self._incident_of(one.change, body.entity if body is not None else None),
            history=self._history,
            seen_at=self._memory.seen_at,
            beacon_at=self._memory.beacons.read,
            had_by=self.moments.had_by_ms,
            is_fork="fork" in flags,
            is_gap="gap" in flags,
        )

    def ask(self, stored: Evidence, by: bytes, text: str) -> int:
        """Put a question to the author of a stored set (RL9). Gives the index."""
        about = rulings.read_ruling(stored.ruling).payload
        payload = {name: about[name] for name in ("set", "chain", "e")} | {"by": by, "text": text}
        idx, leaf = self._ledger.rule(rulings.KIND_ASK, payload)
        self._ledger.list_in([f"device:{about['chain'].hex()}"], idx, None, leaf)
        return idx

    def afterwards(self, effect: Effect) -> None:
        """Have an effect performed after the commit that a job added to the outbox itself."""
        self._effects.append(effect)

    def _note_orders(self, incident: Incident, change: ChangeSet | None) -> None:
        body = change.body if change is not None else None
        for op in body.ops if body is not None else ():
            if op["t"] in GIVES and shapes.problem(op) is None:
                self._given.append((incident, op[GIVES[op["t"]]]))

    def _push_orders(self) -> None:
        """Have phones knocked at for the orders of this batch, where anybody subscribed to that."""
        if not self._given or not subscriptions.any_kept(self.connection):
            return
        for incident, order_id in dict.fromkeys(self._given):
            for order in incident.state.derived().view["orders"]:
                if order["id"] == order_id:
                    self._effects += want_order(
                        self.connection, self.directory, self.at_ms, incident.id, order
                    )

    def _history(self, person: bytes) -> list[tuple[int, Grant]]:
        return self._memory.history(self.connection, person)

    def _duplicate(self, one: Incoming, idx: int) -> PushResult:
        ruling = rulings.read_ruling(self._ledger.ruling(idx))
        return PushResult(
            r=exchange.DUPLICATE,
            id=one.set_id,
            why=ruling.payload["why"],
            idx=idx,
            at_ms=ruling.at_ms,
            d=ruling.payload["d"],
            no=ruling.payload["no"],
        )

    # ---- writing -----------------------------------------------------------------------------

    def flush(self, done: Sequence[int] = ()) -> list[Effect]:
        """Write everything gathered; gives the effects to perform after the commit."""
        connection = self.connection
        self.moments.flush()
        turned = self._looking.flush()
        self._ledger.flush()
        projections.write(connection, [self._projected(at) for at in self._incidents.values()])
        soonest_ms = self._time(turned)
        upsert(
            connection,
            tables.chain_heads,
            [(at, *msgspec.structs.astuple(chain.head)) for at, chain in self._chains.items()],
        )
        people.save(connection, self._org)
        self._greetings.flush()
        outbox.performed(connection, list(done))
        self._push_orders()
        if grown := self._ledger.grown:
            told = msgspec.msgpack.encode([self._ledger.idx, grown, soonest_ms])
            self._effects.append(outbox.add(connection, MOVED, told, self.at_ms))
        return self._effects

    def _time(self, turned: list[tuple[bytes, int | None]]) -> int | None:
        """Set the timers that this batch moved; gives the soonest of them and of `turned`, for whoever wakes by it."""
        book = self._memory.directory.book
        moved: list[tuple[bytes, int | None]] = []
        for incident in (self._incidents | self._to_time).values():
            at_ms = due_ms(incident, book, self.at_ms)
            if at_ms != incident.timer_ms:
                moved.append((incident.id, at_ms))
                incident.timer_ms = at_ms
        timers.write(self.connection, timers.NUDGES, moved)
        return min((at_ms for _id, at_ms in moved + turned if at_ms is not None), default=None)

    def _projected(self, incident: Incident) -> Projected:
        whole = projected(incident, self._memory.directory.book)
        before, incident.projected = incident.projected, whole
        return whole.since(before)


def payload_of(
    one: Incoming, entity: bytes | None, verdict: judge.Verdict, number: str | None = None
) -> dict[str, Any]:
    """What the first ruling on a set says."""
    ruled = verdict.ruled
    return rulings.set_payload(
        set_id=one.set_id,
        chain=one.chain,
        seq=one.seq,
        entity=entity,
        decision=ruled.decision,
        why=ruled.why,
        eff=ruled.eff,
        flags=list(ruled.flags),
        facts=captured(verdict.facts),
        number=number,
    )
