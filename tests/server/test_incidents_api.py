"""Incidents at a desk over HTTP, with an officer's phone on the other side of the house."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, OTHER_UNIT, STATION, UNIT, person_id

OFFICER = person_id("officer").hex()


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def take_down(seat: Seat, **more: Any) -> str:
    """An incident taken down at the desk; its id."""
    answer = await seat.post(
        "/api/incidents", {"title": "草场纠纷", "station": STATION.hex()} | more
    )
    assert answer.status_code == 201, answer.text
    incident: str = answer.json()["id"]
    return incident


async def sent(seat: Seat, **more: Any) -> tuple[str, bytes]:
    """An incident ordered to the unit of the officer; its id and the order's."""
    incident = await take_down(seat, order={"to": ["unit", UNIT.hex()]}, **more)
    view = (await seat.ask(f"/api/incidents/{incident}"))["view"]
    return incident, bytes.fromhex(view["orders"][0]["id"])


async def test_an_incident_taken_down_and_sent_stands_in_list_and_timeline(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    answer = await desk.post(
        "/api/incidents",
        {
            "title": "草场纠纷，双方争执",
            "category": "dispute",
            "place": "昂素镇二社",
            "point": [381836124, 1074786000],
            "caller_phone": "13800002046",
            "narrative": "邻户移围栏",
            "level": 2,
            "tier": 5,
            "station": STATION.hex(),
            "order": {"to": ["unit", UNIT.hex()]},
        },
    )
    created = answer.json()
    assert (answer.status_code, created["number"]) == (201, "261130-0001")
    [summary] = (await desk.ask("/api/incidents"))["incidents"]
    assert (summary["id"], summary["status"], summary["orders"]) == (created["id"], "assigned", 1)
    assert (summary["level"], summary["tier"], summary["source"]) == (2, 5, "desk")
    shown = await desk.ask(f"/api/incidents/{created['id']}")
    assert shown["summary"] == summary
    assert shown["view"]["fields"]["point"][0]["v"] == [381836124, 1074786000]
    first = shown["timeline"][0]
    assert {entry["set"] for entry in shown["timeline"]} == {first["set"]}, (
        "one action is one signed set"
    )
    assert (first["t"], first["by_name"], first["decision"], first["idx"]) == (
        "incident.create",
        "赵",
        "accepted",
        created["idx"],
    )
    due = {one["id"]: one["due_ms"] for one in shown["deadlines"] if one["order"]}
    assert due["C1"] == EPOCH_MS + 10_000
    assert due["C5"] == EPOCH_MS + 300_000
    order = shown["view"]["orders"][0]
    assert {"move": "sign", "order": order["id"]} in shown["moves"]
    assert shown["scopes"] == [f"station:{STATION.hex()}:2026-11"]


async def test_what_a_phone_signed_without_network_stands_at_its_own_time_with_the_silence_before_it(
    house: Centre,
) -> None:
    desk = await house.sign_in("dispatcher")
    phone = await house.phone()
    incident, order = await sent(desk)
    entity = bytes.fromhex(incident)
    phone.now_ms = house.clock.advance(3_000)
    await house.push(phone, phone.claim(entity, "delivered", order, via="system"))
    heard_ms = house.clock.now_ms()
    phone.now_ms = heard_ms + 15_000
    signed = phone.claim(entity, "signed", order)
    phone.now_ms = heard_ms + 1_500_000
    arrived = phone.claim(entity, "arrived", order)
    received_ms = house.clock.advance(2_220_000)
    await house.push(phone, signed, arrived)

    shown = await desk.ask(f"/api/incidents/{incident}")
    assert shown["summary"]["status"] == "arrived"
    late = [entry for entry in shown["timeline"] if entry["late_by"]]
    assert [(entry["kind"], entry["at"]) for entry in late] == [
        ("signed", heard_ms + 15_000),
        ("arrived", heard_ms + 1_500_000),
    ]
    [silence] = shown["silences"]
    assert (silence["since"], silence["until"], silence["name"]) == (heard_ms, received_ms, "王")
    assert late[0]["decision"] == "accepted_late"
    seen = ["no_sample_before", "no_sample_after"]
    assert late[0]["time"] == {
        "grade": 0,
        "lo_ms": EPOCH_MS - 50,
        "hi_ms": received_ms + 50,
        "why": seen,
    }
    [issued] = [entry for entry in shown["timeline"] if entry["t"] == "order.issue"]
    given_ms = issued["received_at"]
    assert issued["time"] == {"grade": 0, "lo_ms": given_ms - 50, "hi_ms": given_ms + 50, "why": []}
    assert late[0]["device"] == "phone officer"
    assert shown["people"][OFFICER] == "王"
    assert shown["view"]["orders"][0]["gaps"] == ["departed"]
    states = {one["id"]: one["state"] for one in shown["deadlines"]}
    assert states["C2"] == "done"


async def test_every_move_of_a_desk_is_one_set_with_a_name_on_it(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident, order = await sent(desk)
    await desk.did(incident, "note", text="邻居也报了")
    nudge = await desk.did(incident, "nudge", order=order.hex(), channel="radio")
    at = house.clock.now_ms()
    house.clock.advance(30_000)
    await desk.did(
        incident, "proxy", kind="signed", order=order.hex(), said_by=OFFICER, via="radio", at=at
    )
    shown = await desk.ask(f"/api/incidents/{incident}")
    proxy = next(entry for entry in shown["timeline"] if entry["kind"] == "signed")
    assert (proxy["said_by_name"], proxy["by_name"], proxy["via"], proxy["at"]) == (
        "王",
        "赵",
        "radio",
        at,
    )
    assert next(entry for entry in shown["timeline"] if entry["idx"] == nudge["idx"])["value"] == {
        "channel": "radio",
        "order": order.hex(),
        "reached": None,
    }
    await desk.did(
        incident, "reassign", order=order.hex(), to=["person", person_id("other").hex()], why="更近"
    )
    new = (await desk.ask(f"/api/incidents/{incident}"))["view"]["orders"][1]
    assert new["to"] == ["person", person_id("other").hex()]
    await desk.did(incident, "withdraw_order", order=new["id"], why="误派")
    await desk.did(incident, "issue_order", to=["unit", OTHER_UNIT.hex()], kind="backup")
    await desk.did(incident, "transfer", station=OTHER_STATION.hex(), why="辖区")
    title = (await desk.ask(f"/api/incidents/{incident}"))["view"]["fields"]["title"][0]["op"]
    await desk.did(incident, "set_fact", f="title", v="草场围栏纠纷", preds=[title])
    twin = await take_down(desk)
    await desk.did(twin, "link", to=incident)
    assert (await desk.ask(f"/api/incidents/{twin}"))["summary"]["duplicate_of"] == incident
    link = (await desk.ask(f"/api/incidents/{twin}"))["view"]["links"][0]["op"]
    await desk.did(twin, "unlink", op=link)
    await desk.did(twin, "withdraw", why="报警人撤警")
    await desk.did(incident, "close", result="mediated")
    await desk.did(incident, "reopen", why="双方又起争执")
    shown = await desk.ask(f"/api/incidents/{incident}")
    assert (shown["summary"]["status"], shown["summary"]["round"]) == ("reported", 1)
    assert shown["summary"]["station"] == OTHER_STATION.hex()
    assert shown["summary"]["title"] == "草场围栏纠纷"
    assert [scope.split(":")[1] for scope in shown["scopes"]] == [OTHER_STATION.hex()]
    assert (await desk.ask(f"/api/incidents/{twin}"))["summary"]["status"] == "withdrawn"


async def test_a_return_is_asked_from_the_field_and_answered_at_the_desk(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident, order = await sent(desk)
    request = {"t": "order.return_request", "order": order, "why": "车坏了"}
    await house.push(phone, phone.set(bytes.fromhex(incident), request))
    shown = (await desk.ask(f"/api/incidents/{incident}"))["view"]["orders"][0]
    assert shown["return_request"]["why"] == "车坏了"
    await desk.did(incident, "review_return", order=order.hex(), ok=True)
    assert (await desk.ask(f"/api/incidents/{incident}"))["view"]["orders"][0]["returned"] is True


async def test_a_disputed_step_steps_back_and_a_correction_stands_beside_its_note(
    house: Centre,
) -> None:
    desk, commander = await house.sign_in("dispatcher"), await house.sign_in("commander")
    incident, order = await sent(desk)
    await desk.did(
        incident, "proxy", kind="arrived", order=order.hex(), said_by=OFFICER, via="phone"
    )
    [claim] = (await desk.ask(f"/api/incidents/{incident}"))["view"]["claims"]
    refused = await desk.move(incident, "dispute", claim=claim["op"], why="他还在路上")
    assert refused.json()["code"] == "not_allowed"
    await commander.did(incident, "dispute", claim=claim["op"], why="他还在路上")
    assert (await desk.ask(f"/api/incidents/{incident}"))["summary"]["status"] == "assigned"
    await desk.did(incident, "note", text="在场 6 人")
    [entry] = (await desk.ask(f"/api/incidents/{incident}"))["view"]["entries"]
    await desk.did(incident, "correct", entry=entry["op"], text="在场 4 人")
    [entry] = (await desk.ask(f"/api/incidents/{incident}"))["view"]["entries"]
    assert (entry["text"], entry["correction"]["text"]) == ("在场 6 人", "在场 4 人")


async def test_a_slip_at_the_desk_is_taken_back_by_who_made_it(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident, order = await sent(desk)
    await desk.did(
        incident, "proxy", kind="signed", order=order.hex(), said_by=OFFICER, via="radio"
    )
    [claim] = (await desk.ask(f"/api/incidents/{incident}"))["view"]["claims"]
    await desk.did(incident, "withdraw_claim", claim=claim["op"], why="点错了")
    assert (await desk.ask(f"/api/incidents/{incident}"))["summary"]["status"] == "assigned"


@pytest.mark.parametrize(
    ("move", "code"),
    [
        ({"move": "fly"}, "bad_request"),
        ({"move": "note"}, "bad_request"),
        ({"move": "note", "text": ""}, "bad_request"),
        ({"move": "note", "text": "x", "by": "me"}, "bad_request"),
        ({"move": "withdraw_order", "order": "0" * 32, "why": "x"}, "unknown_order"),
        ({"move": "nudge", "order": "0" * 32, "channel": "radio"}, "unknown_order"),
        ({"move": "issue_order", "to": ["unit", "0" * 32]}, "bad_move"),
        ({"move": "issue_order", "to": ["dog", "0" * 32]}, "bad_request"),
        ({"move": "transfer", "station": "0" * 32, "why": "x"}, "bad_move"),
        ({"move": "set_fact", "f": "colour", "v": "red"}, "bad_move"),
        ({"move": "set_fact", "f": "level", "v": "high"}, "bad_move"),
        ({"move": "proxy", "kind": "signed", "said_by": "0" * 32, "via": "radio"}, "bad_move"),
        ({"move": "callback", "outcome": "reached"}, "bad_move"),
        ({"move": "callback", "outcome": "no_answer", "score": 1}, "bad_move"),
        ({"move": "callback", "outcome": "reached", "score": 4}, "bad_request"),
    ],
)
async def test_a_move_that_makes_no_sense_is_refused_and_leaves_no_trace(
    house: Centre, move: dict[str, Any], code: str
) -> None:
    desk = await house.sign_in("dispatcher")
    incident = await take_down(desk)
    before = (await desk.ask("/api/health"))["log_size"]
    answer = await desk.post(f"/api/incidents/{incident}/moves", move)
    assert answer.json()["code"] == code, answer.text
    assert 400 <= answer.status_code < 500
    assert (await desk.ask("/api/health"))["log_size"] == before


async def test_a_role_gives_only_its_own_commands(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident, order = await sent(desk)
    for login in ("callback", "reviewer", "supervisor", "admin"):
        seat = await house.sign_in(login)
        for move in (
            {"move": "close"},
            {"move": "withdraw_order", "order": order.hex(), "why": "x"},
        ):
            answer = await seat.post(f"/api/incidents/{incident}/moves", move)
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (
                login,
                move,
            )
        await seat.did(incident, "note", text=f"{login} 看过")


async def test_a_station_sees_and_commands_what_reached_it(house: Centre) -> None:
    desk, station = await house.sign_in("dispatcher"), await house.sign_in("station")
    own = await take_down(desk)
    foreign = await take_down(desk, station=OTHER_STATION.hex())
    assert [one["id"] for one in (await station.ask("/api/incidents"))["incidents"]] == [own]
    assert (await station.get(f"/api/incidents/{foreign}")).status_code == 404
    assert (await station.move(foreign, "note", text="x")).status_code == 404
    await station.did(own, "issue_order", to=["unit", UNIT.hex()])
    house.clock.advance(1_000)
    await desk.did(foreign, "issue_order", to=["unit", UNIT.hex()], kind="backup")
    shown = (await station.ask("/api/incidents"))["incidents"]
    assert {one["id"] for one in shown} == {own, foreign}, "an order of its unit brought it here"
    refused = await station.move(foreign, "close")
    assert refused.json()["code"] == "not_allowed"


async def test_a_callers_number_is_masked_for_who_need_not_know_it(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident = await take_down(desk, caller_phone="13800002046", caller_name="乌恩")
    for login, known in (
        ("dispatcher", True),
        ("callback", True),
        ("supervisor", False),
        ("admin", False),
    ):
        answer = await (await house.sign_in(login)).get(f"/api/incidents/{incident}")
        assert ("13800002046" in answer.text) == known, login
        assert ("乌恩" in answer.text) == known, login
        assert known or "138****2046" in answer.text


async def test_the_list_is_searched_narrowed_and_turned_page_by_page(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    ids = []
    for number in range(7):
        house.clock.advance(1_000)
        ids.append(
            await take_down(
                desk,
                title=f"围栏 {'零一二三四五六'[number]}",
                place="100%_二社" if number == 3 else "别处",
            )
        )
    await desk.did(ids[0], "close")
    seen: list[str] = []
    cursor = ""
    while True:
        page = await desk.ask(f"/api/incidents?limit=3{cursor}")
        seen += [one["id"] for one in page["incidents"]]
        if page["next"] is None:
            break
        cursor = f"&before={page['next']}"
    assert seen == ids[::-1]

    async def found(query: str) -> list[str]:
        return [one["id"] for one in (await desk.ask(f"/api/incidents?{query}"))["incidents"]]

    assert await found("q=100%25_") == [ids[3]]
    assert await found("q=%E5%9B%B4%E6%A0%8F%20%E4%BA%94") == [ids[5]]
    assert await found("q=261130-0002") == [ids[1]]
    assert await found("q=' OR 1=1 --") == []
    assert await found("status=closed") == [ids[0]]
    assert len(await found("status=open")) == 6
    assert await found(f"station={OTHER_STATION.hex()}") == []
    for wrong in (
        "limit=0",
        "limit=1000",
        "status=gone",
        "before=x",
        "station=zz",
        "q=" + "x" * 65,
    ):
        assert (await desk.get(f"/api/incidents?{wrong}")).status_code == 400, wrong


async def test_what_is_not_there_is_not_found(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    assert (await desk.get(f"/api/incidents/{'0' * 32}")).json()["code"] == "not_found"
    assert (await desk.get("/api/incidents/xyz")).json()["code"] == "bad_id"
    assert (await desk.move("0" * 32, "note", text="x")).json()["code"] == "not_found"


async def test_statements_that_contradict_each_other_are_both_shown(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident = await take_down(desk, place="二社")
    op = {"t": "fact.set", "f": "place", "v": "三社", "p": []}
    phone.now_ms = house.clock.advance(1_000)
    await house.push(phone, phone.set(bytes.fromhex(incident), op))
    shown = await desk.ask(f"/api/incidents/{incident}")
    assert [one["v"] for one in shown["view"]["fields"]["place"]] == ["二社", "三社"]
    assert shown["summary"]["conflicts"] == 1
    preds = [one["op"] for one in shown["view"]["fields"]["place"]]
    await desk.did(incident, "set_fact", f="place", v="三社", preds=preds)
    assert (await desk.ask(f"/api/incidents/{incident}"))["summary"]["conflicts"] == 0


async def test_what_the_centre_rejected_stays_in_sight_with_its_reason(house: Centre) -> None:
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    incident = await take_down(desk)
    close = phone.set(bytes.fromhex(incident), {"t": "incident.close", "round": 0})
    results, _ = await house.intake.submit([close], phone.device)
    assert results[0].r == "rejected"
    shown = await desk.ask(f"/api/incidents/{incident}")
    entry = next(one for one in shown["timeline"] if one["t"] == "incident.close")
    assert (entry["decision"], entry["why"]) == ("rejected", "no_authority")
    assert shown["summary"]["status"] == "reported"
