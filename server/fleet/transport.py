"""HTTP over a link that drops: the same client, but its bytes take time and may not come through.

Responsible for holding requests and replies back as long as the link takes, and for losing either
when the link goes down under way. A lost reply is the hard case: the server has stored what the
device must now send again. Refuses to know what is sent.

Example: a push begun 200 ms before an outage raises `httpx2.ReadError`; whether the server has it
depends on which half was cut, and the device cannot know.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from server.fleet.links import Link
from server.fleet.timebase import Timebase

HEAD_BYTES = 400  # request line and headers, either way, as seen on the wire


class LinkTransport(httpx2.AsyncBaseTransport):
    """Sends through `inner` when and as the link allows."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, link: Link, time: Timebase) -> None:
        """Share `inner` (a connection pool) with other devices; each has its own link."""
        self._inner = inner
        self._link = link
        self._time = time
        self._met_until_ms = -1
        self.outages = 0  # distinct outages that cost this device an exchange
        self.cut_requests = 0
        self.cut_replies = 0

    def online(self) -> bool:
        """Whether the link is up now, as a phone knows it; an outage that stops work is counted."""
        up, until_ms = self._link.state(self._time.now_ms())
        if not up:
            self._met(until_ms)
        return up

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply, after as long as the link takes.

        Raises ConnectError when the link is down, WriteError when it drops before the request is
        out, ReadError when it drops before the reply is in.
        """
        now_ms = self._time.now_ms()
        up, until_ms = self._link.state(now_ms)
        if not up:
            self._met(until_ms)
            raise httpx2.ConnectError("no network", request=request)
        body = await request.aread()
        sent_ms = self._link.sent_ms(now_ms, HEAD_BYTES + len(body))
        if sent_ms >= until_ms:
            await self._drop(until_ms)
            self.cut_requests += 1
            raise httpx2.WriteError("the link dropped under the request", request=request)
        await self._time.sleep_until(sent_ms)
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            return self._streamed(response, until_ms, request)
        raw = b"".join([chunk async for chunk in _stream_of(response)])
        await response.aclose()
        received_ms = self._link.received_ms(sent_ms, HEAD_BYTES + len(raw))
        if received_ms >= until_ms:
            await self._drop(until_ms)
            self.cut_replies += 1
            raise httpx2.ReadError("the link dropped under the reply", request=request)
        await self._time.sleep_until(received_ms)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx2.ByteStream(raw),
            request=request,
            extensions=response.extensions,
        )

    async def _drop(self, until_ms: int) -> None:
        await self._time.sleep_until(until_ms)
        self._met(self._link.state(until_ms)[1])

    def _met(self, until_ms: int) -> None:
        if until_ms != self._met_until_ms:
            self._met_until_ms = until_ms
            self.outages += 1

    def _streamed(
        self, response: httpx2.Response, until_ms: int, request: httpx2.Request
    ) -> httpx2.Response:
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_CutStream(response, max(until_ms - self._time.now_ms(), 0) / 1000, request),
            request=request,
        )


def _stream_of(response: httpx2.Response) -> httpx2.AsyncByteStream:
    """The bytes as they come off the wire, not yet decompressed."""
    if not isinstance(response.stream, httpx2.AsyncByteStream):
        raise TypeError("an asynchronous transport gave a synchronous stream")
    return response.stream


class _CutStream(httpx2.AsyncByteStream):
    """A reply without end, until the link drops."""

    def __init__(self, response: httpx2.Response, lasts_s: float, request: httpx2.Request) -> None:
        self._response = response
        self._lasts_s = lasts_s
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        ends_s = asyncio.get_running_loop().time() + self._lasts_s
        chunks = aiter(_stream_of(self._response))
        while True:
            try:
                async with asyncio.timeout_at(ends_s):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise httpx2.ReadError("the link dropped", request=self._request) from error
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
