"""The card of one call: what the callback officer sees while the telephone rings. ``GET /api/callback/{incident}``.

Shapes one folded incident into a short story, the words to begin with, and what the record says, to compare with what
the caller says. Changes nothing: the result of a call is a move of the incident.

Example: ordered 14:32:07 and arrived 14:57:32 gives ``recorded`` ``{"minutes": 25, "tolerance": 5}``.
"""

import re
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from server.api.arrival import Recorded, recorded, times_of
from server.api.callrows import RectifyLimits, due_of_call, limits_of
from server.api.days import spoken
from server.api.detail import masked
from server.api.ids import Hex32, Ms
from server.api.incidents import seen_story
from server.api.movebase import OpHex
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.auth.guards import Access, SignedIn, may_call_back
from server.intake.project import newest
from server.now import Clock
from server.problems import ProblemError
from server.settings import Settings
from server.store.engine import Database
from server.store.people import Directory
from sync.incident.calendar import MINUTE_MS
from sync.incident.callback import Called, call_again_ms, callback_of, first_attempts
from sync.incident.ladder import Complaint, standing
from sync.incident.policy import PolicyBook

STEPS: Final = ("delivered", "signed", "departed", "arrived", "cleared")
SCRIPT: Final = "您好，这里是{centre}。您{when}报过警，我们做个回访，想听听您的意见，可以吗？"


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
    reason: str | None
    rectify: str | None
    text: str | None


class Script(msgspec.Struct, frozen=True):
    """Words to begin with; the desk has as many as the organisation keeps, one when it keeps none."""

    name: str
    text: str


class Again(msgspec.Struct, frozen=True):
    """What this call follows: what the caller was not satisfied with, and how that was put right. ``rectify`` is what
    the attempt names."""

    rectify: str
    said_at: Ms
    reason: str | None
    text: str | None
    station_name: str
    done_at: Ms
    done: str


class Card(msgspec.Struct, frozen=True):
    """What the callback officer sees while calling. ``again`` is there when it follows a rectification."""

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
    scripts: list[Script]
    recorded: Recorded | None
    again: Again | None
    exercise: bool
    due_ms: Ms | None
    state: str
    exempt: str | None
    again_at: Ms | None
    limits: RectifyLimits
    attempts: list[Attempt]


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
    rectify: Annotated[
        OpHex | None,
        QueryParameter(description="the call after this rectification, by its op; else the first"),
    ] = None,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
    settings: NamedDependency[Settings],
) -> Response[Card]:
    """Show the card of one call: the short story, the caller, the words to begin with, and earlier attempts."""
    summary, story = await seen_story(stories, db, who, incident)
    times = await db.reading(times_of, story.items)
    view, now_ms = story.view, clock.now_ms()
    created = view["created"]
    if created is None:
        raise ProblemError("not_ready", detail="The report of this incident has not arrived yet.")
    directory = access.directory()
    book = directory.book
    station = directory.row("stations", view["station"]) if view["station"] else None
    phone = newest(view, "caller_phone")
    closes = [close for close in view["closes"] if close["round"] == view["round"]]
    final = [one for one in view["feedback"] if one["round"] == view["round"] and one["text"]]
    complaint, call, attempts = _call(view, rectify, book)
    owed_ms = closes[0]["at"] if closes else None
    if complaint is not None:
        owed_ms = complaint.done_ms
    policy = book.judging(view, "C9", now_ms if owed_ms is None else owed_ms).policy
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
        steps=_steps(view, closes),
        caller=Caller(newest(view, "caller_name"), phone, masked(phone) if phone else None),
        scripts=scripts_of(directory, settings.name, summary.title, spoken(created["at"], now_ms)),
        recorded=recorded(view, times, policy.callback_tolerance_ms // MINUTE_MS),
        again=None if complaint is None else _again(complaint, directory),
        exercise=created["exercise"],
        due_ms=None if owed_ms is None else due_of_call(view, owed_ms, book),
        state=call.state,
        exempt=call.exempt,
        again_at=call_again_ms(attempts, policy) if call.state == "trying" else None,
        limits=limits_of(book, now_ms),
        attempts=[_attempt(one, directory) for one in view["callbacks"]],
    )
    return Response(shown, headers=NO_STORE)


def _call(
    view: dict[str, Any], rectify: str | None, book: PolicyBook
) -> tuple[Complaint | None, Called, list[dict[str, Any]]]:
    """Which call it is: the one that follows the rectification named, else the callback of the round."""
    if rectify is None:
        return None, callback_of(view, book), first_attempts(view)
    for complaint in standing(view, book).complaints:
        order = complaint.rectification
        if order is not None and complaint.call is not None and order["op"].hex() == rectify:
            attempts = [one for one in view["callbacks"] if one["rectify"] == order["op"]]
            return complaint, complaint.call, attempts
    raise ProblemError("not_ready", detail="This rectification is not there, or not answered yet.")


def _steps(view: dict[str, Any], closes: list[dict[str, Any]]) -> list[Step]:
    steps = [Step("reported", view["created"]["at"])]
    steps += [
        Step(kind, view["milestones"][kind]["at"]) for kind in STEPS if kind in view["milestones"]
    ]
    steps += [Step("closed", closes[0]["at"])] if closes else []
    return sorted(steps, key=lambda step: step.at)


def _again(complaint: Complaint, directory: Directory) -> Again:
    order = complaint.rectification
    assert order is not None
    station = directory.row("stations", order["station"]) or {}
    return Again(
        rectify=order["op"].hex(),
        said_at=complaint.attempt["at"],
        reason=complaint.attempt["reason"],
        text=complaint.attempt["text"],
        station_name=station.get("name", ""),
        done_at=order["done"]["at"],
        done=order["done"]["text"],
    )


def _attempt(one: dict[str, Any], directory: Directory) -> Attempt:
    person = directory.person(one["by"])
    return Attempt(
        op=one["op"].hex(),
        at=one["at"],
        by=one["by"].hex(),
        by_name=person.name if person else "",
        round=one["round"],
        outcome=one["outcome"],
        score=one["score"],
        minutes=one["minutes"],
        reason=one["reason"],
        rectify=None if one["rectify"] is None else one["rectify"].hex(),
        text=one["text"],
    )


def scripts_of(directory: Directory, centre: str, title: str, when: str) -> list[Script]:
    """The words to begin a call with: those the organisation keeps, in order of their names, else our own."""
    rows = sorted(directory.of("scripts").items(), key=lambda item: (item[1]["name"], item[0]))
    kept = [(row["name"], row["text"]) for _at, row in rows] or [("", SCRIPT)]
    said = {"{centre}": centre, "{when}": when, "{title}": title}
    marks = re.compile("|".join(re.escape(mark) for mark in said))
    return [Script(name, marks.sub(lambda mark: said[mark[0]], text)) for name, text in kept]


ROUTES: Final[list[Any]] = [card]
