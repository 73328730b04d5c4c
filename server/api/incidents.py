"""Incidents at a desk: the list, and one with its merged timeline. ``GET /api/incidents``.

Reads projections and folds; what a desk writes stands in ``writing``. A caller's name and number are shown to those who
may read them and masked for the others.

Example: ``GET /api/incidents?status=open&limit=20`` gives the newest twenty that are not ended.
"""

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from sqlalchemy import Connection

from server.api import detail, summaries
from server.api.asof import AsOf, By, story_at
from server.api.ids import from_hex
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories, Story
from server.api.summaries import MAX_PAGE, MAX_QUERY_CHARS, Query, Status, Summary, visible_to
from server.auth.guards import Access, SignedIn, at_desk
from server.intake.mirrored import left_for
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database
from sync.clock import MS_MAX


class Page(msgspec.Struct, frozen=True):
    """A page of incidents, the newest first; ``next`` is the cursor of the page after, null at the end."""

    incidents: list[Summary]
    next: str | None


async def seen_story(
    stories: Stories, db: Database, who: SignedIn, incident: str
) -> tuple[Summary, Story]:
    """One incident this person may see. Raises ``ProblemError("not_found")``, also for what they may not see, and
    ``handed_over`` for what their station could see until it was given to another.
    """
    entity = from_hex(incident, "incident")
    summary = await db.reading(summaries.one, entity, visible_to(who))
    story = await stories.read(entity) if summary is not None else None
    if summary is None or story is None:
        station = who.person.station
        left = await db.reading(left_for, entity, station) if station is not None else None
        if left is not None:
            to = left.scope.split(":")[1] if left.scope else None
            raise ProblemError("handed_over", extra={"detail": {"to": to, "at_ms": left.at_ms}})
        raise ProblemError(
            "not_found", detail="There is no such incident, or it is not yours to see."
        )
    return summary, story


@get(
    "/api/incidents",
    tags=["incidents"],
    operation_id="listIncidents",
    guards=[at_desk],
    security=SESSION,
    responses=refusals("bad_request", "not_signed_in", "not_allowed"),
)
async def list_incidents(
    who: NamedDependency[SignedIn],
    db: NamedDependency[Database],
    *,
    q: Annotated[
        str,
        QueryParameter(
            max_length=MAX_QUERY_CHARS, description="words in number, title, place, caller, story"
        ),
    ] = "",
    status: Annotated[
        Status | None, QueryParameter(description="one status, or `open` for all not ended")
    ] = None,
    station: Annotated[str | None, QueryParameter(description="only this station's, by id")] = None,
    before: Annotated[
        str | None, QueryParameter(max_length=64, description="`next` of the page before")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 50,
) -> Response[Page]:
    """List incidents, the newest first. A station sees its own and those that were ordered or handed to it."""
    asked = Query(
        q=q,
        status=status,
        station=from_hex(station, "station") if station else None,
        before=before,
        limit=limit,
    )
    shown, following = await db.reading(summaries.page, asked, visible_to(who))
    return Response(Page(shown, following), headers=NO_STORE)


@get(
    "/api/incidents/{incident:str}",
    tags=["incidents"],
    operation_id="getIncident",
    guards=[at_desk],
    security=SESSION,
    responses=refusals(
        "bad_id", "bad_request", "not_signed_in", "not_allowed", "not_found", "handed_over"
    ),
)
async def read_incident(
    incident: FromPath[str],
    *,
    as_of_ms: Annotated[
        int | None,
        QueryParameter(ge=0, le=MS_MAX, description="tell it as it stood at this moment"),
    ] = None,
    by: Annotated[
        By,
        QueryParameter(
            description="`received`: what was known by then; `event`: what had happened"
        ),
    ] = "received",
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
) -> Response[detail.Detail]:
    """Show one incident whole: its view as every device folds it, countdowns, open moves, and the merged timeline."""
    summary, story = await seen_story(stories, db, who, incident)
    directory, now_ms = access.directory(), clock.now_ms()
    as_of = None if as_of_ms is None or as_of_ms >= now_ms else AsOf(as_of_ms, by)

    def read(connection: Connection) -> tuple[Story, detail.Beside]:
        told = story if as_of is None else story_at(connection, story, as_of)
        return told, detail.beside(connection, told, directory, as_of, now_ms)

    told, known = await db.reading(read)
    shown = detail.detail_of(summary, told, directory, known, now_ms=now_ms, who=who, as_of=as_of)
    return Response(shown, headers=NO_STORE)


ROUTES: Final[list[Any]] = [list_incidents, read_incident]
