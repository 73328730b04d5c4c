"""The ladder after a caller who was not satisfied, as its desks climb it: rectified, called again, listed, closed.

Example: until the inspectorate has closed what it listed, nobody signs another close of the incident.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.api.days import DAY_MS
from server.intake.rebuild import rebuild
from server.intake.verdicts import SETTLING_MS
from server.store.rows import query
from sync.rulings import read_ruling
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION
from tests.server.test_callback import closed

HOUR_MS = 3_600_000


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def complaints(seat: Seat) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await seat.ask("/api/callback/ladder"))["complaints"]
    return rows


async def unhappy(desk: Seat, caller: Seat, **more: Any) -> str:
    """An incident whose caller is not satisfied, with the rectification ordered in the same step."""
    incident = await closed(desk)
    order = {"station": STATION.hex(), "text": "上门说明"} | more
    said = {"score": 3, "reason": "slow", "minutes": 40, "text": "等了很久"}
    await caller.did(incident, "callback", outcome="reached", order=order, **said)
    return incident


async def test_a_complaint_is_rectified_called_about_again_listed_and_closed(house: Centre) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    station, inspector = await house.sign_in("station"), await house.sign_in("supervisor")
    incident = await unhappy(desk, caller)

    [asked] = (await station.ask("/api/wall"))["callback"]["rows"]
    assert (asked["deadline"]["id"], asked["reason"]) == ("C10", "slow")
    assert asked["deadline"]["due_ms"] == EPOCH_MS + DAY_MS
    [row] = await complaints(station)
    assert (row["step"], row["mine"], row["reason"]) == ("rectifying", True, "slow")
    assert row["due_ms"] == EPOCH_MS + DAY_MS
    assert row["rectification"]["station_name"] == "甲派出所"
    house.clock.advance(60_000)
    order = row["rectification"]["ordered"]["op"]
    assert (await caller.move(incident, "rectified", rectify=order, text="x")).status_code == 403
    await station.did(incident, "rectified", rectify=order, text="已上门道歉")
    again = await station.move(incident, "rectified", rectify=order, text="又一次")
    assert again.json()["code"] == "not_ready"

    today = await caller.ask("/api/callback/today")
    [call] = today["again"]
    assert (call["incident"], call["state"], call["rectify"]) == (incident, "due", order)
    card = await caller.ask(f"/api/callback/{incident}?rectify={order}")
    assert card["again"]["done"] == "已上门道歉"
    assert (card["again"]["reason"], card["again"]["text"]) == ("slow", "等了很久")
    still = {"score": 3, "reason": "unresolved"}
    house.clock.advance(60_000)
    await caller.did(incident, "callback", outcome="reached", rectify=order, **still)
    today = await caller.ask("/api/callback/today")
    assert today["again"] == []
    assert today["totals"]["dissatisfied"] == 1, "what is said after it changes no rate"

    rows = {row["again"]: row for row in await complaints(inspector)}
    assert [rows[False]["step"], rows[True]["step"]] == [None, "to_supervise"]
    attempt = rows[True]["attempt"]
    assert (await caller.move(incident, "supervise", attempt=attempt, text="x")).status_code == 403
    house.clock.advance(60_000)
    await inspector.did(incident, "supervise", attempt=attempt, text="挂牌，五日内回复")
    twice = await inspector.move(incident, "supervise", attempt=attempt, text="再挂")
    assert twice.json()["code"] == "not_ready"
    [listed] = [row for row in await complaints(inspector) if row["again"]]
    assert (listed["step"], listed["listed"]["by_name"]) == ("supervised", "supervisor 甲")
    ended = {"supervise": listed["listed"]["op"], "result": "resolved", "text": "已落实"}
    house.clock.advance(60_000)
    await inspector.did(incident, "end_supervision", **ended)
    shown = await inspector.ask("/api/callback/ladder")
    assert sum(shown["open"].values()) == 0
    assert (await station.ask("/api/wall"))["callback"]["rows"] == []
    detail = await desk.ask(f"/api/incidents/{incident}")
    found = {one["clock"]: one["result"] for one in detail["verdicts"]}
    assert (found["C9"], found["C10"]) == ("met", "met")
    said = [entry["t"] for entry in detail["timeline"]][-4:]
    assert said == [
        "rectify.done",
        "callback.attempt",
        "supervise.open",
        "supervise.close",
    ]


async def test_a_call_noted_by_mistake_is_taken_back_until_somebody_has_acted_on_it(
    house: Centre,
) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    station = await house.sign_in("station")
    incident = await unhappy(desk, caller)
    [row] = await complaints(station)
    why = {"attempt": row["attempt"], "why": "按错了"}
    assert (await station.move(incident, "withdraw_call", **why)).status_code == 403
    await caller.did(incident, "withdraw_call", **why)
    assert await complaints(station) == []
    [owed] = (await station.ask("/api/wall"))["callback"]["rows"]
    assert owed["deadline"]["id"] == "C9", "the call, and no rectification"
    today = await caller.ask("/api/callback/today")
    assert [one["state"] for one in today["list"]] == ["due"]
    assert today["totals"]["dissatisfied"] == 0
    told = (await desk.ask(f"/api/incidents/{incident}"))["timeline"]
    [back] = [one for one in told if one["t"] == "callback.withdraw"]
    assert (back["about"], back["why"]) == (row["attempt"], "按错了")
    gone = await caller.move(incident, "withdraw_call", **why)
    assert gone.json()["code"] == "bad_move"

    said = {"score": 3, "reason": "slow"}
    order = {"station": STATION.hex(), "text": "上门说明"}
    await caller.did(incident, "callback", outcome="reached", order=order, **said)
    [row] = await complaints(station)
    ordered = row["rectification"]["ordered"]["op"]
    await station.did(incident, "rectified", rectify=ordered, text="已上门道歉")
    late = await caller.move(incident, "withdraw_call", attempt=row["attempt"], why="按错了")
    assert late.json()["code"] == "not_ready"


async def test_vd9_what_was_found_of_a_call_that_is_taken_back_is_found_anew(
    house: Centre, tmp_path: Path
) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    incident = await closed(desk)
    await caller.did(incident, "callback", outcome="reached", score=1)

    async def found() -> list[tuple[str, bool]]:
        """What was written down of the callback's clock, and whether because of something."""
        house.clock.advance(SETTLING_MS)
        await house.app.state.deadlines.tend()
        rows = await house.app.state.db.reading(
            query, "SELECT bytes FROM rulings WHERE kind = 'verdict' ORDER BY idx", ()
        )
        said = [read_ruling(bytes(raw)).payload for (raw,) in rows]
        return [(one["result"], one["because"] is not None) for one in said if one["clock"] == "C9"]

    assert await found() == [("met", False)]
    view = (await desk.ask(f"/api/incidents/{incident}"))["view"]
    [call] = view["callbacks"]
    await caller.did(incident, "withdraw_call", attempt=call["op"], why="按错了")
    assert await found() == [("met", False), ("void", True)]
    await caller.did(incident, "callback", outcome="reached", score=2)
    assert await found() == [("met", False), ("void", True), ("met", False)]
    url = f"sqlite+aiosqlite:///{tmp_path}/ortoo.db"
    assert await rebuild(url, check=True) == (1, 0)


async def test_no_desk_signs_a_close_while_a_step_is_open_and_reopening_is_no_way_around(
    house: Centre,
) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    incident = await unhappy(desk, caller)
    await desk.did(incident, "reopen", why="再派一次")
    refused = await desk.move(incident, "close", result="mediated")
    assert (refused.status_code, refused.json()["code"]) == (409, "ladder_open")
    [row] = await complaints(desk)
    order = row["rectification"]["ordered"]["op"]
    await desk.did(incident, "rectified", rectify=order, text="已上门")
    refused = await desk.move(incident, "close", result="mediated")
    assert refused.json()["code"] == "ladder_open", "the caller has not been asked again"
    await caller.did(incident, "callback", outcome="reached", rectify=order, score=1)
    await desk.did(incident, "close", result="mediated")
    assert await complaints(desk) == []


async def test_a_station_sees_and_answers_what_it_is_asked_and_nobody_elses(house: Centre) -> None:
    desk, caller = await house.sign_in("dispatcher"), await house.sign_in("callback")
    station = await house.sign_in("station")
    foreign = await unhappy(desk, caller, station=OTHER_STATION.hex(), kind="complex")
    [row] = await complaints(station)
    assert (row["incident"], row["mine"]) == (foreign, False)
    order = row["rectification"]["ordered"]["op"]
    refused = await station.move(foreign, "rectified", rectify=order, text="x")
    assert refused.status_code == 403
    attempt = row["attempt"]
    ours = {"station": STATION.hex(), "text": "请你们再去一次"}
    await caller.did(foreign, "rectify", attempt=attempt, order=ours)
    [row] = await complaints(station)
    assert (row["mine"], row["step"]) == (True, "rectifying")
    await station.did(
        foreign, "rectified", rectify=row["rectification"]["ordered"]["op"], text="好"
    )


async def test_what_does_not_fit_is_refused_with_its_reason(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident = await closed(desk)
    order = {"station": STATION.hex(), "text": "x"}
    for move in (
        {"outcome": "reached"},
        {"outcome": "no_answer", "score": 3},
        {"outcome": "reached", "score": 1, "reason": "slow"},
        {"outcome": "reached", "score": 2, "order": order},
        {"outcome": "reached", "score": 1, "rectify": "00" * 17},
        {"outcome": "reached", "score": 3, "order": order | {"station": "00" * 16}},
    ):
        refused = await desk.move(incident, "callback", **move)
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_move"), move
    await desk.did(incident, "callback", outcome="reached", score=1)
    view = (await desk.ask(f"/api/incidents/{incident}"))["view"]
    happy = view["callbacks"][0]["op"]
    refused = await desk.move(incident, "rectify", attempt=happy, order=order)
    assert refused.json()["code"] == "bad_move"
    card = await desk.get(f"/api/callback/{incident}?rectify={happy}")
    assert card.json()["code"] == "not_ready"


async def test_the_words_to_begin_with_and_the_limits_are_the_organisations(house: Centre) -> None:
    admin, desk = await house.sign_in("admin"), await house.sign_in("dispatcher")
    for name, text in (("2 蒙语", "ᠰᠠᠶᠢᠨ ᠪᠠᠶᠢᠨ᠎ᠠ ᠤᠤ {title}"), ("1 汉语", "您好，{centre}回访。")):
        kept = await admin.post("/api/org/scripts", {"name": name, "text": text})
        assert kept.status_code == 201, kept.text
    policy = {"name": "half", "from_ms": 0, "by": bytes(16), "note": "", "satisfaction": "half"}
    await house.intake.org("policies", bytes(16), policy | {"rectify_within_ms": HOUR_MS})
    incident = await unhappy(desk, desk)
    await desk.did(await closed(desk), "callback", outcome="reached", score=2)
    card = await desk.ask(f"/api/callback/{incident}")
    assert [script["text"] for script in card["scripts"]][1] == "ᠰᠠᠶᠢᠨ ᠪᠠᠶᠢᠨ᠎ᠠ ᠤᠤ 草场纠纷"
    rate = (await desk.ask("/api/callback/today"))["satisfaction"]
    assert (rate["formula"], rate["basis_points"]) == ("half", 2_500)
    [row] = await complaints(desk)
    assert row["due_ms"] - row["said_at"] == HOUR_MS
