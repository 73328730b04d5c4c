"""An administrator decides about limits and zones; what was judged stays judged."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.intake.limits import ROWS_LIMIT, crossing
from server.intake.rebuild import rebuild
from server.store.rows import query
from sync import rulings
from tests.server.desks import Centre, centre
from tests.server.pen import STATION, UNIT, person_id

HOUR_MS = 3_600_000


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


def draft(name: str = "冬季", **more: Any) -> dict[str, Any]:
    return {"name": name, "note": "夜间路滑", "limits": {"sign_within_ms": 45_000}} | more


def due_ms(detail: dict[str, Any], clock: str) -> int | None:
    found: int | None = next(one["due_ms"] for one in detail["deadlines"] if one["id"] == clock)
    return found


async def test_a_new_limit_judges_what_begins_from_then_on_and_nothing_before(
    house: Centre, tmp_path: Path
) -> None:
    admin, desk = await house.sign_in("admin"), await house.sign_in("dispatcher")
    body = {"title": "围栏", "station": STATION.hex(), "order": {"to": ["unit", UNIT.hex()]}}
    old = (await desk.post("/api/incidents", body)).json()["id"]
    start_ms = house.clock.now_ms()
    house.clock.advance(5_000)
    added = await admin.post("/api/policies", draft())
    assert added.status_code == 201
    assert added.json()["from_ms"] == start_ms + 5_000
    new = (await desk.post("/api/incidents", body)).json()["id"]
    # The rows of the old one are written anew, and say what they said.
    await desk.did(old, "note", text="还在路上")
    details = [await desk.ask(f"/api/incidents/{one}") for one in (old, new)]
    assert [due_ms(one, "C2i") for one in details] == [start_ms + 30_000, start_ms + 50_000]
    assert await rebuild(f"sqlite+aiosqlite:///{tmp_path}/ortoo.db", check=True) == (2, 0)


async def test_versions_name_who_decided_when_and_why(house: Centre) -> None:
    admin = await house.sign_in("admin")
    now_ms = house.clock.now_ms()
    first = (await admin.post("/api/policies", draft())).json()
    later = (await admin.post("/api/policies", draft("开春", from_ms=now_ms + HOUR_MS))).json()
    listed = await admin.ask("/api/policies")
    assert [(one["name"], one["state"]) for one in listed["versions"]] == [
        ("开春", "to_come"),
        ("冬季", "in_force"),
    ]
    told = listed["versions"][1]
    assert told["by_name"] == "admin 甲"
    assert (told["by"], told["idx"]) == (person_id("admin").hex(), first["idx"])
    assert (told["from_ms"], told["until_ms"], told["written_at"]) == (
        now_ms,
        now_ms + HOUR_MS,
        now_ms,
    )
    assert (told["note"], told["limits"]) == ("夜间路滑", {"sign_within_ms": 45_000})
    assert listed["defaults"]["sign_within_ms"] == 30_000
    house.clock.advance(HOUR_MS)
    listed = await admin.ask("/api/policies")
    assert [one["state"] for one in listed["versions"]] == ["in_force", "past"]
    ask = "SELECT bytes FROM rulings WHERE idx = ?"
    [(raw,)] = await house.app.state.db.reading(query, ask, (later["idx"],))
    ruling = rulings.read_ruling(bytes(raw)).payload
    assert ruling["by"] == ruling["row"]["by"] == person_id("admin")


async def test_what_begins_in_the_past_is_refused_and_a_form_left_open_a_minute_is_not(
    house: Centre,
) -> None:
    admin = await house.sign_in("admin")
    now_ms = house.clock.now_ms()
    answer = await admin.post("/api/policies", draft(from_ms=now_ms - 60_001))
    assert (answer.status_code, answer.json()["code"]) == (409, "begins_in_the_past")
    answer = await admin.post("/api/policies", draft(from_ms=now_ms - 60_000))
    assert answer.json()["from_ms"] == now_ms, "it begins now, never before it was written"
    again = await admin.post("/api/policies", draft("再来", from_ms=now_ms))
    assert again.json()["code"] == "same_beginning"
    other = await admin.post("/api/policies", draft("应急", from_ms=now_ms, mode="emergency"))
    assert other.status_code == 201, "for something else"


async def test_what_has_begun_stays_and_what_has_not_may_be_taken_back(house: Centre) -> None:
    admin = await house.sign_in("admin")
    begun = (await admin.post("/api/policies", draft())).json()["id"]
    later = house.clock.now_ms() + HOUR_MS
    to_come = (await admin.post("/api/policies", draft("开春", from_ms=later))).json()["id"]
    answer = await admin.send("DELETE", f"/api/policies/{begun}")
    assert (answer.status_code, answer.json()["code"]) == (409, "has_begun")
    assert (await admin.send("DELETE", f"/api/policies/{to_come}")).status_code == 200
    assert (await admin.send("DELETE", f"/api/policies/{to_come}")).status_code == 404
    assert [one["name"] for one in (await admin.ask("/api/policies"))["versions"]] == ["冬季"]
    for way in ("POST", "PUT", "DELETE"):
        path = "/api/org/policies" + ("" if way == "POST" else f"/{begun}")
        assert (await admin.send(way, path, {"name": "x"})).status_code == 404, "no other door"


async def test_each_field_at_fault_is_told_with_its_cause_and_cure(house: Centre) -> None:
    admin = await house.sign_in("admin")
    body = draft("", zone="ab" * 16, limits={"sign_within_ms": 5, "buckets": {"C2": [3, 2]}})
    answer = (await admin.post("/api/policies", body)).json()
    assert answer["code"] == "bad_policy"
    assert [(one["field"], one["code"]) for one in answer["fields"]] == [
        ("buckets", "not_ascending"),
        ("name", "out_of_range"),
        ("sign_within_ms", "out_of_range"),
        ("zone", "unknown_row"),
    ]
    assert all(one["cause"] and one["cure"] for one in answer["fields"])
    answer = (await admin.post("/api/policies", draft(limits={"by": "me", "row": 1}))).json()
    assert [(one["field"], one["code"]) for one in answer["fields"]] == [
        ("by", "unknown_field"),
        ("row", "unknown_field"),
    ], "an author cannot be claimed"
    assert (await admin.ask("/api/policies"))["versions"] == []


async def test_only_an_administrator_writes_and_only_a_commander_too_switches_the_mode(
    house: Centre,
) -> None:
    for login in ("dispatcher", "commander", "station", "supervisor"):
        seat = await house.sign_in(login)
        assert (await seat.get("/api/policies")).status_code == 200
        assert (await seat.post("/api/policies", draft())).status_code == 403
        assert (await seat.post("/api/zones", {"name": "x", "note": ""})).status_code == 403
        allowed = (await seat.post("/api/modes", {"mode": "emergency", "note": "演"})).status_code
        assert allowed == (201 if login == "commander" else 403)
    assert (await (await house.sign_in("officer")).get("/api/policies")).status_code == 403


async def test_a_mode_brings_its_own_limits_for_what_begins_in_it(house: Centre) -> None:
    admin, desk = await house.sign_in("admin"), await house.sign_in("dispatcher")
    tight = draft("应急", mode="emergency", limits={"sign_within_ms": 15_000})
    assert (await admin.post("/api/policies", tight)).status_code == 201
    body = {"title": "暴雪", "station": STATION.hex(), "order": {"to": ["unit", UNIT.hex()]}}
    found = []
    for mode in (None, "emergency", "normal"):
        house.clock.advance(1_000)
        if mode:
            answer = await admin.post("/api/modes", {"mode": mode, "note": "暴雪红色预警"})
            assert answer.status_code == 201
        assert (await desk.ask("/api/policies"))["mode"] == (mode or "normal")
        incident = (await desk.post("/api/incidents", body)).json()["id"]
        due = due_ms(await desk.ask(f"/api/incidents/{incident}"), "C2i")
        assert due is not None
        found.append(due - house.clock.now_ms())
    assert found == [30_000, 15_000, 30_000]


TOWN = [[382_500_000, 1_078_400_000], [382_500_000, 1_079_000_000], [382_900_000, 1_078_700_000]]
IN_TOWN, ON_STEPPE = [382_600_000, 1_078_700_000], [390_000_000, 1_078_700_000]


def zone(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "note": "", "station": STATION.hex(), "tier": 0} | more


async def test_town_and_steppe_have_tiers_of_their_own_and_a_stated_one_wins(
    house: Centre,
) -> None:
    admin, desk = await house.sign_in("admin"), await house.sign_in("dispatcher")
    town = (await admin.post("/api/zones", zone("镇区", tier=3, polygon=TOWN))).json()["id"]
    assert (await admin.post("/api/zones", zone("牧区"))).status_code == 201
    body = {"title": "围栏", "station": STATION.hex(), "order": {"to": ["unit", UNIT.hex()]}}
    now_ms = house.clock.now_ms()

    async def arrival(**more: Any) -> int | None:
        incident = (await desk.post("/api/incidents", body | more)).json()["id"]
        return due_ms(await desk.ask(f"/api/incidents/{incident}"), "C5")

    assert await arrival(point=IN_TOWN) == now_ms + 180_000
    assert await arrival(point=ON_STEPPE) is None
    assert await arrival() is None
    assert await arrival(point=ON_STEPPE, tier=8) == now_ms + 480_000
    house.clock.advance(1_000)
    moved = zone("镇区", tier=5, polygon=TOWN, zone=town)
    assert (await admin.post("/api/zones", moved)).status_code == 201
    assert await arrival(point=IN_TOWN) == house.clock.now_ms() + 300_000
    listed = (await admin.ask("/api/zones"))["zones"]
    assert [(one["name"], one["tier"], one["state"]) for one in listed] == [
        ("牧区", 0, "in_force"),
        ("镇区", 5, "in_force"),
        ("镇区", 3, "past"),
    ]
    assert {one["zone"] for one in listed if one["name"] == "镇区"} == {town}
    assert [one["tier"] for one in (await desk.ask("/api/org"))["zones"]] == [0, 5]
    house.clock.advance(1_000)
    ended = {"name": "镇区", "note": "撤并", "zone": town, "ended": True}
    assert (await admin.post("/api/zones", ended)).status_code == 201
    assert await arrival(point=IN_TOWN) is None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (zone("x", tier=None), [("tier", "missing")]),
        (zone("x", tier=1_441), [("tier", "out_of_range")]),
        (zone("x", station=None), [("station", "missing")]),
        (zone("x", station="ab" * 16), [("station", "unknown_row")]),
        (zone("", zone="ab" * 16), [("name", "out_of_range"), ("zone", "unknown_row")]),
        ({"name": "x", "note": "", "ended": True}, [("zone", "missing")]),
        (zone("x", polygon=TOWN[:2]), [("polygon", "too_few")]),
        (zone("x", polygon=[[38.25, 107.84]] * 3), [("polygon", "wrong_type")]),
        (zone("x", polygon=[[0, 0], [0, 1], [1_000_000_000, 0]]), [("polygon", "out_of_range")]),
        (zone("x", polygon=[[0, 0], [9, 9], [0, 9], [9, 0]]), [("polygon", "crosses_itself")]),
    ],
)
async def test_a_zone_that_cannot_be_is_refused_field_by_field(
    house: Centre, body: dict[str, Any], fields: list[tuple[str, str]]
) -> None:
    admin = await house.sign_in("admin")
    answer = (await admin.post("/api/zones", body)).json()
    assert answer["code"] == "bad_zone", answer
    assert [(one["field"], one["code"]) for one in answer["fields"]] == fields


async def test_a_station_has_one_zone_without_borders_at_most(house: Centre) -> None:
    admin = await house.sign_in("admin")
    assert (await admin.post("/api/zones", zone("牧区"))).status_code == 201
    answer = await admin.post("/api/zones", zone("另一片"))
    assert (answer.status_code, answer.json()["code"]) == (409, "two_without_borders")


def test_borders_may_touch_nothing_of_their_own() -> None:
    square = [[0, 0], [0, 9], [9, 9], [9, 0]]
    assert crossing(square) is crossing(square[::-1]) is None
    assert crossing([[0, 0], [0, 9], [5, 5], [9, 9], [9, 0]]) is None, "a bay"
    assert crossing([[0, 0], [0, 9], [0, 9], [9, 0]]) == "crosses_itself", "a corner given twice"
    assert crossing([[0, 0], [0, 9], [9, 9], [0, 4], [9, 0]]) == "crosses_itself", "touches a side"
    assert crossing([[0, 0], [0, 9], [9, 0], [0, 0], [5, 5]]) == "crosses_itself"


async def test_there_is_a_bound_to_how_many_versions_there_are(house: Centre) -> None:
    admin = await house.sign_in("admin")
    row = {"name": "x", "note": "", "by": person_id("admin"), "sign_within_ms": 45_000}

    def fill(batch: Any) -> None:
        for at in range(ROWS_LIMIT):
            batch.org("policies", at.to_bytes(16, "big"), row | {"from_ms": at})

    await house.intake.transaction(fill)
    assert (await admin.post("/api/policies", draft())).json()["code"] == "too_many_versions"
