"""The watch wall: what is due, what is lost on the way, who is silent. Time is moved by hand."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.store.devices import Contact
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, OTHER_UNIT, STATION, UNIT, Pen


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def send(seat: Seat, **more: Any) -> tuple[bytes, bytes]:
    """An incident ordered to the officer's unit: its id and the order's."""
    body = {
        "title": "草场纠纷",
        "caller_phone": "110",
        "station": STATION.hex(),
        "order": {"to": ["unit", UNIT.hex()]},
    }
    incident = (await seat.post("/api/incidents", body | more)).json()["id"]
    view = (await seat.ask(f"/api/incidents/{incident}"))["view"]
    return bytes.fromhex(incident), bytes.fromhex(view["orders"][0]["id"])


def heard(house: Centre, phone: Pen, pending: int = 0, oldest_ms: int | None = None) -> None:
    house.intake.note_contact(
        Contact(
            phone.chain,
            house.clock.now_ms(),
            pending,
            oldest_ms,
            0,
            phone.writer.seq - 1 + pending,  # written on the phone, not yet here
            "test/1",
        )
    )


async def settled(house: Centre) -> None:
    """Until contacts noted so far are written: they ride on the next transaction."""
    await house.intake.transaction(lambda _batch: None)


async def test_an_order_walks_over_the_wall(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident, order = await send(desk)
    wall = await desk.ask("/api/wall")
    [row] = wall["signing"]["rows"]
    assert row["deadline"] == {
        "id": "C1",
        "start_ms": EPOCH_MS,
        "due_ms": EPOCH_MS + 10_000,
        "done_ms": None,
        "state": "running",
    }
    assert row["target"] == {"kind": "unit", "id": UNIT.hex(), "name": "甲一组"}

    phone.now_ms = delivered_ms = house.clock.advance(4_000)
    await house.push(phone, phone.claim(incident, "delivered", order, via="system"))
    house.clock.advance(23_000)
    wall = await desk.ask("/api/wall")
    [row] = wall["signing"]["rows"]
    assert (row["deadline"]["id"], row["deadline"]["due_ms"], row["deadline"]["state"]) == (
        "C2",
        delivered_ms + 30_000,
        "running",
    )
    assert (wall["signing"]["overdue"], wall["signing"]["next_due_ms"]) == (
        0,
        delivered_ms + 30_000,
    )
    house.clock.advance(21_000)
    wall = await desk.ask("/api/wall")
    assert wall["signing"]["rows"][0]["deadline"]["state"] == "overdue"
    assert (wall["signing"]["overdue"], wall["signing"]["next_due_ms"]) == (1, None)

    phone.now_ms = signed_ms = delivered_ms + 15_000  # signed in time, without a network
    await house.push(phone, phone.claim(incident, "signed", order))
    wall = await desk.ask("/api/wall")
    assert (wall["signing"]["rows"], wall["signing"]["overdue"]) == ([], 0)
    assert wall["signing"]["today"] == {"met": 0, "missed": 0, "undetermined": 0, "others": 1}
    assert wall["signing"]["recent"] == [
        {
            "incident": incident.hex(),
            "title": "草场纠纷",
            "person": "甲一组",
            "at": signed_ms,
            "result": "pending",
            "elapsed_lo_ms": None,
            "elapsed_hi_ms": None,
            "override": None,
            "score": None,
        }
    ], "nobody has looked at its clocks yet"
    house.clock.advance(1_000)
    await house.app.state.deadlines.tend()
    wall = await desk.ask("/api/wall")
    assert wall["signing"]["today"] == {"met": 0, "missed": 0, "undetermined": 1, "others": 0}
    [line] = wall["signing"]["recent"]
    assert line["result"] == "undetermined", "the phone's word alone proves no span"
    assert line["elapsed_lo_ms"] <= 15_000 <= line["elapsed_hi_ms"]

    phone.now_ms = arrived_ms = house.clock.advance(600_000)
    await house.push(phone, phone.claim(incident, "arrived", order))
    [row] = (await desk.ask("/api/wall"))["feedback"]["rows"]
    assert (row["deadline"]["id"], row["deadline"]["due_ms"]) == ("C6", arrived_ms + 1_800_000)
    assert (row["order"], row["target"]["name"]) == (order.hex(), "甲一组"), "whom to ask"
    phone.now_ms = house.clock.advance(60_000)
    feedback = phone.claim(incident, "feedback", order, data={"final": False, "text": "在调解"})
    await house.push(phone, feedback, phone.claim(incident, "cleared", order))
    wall = await desk.ask("/api/wall")
    assert [row["deadline"]["id"] for row in wall["feedback"]["rows"]] == ["C7"]
    assert sum(wall["feedback"]["today"].values()) == 1

    await desk.did(incident.hex(), "close", result="mediated")
    wall = await desk.ask("/api/wall")
    [row] = wall["callback"]["rows"]
    assert (row["deadline"]["id"], row["attempts"], row["score"]) == ("C9", 0, None)
    assert row["deadline"]["due_ms"] == 1_796_140_799_999, "the end of the next day in Shanghai"
    await desk.did(incident.hex(), "callback", outcome="no_answer")
    [row] = (await desk.ask("/api/wall"))["callback"]["rows"]
    assert (row["attempts"], row["reason"]) == (1, "no_answer")
    await desk.did(incident.hex(), "callback", outcome="reached", score=1)
    wall = await desk.ask("/api/wall")
    assert wall["callback"]["rows"] == []
    house.clock.advance(1_000)
    await house.app.state.deadlines.tend()
    wall = await desk.ask("/api/wall")
    assert wall["callback"]["today"] == {"met": 1, "missed": 0, "undetermined": 0, "others": 0}
    assert [one["score"] for one in wall["callback"]["recent"]] == [1], "what the caller said"


async def test_nobody_is_reminded_to_call_where_there_is_no_number(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident, _ = await send(desk, caller_phone="")
    await desk.did(incident.hex(), "close")
    assert (await desk.ask("/api/wall"))["callback"]["rows"] == []
    await desk.did(incident.hex(), "set_fact", f="caller_phone", v="13800002046")
    assert len((await desk.ask("/api/wall"))["callback"]["rows"]) == 1, "the number was found later"


async def test_an_order_that_no_phone_took_is_a_task_and_counts_against_nobody(
    house: Centre,
) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    heard(house, phone)
    last_ms = house.clock.now_ms()
    house.clock.advance(720_000)
    incident, order = await send(desk)
    house.clock.advance(10_001)
    wall = await desk.ask("/api/wall")
    assert wall["signing"]["rows"] == []
    assert wall["signing"]["overdue"] == 0
    [row] = wall["undelivered"]
    assert (row["incident"], row["deadline"]["state"]) == (incident.hex(), "overdue")
    assert row["device_last_contact_ms"] == last_ms, (
        "why: the unit's phone has been silent for twelve minutes"
    )
    officer = next(
        one["id"] for one in (await desk.ask("/api/org"))["people"] if one["name"] == "王"
    )
    await desk.did(
        incident.hex(), "proxy", kind="signed", order=order.hex(), said_by=officer, via="radio"
    )
    wall = await desk.ask("/api/wall")
    assert wall["undelivered"] == []
    other, gone = await send(desk)
    told = {"order": gone.hex(), "said_by": officer, "via": "radio"}
    await desk.did(other.hex(), "proxy", kind="departed", **told)
    house.clock.advance(10_001)
    assert (await desk.ask("/api/wall"))["undelivered"] == [], "whoever has left has the order"
    assert wall["signing"]["today"] == {"met": 0, "missed": 0, "undetermined": 0, "others": 1}, (
        "delivered at no known time: there is nothing to find"
    )


async def test_the_next_breach_stands_first_and_a_crowd_is_counted(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    first, _ = await send(desk)
    house.clock.advance(500)
    others = [(await send(desk))[0] for _ in range(42)]
    signing = (await desk.ask("/api/wall"))["signing"]
    assert signing["rows"][0]["incident"] == first.hex()
    assert (len(signing["rows"]), signing["more"]) == (40, 3)
    assert {row["incident"] for row in signing["rows"]} <= {one.hex() for one in [first, *others]}


async def test_a_drill_is_shown_and_counted_nowhere(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident, order = await send(desk, exercise=True)
    phone.now_ms = house.clock.advance(2_000)
    await house.push(phone, phone.claim(incident, "delivered", order, via="system"))
    house.clock.advance(60_000)
    signing = (await desk.ask("/api/wall"))["signing"]
    assert signing["rows"][0]["exercise"] is True
    assert (signing["overdue"], signing["next_due_ms"]) == (0, None)
    phone.now_ms = house.clock.now_ms()
    await house.push(phone, phone.claim(incident, "signed", order))
    assert (await desk.ask("/api/wall"))["signing"]["today"] == {
        "met": 0,
        "missed": 0,
        "undetermined": 0,
        "others": 0,
    }


async def test_orders_taken_back_and_ended_incidents_leave_the_wall(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    for move in (
        {"move": "withdraw_order", "why": "x"},
        {"move": "withdraw", "why": "x"},
        {"move": "close"},
    ):
        incident, order = await send(desk)
        phone.now_ms = house.clock.now_ms()
        await house.push(phone, phone.claim(incident, "delivered", order, via="system"))
        assert len((await desk.ask("/api/wall"))["signing"]["rows"]) == 1
        body = move | ({"order": order.hex()} if move["move"] == "withdraw_order" else {})
        assert (await desk.post(f"/api/incidents/{incident.hex()}/moves", body)).status_code == 200
        house.clock.advance(3_600_000)
        wall = await desk.ask("/api/wall")
        assert (wall["signing"]["rows"], wall["undelivered"]) == ([], []), move


async def test_the_silent_are_named_and_every_figure_says_how_much_is_known(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    wang, li, never = (
        await house.phone(),
        await house.phone("other"),
        await house.phone("dispatcher"),
    )
    server = Pen("the station's server", bytes(16))
    own = msgspec.structs.replace(server.device, person=None, station=STATION)
    await house.intake.transaction(lambda batch: batch.devices.enrol(own))
    heard(house, server, pending=7)
    house.clock.advance(1_000)
    heard(house, wang, pending=3, oldest_ms=EPOCH_MS - 60_000)
    await settled(house)
    silent_since = house.clock.now_ms()
    house.clock.advance(360_000)
    heard(house, li)
    await settled(house)
    wall = await desk.ask("/api/wall")
    assert wall["devices"] == {"online": 1, "total": 4}
    assert wall["completeness"] == {"basis_points": 2_500, "silent": 2, "unknown": 1}
    of_station, silent = wall["silent"]
    assert (of_station["name"], of_station["person"], of_station["pending"]) == (
        "甲派出所",
        None,
        7,
    )
    assert (silent["name"], silent["last_contact_ms"], silent["pending"]) == ("王", silent_since, 3)
    admin = await house.sign_in("admin")
    revoked = await admin.post(
        f"/api/devices/{never.chain.hex()}/revoke", {"why": "遗失", "despite": "等不到"}
    )
    assert revoked.status_code == 204
    assert (await desk.ask("/api/wall"))["devices"]["total"] == 3
    station = await house.sign_in("station")
    assert (await station.ask("/api/wall"))["devices"] == {"online": 0, "total": 2}, (
        "its own people's, and its own"
    )


async def test_a_station_watches_what_reached_it(house: Centre) -> None:
    desk, station = await house.sign_in("dispatcher"), await house.sign_in("station")
    own, _ = await send(desk)
    await send(desk, station=OTHER_STATION.hex(), order={"to": ["unit", OTHER_UNIT.hex()]})
    rows = (await station.ask("/api/wall"))["signing"]["rows"]
    assert [row["incident"] for row in rows] == [own.hex()]


async def test_everything_a_desk_reads_and_writes_works_on_each_database(
    tmp_path: Path, migrated_file: Path, db_url: str
) -> None:
    async with centre(tmp_path, migrated_file, database_url=db_url) as house:
        desk, station, admin = [
            await house.sign_in(login) for login in ("dispatcher", "station", "admin")
        ]
        phone = await house.phone()
        incident, order = await send(desk)
        phone.now_ms = house.clock.advance(4_000)
        heard(house, phone)
        await house.push(phone, phone.claim(incident, "delivered", order, via="system"))
        wall = await station.ask("/api/wall")
        assert [row["deadline"]["id"] for row in wall["signing"]["rows"]] == ["C2"]
        assert wall["devices"] == {"online": 1, "total": 1}
        phone.now_ms = house.clock.advance(4_000)
        await house.push(
            phone, phone.claim(incident, "signed", order), phone.claim(incident, "arrived", order)
        )
        wall = await desk.ask("/api/wall")
        assert wall["feedback"]["rows"][0]["target"]["name"] == "甲一组"
        assert sum(wall["signing"]["today"].values()) == 1
        await desk.did(incident.hex(), "close")
        assert (await desk.ask("/api/callback/today"))["totals"]["list"] == 1
        assert (await desk.ask(f"/api/callback/{incident.hex()}"))["state"] == "due"
        data = '{"source_no": "1", "station": "甲派出所", "title": "牲畜走失"}'.encode()
        for result in ("imported", "duplicate"):
            report = (await desk.upload("/api/imports/orders?source=x", data)).json()
            assert report["incidents"][0]["result"] == result
        page = await desk.ask("/api/incidents?limit=1&q=%E7%89%B2")
        assert [one["title"] for one in page["incidents"]] == ["牲畜走失"]
        page = await desk.ask("/api/incidents?limit=1")
        after = await desk.ask(f"/api/incidents?limit=1&before={page['next']}")
        assert after["incidents"][0]["id"] != page["incidents"][0]["id"]
        assert (await admin.ask("/api/devices"))[0]["have"] == 3
        assert (
            await admin.post("/api/devices/codes", {"person": phone.person.hex()})
        ).status_code == 201
        assert (
            await admin.post(
                f"/api/devices/{phone.chain.hex()}/revoke", {"why": "遗失", "despite": "等不到"}
            )
        ).status_code == 204


async def test_what_comes_after_feedback_and_after_a_complaint_stands_on_the_wall_until_it_is_done(
    house: Centre,
) -> None:
    """C7r and a late C8 among the feedback; C10 and the call after it among the callbacks."""
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident, order = await send(desk)
    phone.now_ms = house.clock.advance(60_000)
    final = phone.claim(incident, "feedback", order, data={"final": True, "text": "调解了"})
    steps = [phone.claim(incident, kind, order) for kind in ("signed", "arrived", "cleared")]
    await house.push(phone, *steps, final)
    assert (await desk.ask("/api/wall"))["feedback"]["rows"] == [], "its review has time yet"
    house.clock.advance(86_400_001)
    desk, reviewer = await house.sign_in("dispatcher"), await house.sign_in("reviewer")
    [row] = (await desk.ask("/api/wall"))["feedback"]["rows"]
    assert (row["deadline"]["id"], row["deadline"]["state"]) == ("C8", "overdue")
    assert (row["order"], row["target"]["name"]) == (order.hex(), "甲一组")

    view = (await desk.ask(f"/api/incidents/{incident.hex()}"))["view"]
    returned = {"verdict": "return", "faults": ["result_missing"], "text": "补上双方姓名"}
    await reviewer.did(
        incident.hex(), "review_feedback", claim=view["feedback"][0]["op"], **returned
    )
    returned_ms = house.clock.now_ms()
    wall = await desk.ask("/api/wall")
    [row] = wall["feedback"]["rows"]
    assert (row["deadline"]["id"], row["deadline"]["start_ms"]) == ("C7r", returned_ms)
    assert wall["feedback"]["next_due_ms"] == row["deadline"]["due_ms"]

    await desk.did(incident.hex(), "close", result="mediated")
    complaint = {"outcome": "reached", "score": 3, "reason": "slow"}
    await desk.did(incident.hex(), "callback", **complaint)
    [row] = (await desk.ask("/api/wall"))["callback"]["rows"]
    assert (row["deadline"]["id"], row["reason"], row["step"]) == ("C10", "slow", "to_rectify")
    assert row["deadline"]["start_ms"] == house.clock.now_ms()
    attempt = (await desk.ask(f"/api/incidents/{incident.hex()}"))["view"]["callbacks"][0]["op"]
    asked = {"station": STATION.hex(), "text": "登门说明"}
    await desk.did(incident.hex(), "rectify", attempt=attempt, order=asked)
    [row] = (await desk.ask("/api/wall"))["callback"]["rows"]
    assert (row["deadline"]["id"], row["step"]) == ("C10", "rectifying")
    station = await house.sign_in("station")
    view = (await desk.ask(f"/api/incidents/{incident.hex()}"))["view"]
    done = {"rectify": view["rectifications"][0]["op"], "text": "已登门"}
    house.clock.advance(3_600_000)
    await station.did(incident.hex(), "rectified", **done)
    wall = await desk.ask("/api/wall")
    [row] = wall["callback"]["rows"]
    assert (row["deadline"]["id"], row["deadline"]["start_ms"], row["step"]) == (
        "C9r",
        house.clock.now_ms(),
        "to_call_again",
    )
    again = {"outcome": "reached", "score": 1, "rectify": done["rectify"]}
    await desk.did(incident.hex(), "callback", **again)
    assert (await desk.ask("/api/wall"))["callback"]["rows"] == []


async def test_an_empty_wall_is_calm(house: Centre) -> None:
    wall = await (await house.sign_in("commander")).ask("/api/wall")
    assert wall["now_ms"] == EPOCH_MS
    assert wall["completeness"] == {"basis_points": None, "silent": 0, "unknown": 0}
    for column in ("signing", "feedback", "callback"):
        assert wall[column] == {
            "rows": [],
            "overdue": 0,
            "next_due_ms": None,
            "recent": [],
            "today": {"met": 0, "missed": 0, "undetermined": 0, "others": 0},
            "more": 0,
        }


async def test_what_nobody_answers_climbs_and_each_nudge_says_who_how_and_whether_they_were_reached(
    house: Centre,
) -> None:
    """NU7: the three answers to an undelivered order; NU4: who has it on their list by the plan."""
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    engine = house.app.state.deadlines
    incident, order = await send(desk)
    unit = ["unit", UNIT.hex()]
    house.clock.advance(10_001)
    await engine.tend()
    [row] = (await desk.ask("/api/wall"))["undelivered"]
    assert (row["told"], row["nudged"]) == ("desk", None)
    called = {"order": order.hex(), "to": unit}
    await desk.did(incident.hex(), "nudge", channel="radio", reached=False, **called)
    house.clock.advance(1_000)
    await desk.did(incident.hex(), "nudge", channel="phone", reached=False, **called)
    [row] = (await desk.ask("/api/wall"))["undelivered"]
    assert row["nudged"] == {
        "at": EPOCH_MS + 11_001,
        "by_name": "赵",
        "channel": "phone",
        "reached": False,
        "count": 1,
    }
    house.clock.advance(29_000)
    await engine.tend()
    assert (await desk.ask("/api/wall"))["undelivered"][0]["told"] == "station"

    officer = next(
        one["id"] for one in (await desk.ask("/api/org"))["people"] if one["name"] == "王"
    )
    proxy = {"order": order.hex(), "said_by": officer, "via": "phone"}
    await desk.did(incident.hex(), "proxy", kind="signed", **proxy)
    signed_ms = house.clock.now_ms()
    wall = await desk.ask("/api/wall")
    assert (wall["undelivered"], wall["signing"]["rows"]) == ([], [])
    house.clock.advance(180_000)
    await engine.tend()
    wall = await desk.ask("/api/wall")
    [row] = wall["signing"]["rows"]
    assert (row["deadline"]["id"], row["deadline"]["state"], row["told"]) == (
        "C3",
        "running",
        "desk",
    )
    assert row["deadline"]["start_ms"] == signed_ms
    assert row["nudged"] is None, "what was done before it was signed is no answer to this"
    house.clock.advance(1)
    wall = await desk.ask("/api/wall")
    assert wall["signing"]["overdue"] == 1, "signed, and nothing follows"

    phone.now_ms = house.clock.now_ms()
    asking = {"t": "order.return_request", "order": order, "why": "车坏了"}
    await house.push(phone, phone.set(incident, asking))
    [row] = (await desk.ask("/api/wall"))["signing"]["rows"]
    assert row["return_requested"]
    house.clock.advance(600_000)
    assert await engine.tend() == 0, "the next word is the desk's"
    await desk.did(incident.hex(), "review_return", order=order.hex(), ok=False, why="没有别人")
    await engine.tend()
    [row] = (await desk.ask("/api/wall"))["signing"]["rows"]
    assert (row["return_requested"], row["told"]) == (False, "commander")
    await desk.did(incident.hex(), "proxy", kind="arrived", **proxy)
    assert (await desk.ask("/api/wall"))["signing"]["rows"] == []

    seen = await desk.ask(f"/api/incidents/{incident.hex()}")
    nudges = [one for one in seen["timeline"] if one["kind"] == "nudge"]
    by_people = [one["value"] for one in nudges if one["by_name"]]
    assert [(one["channel"], one["reached"], one["to"]) for one in by_people] == [
        ("radio", False, unit),
        ("phone", False, unit),
    ]
    assert {one["value"]["channel"] for one in nudges} >= {"push", "desk", "station", "commander"}
