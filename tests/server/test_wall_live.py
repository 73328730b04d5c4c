"""Hints to open desks over a real connection: one word when the log moves, and an end in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.fleet.centre import listen, serving
from server.settings import Limits
from tests.server.desks import PASSWORD, desk_app
from tests.server.pen import STATION


@pytest.fixture
async def url(tmp_path: Path, migrated_file: Path) -> AsyncIterator[str]:
    app, _clock, found = desk_app(tmp_path, migrated_file, limits=Limits(event_streams=2))
    async with serving(app, listen("127.0.0.1", 0)) as address:
        await app.state.intake.transaction(found)
        yield address


@asynccontextmanager
async def desk(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        answer = await client.post(
            "/api/session", json={"login": "dispatcher", "password": PASSWORD}
        )
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        yield client


async def events(reply: httpx2.Response) -> AsyncIterator[tuple[str, str]]:
    """Event name and data as they come; comments are left out."""
    name = ""
    async for line in reply.aiter_lines():
        if line.startswith("event:"):
            name = line.partition(":")[2].strip()
        elif line.startswith("data:"):
            yield name, line.partition(":")[2].strip()


async def take_down(client: httpx2.AsyncClient) -> Any:
    answer = await client.post(
        "/api/incidents", json={"title": "草场纠纷", "station": STATION.hex()}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_an_open_desk_hears_that_the_log_moved_and_asks_for_what_it_shows(url: str) -> None:
    async with asyncio.timeout(30), desk(url) as client, client.stream("GET", "/api/live") as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["cache-control"] == "no-cache"
        stream = events(reply)
        assert (await anext(stream))[0] == "hello"
        made = [await take_down(client) for _ in range(5)]
        heard = 0
        while heard < made[-1]["idx"]:
            name, data = await anext(stream)
            assert name == "moved"
            heard = int(data.removeprefix('{"idx":').removesuffix("}"))
        assert "草场" not in str(heard), "a hint carries no data"


async def test_without_a_session_there_is_no_stream_and_a_crowd_is_told_to_wait(url: str) -> None:
    async with asyncio.timeout(30), desk(url) as client:
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as stranger:
            assert (await stranger.get("/api/live")).json()["code"] == "not_signed_in"
        async with (
            client.stream("GET", "/api/live") as one,
            client.stream("GET", "/api/live") as two,
        ):
            listening = [events(one), events(two)]
            for stream in listening:
                await anext(stream)
            third = await client.get("/api/live")
            assert (third.status_code, third.json()["code"]) == (429, "too_many_streams")
            assert third.headers["retry-after"] == "30"


async def test_the_house_closes_although_desks_are_listening(
    tmp_path: Path, migrated_file: Path
) -> None:
    app, _clock, found = desk_app(tmp_path, migrated_file)
    async with asyncio.timeout(30):
        async with serving(app, listen("127.0.0.1", 0)) as url:
            await app.state.intake.transaction(found)
            async with desk(url) as client, client.stream("GET", "/api/live") as reply:
                listening = events(reply)
                await anext(listening)
                app.state.hub.drain()
                assert [event async for event in listening] == [], "the stream ends by itself"
