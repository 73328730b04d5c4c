"""The stream of hints for devices: `GET /sync/v1/events` (EX).

Responsible for one bounded event stream: `hello` first, then `moved` with `{"scope", "n"}`, a
comment every 15 s, an end after five minutes or when the house drains. Refuses to carry data.

Example: `event: moved\\ndata: {"scope":"org","n":41}\\n\\n`.
"""

import asyncio

import msgspec
from litestar.types import Receive, Send

from server.live.hub import Hub, HubFullError
from server.now import Clock
from server.problems import NO_STORE, ProblemError
from server.settings import Settings
from sync import exchange

REST_S = 0.2  # between two hints: news that come meanwhile are told in one
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", NO_STORE.encode()),
    (b"x-accel-buffering", b"no"),
]
_HELLO = b"retry: 3000\nevent: hello\ndata: {}\n\n"
_BEAT = b": beat\n\n"


class Events:
    """Streams to devices."""

    def __init__(self, settings: Settings, clock: Clock, hub: Hub) -> None:
        """Listen at this hub."""
        self._lifetime_ms = min(
            settings.limits.events_lifetime_ms, exchange.EVENTS_LIFETIME_S * 1000
        )
        self._clock = clock
        self._hub = hub

    async def stream(self, names: list[str], receive: Receive, send: Send) -> None:
        """Tell one device of these scopes until it goes, the time is up, or the house closes."""
        try:
            with self._hub.listen(names) as ear:
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                await send({"type": "http.response.body", "body": _HELLO, "more_body": True})
                gone = asyncio.create_task(_until_gone(receive))
                try:
                    ends_at_ms = self._clock.now_ms() + self._lifetime_ms
                    while not (gone.done() or ear.draining or self._clock.now_ms() >= ends_at_ms):
                        hearing = asyncio.create_task(ear.hear(exchange.EVENTS_HEARTBEAT_S))
                        await asyncio.wait({hearing, gone}, return_when=asyncio.FIRST_COMPLETED)
                        if gone.done():
                            hearing.cancel()
                            break
                        await send(
                            {
                                "type": "http.response.body",
                                "body": _told(hearing.result()),
                                "more_body": True,
                            }
                        )
                        await asyncio.sleep(REST_S)
                finally:
                    gone.cancel()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except HubFullError as error:
            raise ProblemError("too_many_streams", retry_after_s=30) from error


def _told(news: dict[str, int]) -> bytes:
    if not news:
        return _BEAT
    return b"".join(
        b"event: moved\ndata: " + msgspec.json.encode(exchange.Moved(scope, n)) + b"\n\n"
        for scope, n in news.items()
    )


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
