"""The callback desk: today's list and the satisfaction of the day. ``GET /api/callback/today``.

One incident, one callback. The list builds itself from closed incidents (SPEC IN8, DL C9) and says for each one left
out why. A rate is never given without its formula and denominator. Results are written as moves of the incident, so
they stand in its timeline.

Example: 18 satisfied and 6 basically satisfied of 26 reached give ``{"numerator": 24, "denominator": 26,
"basis_points": 9230, ...}``."""

from typing import Any, Final, Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from server.api.days import day_start_ms
from server.api.ids import Hex32, Ms, hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.auth.guards import may_call_back
from server.now import Clock
from server.store.engine import Database
from server.store.tables import deadlines, incidents

MAX_LIST: Final = 500
"""Calls of one list; a banner closes some sixty incidents a day. ``more`` counts the rest."""
FORMULA: Final = "（满意 + 基本满意）÷ 接通"

Exclusion = Literal["no_phone", "withdrawn", "duplicate", "exercise"]


class CallRow(msgspec.Struct, frozen=True):
    """One call to make or made today. ``state`` is ``due``, ``trying`` or ``done``."""

    incident: Hex32
    number: str | None
    tag: str
    title: str
    place: str
    station: Hex32 | None
    closed_at: Ms
    attempts: int
    last_outcome: str | None
    last_at: Ms | None
    due_ms: Ms
    state: str
    score: int | None
    why: str | None


class Excluded(msgspec.Struct, frozen=True):
    """An incident that is not called about, and why."""

    incident: Hex32
    number: str | None
    title: str
    why: Exclusion


class Totals(msgspec.Struct, frozen=True):
    """The day in numbers: ``list`` = ``reached`` + ``left``; ``unreachable`` of those left were tried in vain."""

    listed: int = msgspec.field(name="list")
    reached: int
    left: int
    satisfied: int
    basically: int
    dissatisfied: int
    unreachable: int


class Satisfaction(msgspec.Struct, frozen=True):
    """A rate with what it is made of; ``basis_points`` is null while nobody was reached."""

    numerator: int
    denominator: int
    basis_points: int | None
    formula: str


class CallList(msgspec.Struct, frozen=True):
    """Today's list, what is left out of it, and the day's figures."""

    now_ms: Ms
    calls: list[CallRow] = msgspec.field(name="list")
    more: int
    excluded: list[Excluded]
    totals: Totals
    satisfaction: Satisfaction


def satisfaction_of(totals: Totals) -> Satisfaction:
    """Satisfied and basically satisfied over reached, per ten thousand, cut off."""
    good = totals.satisfied + totals.basically
    rate = good * 10_000 // totals.reached if totals.reached else None
    return Satisfaction(good, totals.reached, rate, FORMULA)


def exclusion_of(row: RowMapping) -> Exclusion | None:
    """Why an incident is not called about; ``None`` when it is."""
    if row["status"] == "withdrawn":
        return "withdrawn"
    if row["status"] == "duplicate":
        return "duplicate"
    if row["exercise"]:
        return "exercise"
    if row["callback_state"] == "exempt":
        return "no_phone"
    return None


def _call(row: RowMapping) -> CallRow:
    return CallRow(
        incident=row["id"].hex(),
        number=row["number"],
        tag=row["tag"],
        title=row["title"],
        place=row["place"],
        station=hex_or_none(row["station"]),
        closed_at=row["closed_at_ms"],
        attempts=row["callback_attempts"],
        last_outcome=row["callback_outcome"],
        last_at=row["callback_at_ms"],
        due_ms=row["due_ms"],
        state=row["callback_state"],
        score=row["callback_score"],
        why=row["callback_why"],
    )


def _totals(calls: list[CallRow], more: int) -> Totals:
    reached = [call for call in calls if call.state == "done"]
    left = [call for call in calls if call.state != "done"]
    scores = [call.score for call in reached]
    return Totals(
        listed=len(calls) + more,
        reached=len(reached),
        left=len(left) + more,
        satisfied=scores.count(1),
        basically=scores.count(2),
        dissatisfied=scores.count(3),
        unreachable=sum(call.attempts > 0 for call in left),
    )


def _candidates(connection: Connection, now_ms: int) -> tuple[list[RowMapping], int]:
    """Closed and not done up to now, done today, or ended today without being closed; the earliest closed first."""
    today = day_start_ms(now_ms)
    waiting = and_(
        incidents.c.callback_state.in_(("due", "trying")), incidents.c.closed_at_ms <= now_ms
    )
    done = and_(incidents.c.callback_state == "done", incidents.c.callback_at_ms >= today)
    exempt = and_(incidents.c.callback_state == "exempt", incidents.c.closed_at_ms >= today)
    ended = and_(
        incidents.c.status.in_(("withdrawn", "duplicate")), incidents.c.updated_at_ms >= today
    )
    which = or_(waiting, done, exempt, ended)
    due = and_(deadlines.c.incident == incidents.c.id, deadlines.c.deadline == "C9")
    rows = (
        connection.execute(
            select(incidents, deadlines.c.due_ms)
            .outerjoin(deadlines, due)
            .where(which)
            .order_by(incidents.c.closed_at_ms.is_(None), incidents.c.closed_at_ms, incidents.c.id)
            .limit(MAX_LIST)
        )
        .mappings()
        .all()
    )
    total = connection.execute(
        select(func.count()).select_from(incidents).where(which)
    ).scalar_one()
    return list(rows), total - len(rows)


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
    clock: NamedDependency[Clock],
) -> Response[CallList]:
    """Show today's list: every closed incident not yet reached, those reached today, and what is left out and why."""
    now_ms = clock.now_ms()
    rows, more = await db.reading(_candidates, now_ms)
    calls: list[CallRow] = []
    excluded: list[Excluded] = []
    for row in rows:
        why = exclusion_of(row)
        if why is None:
            calls.append(_call(row))
        elif (row["closed_at_ms"] or row["updated_at_ms"]) >= day_start_ms(now_ms):
            excluded.append(Excluded(row["id"].hex(), row["number"], row["title"], why))
    totals = _totals(calls, more)
    shown = CallList(now_ms, calls, more, excluded, totals, satisfaction_of(totals))
    return Response(shown, headers=NO_STORE)


ROUTES: Final[list[Any]] = [today]
