"""The desk's queue of sets in doubt: ``GET /api/rulings/queue``, and what a person decides about one.

Responsible for the calls and their refusals. Refuses to judge a set: the person does, the intake writes the ruling in
their name, and the author's device hears of it.

Example: ``POST /api/rulings/<64 hex>/admit {"text": "核实过"}`` answers ``{"idx": 4713}``."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from server.api import queue
from server.api.entering import through
from server.api.ids import from_hex
from server.api.queue import MAX_PAGE, Asked, Kind, Queue
from server.api.session import NO_STORE
from server.api.spec import SESSION, SESSION_AND_CSRF, json_body, refusals
from server.auth.guards import Access, SignedIn, may_rule
from server.intake import reviews
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.reviews import NotReviewableError
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database

SET_HEX: Final = 64


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a person decides so; it stands in the log and the author reads it."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the author is asked; they read it on their device and answer there."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


class Decided(msgspec.Struct, frozen=True):
    """The ruling that says so, by its place in the log."""

    idx: int


@get(
    "/api/rulings/queue",
    tags=["rulings"],
    operation_id="listQueue",
    guards=[may_rule],
    security=SESSION,
    responses=refusals("bad_request", "bad_id", "not_signed_in", "not_allowed"),
)
async def list_queue(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock: NamedDependency[Clock],
    *,
    kind: Annotated[
        Kind | None, QueryParameter(description="only these; all when left out")
    ] = None,
    settled: Annotated[
        bool, QueryParameter(description="what somebody has decided about, instead of what is open")
    ] = False,
    person: Annotated[str | None, QueryParameter(description="only this author's, by id")] = None,
    incident: Annotated[
        str | None, QueryParameter(description="only about this one, by id")
    ] = None,
    before: Annotated[int | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 50,
) -> Response[Queue]:
    """List sets that are held, rejected, unread, or from a device in other hands, the newest first. A station sees
    those of its own people and about its own incidents.
    """
    asked = Asked(
        kind=kind,
        open=not settled,
        person=from_hex(person, "person") if person else None,
        incident=from_hex(incident, "incident") if incident else None,
        before=before,
        limit=limit,
    )
    found = await db.reading(queue.page, asked, who, access.directory(), clock.now_ms())
    return Response(found, headers=NO_STORE)


REFUSALS: Final = (
    "bad_request",
    "bad_id",
    "not_signed_in",
    "csrf",
    "centre_only",
    "not_allowed",
    "not_found",
    "not_reviewable",
    "queue_full",
)


async def _decide(
    set_hex: str, who: SignedIn, access: Access, intake: Intake, job: Callable[[Batch, bytes], int]
) -> Response[Decided]:
    """Write a ruling about a set that is in doubt and this person's to decide about."""
    if len(set_hex) != SET_HEX or not set(set_hex) <= set("0123456789abcdef"):
        raise ProblemError("bad_id", detail="A set id is 64 lower-case hex digits.")
    set_id = bytes.fromhex(set_hex)
    seen = queue.seen_by(who, access.directory())

    def decide(batch: Batch) -> int | None:
        return job(batch, set_id) if queue.visible(batch.connection, set_id, seen) else None

    try:
        idx = await through(intake.transaction(decide))
    except NotReviewableError as error:
        raise ProblemError(
            "not_reviewable", detail=f"The set is not open to that: {error.why}."
        ) from error
    if idx is None:
        raise ProblemError(
            "not_found", detail="No such set is in doubt, or it is not yours to decide."
        )
    return Response(Decided(idx), status_code=201, headers=NO_STORE)


@post(
    "/api/rulings/{set_id:str}/admit",
    tags=["rulings"],
    operation_id="admitSet",
    status_code=201,
    guards=[may_rule],
    security=SESSION_AND_CSRF,
    responses=refusals(*REFUSALS),
)
async def admit(
    set_id: FromPath[str],
    data: Annotated[Reason, json_body({"text": "已电话核实"}, "Checked by telephone")],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
) -> Response[Decided]:
    """Let a set count: it is folded, numbered and listed like one that was accepted at once. Of a set that counts
    though its device was in other hands, it confirms that.
    """
    job = partial(reviews.review, admits=True, by=who.person.id, text=data.text)
    return await _decide(set_id, who, access, intake, job)


@post(
    "/api/rulings/{set_id:str}/reject",
    tags=["rulings"],
    operation_id="rejectSet",
    status_code=201,
    guards=[may_rule],
    security=SESSION_AND_CSRF,
    responses=refusals(*REFUSALS),
)
async def reject(
    set_id: FromPath[str],
    data: Annotated[
        Reason, json_body({"text": "手机当时不在本人手里"}, "Not in the author's hands")
    ],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
) -> Response[Decided]:
    """Keep a set and let it not count. What counts cannot be rejected any more: dispute, withdraw or redact it."""
    job = partial(reviews.review, admits=False, by=who.person.id, text=data.text)
    return await _decide(set_id, who, access, intake, job)


@post(
    "/api/rulings/{set_id:str}/ask",
    tags=["rulings"],
    operation_id="askAuthor",
    status_code=201,
    guards=[may_rule],
    security=SESSION_AND_CSRF,
    responses=refusals(*REFUSALS),
)
async def ask(
    set_id: FromPath[str],
    data: Annotated[Question, json_body({"text": "是您本人写的吗？"}, "Was it you?")],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
) -> Response[Decided]:
    """Ask the author about a held or rejected set. The question shows on their device; the answer comes back as an
    entry of the incident and stands in the queue beside the question.
    """
    job = partial(reviews.ask, by=who.person.id, text=data.text)
    return await _decide(set_id, who, access, intake, job)


ROUTES: Final[list[Any]] = [list_queue, admit, reject, ask]
