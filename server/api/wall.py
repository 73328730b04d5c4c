"""The watch wall: what breaches next, what is undelivered, who is silent. ``GET /api/wall``.

Built at read time from the projected deadlines (SPEC DL) and the clock handed in; nothing is stored as overdue.
Countdowns, not verdicts: what is done is told as done within its limit, past it, or undetermined when its start is
unknown. Drills are shown, marked, and counted nowhere. What is undelivered or silent counts against nobody.

Example: an order delivered 23 s ago stands in ``signing`` with ``{"id": "C2", "due_ms": now + 7000, "state":
"running"}``."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from server.api import queue
from server.api.conflicts import open_conflicts
from server.api.days import day_start_ms
from server.api.devices import Fleet, fleet_of
from server.api.ids import hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.summaries import visible_to
from server.api.wallrows import (
    Column,
    Completeness,
    Names,
    Nudged,
    Online,
    Silent,
    Today,
    Waiting,
    Wall,
    WallRow,
    recent_of,
    row_of,
)
from server.auth.guards import Access, SignedIn, at_desk
from server.now import Clock
from server.store.engine import Database
from server.store.people import Directory
from server.store.rows import query_in
from server.store.tables import deadlines, incidents, nudges, orders

MAX_ROWS: Final = 40
"""Rows of one column; the rest is a number. A wall is looked at, not scrolled."""
MAX_UNDELIVERED: Final = 40
MAX_SILENT: Final = 40
MAX_RECENT: Final = 6
_OF_THE_INCIDENT: Final = frozenset({"C6", "C7", "C9"})

ONLINE_MS: Final = 5 * 60_000
"""A device heard within this time is online: a phone with signal asks at least every minute or two."""
FORGOTTEN_MS: Final = 7 * 86_400_000
"""A device silent longer than this is out of use: it leaves the list of the silent, not the total."""


_TASKS: Final = ("desk", "station", "commander")
"""Channels of the plan that put something on somebody's list, the highest last."""
_TOLD: Final = (
    select(func.min(nudges.c.at_ms))
    .where(
        nudges.c.incident == deadlines.c.incident,
        nudges.c.order_id == deadlines.c.order_id,
        nudges.c.clock == deadlines.c.deadline,
        nudges.c.channel.in_(_TASKS),
    )
    .correlate(deadlines)
    .scalar_subquery()
)
"""When a countdown was first put on somebody's list, null while it was not."""
_COLUMNS: Final = (
    deadlines.c.deadline,
    deadlines.c.start_ms,
    deadlines.c.due_ms,
    deadlines.c.done_ms,
    incidents.c.id.label("incident"),
    incidents.c.number,
    incidents.c.tag,
    incidents.c.title,
    incidents.c.place,
    incidents.c.station,
    incidents.c.status,
    incidents.c.level,
    incidents.c.exercise,
    incidents.c.callback_attempts,
    incidents.c.callback_score,
    incidents.c.callback_outcome,
    incidents.c.callback_reason,
    orders.c.id.label("order_id"),
    orders.c.to_kind,
    orders.c.to_id,
    orders.c.open,
    orders.c.return_requested,
    _TOLD.label("told_at_ms"),
)
_DUE: Final = func.coalesce(deadlines.c.due_ms, _TOLD)
_OTHER = orders.alias("other")
_FIRST_THERE: Final = (
    select(_OTHER.c.id)
    .where(_OTHER.c.incident == incidents.c.id, _OTHER.c.round == incidents.c.round)
    .order_by(_OTHER.c.arrived_at_ms.is_(None), _OTHER.c.arrived_at_ms, _OTHER.c.issued_at_ms)
    .limit(1)
    .correlate(incidents)
    .scalar_subquery()
)
"""The order whose receiver came first: a countdown of the whole incident is theirs to be asked about."""
_JOINED: Final = deadlines.join(incidents, incidents.c.id == deadlines.c.incident).outerjoin(
    orders,
    and_(
        orders.c.id
        == case((deadlines.c.order_id == b"", _FIRST_THERE), else_=deadlines.c.order_id),
        orders.c.incident == deadlines.c.incident,
    ),
)
_RUNNING: Final = and_(
    deadlines.c.live, deadlines.c.done_ms.is_(None), deadlines.c.start_ms.is_not(None)
)


class _Asked(msgspec.Struct, frozen=True):
    """What a wall is built for: the moment, who may see what, and the names."""

    now_ms: int
    seen: ColumnElement[bool]
    names: Names
    waiting: Waiting


def _column(
    connection: Connection, asked: _Asked, which: ColumnElement[bool], done_by: Iterable[str]
) -> Column:
    """One column: the rows that run, their counts, and what was done lately by the same clocks."""
    running = and_(_RUNNING, which, asked.seen)
    counted = and_(running, ~incidents.c.exercise)
    late = asked.now_ms > _DUE
    first = case((_DUE.is_(None), 1), else_=0)
    rows = connection.execute(
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(running)
        .order_by(first, _DUE, deadlines.c.start_ms, deadlines.c.order_id)
        .limit(MAX_ROWS)
    ).mappings()
    shown = _urged(connection, [row_of(found, asked.names, asked.now_ms) for found in rows], asked)
    total = connection.execute(
        select(func.count()).select_from(_JOINED).where(running)
    ).scalar_one()
    overdue = connection.execute(
        select(func.count()).select_from(_JOINED).where(counted, late)
    ).scalar_one()
    next_due = connection.execute(
        select(func.min(_DUE)).select_from(_JOINED).where(counted, ~late)
    ).scalar()
    done = and_(
        deadlines.c.deadline.in_(tuple(done_by)),
        deadlines.c.live,
        deadlines.c.done_ms >= day_start_ms(asked.now_ms),
        deadlines.c.done_ms <= asked.now_ms,
        ~incidents.c.exercise,
        asked.seen,
    )
    lately = connection.execute(
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(done)
        .order_by(deadlines.c.done_ms.desc())
        .limit(MAX_RECENT)
    ).mappings()
    unknown = or_(deadlines.c.start_ms.is_(None), deadlines.c.due_ms.is_(None))
    counts = connection.execute(
        select(
            func.count().filter(deadlines.c.done_ms <= deadlines.c.due_ms, ~unknown),
            func.count().filter(deadlines.c.done_ms > deadlines.c.due_ms, ~unknown),
            func.count().filter(unknown),
        )
        .select_from(_JOINED)
        .where(done)
    ).one()
    return Column(
        rows=shown,
        overdue=overdue,
        next_due_ms=next_due,
        recent=[recent_of(found, asked.names) for found in lately],
        today=Today(*counts),
        more=total - len(shown),
    )


def _urged(connection: Connection, rows: list[WallRow], asked: _Asked) -> list[WallRow]:
    """The rows with who has them on their list, and what people did about them last."""
    found = query_in(
        connection,
        "SELECT incident, order_id, clock, channel, count, at_ms, person, reached FROM nudges"
        " WHERE incident IN (?)",
        [bytes.fromhex(one) for one in {row.incident for row in rows}],
    )
    told: dict[tuple[str, str, str], set[str]] = {}
    nudged: dict[tuple[str, str], Nudged] = {}
    for incident, order, clock, channel, count, at_ms, person, reached in found:
        about = bytes(incident).hex(), bytes(order).hex()
        if clock:
            told.setdefault((*about, clock), set()).add(channel)
            continue
        before = nudged.get(about)
        if before is None or before.at < at_ms:
            by = asked.names.directory.person(bytes(person))
            known = None if reached is None else bool(reached)
            nudged[about] = Nudged(at_ms, by.name if by else "", channel, known, count)
    shown = []
    for row in rows:
        order = row.order or ""
        of = "" if row.deadline.id in _OF_THE_INCIDENT else order
        tasks = told.get((row.incident, of, row.deadline.id), set())
        last = nudged.get((row.incident, order)) or nudged.get((row.incident, ""))
        is_recent = last is not None and last.at >= (row.deadline.start_ms or 0)
        shown.append(
            msgspec.structs.replace(
                row,
                told=next((task for task in reversed(_TASKS) if task in tasks), None),
                nudged=last if is_recent else None,
            )
        )
    return shown


def _build(connection: Connection, asked: _Asked, fleet: Fleet) -> Wall:
    now_ms = asked.now_ms
    delivering = and_(
        deadlines.c.deadline == "C1",
        orders.c.open,
        orders.c.signed_at_ms.is_(None),
        deadlines.c.due_ms >= now_ms,
    )
    lost = and_(
        _RUNNING,
        asked.seen,
        deadlines.c.deadline == "C1",
        orders.c.open,
        orders.c.signed_at_ms.is_(None),
        deadlines.c.due_ms < now_ms,
    )
    # Signed, and nothing follows: a task once the plan says so, or once the receiver asks to give it back.
    stuck = and_(
        orders.c.open,
        or_(
            and_(
                deadlines.c.deadline == "C3",
                orders.c.arrived_at_ms.is_(None),
                or_(_TOLD.is_not(None), orders.c.return_requested),
            ),
            and_(
                deadlines.c.deadline == "C5",
                orders.c.departed_at_ms.is_not(None),
                _TOLD.is_not(None),
            ),
        ),
    )
    unsigned = and_(deadlines.c.deadline == "C2", orders.c.open, orders.c.arrived_at_ms.is_(None))
    signing = or_(unsigned, delivering, stuck)
    feedback = deadlines.c.deadline.in_(("C6", "C7"))
    callback = and_(deadlines.c.deadline == "C9", incidents.c.callback_state.in_(("due", "trying")))
    undelivered = connection.execute(
        select(*_COLUMNS)
        .select_from(_JOINED)
        .where(lost)
        .order_by(deadlines.c.start_ms)
        .limit(MAX_UNDELIVERED)
    ).mappings()
    rows = _urged(connection, [row_of(found, asked.names, now_ms) for found in undelivered], asked)
    total = connection.execute(select(func.count()).select_from(_JOINED).where(lost)).scalar_one()
    silent, online, completeness = _silence(fleet, asked.names.directory, now_ms)
    return Wall(
        now_ms=now_ms,
        signing=_column(connection, asked, signing, ["C2"]),
        feedback=_column(connection, asked, feedback, ["C6", "C7"]),
        callback=_column(connection, asked, callback, ["C9"]),
        undelivered=rows,
        undelivered_more=total - len(rows),
        silent=silent,
        devices=online,
        completeness=completeness,
        waiting=asked.waiting,
        conflicts=open_conflicts(connection, asked.seen),
    )


def _silence(
    fleet: Fleet, directory: Directory, now_ms: int
) -> tuple[list[Silent], Online, Completeness]:
    """Who is not heard, longest first, and what that means for every figure."""
    in_use = [device for device in fleet.devices if device.in_use]
    heard = [
        (fleet.contacts[device.chain], device)
        for device in in_use
        if device.chain in fleet.contacts
    ]
    online = sum(now_ms - contact.last_contact_ms <= ONLINE_MS for contact, _ in heard)
    silent: list[Silent] = []
    for contact, device in sorted(heard, key=lambda pair: (pair[0].last_contact_ms, pair[1].chain)):
        if (
            not ONLINE_MS < now_ms - contact.last_contact_ms <= FORGOTTEN_MS
            or device.person is None
        ):
            continue
        person = directory.person(device.person)
        silent.append(
            Silent(
                device=device.chain.hex(),
                label=device.label,
                person=device.person.hex(),
                name=person.name if person else "",
                station=hex_or_none(directory.station_of("person", device.person)),
                last_contact_ms=contact.last_contact_ms,
                pending=contact.pending,
                oldest_ms=contact.oldest_ms,
            )
        )
    total = len(in_use)
    return (
        silent[:MAX_SILENT],
        Online(online, total),
        Completeness(
            basis_points=online * 10_000 // total if total else None,
            silent=len(silent),
            unknown=total - len(heard),
        ),
    )


@get(
    "/api/wall",
    tags=["wall"],
    operation_id="getWall",
    guards=[at_desk],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def wall(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> Response[Wall]:
    """Show the wall as of now. A station sees what reached it."""
    directory = access.directory()
    seen = visible_to(who)

    def read(connection: Connection) -> Wall:
        fleet = fleet_of(connection, directory, who)
        heard: dict[bytes, int] = {}
        for device in fleet.devices:
            contact = fleet.contacts.get(device.chain)
            if device.person is not None and contact is not None:
                heard[device.person] = max(heard.get(device.person, 0), contact.last_contact_ms)
        asked = _Asked(
            clock.now_ms(),
            seen,
            Names(directory, heard),
            queue.waiting(connection, queue.seen_by(who, directory)),
        )
        return _build(connection, asked, fleet)

    return Response(await db.reading(read), headers=NO_STORE)


ROUTES: Final[list[Any]] = [wall]
