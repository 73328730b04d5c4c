"""The reviewer's queue: final feedback that waits for review, what was returned, what is overdue, and delays nobody has
answered. ``GET /api/reviews``.

Responsible for the lists, by deadline. One record side by side is the incident itself (``GET /api/incidents/{id}``,
with its remarks); a review is a move of it (``review_feedback``). Refuses to count drills in any figure: they are
listed and marked.

Example: feedback received 20 h ago stands in ``waiting`` with ``due_ms`` in four hours.
"""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from server.api import overdue
from server.api.days import day_start_ms
from server.api.ids import Hex32, Ms, hex_or_none
from server.api.overdue import Late, late_of, standing
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.api.summaries import visible_to
from server.auth.guards import Access, SignedIn, may_review
from server.now import Clock
from server.store.engine import Database
from server.store.tables import incidents

MAX_LIST: Final = 200
"""Rows of one list; ``more`` counts the rest."""


class ReviewRow(msgspec.Struct, frozen=True):
    """One incident whose feedback waits: for its reviewer since ``since_ms`` (receipt), or returned then for its
    author."""

    incident: Hex32
    number: str | None
    tag: str
    title: str
    category: str
    place: str
    station: Hex32 | None
    status: str
    exercise: bool
    since_ms: Ms | None
    due_ms: Ms | None
    delays: int


class Reviewed(msgspec.Struct, frozen=True):
    """What was reviewed since midnight in Shanghai, drills left out. ``scored`` of them have a score, ``mean`` is
    theirs cut off to a whole number; ``passed`` and ``returned`` are how they stand now."""

    passed: int
    returned: int
    scored: int
    mean: int | None


class Reviews(msgspec.Struct, frozen=True):
    """The queue at a moment; each list the most urgent first."""

    now_ms: Ms
    waiting: list[ReviewRow]
    waiting_more: int
    returned: list[ReviewRow]
    returned_more: int
    overdue: list[Late]
    delays: list[ReviewRow]
    today: Reviewed


def _row(row: RowMapping, since: str | None, due: str | None) -> ReviewRow:
    return ReviewRow(
        incident=row["id"].hex(),
        number=row["number"],
        tag=row["tag"],
        title=row["title"],
        category=row["category"],
        place=row["place"],
        station=hex_or_none(row["station"]),
        status=row["status"],
        exercise=row["exercise"],
        since_ms=row[since] if since else None,
        due_ms=row[due] if due else None,
        delays=row["delays"],
    )


def _listed(
    connection: Connection, which: ColumnElement[bool], since: str | None, due: str | None
) -> tuple[list[ReviewRow], int]:
    by = incidents.c[due] if due else incidents.c.updated_idx
    rows = connection.execute(
        select(incidents).where(which).order_by(by.is_(None), by, incidents.c.id).limit(MAX_LIST)
    ).mappings()
    shown = [_row(row, since, due) for row in rows]
    if len(shown) < MAX_LIST:
        return shown, 0
    total = connection.execute(
        select(func.count()).select_from(incidents).where(which)
    ).scalar_one()
    return shown, total - len(shown)


def _today(connection: Connection, seen: ColumnElement[bool], now_ms: int) -> Reviewed:
    lately = incidents.c.reviewed_at_ms >= day_start_ms(now_ms)
    scored = incidents.c.review_score
    counted = connection.execute(
        select(
            func.count().filter(incidents.c.feedback_state == "passed"),
            func.count().filter(incidents.c.feedback_state == "returned"),
            func.count(scored),
            func.sum(scored),
        ).where(lately, seen, ~incidents.c.exercise)
    ).one()
    passed, returned, n, total = counted
    return Reviewed(passed, returned, n, int(total) // n if n else None)


@get(
    "/api/reviews",
    tags=["reviews"],
    operation_id="listReviews",
    guards=[may_review],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def list_reviews(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
) -> Response[Reviews]:
    """Show what waits for review, what was returned, what is overdue, and delays nobody has answered."""
    now_ms, directory, seen = clock.now_ms(), access.directory(), visible_to(who)

    def read(connection: Connection) -> tuple[Reviews, list[overdue.Found]]:
        stands = standing()
        waiting, waiting_more = _listed(
            connection,
            seen & stands & (incidents.c.review_from_ms.is_not(None)),
            "review_from_ms",
            "review_due_ms",
        )
        returned, returned_more = _listed(
            connection,
            seen & stands & (incidents.c.feedback_state == "returned"),
            "correct_from_ms",
            "correct_due_ms",
        )
        delays, _more = _listed(connection, seen & stands & (incidents.c.delays > 0), None, None)
        queue = Reviews(
            now_ms=now_ms,
            waiting=waiting,
            waiting_more=waiting_more,
            returned=returned,
            returned_more=returned_more,
            overdue=[],
            delays=delays,
            today=_today(connection, seen, now_ms),
        )
        return queue, overdue.find(connection, seen, now_ms)

    queue, found = await db.reading(read)
    told = await stories.read_all([one.entity for one in found])
    late = [late_of(one, told[one.entity].view, directory) for one in found if one.entity in told]
    return Response(msgspec.structs.replace(queue, overdue=late), headers=NO_STORE)


ROUTES: Final[list[Any]] = [list_reviews]
