"""A stream of hints for desks: ``GET /api/live``. "The log moved to idx": the page then asks for
what it shows.

Carries no data and so leaks none. The stream ends by itself after ``events_lifetime_ms``, when the
server closes, and when the session is over; the browser opens the next one.

Example: after a phone's push every open desk receives ``event: moved`` with ``data: {"idx":
4711}``."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.response import ServerSentEvent, ServerSentEventMessage

from server.api.spec import SESSION, refusals
from server.auth.guards import Access, at_desk
from server.live.hub import LOG, Hub, HubFullError
from server.now import Clock
from server.problems import ProblemError
from server.settings import Settings

BEAT_S: Final = 15.0
"""Seconds between comments on a quiet stream, so that proxies and browsers keep it open."""
REST_S: Final = 0.25
"""Seconds between two hints: under load a desk hears four times a second, not four hundred."""
RETRY_MS: Final = 2_000


async def stream(
    hub: Hub, access: Access, request: Request[Any, Any, Any], ends_at_ms: int, clock: Clock
) -> AsyncIterator[ServerSentEventMessage]:
    """The events of one desk until its time is up."""
    with hub.listen([LOG]) as ear:
        yield ServerSentEventMessage(event="hello", data="{}", retry=RETRY_MS)
        seen_at_ms = clock.now_ms()
        while (now := clock.now_ms()) < ends_at_ms:
            news = await ear.hear(BEAT_S)
            if now - seen_at_ms >= BEAT_S * 1000:
                if await access.who(request) is None:
                    return
                seen_at_ms = now
            if ear.draining:
                return
            if LOG in news:
                data = msgspec.json.encode({"idx": news[LOG]}).decode()
                yield ServerSentEventMessage(event="moved", data=data)
                await asyncio.sleep(REST_S)
            else:
                yield ServerSentEventMessage(comment="beat")


@get(
    "/api/live",
    tags=["wall"],
    operation_id="live",
    opt={"packs_itself": True},  # a packed stream would wait for more before it is sent
    guards=[at_desk],
    security=SESSION,
    responses={
        200: ResponseSpec(
            str,
            generate_examples=False,
            description="A stream of events",
            media_type="text/event-stream",
        )
    }
    | refusals("not_signed_in", "not_allowed", "too_many_streams"),
)
async def live(
    request: Request[Any, Any, Any],
    hub: NamedDependency[Hub],
    access: NamedDependency[Access],
    clock: NamedDependency[Clock],
    settings: NamedDependency[Settings],
) -> ServerSentEvent:
    """Follow the log: event `moved` with `{"idx": newest ruling}`, at most one waiting. Data
    comes by asking for it.
    """
    try:
        with hub.listen([LOG]):  # asked here, where a refusal can still be told
            pass
    except HubFullError as error:
        raise ProblemError("too_many_streams", retry_after_s=30) from error
    ends_at_ms = clock.now_ms() + settings.limits.events_lifetime_ms
    return ServerSentEvent(stream(hub, access, request, ends_at_ms, clock))


ROUTES: Final = [live]
