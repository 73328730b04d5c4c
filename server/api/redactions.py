"""Taking words of an incident away: ``POST /api/incidents/{id}/redactions``.

Responsible for the call and its refusals. Refuses to decide what is left: the rules of RD do, and the intake carries
them out. It cannot be undone, which is why it asks for a legal ground and a reason in words.

Example: ``POST /api/incidents/<id>/redactions {"sets": ["<64 hex>"], "ground": "minor", "text": "未成年"}`` answers
``{"rulings": [4712]}``."""

from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.api.entering import through
from server.api.incidents import seen_story
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, json_body, refusals
from server.api.stories import Stories
from server.auth.guards import SignedIn, may_redact
from server.intake.door import Intake
from server.intake.redact import Ground, NotRedactableError, redact
from server.problems import ProblemError
from server.store.engine import Database

MAX_SETS: Final = 100
SetHex = Annotated[
    str,
    msgspec.Meta(pattern="^[0-9a-f]{64}$", description="32 bytes of a set id as lower-case hex"),
]
GroundCode = Literal["personal_data", "minor", "informant", "state_secret", "court_order"]


class NewRedaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose words are to vanish: sets of one incident, on which legal ground, and why in words."""

    sets: Annotated[list[SetHex], msgspec.Meta(min_length=1, max_length=MAX_SETS)]
    ground: GroundCode
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class Redactions(msgspec.Struct, frozen=True):
    """The rulings that took the words away, by their place in the log."""

    rulings: list[int]


@post(
    "/api/incidents/{incident:str}/redactions",
    tags=["incidents"],
    operation_id="redactIncident",
    status_code=201,
    guards=[may_redact],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request",
        "bad_id",
        "not_signed_in",
        "csrf",
        "centre_only",
        "not_allowed",
        "not_found",
        "not_redactable",
        "queue_full",
    ),
)
async def redact_incident(
    incident: FromPath[str],
    data: Annotated[
        NewRedaction,
        json_body(
            {"sets": ["00" * 32], "ground": "minor", "text": "当事人未成年"},
            "Take the words of one record away",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    intake: NamedDependency[Intake],
) -> Response[Redactions]:
    """Take the words of records away for good, here and on every device. Who, when, why and that something stood there
    remain, and every proof still holds."""
    _summary, story = await seen_story(stories, db, who, incident)
    job = partial(
        redact,
        incident=story.id,
        set_ids=[bytes.fromhex(one) for one in data.sets],
        ground=Ground(who.person.id, data.ground, data.text),
    )
    try:
        indices = await through(intake.transaction(job))
    except NotRedactableError as error:
        raise ProblemError("not_redactable", detail=f"{error}.") from error
    return Response(Redactions(indices), status_code=201, headers=NO_STORE)


ROUTES: Final[list[Any]] = [redact_incident]
