"""The desk works off what the centre held: sees who wrote what and when, decides, asks; each seat its own part."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sync import changeset
from sync.changeset import ChangeSet
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, Pen, chance, person_id

INCIDENT = chance("incident")[:16]
CLOSE = {"t": "incident.close", "round": 0}
PHONE = {"t": "fact.set", "f": "caller_phone", "v": "13800002046", "p": []}


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


def set_hex(raw: bytes) -> str:
    read = changeset.read(raw)
    assert isinstance(read, ChangeSet)
    return read.set_id.hex()


async def refused_close(house: Centre) -> tuple[Pen, str]:
    """An officer closes what only a desk may close."""
    pen = await house.phone()
    await house.push(pen, pen.create(INCIDENT))
    raw = pen.set(INCIDENT, PHONE, CLOSE)
    [result], _have = await house.intake.submit([raw], pen.device)
    assert result.why == "no_authority"
    return pen, set_hex(raw)


async def queue(seat: Seat, **asked: Any) -> Any:
    words = "&".join(f"{name}={value}" for name, value in asked.items())
    return await seat.ask(f"/api/rulings/queue?{words}")


async def test_a_desk_sees_who_wrote_what_and_lets_it_count(house: Centre) -> None:
    pen, refused = await refused_close(house)
    zhao = await house.sign_in("dispatcher")
    found = await queue(zhao)
    assert found["waiting"] == {"held": 0, "rejected": 1, "opaque": 0, "compromised": 0}
    [one] = found["sets"]
    assert (one["set"], one["kind"], one["decision"], one["why"]) == (
        refused,
        "rejected",
        "rejected",
        "no_authority",
    )
    assert one["author"] == {
        "person": pen.person.hex(),
        "name": "王",
        "station": STATION.hex(),
        "device": pen.chain.hex(),
        "label": "phone officer",
        "revoked_at": None,
        "revoked_why": None,
        "compromised_since": None,
    }
    assert (one["written_at"], one["made_after"], one["received_at"]) == (EPOCH_MS,) * 3
    assert one["incident"]["number"] == "261130-0001"
    assert [op["t"] for op in one["ops"]] == ["fact.set", "incident.close"]
    assert one["ops"][0]["fields"]["v"] == "13800002046"
    assert one["may"] == ["admit", "reject", "ask"]

    answer = await zhao.post(f"/api/rulings/{refused}/admit", {"text": "台里同意结案"})
    assert answer.status_code == 201
    assert (await queue(zhao))["sets"] == []
    [done] = (await queue(zhao, settled="true"))["sets"]
    [remark] = done["remarks"]
    assert (done["decision"], done["open"], done["may"]) == ("accepted_late", False, [])
    assert (remark["kind"], remark["by_name"], remark["text"], remark["idx"]) == (
        "review",
        "赵",
        "台里同意结案",
        answer.json()["idx"],
    )
    detail = await zhao.ask(f"/api/incidents/{INCIDENT.hex()}")
    assert detail["summary"]["status"] == "closed"
    entries = {entry["t"]: entry["decision"] for entry in detail["timeline"]}
    assert entries["incident.close"] == "accepted_late"


async def test_a_question_is_answered_from_the_phone(house: Centre) -> None:
    pen, refused = await refused_close(house)
    zhao = await house.sign_in("dispatcher")
    assert (
        await zhao.post(f"/api/rulings/{refused}/ask", {"text": "要结案吗？"})
    ).status_code == 201
    house.clock.advance(5_000)
    pen.now_ms = house.clock.now_ms()
    about = {"set": bytes.fromhex(refused)}
    answer = {"t": "entry.add", "kind": "answer", "text": "要", "data": about}
    await house.push(pen, pen.set(INCIDENT, answer))
    [one] = (await queue(zhao, kind="rejected"))["sets"]
    [question] = one["remarks"]
    assert (question["kind"], question["text"]) == ("ask", "要结案吗？")
    [said] = question["answers"]
    assert (said["by_name"], said["text"], said["at"]) == ("王", "要", EPOCH_MS + 5_000)
    assert one["open"] is True


async def test_nothing_is_offered_to_be_taken_that_no_key_vouches_for(house: Centre) -> None:
    courier, stranger = await house.phone(), Pen("stranger", person_id("officer"))
    opening, note = stranger.open(), stranger.create(INCIDENT)
    await house.intake.submit([note], courier.device)
    zhao = await house.sign_in("dispatcher")
    [one] = (await queue(zhao, kind="held"))["sets"]
    assert (one["why"], one["may"]) == ("unenrolled", ["reject", "ask"])
    refusal = await zhao.post(f"/api/rulings/{one['set']}/admit", {"text": "是他写的"})
    assert (refusal.status_code, refusal.json()["code"]) == (409, "not_reviewable")
    # Its chain's first set brings the key.
    await house.intake.submit([opening], courier.device)
    found = (await queue(zhao, kind="held"))["sets"]
    assert [one["may"] for one in found if one["set"] == set_hex(note)] == [
        ["admit", "reject", "ask"]
    ]


async def test_each_seat_decides_about_its_own_part_only(house: Centre) -> None:
    _pen, refused = await refused_close(house)
    for seat in ("callback", "reviewer", "supervisor", "admin"):
        answer = await (await house.sign_in(seat)).get("/api/rulings/queue")
        assert answer.status_code == 403
    station = await house.sign_in("station")
    assert [one["set"] for one in (await queue(station))["sets"]] == [refused]
    # Another station's officer about another station's incident: not theirs.
    other = await house.phone("other")
    elsewhere = chance("elsewhere")[:16]
    await house.push(other, other.create(elsewhere, OTHER_STATION))
    raw = other.set(elsewhere, CLOSE)
    await house.intake.submit([raw], other.device)
    assert [one["set"] for one in (await queue(station))["sets"]] == [refused]
    assert (await queue(station))["waiting"]["rejected"] == 1
    answer = await station.post(f"/api/rulings/{set_hex(raw)}/admit", {"text": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    commander = await house.sign_in("commander")
    newest = await queue(commander, limit=1)
    assert [one["set"] for one in newest["sets"]] == [set_hex(raw)]
    older = await queue(commander, limit=1, before=newest["next"])
    assert ([one["set"] for one in older["sets"]], older["next"]) == ([refused], None)
    only = await queue(commander, person=person_id("other").hex())
    assert len(only["sets"]) == 1
    assert len((await queue(commander, incident=INCIDENT.hex()))["sets"]) == 1
    assert (await queue(commander, kind="held"))["sets"] == []


async def test_what_cannot_be_decided_is_told_with_cause_and_cure(house: Centre) -> None:
    pen, refused = await refused_close(house)
    zhao = await house.sign_in("dispatcher")
    for path, code in (
        ("/api/rulings/xyz/admit", "bad_id"),
        (f"/api/rulings/{'00' * 32}/reject", "not_found"),
    ):
        answer = await zhao.post(path, {"text": "x"})
        assert answer.json()["code"] == code
    await zhao.post(f"/api/rulings/{refused}/admit", {"text": "同意"})
    answer = await zhao.post(f"/api/rulings/{refused}/reject", {"text": "又不同意"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_reviewable")
    assert answer.json()["cure"]
    assert (await zhao.post(f"/api/rulings/{refused}/ask", {"text": ""})).status_code == 400
    zhao.csrf = ""
    answer = await zhao.post(f"/api/rulings/{refused}/ask", {"text": "x"})
    assert answer.json()["code"] == "csrf"
    assert pen.person


async def test_a_stolen_phone_is_looked_through_and_each_set_confirmed(house: Centre) -> None:
    pen = await house.phone()
    await house.push(pen, pen.create(INCIDENT))
    house.clock.advance(60_000)
    pen.now_ms = house.clock.now_ms()
    await house.push(pen, note := pen.note(INCIDENT))
    admin, zhao = await house.sign_in("admin"), await house.sign_in("dispatcher")
    revocation = {"why": "被抢", "compromised_since": house.clock.now_ms()}
    answer = await admin.post(f"/api/devices/{pen.chain.hex()}/revoke", revocation)
    assert answer.status_code == 204
    [one] = (await queue(zhao, kind="compromised"))["sets"]
    assert (one["set"], one["decision"], one["may"]) == (set_hex(note), "accepted", ["admit"])
    assert one["author"]["compromised_since"] == house.clock.now_ms()
    assert one["author"]["revoked_why"] == "被抢"
    [device] = [row for row in await admin.ask("/api/devices") if row["revoked_at"]]
    assert device["compromised_since"] == house.clock.now_ms()
    await zhao.post(f"/api/rulings/{one['set']}/admit", {"text": "本人确认"})
    assert (await queue(zhao))["waiting"]["compromised"] == 0
