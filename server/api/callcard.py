"""The card of one call: what the callback officer sees while the telephone rings. ``GET /api/callback/{incident}``.

Shapes one folded incident into a short story, the words to begin with, and what the record says, to compare with what
the caller says. Changes nothing: the result of a call is a move of the incident.

Example: ordered 14:32:07 and arrived 14:57:32 gives ``recorded_minutes`` 25.
"""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.api.days import spoken
from server.api.detail import masked
from server.api.ids import Hex32, Ms
from server.api.incidents import seen_story
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.auth.guards import Access, SignedIn, may_call_back
from server.now import Clock
from server.problems import ProblemError
from server.settings import Settings
from server.store.engine import Database
from sync.incident.deadlines import deadlines

STEPS: Final = ("delivered", "signed", "departed", "arrived", "cleared")
MINUTE_MS: Final = 60_000


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
        due_ms=next(one.due_ms for one in deadlines(view, directory.book) if one.id == "C9"),
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


ROUTES: Final[list[Any]] = [card]
