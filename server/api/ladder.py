"""The ladder after a caller who was not satisfied: what is open, with whom, and by when. ``GET /api/callback/ladder``.

The callback desk and dispatchers see all of it, a station what reached it and what it is asked to put right, the
inspectorate what it is to list or has listed. Steps are moves of the incident; nothing is written here.

Example: a rectification asked of a station stands there as ``{"step": "rectifying", "due_ms": ..., "mine": true}``.
"""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from server.api.callrows import RectifyLimits, limits_of
from server.api.days import day_start_ms
from server.api.ids import Hex32, Ms, hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.api.summaries import visible_to
from server.auth.guards import Access, SignedIn, at_desk
from server.intake.project import newest
from server.now import Clock
from server.store.engine import Database
from server.store.people import Directory
from server.store.tables import incidents
from sync.incident.ladder import STEPS, Complaint, standing
from sync.incident.policy import PolicyBook

MAX_FILES: Final = 300
"""Incidents with an open step, the longest open first; a banner has a few dozen. ``more`` counts the rest."""


class Told(msgspec.Struct, frozen=True):
    """A step that was taken: by whom, when, in which words. ``result`` is that of a supervision."""

    op: str
    at: Ms
    by_name: str
    text: str
    result: str | None


class Rectifying(msgspec.Struct, frozen=True):
    """A rectification: of which station and unit, of which kind, and its answer."""

    ordered: Told
    station: Hex32
    station_name: str
    unit: Hex32 | None
    unit_name: str
    kind: str
    done: Told | None


class ComplaintRow(msgspec.Struct, frozen=True):
    """One caller who was not satisfied. ``step`` is what is open (SPEC CK5), null when it ended; ``mine`` tells a
    station that it is asked. ``due_ms`` is when it is to be rectified; a complaint said again has none.
    ``called_at`` is when the call after the rectification ended. Of one said again ``rectification`` is the one it was
    said after."""

    incident: Hex32
    number: str | None
    title: str
    place: str
    station: Hex32 | None
    exercise: bool
    attempt: str
    said_at: Ms
    said_to: str
    reason: str | None
    text: str | None
    again: bool
    step: str | None
    mine: bool
    due_ms: Ms | None
    rectified_at: Ms | None
    rectification: Rectifying | None
    called_at: Ms | None
    listed: Told | None
    ended: Told | None


class LadderList(msgspec.Struct, frozen=True):
    """Complaints, the gravest step first and within it the earliest due. ``open`` counts those with an open step."""

    now_ms: Ms
    complaints: list[ComplaintRow]
    open: dict[str, int]
    limits: RectifyLimits
    more: int


def _told(step: dict[str, Any] | None, directory: Directory) -> Told | None:
    if step is None:
        return None
    person = directory.person(step["by"])
    name = person.name if person else ""
    return Told(step["op"].hex(), step["at"], name, step["text"], step.get("result"))


def _rectifying(order: dict[str, Any], directory: Directory) -> Rectifying:
    station = directory.row("stations", order["station"]) or {}
    unit = directory.row("units", order["unit"]) or {} if order["unit"] else {}
    ordered = _told(order, directory)
    assert ordered is not None
    return Rectifying(
        ordered=ordered,
        station=order["station"].hex(),
        station_name=station.get("name", ""),
        unit=hex_or_none(order["unit"]),
        unit_name=unit.get("name", ""),
        kind=order["kind"],
        done=_told(order["done"], directory),
    )


def row_of(
    view: dict[str, Any], complaint: Complaint, directory: Directory, station: bytes | None
) -> ComplaintRow:
    """One complaint as `station` (None: nobody's) sees it."""
    attempt, order, listed = complaint.attempt, complaint.rectification, complaint.supervision
    person = directory.person(attempt["by"])
    followed = (one for one in view["rectifications"] if one["op"] == attempt["rectify"])
    about = next(followed, None) if complaint.again else order
    return ComplaintRow(
        incident=view["id"].hex(),
        number=view["number"],
        title=newest(view, "title") or "",
        place=newest(view, "place") or "",
        station=hex_or_none(view["station"]),
        exercise=bool(view["created"] and view["created"]["exercise"]),
        attempt=attempt["op"].hex(),
        said_at=attempt["at"],
        said_to=person.name if person else "",
        reason=attempt["reason"],
        text=attempt["text"],
        again=complaint.again,
        step=complaint.step,
        mine=order is not None and station is not None and order["station"] == station,
        due_ms=complaint.due_ms,
        rectified_at=complaint.done_ms,
        rectification=None if about is None else _rectifying(about, directory),
        called_at=None if complaint.call is None else complaint.call.settled_ms,
        listed=_told(listed, directory),
        ended=None if listed is None else _told(listed["closed"], directory),
    )


def _files(
    connection: Connection, now_ms: int, seen: ColumnElement[bool]
) -> tuple[list[bytes], int]:
    """Incidents with an open step, and those whose caller was not satisfied today; how many more are open."""
    said_today = and_(
        incidents.c.callback_score == 3, incidents.c.callback_at_ms >= day_start_ms(now_ms)
    )
    found = connection.execute(
        select(incidents.c.id)
        .where(seen, or_(incidents.c.ladder.is_not(None), said_today))
        .order_by(incidents.c.ladder.is_(None), incidents.c.callback_at_ms, incidents.c.id)
    ).scalars()
    ids = list(found)
    return ids[:MAX_FILES], max(0, len(ids) - MAX_FILES)


def rows_of(
    views: list[dict[str, Any]], book: PolicyBook, directory: Directory, station: bytes | None
) -> list[ComplaintRow]:
    """Every complaint of these incidents, in the order of a list."""
    rows = [
        row_of(view, complaint, directory, station)
        for view in views
        for complaint in standing(view, book).complaints
    ]
    rank = {step: at for at, step in enumerate(STEPS)}
    return sorted(
        rows,
        key=lambda row: (
            len(rank) if row.step is None else rank[row.step],
            row.said_at if row.due_ms is None else row.due_ms,
            row.attempt,
        ),
    )


@get(
    "/api/callback/ladder",
    tags=["callback"],
    operation_id="callbackLadder",
    guards=[at_desk],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def ladder(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
) -> Response[LadderList]:
    """Show what follows from callers who were not satisfied: what is open, and what was said today and ended."""
    now_ms, directory = clock.now_ms(), access.directory()
    found, more = await db.reading(_files, now_ms, visible_to(who))
    told = await stories.read_all(found)
    station = who.person.station if "station" in who.person.roles else None
    views = [story.view for story in told.values()]
    rows = rows_of(views, directory.book, directory, station)
    counts = {step: sum(row.step == step for row in rows) for step in STEPS}
    return Response(
        LadderList(now_ms, rows, counts, limits_of(directory.book, now_ms), more), headers=NO_STORE
    )


ROUTES: Final[list[Any]] = [ladder]
