"""From one shift to the next: a note with what was open, on the wall of the seat until somebody takes it over."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.desks import Centre, centre
from tests.server.pen import EPOCH_MS, STATION, UNIT, chance

NOTE = "00112233445566778899aabbccddeeff"


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path, db_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file, database_url=db_url) as made:
        yield made


async def test_a_note_keeps_what_was_open_and_waits_for_the_next_by_name(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    told = {"station": STATION.hex(), "caller_phone": "110"}
    order = {"order": {"to": ["unit", UNIT.hex()]}}
    first = (await desk.post("/api/incidents", told | {"title": "草场纠纷"} | order)).json()
    house.clock.advance(10_001)
    second = (await desk.post("/api/incidents", told | {"title": "羊群上公路"})).json()
    house.clock.advance(1)
    await desk.post("/api/incidents", told | {"title": "演练", "exercise": True})
    body = {"id": NOTE, "text": "  昂素所二号车电台坏了，先打电话。\n"}
    answer = await desk.post("/api/handovers", body)
    assert answer.status_code == 201
    note = answer.json()
    assert note == {
        "id": NOTE,
        "at_ms": EPOCH_MS + 10_002,
        "by": note["by"],
        "by_name": "赵",
        "text": "昂素所二号车电台坏了，先打电话。",
        "open": 2,
        "taken_at_ms": None,
        "taken_by_name": None,
    }
    house.clock.advance(5_000)
    assert (await desk.post("/api/handovers", body)).json() == note, "sent again, written once"
    other = await desk.post("/api/handovers", {"id": NOTE, "text": "别的"})
    assert (other.status_code, other.json()["code"]) == (409, "not_ready")

    await desk.did(first["id"], "close", result="mediated")
    boss = await house.sign_in("commander")
    assert (await boss.ask("/api/wall"))["handovers"] == [note]
    page = await boss.ask(f"/api/handovers/{NOTE}")
    assert page["counts"] == {
        "signing": {"n": 0, "overdue": 0},
        "feedback": {"n": 0, "overdue": 0},
        "callback": {"n": 0, "overdue": 0},
        "undelivered": 1,
        "silent": 0,
    }
    rows = [(row["incident"], row["title"], row["status"], row["now"]) for row in page["incidents"]]
    assert rows[:2] == [
        (first["id"], "草场纠纷", "assigned", "closed"),
        (second["id"], "羊群上公路", "reported", "reported"),
    ], "as it stood, and as it stands"
    assert (page["incidents"][0]["clock"], page["incidents"][0]["due_ms"]) == (
        "C1",
        EPOCH_MS + 10_000,
    )
    assert [row["exercise"] for row in page["incidents"]] == [False, False, True]

    station = await house.sign_in("station")
    assert (await station.ask("/api/wall"))["handovers"] == [], "another seat"
    for refused in (
        await station.get(f"/api/handovers/{NOTE}"),
        await station.post(f"/api/handovers/{NOTE}/take"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")

    taken = (await boss.post(f"/api/handovers/{NOTE}/take")).json()
    assert (taken["taken_by_name"], taken["taken_at_ms"]) == ("commander 甲", EPOCH_MS + 15_002)
    house.clock.advance(1_000)
    again = await boss.post(f"/api/handovers/{NOTE}/take")
    assert (again.status_code, again.json()) == (200, taken), "said twice, done once"
    late = await desk.post(f"/api/handovers/{NOTE}/take")
    assert (late.status_code, late.json()["code"]) == (409, "not_ready")
    assert "commander 甲" in late.json()["detail"]
    assert (await desk.ask("/api/wall"))["handovers"] == []
    assert await desk.ask("/api/handovers") == [taken], "the list keeps it"


async def test_a_station_hands_over_to_its_own(house: Centre) -> None:
    station, desk = await house.sign_in("station"), await house.sign_in("dispatcher")
    note = await station.post("/api/handovers", {"id": NOTE, "text": "备用机没电"})
    assert note.status_code == 201
    assert [one["text"] for one in (await station.ask("/api/wall"))["handovers"]] == ["备用机没电"]
    assert (await desk.ask("/api/wall"))["handovers"] == []
    assert await desk.ask("/api/handovers") == []


async def test_of_what_is_open_the_oldest_comes_first_and_what_has_no_age_last(
    house: Centre,
) -> None:
    """What came of an incident before its creation did has no age yet, which is sorted as each database likes."""
    desk, phone = await house.sign_in("dispatcher"), await house.phone()
    ageless = chance("ageless")[:16]
    await house.push(phone, phone.note(ageless, "先到的话"))
    told = {"title": "草场纠纷", "station": STATION.hex()}
    first = (await desk.post("/api/incidents", told)).json()["id"]
    await desk.post("/api/handovers", {"id": NOTE, "text": "留意"})
    page = await desk.ask(f"/api/handovers/{NOTE}")
    assert [row["incident"] for row in page["incidents"]] == [first, ageless.hex()]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "x"}, "bad_request"),
        ({"id": "xyz", "text": "x"}, "bad_request"),
        ({"id": NOTE}, "bad_request"),
        ({"id": NOTE, "text": ""}, "bad_request"),
        ({"id": NOTE, "text": " \n"}, "bad_request"),
        ({"id": NOTE, "text": "a\x00b"}, "bad_request"),
        ({"id": NOTE, "text": "长" * 4_001}, "bad_request"),
        ({"id": NOTE, "text": "x", "seat": "centre"}, "bad_request"),
        ([], "bad_request"),
    ],
)
async def test_a_note_that_is_none_is_refused_and_leaves_nothing(
    tmp_path: Path, migrated_file: Path, body: object, code: str
) -> None:
    async with centre(tmp_path, migrated_file) as house:
        desk = await house.sign_in("dispatcher")
        answer = await desk.post("/api/handovers", body)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert await desk.ask("/api/handovers") == []


async def test_whoever_has_no_watch_hands_nothing_over(house: Centre) -> None:
    reviewer = await house.sign_in("reviewer")
    assert (await reviewer.ask("/api/wall"))["handovers"] == []
    for answer in (
        await reviewer.get("/api/handovers"),
        await reviewer.post("/api/handovers", {"id": NOTE, "text": "x"}),
        await reviewer.post(f"/api/handovers/{NOTE}/take"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    desk = await house.sign_in("dispatcher")
    bad = await desk.get("/api/handovers/xyz")
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_id")
    gone = await desk.post(f"/api/handovers/{NOTE}/take")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")
