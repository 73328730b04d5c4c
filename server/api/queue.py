"""Sets in doubt as the desk's queue shows them: who wrote what and when, why it waits, what was asked and answered.

Responsible for reading and shaping the queue and for who sees which of it. Refuses to decide about a set, and to put
reasons into words: screens have words for every code. Ops are shown as they were written, bytes as hex, with a
caller's name and number masked for those who may not read them.

Example: ``page(connection, Asked(kind="held"), who, directory, now_ms)`` gives the newest held sets nobody has decided.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from server.api.detail import CALLER_FACTS, masked
from server.api.ids import Hex32, Ms, hex_or_none, plain
from server.api.summaries import Summary, summary_of, visible_to
from server.api.wallrows import Waiting
from server.auth.guards import CALLER_KNOWN, DISPATCH, SignedIn
from server.intake.keyring import stored_keys
from server.store import doubts, sets, tables
from server.store.devices import Device, by_chains
from server.store.doubts import Doubt
from server.store.people import Directory
from server.store.sets import Evidence
from sync import changeset, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.fold import occurred_at

MAX_PAGE: Final = 100
Kind = Literal["held", "rejected", "opaque", "compromised"]
Decision = Literal["admit", "reject", "ask"]


class Author(msgspec.Struct, frozen=True):
    """Who wrote a set, and on which device. ``person`` is null while the set cannot be read; ``revoked_why`` is what
    was said when the device was shut out."""

    person: Hex32 | None
    name: str
    station: Hex32 | None
    device: Hex32
    label: str
    revoked_at: Ms | None
    revoked_why: str | None
    compromised_since: Ms | None


class WrittenOp(msgspec.Struct, frozen=True):
    """One op as its author wrote it: ``t`` says what it does, ``fields`` is the whole op of SPEC IN with bytes as hex.
    ``at`` is when it happened, as far as can be told."""

    op: str
    t: str
    at: Ms
    fields: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """What the author wrote back, as an entry of the incident's timeline."""

    op: str
    by: Hex32
    by_name: str
    at: Ms
    received_at: Ms
    text: str


class Remark(msgspec.Struct, frozen=True):
    """A question (``ask``) or a decision (``review``) about a set. ``by`` is null where the centre itself decided,
    having learnt to read the set. ``decision`` and ``why`` are of a review, ``answers`` of a question."""

    idx: int
    kind: Literal["ask", "review"]
    at: Ms
    by: Hex32 | None
    by_name: str
    text: str
    decision: str | None
    why: str | None
    answers: list[Answer]


class QueuedSet(msgspec.Struct, frozen=True):
    """One set in doubt. ``kind`` is why it is here and ``open`` that nobody has decided; ``decision`` and ``why``
    (SPEC RL2) are how it stands now. ``written_at`` is by its author's clock; it was certainly made after
    ``made_after`` (null: unknown) and before ``received_at``. ``may`` lists the decisions that are open to a person."""

    set: str
    idx: int
    seq: int
    kind: Kind
    open: bool
    decision: str
    why: str | None
    flags: list[str]
    author: Author
    written_at: Ms | None
    made_after: Ms | None
    received_at: Ms
    entity: Hex32 | None
    incident: Summary | None
    ops: list[WrittenOp]
    redacted: bool
    remarks: list[Remark]
    may: list[Decision]


class Queue(msgspec.Struct, frozen=True):
    """A page of the queue, the newest first. ``waiting`` counts all that is open; ``next`` is the cursor of the page
    after."""

    now_ms: Ms
    sets: list[QueuedSet]
    waiting: Waiting
    next: int | None


class Asked(msgspec.Struct, frozen=True):
    """What a page of the queue asks for."""

    kind: Kind | None = None
    open: bool = True
    person: bytes | None = None
    incident: bytes | None = None
    before: int | None = None
    limit: int = 50


def seen_by(who: SignedIn, directory: Directory) -> ColumnElement[bool]:
    """The sets a person may decide about: all, or those of the own station's people and incidents."""
    table = tables.doubts
    if who.has(DISPATCH):
        return table.c.arrival_no.is_not(None)
    station = who.person.station
    people = [one.id for one in directory.people() if station and one.station == station]
    incidents = tables.incidents
    return or_(
        table.c.person.in_(people),
        exists(select(incidents.c.id).where(incidents.c.id == table.c.entity, visible_to(who))),
    )


def waiting(connection: Connection, seen: ColumnElement[bool]) -> Waiting:
    """Count what is open."""
    table = tables.doubts
    rows = connection.execute(
        select(table.c.kind, func.count()).where(table.c.open, seen).group_by(table.c.kind)
    )
    return Waiting(**{row[0]: row[1] for row in rows})


def visible(connection: Connection, set_id: bytes, seen: ColumnElement[bool]) -> bool:
    """Whether a set is in doubt and a person's to decide about."""
    table = tables.doubts
    found = select(table.c.arrival_no).where(table.c.set_id == set_id, seen)
    return connection.execute(found).first() is not None


def page(
    connection: Connection, asked: Asked, who: SignedIn, directory: Directory, now_ms: int
) -> Queue:
    """A page of the queue for one person at one moment."""
    table = tables.doubts
    seen = seen_by(who, directory)
    statement = select(table).where(seen, table.c.open == asked.open)
    for column, value in (
        (table.c.kind, asked.kind),
        (table.c.person, asked.person),
        (table.c.entity, asked.incident),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if asked.before is not None:
        statement = statement.where(table.c.arrival_no < asked.before)
    rows = connection.execute(
        statement.order_by(table.c.arrival_no.desc()).limit(asked.limit + 1)
    ).all()
    shown = [doubts.of_row(row) for row in rows[: asked.limit]]
    return Queue(
        now_ms=now_ms,
        sets=_shaped(connection, shown, who, directory),
        waiting=waiting(connection, seen),
        next=shown[-1].arrival_no if len(rows) > asked.limit else None,
    )


def _shaped(
    connection: Connection, shown: Sequence[Doubt], who: SignedIn, directory: Directory
) -> list[QueuedSet]:
    arrivals = [one.arrival_no for one in shown]
    remarks = doubts.remarks(connection, arrivals)
    chains = list({one.chain for one in shown})
    devices = by_chains(connection, chains)
    keys = stored_keys(connection, chains)
    entities = {one.entity for one in shown if one.entity is not None}
    incidents = _incidents(connection, entities, who)
    answers = _answers(connection, shown, remarks, directory)
    knows_caller = who.has(CALLER_KNOWN)
    return [
        _queued(
            one,
            sets.by_arrival(connection, one.arrival_no),
            devices.get(one.chain),
            directory,
            incident=incidents.get(one.entity) if one.entity is not None else None,
            remarks=[
                _remark(raw, directory, answers.get(one.set_id, []))
                for raw in remarks.get(one.arrival_no, [])
            ],
            knows_caller=knows_caller,
            key_known=one.chain in keys,
        )
        for one in shown
    ]


def _incidents(
    connection: Connection, entities: Iterable[bytes], who: SignedIn
) -> dict[bytes, Summary]:
    table = tables.incidents
    found = select(table).where(table.c.id.in_(list(entities)), visible_to(who))
    return {row["id"]: summary_of(row) for row in connection.execute(found).mappings()}


def _queued(
    doubt: Doubt,
    stored: Evidence,
    device: Device | None,
    directory: Directory,
    *,
    incident: Summary | None,
    remarks: list[Remark],
    knows_caller: bool,
    key_known: bool,
) -> QueuedSet:
    ruling = rulings.read_ruling(stored.ruling)
    payload = ruling.payload
    found = changeset.read(stored.envelope)
    change = found if isinstance(found, ChangeSet) else None
    received_at_ms = rulings.received_at_ms(ruling)
    ops = change.body.ops if change is not None and change.body is not None else []
    return QueuedSet(
        set=doubt.set_id.hex(),
        idx=stored.idx,
        seq=payload["seq"],
        kind=doubt.kind,  # type: ignore[arg-type]  # the table holds nothing else
        open=doubt.open,
        decision=payload["d"],
        why=payload["why"],
        flags=payload["flags"],
        author=_author(doubt, device, directory),
        written_at=int.from_bytes(change.header.hlc[:6]) if change is not None else None,
        made_after=payload.get("in", {}).get("lo"),
        received_at=received_at_ms,
        entity=hex_or_none(doubt.entity),
        incident=incident,
        ops=[
            WrittenOp(
                op=(doubt.set_id[:16] + bytes((at,))).hex(),
                t=op["t"],
                at=occurred_at(op, payload["eff"], received_at_ms),
                fields=_fields(op, knows_caller=knows_caller),
            )
            for at, op in enumerate(ops)
        ],
        redacted=change is not None and change.body is None,
        remarks=remarks,
        may=_may(doubt, payload, change, key_known=key_known),
    )


def _fields(op: dict[str, Any], *, knows_caller: bool) -> dict[str, Any]:
    shown: dict[str, Any] = plain(op)
    if not knows_caller and op.get("f") in CALLER_FACTS and isinstance(op.get("v"), str):
        shown["v"] = masked(op["v"])
    return shown


def _may(
    doubt: Doubt, payload: dict[str, Any], change: ChangeSet | None, *, key_known: bool
) -> list[Decision]:
    """What may still be decided: nobody admits what nobody can read or no key vouches for, and what counts can only
    be confirmed."""
    body = change.body if change is not None else None
    is_readable = body is not None and (body.kind == KIND_INCIDENT or body.entity == doubt.chain)
    if change is not None and body is None:
        return []  # its words were taken away
    if payload["d"] in rulings.COUNTED:
        return ["admit"] if doubt.kind == doubts.COMPROMISED and doubt.open and is_readable else []
    decisions: list[Decision] = ["admit"] if is_readable and key_known else []
    decisions.append("reject")
    return [*decisions, "ask"] if doubt.entity is not None else decisions


def _author(doubt: Doubt, device: Device | None, directory: Directory) -> Author:
    person = directory.person(doubt.person) if doubt.person is not None else None
    return Author(
        person=hex_or_none(doubt.person),
        name=person.name if person is not None else "",
        station=hex_or_none(person.station) if person is not None else None,
        device=doubt.chain.hex(),
        label=device.label if device is not None else "",
        revoked_at=device.revoked_at_ms if device is not None else None,
        revoked_why=device.revoked_why if device is not None else None,
        compromised_since=device.compromised_since_ms if device is not None else None,
    )


def _name(directory: Directory, person: bytes | None) -> str:
    found = directory.person(person) if person is not None else None
    return found.name if found is not None else ""


def _remark(raw: bytes, directory: Directory, answers: list[Answer]) -> Remark:
    ruling = rulings.read_ruling(raw)
    payload = ruling.payload
    is_question = ruling.kind == rulings.KIND_ASK
    return Remark(
        idx=ruling.idx,
        kind="ask" if is_question else "review",
        at=ruling.at_ms,
        by=hex_or_none(payload["by"]),
        by_name=_name(directory, payload["by"]),
        text=payload["text"],
        decision=payload.get("d"),
        why=payload.get("why"),
        answers=[one for one in answers if one.received_at >= ruling.at_ms] if is_question else [],
    )


def _answers(
    connection: Connection,
    shown: Sequence[Doubt],
    remarks: dict[int, list[bytes]],
    directory: Directory,
) -> dict[bytes, list[Answer]]:
    """The answers to questions about these sets, by set id, in order of arrival (RL9)."""
    asked = {one.entity for one in shown if one.entity is not None and one.arrival_no in remarks}
    found: dict[bytes, list[Answer]] = {}
    for entity in asked:
        for stored in sets.evidence(connection, entity):
            ruling = rulings.read_ruling(stored.ruling)
            change = changeset.read(stored.envelope)
            if not isinstance(change, ChangeSet) or change.body is None:
                continue
            for at, op in enumerate(change.body.ops):
                data = op.get("data")
                if op["t"] != "entry.add" or op.get("kind") != "answer" or type(data) is not dict:
                    continue
                about = data.get("set")
                if isinstance(about, bytes) and isinstance(op.get("text"), str):
                    received_at_ms = rulings.received_at_ms(ruling)
                    answer = Answer(
                        op=(change.set_id[:16] + bytes((at,))).hex(),
                        by=change.header.user.hex(),
                        by_name=_name(directory, change.header.user),
                        at=occurred_at(op, ruling.payload["eff"], received_at_ms),
                        received_at=received_at_ms,
                        text=op["text"],
                    )
                    found.setdefault(about, []).append(answer)
    return found
