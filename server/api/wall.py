"""The watch wall: what breaches next, what is undelivered, who is silent. ``GET /api/wall``.

Built at read time from the projected deadlines (SPEC DL) and the clock handed in; nothing is stored as overdue.
What runs is a countdown and judged by nobody; what is done is told with the verdict that was found of it. Drills are
shown, marked, and counted nowhere. What is undelivered or silent counts against nobody.

Example: an order delivered 23 s ago stands in ``signing`` with ``{"id": "C2", "due_ms": now + 7000, "state":
"running"}``."""

from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import Connection, and_, func, or_, select

from server.api import queue
from server.api.conflicts import open_conflicts
from server.api.devices import Fleet, fleet_of, name_of, station_of
from server.api.handed import waiting_for
from server.api.ids import hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.summaries import visible_to
from server.api.wallcolumns import (
    CORRECTION,
    OF_CLOCKS,
    RECALL,
    REVIEW,
    Asked,
    Part,
    column,
    urged,
)
from server.api.wallrows import Completeness, Names, Online, Silent, Wall, row_of
from server.auth.guards import Access, SignedIn, at_desk
from server.now import Clock
from server.store.engine import Database
from server.store.people import Directory
from server.store.tables import deadlines, incidents, orders

MAX_UNDELIVERED: Final = 40
MAX_SILENT: Final = 40

ONLINE_MS: Final = 5 * 60_000
"""A device heard within this time is online: a phone with signal asks at least every minute or two."""
FORGOTTEN_MS: Final = 7 * 86_400_000
"""A device silent longer than this is out of use: it leaves the list of the silent, not the total."""


_CLOCK: Final = deadlines.c.deadline
# Signed, and nothing follows: a task once the plan says so, or once the receiver asks to give it back.
_STUCK: Final = and_(
    orders.c.open,
    or_(
        and_(
            _CLOCK == "C3",
            orders.c.arrived_at_ms.is_(None),
            or_(OF_CLOCKS.told_ms.is_not(None), orders.c.return_requested),
        ),
        and_(_CLOCK == "C5", orders.c.departed_at_ms.is_not(None), OF_CLOCKS.told_ms.is_not(None)),
    ),
)
_UNSIGNED: Final = and_(_CLOCK == "C2", orders.c.open, orders.c.arrived_at_ms.is_(None))
# Whoever has signed, left or come has the order, whatever their phone says.
_ON_ITS_WAY: Final = and_(
    _CLOCK == "C1",
    orders.c.open,
    func.coalesce(orders.c.signed_at_ms, orders.c.departed_at_ms, orders.c.arrived_at_ms).is_(None),
)


def _signing(now_ms: int) -> list[Part]:
    delivering = and_(_ON_ITS_WAY, deadlines.c.due_ms >= now_ms)
    return [(OF_CLOCKS, or_(_UNSIGNED, delivering, _STUCK))]


def _feedback(now_ms: int) -> list[Part]:
    """What is owed of a report: the first, the final, what was returned, and a review that is late."""
    return [
        (OF_CLOCKS, _CLOCK.in_(("C6", "C7"))),
        (CORRECTION, CORRECTION.d.c.start_ms.is_not(None)),
        (REVIEW, REVIEW.d.c.due_ms < now_ms),
    ]


def _callback() -> list[Part]:
    """Whom to call, what is to be put right, and whom to call once more after that."""
    to_call = and_(_CLOCK == "C9", incidents.c.callback_state.in_(("due", "trying")))
    return [
        (OF_CLOCKS, or_(to_call, _CLOCK == "C10")),
        (RECALL, RECALL.d.c.start_ms.is_not(None)),
    ]


def picture(connection: Connection, who: SignedIn, directory: Directory, now_ms: int) -> Wall:
    """The whole wall as one person sees it at a moment."""
    fleet = fleet_of(connection, directory, who)
    heard: dict[bytes, int] = {}
    for device in fleet.devices:
        contact = fleet.contacts.get(device.chain)
        if device.person is not None and contact is not None:
            heard[device.person] = max(heard.get(device.person, 0), contact.last_contact_ms)
    asked = Asked(now_ms, visible_to(who), Names(directory, heard))
    lost = and_(OF_CLOCKS.running, asked.seen, _ON_ITS_WAY, deadlines.c.due_ms < now_ms)
    undelivered = connection.execute(
        select(*OF_CLOCKS.columns)
        .select_from(OF_CLOCKS.joined)
        .where(lost)
        .order_by(deadlines.c.start_ms)
        .limit(MAX_UNDELIVERED)
    ).mappings()
    rows = urged(connection, [row_of(found, asked.names, now_ms) for found in undelivered], asked)
    total = connection.execute(
        select(func.count()).select_from(OF_CLOCKS.joined).where(lost)
    ).scalar_one()
    silent, online, completeness = _silence(fleet, directory, now_ms)
    return Wall(
        now_ms=now_ms,
        signing=column(connection, asked, _signing(now_ms), ["C2"]),
        feedback=column(connection, asked, _feedback(now_ms), ["C6", "C7"]),
        callback=column(connection, asked, _callback(), ["C9"]),
        undelivered=rows,
        undelivered_more=total - len(rows),
        silent=silent,
        devices=online,
        completeness=completeness,
        waiting=queue.waiting(connection, queue.seen_by(who, directory)),
        conflicts=open_conflicts(connection, asked.seen),
        handovers=waiting_for(connection, who, directory),
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
        if not ONLINE_MS < now_ms - contact.last_contact_ms <= FORGOTTEN_MS:
            continue
        silent.append(
            Silent(
                device=device.chain.hex(),
                label=device.label,
                person=hex_or_none(device.person),
                name=name_of(device, directory),
                station=hex_or_none(station_of(device, directory)),
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
    found = await db.reading(picture, who, access.directory(), clock.now_ms())
    return Response(found, headers=NO_STORE)


ROUTES: Final[list[Any]] = [wall]
