"""Hints to listeners: coalesced, bounded, and over when the house closes."""

import asyncio

import pytest

from server.live.hub import LOG, Hub, HubFullError


async def test_a_listener_hears_each_scope_once_however_often_it_moved() -> None:
    hub = Hub(limit=10)
    with hub.listen(["org", "station:a"]) as ear:
        hub.moved({"org": 1}, 1)
        hub.moved({"org": 2, "station:b": 9}, 2)
        hub.moved({"station:a": 7}, 3)
        assert await ear.hear(1) == {"org": 2, "station:a": 7}
        assert await ear.hear(0) == {}


async def test_whoever_listens_to_a_month_hears_of_the_one_that_is_born() -> None:
    hub = Hub(limit=10)
    with hub.listen(["station:a:2026-11", "hub:s:station:a:2026-11"]) as ear:
        hub.moved({"station:a:2026-12": 1, "station:b:2026-12": 1}, 1)
        hub.moved({"hub:s:station:a:2026-12": 2}, 2)
        assert await ear.hear(1) == {"station:a:2026-12": 1, "hub:s:station:a:2026-12": 2}


async def test_a_desk_hears_that_the_log_moved_whatever_scope_it_was() -> None:
    hub = Hub(limit=10)
    with hub.listen([LOG]) as ear:
        hub.moved({"station:b": 9}, 41)
        hub.moved({"station:c": 1}, 42)
        assert await ear.hear(1) == {LOG: 42}


async def test_one_listener_too_many_is_refused_and_a_leaving_one_makes_room() -> None:
    hub = Hub(limit=1)
    with hub.listen(["org"]), pytest.raises(HubFullError), hub.listen(["org"]):
        pass
    with hub.listen(["org"]):
        assert hub.listeners == 1
    assert hub.listeners == 0


async def test_draining_wakes_everyone_and_greets_no_one_new() -> None:
    hub = Hub(limit=10)
    with hub.listen(["org"]) as ear:
        heard = asyncio.create_task(ear.hear(60))
        await asyncio.sleep(0)
        hub.drain()
        assert await heard == {}
        assert ear.draining
    with hub.listen(["org"]) as late:
        assert late.draining


async def test_a_word_that_comes_while_nobody_waits_is_not_lost() -> None:
    hub = Hub(limit=10)
    with hub.listen(["org"]) as ear:
        assert await ear.hear(0) == {}
        hub.moved({"org": 5}, 5)
        assert await ear.hear(60) == {"org": 5}
