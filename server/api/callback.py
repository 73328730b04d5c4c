"""The callback desk: today's list and the satisfaction of the day. ``GET /api/callback/today``.

One incident, one callback. The list builds itself from closed incidents (SPEC CK2, DL C9) and says for each one left
out why: what ended today is on the list, left out, or an exercise, and the three add up. Callers to be asked again
after a rectification stand apart, and so do exercises; both are in no figure.

Example: 45 ended today are ``{"ended": 45, "today": 40, "excluded": 3, "exercises": 2, ...}``.
"""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select

from server.api.callrows import CallRow, again_row, call_row, to_call_again
from server.api.days import day_start_ms
from server.api.ids import Hex32, Ms
from server.api.satisfaction import Satisfaction, rate_of
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.auth.guards import Access, may_call_back
from server.now import Clock
from server.store.engine import Database
from server.store.tables import deadlines, incidents

MAX_LIST: Final = 500
"""Calls that are sent; a banner closes some sixty incidents a day. ``more`` counts the rest."""
MAX_COUNTED: Final = 5_000
"""Incidents the numbers of a day are made of: three months of a banner that nobody called back."""
COLUMNS: Final = tuple(column for column in incidents.c if column.name != "search")


class Excluded(msgspec.Struct, frozen=True):
    """An incident that is not called about, and why: ``no_phone``, ``anonymous``, ``refused``, ``withdrawn`` or
    ``duplicate``."""

    incident: Hex32
    number: str | None
    title: str
    why: str


class Totals(msgspec.Struct, frozen=True):
    """The day in numbers.

    What ``ended`` today = ``today`` (on the list) + ``excluded`` + ``exercises``. On the ``list`` are those and what
    was ``carried`` over; of it some were ``reached``, some are ``unreachable``, and the rest is ``left``, of which
    ``tried`` were called in vain so far. ``reached`` = ``satisfied`` + ``basically`` + ``dissatisfied``.
    """

    ended: int
    today: int
    excluded: int
    exercises: int
    carried: int
    listed: int = msgspec.field(name="list")
    reached: int
    unreachable: int
    left: int
    tried: int
    satisfied: int
    basically: int
    dissatisfied: int


class CallList(msgspec.Struct, frozen=True):
    """Today's calls, those to make again after a rectification, exercises, what is left out, and the figures."""

    now_ms: Ms
    calls: list[CallRow] = msgspec.field(name="list")
    more: int
    again: list[CallRow]
    exercises: list[CallRow]
    excluded: list[Excluded]
    totals: Totals
    satisfaction: Satisfaction


def exclusion_of(row: RowMapping) -> str | None:
    """Why an incident is not called about; ``None`` when it is."""
    if row["status"] in ("withdrawn", "duplicate"):
        return str(row["status"])
    return row["callback_exempt"] if row["callback_state"] == "exempt" else None


def which_today(now_ms: int) -> ColumnElement[bool]:
    """Ended today, or ended before and still to be called or called today."""
    today = day_start_ms(now_ms)
    state = incidents.c.callback_state
    ended = incidents.c.ended_at_ms.between(today, now_ms)
    waiting = and_(state.in_(("due", "trying")), incidents.c.closed_at_ms <= now_ms)
    reached = and_(state == "done", incidents.c.callback_at_ms.between(today, now_ms))
    given_up = and_(state == "unreachable", incidents.c.callback_settled_ms.between(today, now_ms))
    return or_(ended, waiting, reached, given_up)


def _read(connection: Connection, now_ms: int) -> tuple[list[RowMapping], list[bytes]]:
    """The rows of today, the earliest closed first, and the incidents with an open step after a rectification."""
    first = (incidents.c.closed_at_ms.is_(None), incidents.c.closed_at_ms, incidents.c.id)
    due = and_(deadlines.c.incident == incidents.c.id, deadlines.c.deadline == "C9")
    found = (
        select(*COLUMNS, deadlines.c.due_ms)
        .outerjoin(deadlines, due)
        .where(which_today(now_ms))
        .order_by(*first)
        .limit(MAX_COUNTED)
    )
    again = select(incidents.c.id).where(incidents.c.ladder.is_not(None)).limit(MAX_LIST)
    rows = connection.execute(found).mappings().all()
    return list(rows), list(connection.execute(again).scalars())


def sorted_out(
    rows: list[RowMapping],
) -> tuple[list[CallRow], list[CallRow], list[Excluded]]:
    """The list, the exercises, and what is left out with its reason."""
    calls: list[CallRow] = []
    exercises: list[CallRow] = []
    excluded: list[Excluded] = []
    for row in rows:
        if row["exercise"]:
            exercises.append(call_row(row))
        elif (why := exclusion_of(row)) is None:
            calls.append(call_row(row))
        else:
            excluded.append(Excluded(row["id"].hex(), row["number"], row["title"], why))
    return calls, exercises, excluded


def totals_of(
    rows: list[RowMapping], calls: list[CallRow], excluded: list[Excluded], now_ms: int
) -> Totals:
    """The numbers of a list that is whole."""
    today = day_start_ms(now_ms)
    ended = [row for row in rows if (row["ended_at_ms"] or 0) >= today]
    drilled = sum(bool(row["exercise"]) for row in ended)
    scores = [call.score for call in calls if call.state == "done"]
    left = [call for call in calls if call.state in ("due", "trying")]
    from_today = len(ended) - drilled - len(excluded)
    return Totals(
        ended=len(ended),
        today=from_today,
        excluded=len(excluded),
        exercises=drilled,
        carried=len(calls) - from_today,
        listed=len(calls),
        reached=len(scores),
        unreachable=sum(call.state == "unreachable" for call in calls),
        left=len(left),
        tried=sum(call.attempts > 0 for call in left),
        satisfied=scores.count(1),
        basically=scores.count(2),
        dissatisfied=scores.count(3),
    )


@get(
    "/api/callback/today",
    tags=["callback"],
    operation_id="callbackToday",
    guards=[may_call_back],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def today(
    db: NamedDependency[Database],
    access: NamedDependency[Access],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
) -> Response[CallList]:
    """Show today's calls, whom to ask again after a rectification, and what is left out and why."""
    now_ms, book = clock.now_ms(), access.directory().book
    rows, on_ladder = await db.reading(_read, now_ms)
    calls, exercises, excluded = sorted_out(rows)
    totals = totals_of(rows, calls, excluded, now_ms)
    told = await stories.read_all(on_ladder)
    again = [
        again_row(story.view, complaint, book)
        for story in told.values()
        for complaint in to_call_again(story.view, book)
    ]
    rate = rate_of(
        book.at(now_ms, mode=book.mode_at(now_ms)).satisfaction,
        satisfied=totals.satisfied,
        basically=totals.basically,
        reached=totals.reached,
    )
    more = max(0, len(calls) - MAX_LIST)
    shown = CallList(now_ms, calls[:MAX_LIST], more, again, exercises, excluded, totals, rate)
    return Response(shown, headers=NO_STORE)


ROUTES: Final[list[Any]] = [today]
