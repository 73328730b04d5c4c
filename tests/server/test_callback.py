"""The callback desk: a list that builds itself, a card to call by, and a rate with its formula."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api.days import DAY_MS, day_start_ms, spoken
from server.api.detail import masked
from server.api.satisfaction import HALVES, rate_of
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, STATION, UNIT

PHONE = "13800002046"


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path, db_url: str) -> AsyncIterator[Centre]:
    named = "鄂托克前旗公安局指挥中心"
    async with centre(tmp_path, migrated_file, name=named, database_url=db_url) as made:
        yield made


async def closed(seat: Seat, title: str = "草场纠纷", **more: Any) -> str:
    body = {
        "title": title,
        "station": STATION.hex(),
        "caller_phone": PHONE,
        "caller_name": "乌恩",
    } | more
    incident: str = (await seat.post("/api/incidents", body)).json()["id"]
    await seat.did(incident, "close", result="mediated")
    return incident


async def test_the_list_builds_itself_and_the_figures_follow(house: Centre) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    assert (await caller.ask("/api/callback/today"))["list"] == []
    first = await closed(desk, "一")
    house.clock.advance(60_000)
    second, third = await closed(desk, "二"), await closed(desk, "三")
    open_one = (
        await desk.post("/api/incidents", {"title": "四", "station": STATION.hex()})
    ).json()["id"]
    today = await caller.ask("/api/callback/today")
    assert today["list"][0]["incident"] == first
    assert {row["incident"] for row in today["list"]} == {first, second, third}
    assert open_one not in str(today)
    assert [row["state"] for row in today["list"]] == ["due"] * 3
    assert today["list"][0]["due_ms"] == day_start_ms(EPOCH_MS) + 2 * DAY_MS - 1

    await caller.did(first, "callback", outcome="no_answer")
    await caller.did(second, "callback", outcome="reached", score=1, minutes=35)
    await caller.did(
        third, "callback", outcome="reached", score=3, reason="slow", text="希望再来一次"
    )
    today = await caller.ask("/api/callback/today")
    assert today["totals"] == {
        "ended": 3,
        "today": 3,
        "excluded": 0,
        "exercises": 0,
        "carried": 0,
        "list": 3,
        "reached": 2,
        "unreachable": 0,
        "left": 1,
        "tried": 1,
        "satisfied": 1,
        "basically": 0,
        "dissatisfied": 1,
    }
    assert today["satisfaction"] == {
        "formula": "basically",
        "satisfied": 1,
        "basically": 0,
        "reached": 2,
        "basis_points": 5_000,
    }
    rows = {row["incident"]: row for row in today["list"]}
    assert (rows[first]["state"], rows[first]["attempts"], rows[first]["last_outcome"]) == (
        "trying",
        1,
        "no_answer",
    )
    assert (rows[third]["score"], rows[third]["reason"]) == (3, "slow")
    await caller.did(first, "callback", outcome="reached", score=2)
    assert (await caller.ask("/api/callback/today"))["satisfaction"]["basis_points"] == 6_666


async def test_what_was_not_reached_yesterday_is_still_there_today_and_what_was_is_not(
    house: Centre,
) -> None:
    desk = await house.sign_in("dispatcher")
    missed, reached = await closed(desk), await closed(desk)
    await desk.did(missed, "callback", outcome="no_answer")
    await desk.did(reached, "callback", outcome="reached", score=1)
    house.clock.advance(DAY_MS)
    seat = await house.sign_in("callback")
    today = await seat.ask("/api/callback/today")
    assert [row["incident"] for row in today["list"]] == [missed]
    assert today["satisfaction"]["basis_points"] is None, "nobody was reached today: no rate"


async def test_each_incident_left_out_says_why(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    no_phone = await closed(desk, caller_phone="")
    drill = await closed(desk, exercise=True)
    original = await closed(desk)
    twin = await closed(desk)
    await desk.did(twin, "link", to=original)
    withdrawn = (
        await desk.post("/api/incidents", {"title": "x", "station": STATION.hex()})
    ).json()["id"]
    await desk.did(withdrawn, "withdraw", why="撤警")
    exempt, anonymous, refusing = await closed(desk), await closed(desk), await closed(desk)
    await desk.did(exempt, "callback", outcome="no_phone")
    await desk.did(anonymous, "callback", outcome="anonymous", text="匿名举报")
    await desk.did(refusing, "callback", outcome="refused")
    today = await desk.ask("/api/callback/today")
    assert [row["incident"] for row in today["list"]] == [original]
    assert {row["incident"]: row["why"] for row in today["excluded"]} == {
        no_phone: "no_phone",
        twin: "duplicate",
        withdrawn: "withdrawn",
        exempt: "no_phone",
        anonymous: "anonymous",
        refusing: "refused",
    }
    assert [row["incident"] for row in today["exercises"]] == [drill], "apart, in no figure"
    totals = today["totals"]
    assert totals["ended"] == 8 == totals["today"] + totals["excluded"] + totals["exercises"]
    assert (totals["list"], totals["excluded"], totals["exercises"]) == (1, 6, 1)


async def test_the_card_tells_the_story_and_the_result_stands_in_the_timeline(
    house: Centre,
) -> None:
    desk, caller, phone = (
        await house.sign_in("dispatcher"),
        await house.sign_in("callback"),
        await house.phone(),
    )
    body = {
        "title": "草场纠纷",
        "station": STATION.hex(),
        "caller_phone": PHONE,
        "caller_name": "乌恩",
        "order": {"to": ["unit", UNIT.hex()]},
    }
    incident = (await desk.post("/api/incidents", body)).json()["id"]
    entity = bytes.fromhex(incident)
    order = bytes.fromhex((await desk.ask(f"/api/incidents/{incident}"))["view"]["orders"][0]["id"])
    phone.now_ms = house.clock.advance(20_000)
    await house.push(phone, phone.claim(entity, "signed", order))
    phone.now_ms = house.clock.advance(25 * 60_000)
    await house.push(phone, phone.claim(entity, "arrived", order))
    feedback = phone.claim(
        entity, "feedback", order, data={"final": True, "text": "现场调解，14 日丈量"}
    )
    await house.push(phone, feedback)
    await desk.did(incident, "close", result="mediated")

    card = await caller.ask(f"/api/callback/{incident}")
    assert [step["kind"] for step in card["steps"]] == ["reported", "signed", "arrived", "closed"]
    assert card["caller"] == {"name": "乌恩", "phone": PHONE, "phone_masked": "138****2046"}
    assert card["recorded"] == {
        "minutes": 25,
        "tolerance": 5,
        "grade": 0,
        "lo": 0,
        "hi": 26,
    }
    assert card["feedback"] == "现场调解，14 日丈量"
    assert card["station_name"] == "甲派出所"
    [script] = card["scripts"]
    assert script["text"].startswith(
        "您好，这里是鄂托克前旗公安局指挥中心。您今天 8 时 53 分报过警"
    )
    assert (card["state"], card["attempts"]) == ("due", [])

    house.clock.advance(60_000)
    await caller.did(
        incident, "callback", outcome="reached", score=2, minutes=35, text="丈量那天希望民警在场"
    )
    card = await caller.ask(f"/api/callback/{incident}")
    [attempt] = card["attempts"]
    assert (attempt["score"], attempt["minutes"], attempt["by_name"]) == (2, 35, "callback 甲")
    assert card["state"] == "done"
    entry = (await desk.ask(f"/api/incidents/{incident}"))["timeline"][-1]
    assert (entry["t"], entry["value"]) == (
        "callback.attempt",
        {"outcome": "reached", "score": 2, "minutes": 35, "reason": None},
    )


async def test_a_reopened_incident_is_called_about_again_after_it_closes_again(
    house: Centre,
) -> None:
    desk = await house.sign_in("dispatcher")
    incident = await closed(desk)
    await desk.did(incident, "callback", outcome="reached", score=2)
    await desk.did(incident, "reopen", why="又起争执")
    assert (await desk.ask("/api/callback/today"))["list"] == []
    await desk.did(incident, "close")
    [row] = (await desk.ask("/api/callback/today"))["list"]
    assert (row["state"], row["attempts"]) == ("due", 0)


async def test_who_is_tried_at_three_times_of_day_is_unreachable_and_in_no_denominator(
    house: Centre,
) -> None:
    desk = await house.sign_in("dispatcher")
    incident, other = await closed(desk), await closed(desk)
    await desk.did(other, "callback", outcome="reached", score=1)
    hour_ms = 3_600_000
    for tried in range(3):
        desk = await house.sign_in("dispatcher")  # hours go by, and sessions end
        await desk.did(incident, "callback", outcome="no_answer")
        await desk.did(
            incident, "callback", outcome="no_answer"
        )  # at once again: the same time of day
        rows = {row["incident"]: row for row in (await desk.ask("/api/callback/today"))["list"]}
        if tried < 2:
            assert rows[incident]["state"] == "trying"
            assert rows[incident]["again_at"] > house.clock.now_ms()
            house.clock.advance(rows[incident]["again_at"] - house.clock.now_ms() + hour_ms)
    today = await desk.ask("/api/callback/today")
    assert {row["incident"]: row["state"] for row in today["list"]}[incident] == "unreachable"
    totals = today["totals"]
    assert (totals["unreachable"], totals["reached"], totals["left"]) == (1, 1, 0)
    assert today["satisfaction"]["reached"] == 1
    detail = await desk.ask(f"/api/incidents/{incident}")
    [clock] = [one for one in detail["deadlines"] if one["id"] == "C9"]
    assert clock["state"] == "done"


async def test_the_callback_desk_calls_and_does_not_command(house: Centre) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    incident = await closed(desk)
    assert (await caller.move(incident, "reopen", why="x")).json()["code"] == "not_allowed"
    assert (await caller.move(incident, "set_fact", f="title", v="x")).json()[
        "code"
    ] == "not_allowed"
    supervisor = await house.sign_in("supervisor")
    refused = await supervisor.move(incident, "callback", outcome="reached", score=1)
    assert refused.json()["code"] == "not_allowed"
    assert (await supervisor.get(f"/api/callback/{incident}")).status_code == 403


@given(
    st.sampled_from(sorted(HALVES)), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)
)
def test_a_rate_is_good_over_reached_and_never_more_than_all(
    formula: str, one: int, two: int, three: int
) -> None:
    reached = one + two + three
    rate = rate_of(formula, satisfied=one, basically=two, reached=reached)
    assert (rate.satisfied, rate.basically, rate.reached) == (one, two, reached)
    if not reached:
        assert rate.basis_points is None
        return
    good = {"basically": one + two, "half": one + two / 2, "satisfied": one}[formula]
    assert rate.basis_points == int(good * 10_000 / reached + 1e-9) <= 10_000


@given(st.integers(946_684_800_000, 4_102_444_800_000))
def test_a_day_in_shanghai_begins_at_sixteen_hours_utc(at_ms: int) -> None:
    start = day_start_ms(at_ms)
    assert start <= at_ms < start + DAY_MS
    assert start % DAY_MS == 16 * 3_600_000
    assert spoken(at_ms, at_ms).startswith("今天")
    assert spoken(at_ms, at_ms + DAY_MS).startswith("昨天")
    assert "月" in spoken(at_ms, at_ms + 2 * DAY_MS)


@given(st.text(max_size=20))
def test_a_masked_number_never_shows_its_middle(phone: str) -> None:
    shown = masked(phone)
    assert len(phone) < 9 or shown == phone[:3] + "****" + phone[-4:]
    assert len(phone) >= 9 or set(shown) <= {"*"}
