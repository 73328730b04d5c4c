"""The callback desk: today's list, the card of one call, and the satisfaction of the day. ``/api/callback``.

One incident, one callback. The list builds itself from closed incidents (SPEC IN8, DL C9) and says for each one left
out why. A rate is never given without its formula and denominator. Results are written as moves of the incident, so
they stand in its timeline.

Example: 18 satisfied and 6 basically satisfied of 26 reached give ``{"numerator": 24, "denominator": 26,
"basis_points": 9230, ...}``."""

from typing import Any, Final, Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from server.api.days import day_start_ms, spoken
from server.api.detail import masked
from server.api.ids import Hex32, Ms, hex_or_none
from server.api.incidents import seen_story
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.auth.guards import Access, SignedIn, may_call_back
from server.now import Clock
from server.problems import ProblemError
from server.settings import Settings
from server.store.engine import Database
from server.store.tables import incidents
from sync.incident.deadlines import end_of_next_day

MAX_LIST: Final = 500
"""Calls of one list; a banner closes some sixty incidents a day. ``more`` counts the rest."""
FORMULA: Final = "（满意 + 基本满意）÷ 接通"
STEPS: Final = ("delivered", "signed", "departed", "arrived", "cleared")
MINUTE_MS: Final = 60_000

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


class Step(msgspec.Struct, frozen=True):
    """One step of the short story."""

    kind: str
    at: Ms


class Caller(msgspec.Struct, frozen=True):
    """Who called. ``phone`` is given to the callback desk and dispatchers only, which is who may open the card."""

    name: str | None
    phone: str | None
    phone_masked: str | None


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to reach the caller."""

    op: str
    at: Ms
    by: Hex32
    by_name: str
    round: int
    outcome: str
    score: int | None
    minutes: int | None
    why: str | None
    text: str | None


class Card(msgspec.Struct, frozen=True):
    """What the callback officer sees while calling. ``recorded_minutes`` is order to arrival as recorded, to
    compare with the caller's.
    """

    now_ms: Ms
    incident: Hex32
    number: str | None
    tag: str
    title: str
    place: str
    station: Hex32 | None
    station_name: str
    status: str
    round: int
    narrative: str | None
    result: str | None
    feedback: str | None
    steps: list[Step]
    caller: Caller
    script: str
    recorded_minutes: int | None
    due_ms: Ms | None
    state: str
    attempts: list[Attempt]


def satisfaction_of(totals: Totals) -> Satisfaction:
    """Satisfied and basically satisfied over reached, per ten thousand, cut off."""
    good = totals.satisfied + totals.basically
    rate = good * 10_000 // totals.reached if totals.reached else None
    return Satisfaction(good, totals.reached, rate, FORMULA)


def newest(view: dict[str, Any], field: str) -> Any:
    """The newest live value of a fact, ``None`` when it has none."""
    values = view["fields"].get(field)
    return values[-1]["v"] if values else None


def recorded_minutes(view: dict[str, Any]) -> int | None:
    """Minutes from the first order of the round (or the report, without one) to arrival, rounded."""
    arrived = view["milestones"].get("arrived")
    if arrived is None or view["created"] is None:
        return None
    issued = [order["issued_at"] for order in view["orders"] if order["round"] == view["round"]]
    start: int = min(issued, default=view["created"]["at"])
    arrived_ms: int = arrived["at"]
    return max(0, (arrived_ms - start + MINUTE_MS // 2) // MINUTE_MS)


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
        due_ms=end_of_next_day(row["closed_at_ms"]),
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
    rows = (
        connection.execute(
            select(incidents)
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


@get(
    "/api/callback/{incident:str}",
    tags=["callback"],
    operation_id="callbackCard",
    guards=[may_call_back],
    security=SESSION,
    responses=refusals("bad_id", "not_signed_in", "not_allowed", "not_found", "not_ready"),
)
async def card(
    incident: FromPath[str],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
    settings: NamedDependency[Settings],
) -> Response[Card]:
    """Show the card of one call: the short story, the caller, the words to begin with, and earlier attempts."""
    summary, story = await seen_story(stories, db, who, incident)
    view, now_ms = story.view, clock.now_ms()
    created = view["created"]
    if created is None:
        raise ProblemError("not_ready", detail="The report of this incident has not arrived yet.")
    directory = access.directory()
    station = directory.row("stations", view["station"]) if view["station"] else None
    phone = newest(view, "caller_phone")
    closes = [close for close in view["closes"] if close["round"] == view["round"]]
    final = [one for one in view["feedback"] if one["round"] == view["round"] and one["text"]]
    steps = [Step("reported", created["at"])]
    steps += [
        Step(kind, view["milestones"][kind]["at"]) for kind in STEPS if kind in view["milestones"]
    ]
    steps += [Step("closed", closes[0]["at"])] if closes else []
    shown = Card(
        now_ms=now_ms,
        incident=summary.id,
        number=summary.number,
        tag=summary.tag,
        title=summary.title,
        place=summary.place,
        station=summary.station,
        station_name=station["name"] if station else "",
        status=summary.status,
        round=summary.round,
        narrative=newest(view, "narrative"),
        result=(closes[0]["result"] if closes else None) or newest(view, "result"),
        feedback=final[-1]["text"] if final else None,
        steps=sorted(steps, key=lambda step: step.at),
        caller=Caller(newest(view, "caller_name"), phone, masked(phone) if phone else None),
        script=(
            f"您好，这里是{settings.name}。您{spoken(created['at'], now_ms)}报过警，"
            "我们做个回访，想听听您的意见，可以吗？"
        ),
        recorded_minutes=recorded_minutes(view),
        due_ms=end_of_next_day(closes[0]["at"]) if closes else None,
        state=view["callback"]["state"],
        attempts=[
            Attempt(
                op=one["op"].hex(),
                at=one["at"],
                by=one["by"].hex(),
                by_name=person.name if (person := directory.person(one["by"])) else "",
                round=one["round"],
                outcome=one["outcome"],
                score=one["score"],
                minutes=one["minutes"],
                why=one["why"],
                text=one["text"],
            )
            for one in view["callbacks"]
        ],
    )
    return Response(shown, headers=NO_STORE)


ROUTES: Final[list[Any]] = [today, card]
