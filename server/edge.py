"""What a connection must keep to before it is a request: a bounded head, sent in bounded time.

Responsible for refusing what never becomes a request, as a problem like any other, and for the last word to a request
that the end of the house finds unfinished. Refuses to know routes and bodies: those have bounds of their own, and a
phone on a thin link may take its time with a body.

Example: a megabyte of headers is answered 413 `request_too_large` after the first 64 KiB of them.
"""

import asyncio
from typing import Any, cast

from litestar.types import Send
from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
)
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from server.problems import ProblemError, refuse

HEAD_BYTES_MAX = 64 * 1024
STOPPING_RETRY_S = 5
HEAD_WITHIN_S = 30.0  # from the first byte, or from the connection, to the end of the head


class Edge(HttpToolsProtocol):
    """One connection, as uvicorn wants it."""

    _head_bytes = 0
    _head_ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Expect a head."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.app = _with_last_word(self.app)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._have_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The next request on a connection that was kept."""
        super().on_message_begin()
        if self._head_ends is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """The head is here: from now on it is a request."""
        self._have_head()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Count what comes while the head is not complete."""
        super().data_received(data)
        if self._head_ends is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
                self._refuse(ProblemError("request_too_large", "The head is over 64 KiB."))

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP."""
        self._refuse(ProblemError("bad_request", msg))

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_ends = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _have_head(self) -> None:
        if self._head_ends is not None:
            self._head_ends.cancel()
            self._head_ends = None

    def _refuse(self, problem: ProblemError) -> None:
        body = problem.body()
        headers: dict[str, Any] = problem.headers() | {
            "content-length": len(body),
            "connection": "close",
        }
        lines = [f"{name}: {text}\r\n".encode() for name, text in headers.items()]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self.transport.close()


def _with_last_word(app: ASGI3Application) -> ASGI3Application:
    """The app, whose requests are told `stopping` when the grace is over and they have no answer yet."""

    async def told(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        answering = False

        async def sending(event: ASGISendEvent) -> None:
            nonlocal answering
            answering = True
            await send(event)

        try:
            await app(scope, receive, sending)
        except asyncio.CancelledError:
            if answering:
                raise  # half an answer cannot be mended: the connection is closed
            answer = cast("Send", send)  # two names for one protocol
            await refuse(answer, ProblemError("stopping", retry_after_s=STOPPING_RETRY_S))

    return told
