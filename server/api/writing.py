"""What a desk writes about incidents: creating one, and every move. ``POST /api/incidents``, ``POST
/api/incidents/{id}/moves``.

Each becomes one set of the centre's desk chain in the name of whoever is signed in, through the intake. Refuses to
judge authority by itself: the rules of AU do, before the set is written and again when it is ruled on.

Example: ``POST /api/incidents/<id>/moves {"move": "note", "text": "邻居也报了"}`` answers ``{"set": "...", "idx": 4711,
...}``."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.api.entering import enter
from server.api.ids import Hex32
from server.api.incidents import seen_story
from server.api.movebase import Code
from server.api.moves import (
    CALLBACK_MOVES,
    IssueOrder,
    Move,
    OrderKind,
    Reassign,
    Target,
    ops_of,
)
from server.api.reviewmoves import ReviewFeedback
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, json_body, refusals
from server.api.stories import Stories
from server.auth.guards import Access, SignedIn, at_desk, may_dispatch
from server.intake.door import Intake
from server.intake.places import home_scope
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database
from server.store.people import Directory
from sync.changeset import KIND_INCIDENT, Draft
from sync.exchange import PushResult

ShortText = Annotated[str, msgspec.Meta(max_length=500)]
TARGET_TABLES: Final = {"unit": "units", "person": "people", "vehicle": "vehicles"}


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to send at once."""

    to: Target
    kind: OrderKind = "dispatch"


class NewIncident(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An incident as a desk takes it down. ``tier`` is minutes to arrival, 0 as soon as possible."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    station: Hex32
    category: Code | None = None
    place: ShortText | None = None
    point: tuple[int, int] | None = None
    caller_name: ShortText | None = None
    caller_phone: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    narrative: Annotated[str, msgspec.Meta(max_length=5_000)] | None = None
    level: Annotated[int, msgspec.Meta(ge=1, le=4)] | None = None
    tier: Annotated[int, msgspec.Meta(ge=0, le=1_440)] | None = None
    exercise: bool = False
    order: NewOrder | None = None


class Created(msgspec.Struct, frozen=True):
    """A new incident: its id, the number the centre gave it, and the ruling that says so."""

    id: Hex32
    number: str | None
    idx: int | None


class Moved(msgspec.Struct, frozen=True):
    """What was written: the set's id, its ruling's index and the decision; ``order`` is the order that it made."""

    set: str
    idx: int | None
    decision: str | None
    order: Hex32 | None


FACTS: Final = (
    "title",
    "category",
    "place",
    "point",
    "caller_name",
    "caller_phone",
    "narrative",
    "level",
    "tier",
)


def create_ops(data: NewIncident, tag: str, order_id: bytes) -> list[dict[str, Any]]:
    """The ops of a new incident: its create, one fact per field given, and the order."""
    create: dict[str, Any] = {
        "t": "incident.create",
        "source": "desk",
        "station": bytes.fromhex(data.station),
        "tag": tag,
    }
    if data.exercise:
        create["exercise"] = True
    ops = [create]
    for field in FACTS:
        value = getattr(data, field)
        if value is not None and value != "":
            ops.append(
                {
                    "t": "fact.set",
                    "f": field,
                    "v": list(value) if field == "point" else value,
                    "p": [],
                }
            )
    if data.order is not None:
        kind, target = data.order.to
        to = [kind, bytes.fromhex(target)]
        ops.append(
            {"t": "order.issue", "order": order_id, "to": to, "kind": data.order.kind, "round": 0}
        )
    return ops


def must_exist(directory: Directory, what: str, row_id: str) -> bytes:
    """The id of a row of the organisation. Raises ``ProblemError("bad_move")`` when there is none."""
    found = bytes.fromhex(row_id)
    if directory.row(what, found) is None:
        raise ProblemError(
            "bad_move", detail=f"There is nothing with the id {row_id} among {what}."
        )
    return found


def moved(result: PushResult, order: bytes | None = None) -> Moved:
    """The answer to a write."""
    return Moved(
        set=result.id.hex() if result.id else "",
        idx=result.idx,
        decision=result.d,
        order=order.hex() if order else None,
    )


def scope_of(view: dict[str, Any], entity: bytes) -> str:
    """The scope a set about this incident is meant for: its home, or its own while the create has not come."""
    created = view["created"]
    return home_scope(created["station"], created["at"]) if created else f"incident:{entity.hex()}"


def stations_of(view: dict[str, Any]) -> set[bytes]:
    """The stations an incident is in: where it was created and where it belongs now."""
    created = view["created"] or {}
    return {station for station in (view["station"], created.get("station")) if station is not None}


@post(
    "/api/incidents",
    tags=["incidents"],
    operation_id="createIncident",
    guards=[may_dispatch],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request", "not_signed_in", "csrf", "not_allowed", "bad_move", "queue_full"
    ),
)
async def create_incident(
    data: Annotated[
        NewIncident,
        json_body(
            {
                "title": "草场纠纷，双方争执",
                "category": "dispute",
                "place": "昂素镇巴彦乌素嘎查二社",
                "point": [381836124, 1074786000],
                "caller_phone": "13800002046",
                "tier": 0,
                "station": "00112233445566778899aabbccddeeff",
                "order": {"to": ["unit", "ffeeddccbbaa99887766554433221100"]},
            },
            "Taken down by a dispatcher and sent at once",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
    entropy: NamedDependency[Callable[[int], bytes]],
    clock: NamedDependency[Clock],
) -> Response[Created]:
    """Create an incident and, where a unit is named, order it there in the same signed set."""
    directory = access.directory()
    station = must_exist(directory, "stations", data.station)
    if data.order is not None:
        must_exist(directory, TARGET_TABLES[data.order.to[0]], data.order.to[1])
    entity = entropy(16)
    ops = create_ops(data, f"台-{entity.hex()[:4]}", entropy(16))
    scope = home_scope(station, clock.now_ms())
    draft = Draft(who.person.id, scope, KIND_INCIDENT, entity, ops)
    result = await enter(intake, who, draft, {station})
    created = Created(entity.hex(), result.no, result.idx)
    return Response(created, status_code=201, headers=NO_STORE)


@post(
    "/api/incidents/{incident:str}/moves",
    tags=["incidents"],
    operation_id="moveIncident",
    status_code=200,
    guards=[at_desk],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request",
        "bad_id",
        "not_signed_in",
        "csrf",
        "not_allowed",
        "not_found",
        "unknown_order",
        "not_ready",
        "ladder_open",
        "bad_move",
        "queue_full",
    ),
)
async def move_incident(
    incident: FromPath[str],
    data: Annotated[
        Move,
        json_body(
            {
                "move": "proxy",
                "kind": "arrived",
                "order": "00112233445566778899aabbccddeeff",
                "said_by": "ffeeddccbbaa99887766554433221100",
                "via": "radio",
            },
            "An officer says by radio that they have arrived",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    intake: NamedDependency[Intake],
    entropy: NamedDependency[Callable[[int], bytes]],
) -> Response[Moved]:
    """Do one thing with an incident; `move` says which. It becomes one signed set, and the timeline shows who did
    it.
    """
    _summary, story = await seen_story(stories, db, who, incident)
    if not isinstance(data, CALLBACK_MOVES) and who.person.roles == ("callback",):
        raise ProblemError(
            "not_allowed", detail="The callback desk notes calls; it does not command."
        )
    check_names(data, access.directory())
    if isinstance(data, ReviewFeedback):
        check_reviewer(data, story.view, who)
    order = entropy(16)
    ops = ops_of(data, story.view, order, access.directory().book)
    draft = Draft(who.person.id, scope_of(story.view, story.id), KIND_INCIDENT, story.id, ops)
    result = await enter(intake, who, draft, stations_of(story.view))
    made = order if isinstance(data, IssueOrder | Reassign) else None
    return Response(moved(result, made), headers=NO_STORE)


def check_reviewer(move: ReviewFeedback, view: dict[str, Any], who: SignedIn) -> None:
    """Refuse to let anybody review their own feedback, also what they said and another wrote down."""
    for claim in view["claims"]:
        if claim["op"].hex() == move.claim and who.person.id in (claim["by"], claim["said_by"]):
            raise ProblemError("not_allowed", detail="Nobody reviews their own feedback.")


def check_names(move: Move, directory: Directory) -> None:
    """Refuse a move that names a station, target or person the organisation does not have."""
    to = getattr(move, "to", None)
    if isinstance(to, tuple):
        must_exist(directory, TARGET_TABLES[to[0]], to[1])
    for named in (move, getattr(move, "order", None)):
        for field, what in (("station", "stations"), ("unit", "units")):
            if (row_id := getattr(named, field, None)) is not None:
                must_exist(directory, what, row_id)
    said_by = getattr(move, "said_by", None)
    if said_by is not None:
        must_exist(directory, "people", said_by)


ROUTES: Final[list[Any]] = [create_incident, move_incident]
