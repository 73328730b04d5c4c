"""Connections that never become requests: each is told why, or let go, and holds nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from server import edge
from server.edge import HEAD_BYTES_MAX, Edge


async def app(_scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of bytes it was sent."""
    size, more = 0, True
    while more:
        event = await receive()
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config, state = Config(app, log_config=None, lifespan="off"), ServerState()
    config.load()
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Edge(config, state, {}), "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()
    for connection in list(state.connections):
        connection.shutdown()
    await listener.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """Everything up to the end of the connection."""
    async with asyncio.timeout(20):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def test_a_head_without_end_is_refused_long_before_it_fills_the_memory(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nx-endless: ")
    sent = 0
    while not reader.at_eof() and sent < 64 * HEAD_BYTES_MAX:
        try:
            writer.write(b"y" * 4_096)
            await writer.drain()
        except ConnectionError:
            break
        sent += 4_096
        await asyncio.sleep(0)
    assert sent < 64 * HEAD_BYTES_MAX
    writer.close()


async def test_a_large_head_is_told_that_it_is_too_large(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nx-large: " + b"y" * HEAD_BYTES_MAX)
    status, headers, body = await answer(reader)
    assert (status, json.loads(body)["code"]) == (413, "request_too_large")
    assert headers["content-type"] == "application/problem+json"
    writer.close()


async def test_what_is_not_http_is_told_so(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01\x02\x00 this was meant for a TLS port\r\n\r\n")
    status, _headers, body = await answer(reader)
    assert (status, json.loads(body)["code"]) == (400, "bad_request")
    writer.close()


async def test_who_never_finishes_a_head_is_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "HEAD_WITHIN_S", 0.05)
    for began in (b"", b"GET / HTTP/1.1\r\nx: y\r\n", b"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nx"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(began)
        async with asyncio.timeout(20):
            await reader.read()  # until the other side closes
        writer.close()


async def test_a_slow_body_and_the_next_request_on_the_connection_are_served(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "HEAD_WITHIN_S", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: 200000\r\n\r\n")
        for _piece in range(4):
            writer.write(b"b" * 50_000)
            await writer.drain()
            await asyncio.sleep(0.2)
        async with asyncio.timeout(20):
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert b"200000" in await reader.readuntil(b"0\r\n\r\n")
    writer.close()
