"""Letting a device in with a one-time code, keeping an eye on it, and shutting it out."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import text

from server.api.emptiness import demand_empty
from server.auth.devices import find
from server.auth.enrol import ADDRESS_FAILURES, LIFETIME_MS, MAX_OPEN
from server.keys import SigningKey
from server.problems import ProblemError
from server.store.devices import Contact
from sync import ids
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS, STATION, Pen, chance, person_id

OFFICER = person_id("officer")


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file, public_url="https://ortoo.example") as made:
        yield made


async def code_for(admin: Seat, person: bytes = OFFICER) -> str:
    answer = await admin.post("/api/devices/codes", {"person": person.hex()})
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def request(code: str, name: str = "phone", alg: str = "Ed25519", **more: Any) -> dict[str, Any]:
    key = SigningKey(alg, chance("key", name))
    return {
        "code": code,
        "alg": alg,
        "pub": b64(key.public),
        "nonce": b64(chance("nonce", name)[:16]),
        "label": "苏和的手机",
        "app": "ortoo-pwa/0.1.0",
    } | more


async def enrol(house: Centre, body: dict[str, Any]) -> httpx.Response:
    return await house.client.post("/api/enrol", json=body)


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
async def test_a_phone_is_enrolled_and_its_first_sets_are_taken(house: Centre, alg: str) -> None:
    admin = await house.sign_in("admin")
    issued = (await admin.post("/api/devices/codes", {"person": OFFICER.hex()})).json()
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", issued["code"])
    assert issued["expires_at"] == EPOCH_MS + LIFETIME_MS
    assert issued["enrol_url"] == f"https://ortoo.example/enrol#{issued['code']}"
    assert issued["qr_svg"].startswith("<svg")
    assert "<script" not in issued["qr_svg"]

    answer = await enrol(house, request(issued["code"].lower().replace("-", " "), alg=alg))
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["person"] == {
        "id": OFFICER.hex(),
        "name": "王",
        "role": "officer",
        "roles": ["officer"],
        "station": STATION.hex(),
        "unit": b"unit-a----------".hex(),
    }
    assert said["org"]["stations"][0]["name"]
    assert said["server"]["role"] == "centre"
    assert len(said["server"]["id"]) == 32
    device = await find(house.app.state.db, said["token"])
    assert device is not None
    assert (device.chain.hex(), device.person, device.label) == (
        said["chain"],
        OFFICER,
        "苏和的手机",
    )
    async with house.app.state.db.read() as connection:
        dump = str((await connection.execute(text("SELECT * FROM devices"))).all())
        codes = str((await connection.execute(text("SELECT * FROM enrol_codes"))).all())
    assert said["token"] not in dump
    assert issued["code"].replace("-", "") not in codes

    phone = Pen("phone", OFFICER, alg)
    phone.nonce = chance("nonce", "phone")[:16]
    assert phone.chain == ids.chain_id(phone.key.public, phone.nonce) == device.chain
    results, _ = await house.intake.submit([phone.open(), phone.create(chance("i")[:16])], device)
    assert [(result.r, result.d) for result in results] == [("stored", "accepted")] * 2


async def test_a_code_works_once_and_its_own_phone_may_ask_again(house: Centre) -> None:
    code = await code_for(await house.sign_in("admin"))
    first = (await enrol(house, request(code))).json()
    lost = await enrol(house, request(code))
    assert lost.status_code == 201, "the answer was lost on the way; the same key asks again"
    assert lost.json()["chain"] == first["chain"]
    assert lost.json()["token"] == first["token"], "whichever answer arrives holds one that counts"
    assert await find(house.app.state.db, first["token"]) is not None
    other = await enrol(house, request(code, "another phone"))
    assert (other.status_code, other.json()["code"]) == (401, "wrong_code")


async def test_a_code_dies_of_age_of_newer_ones_and_with_its_person(house: Centre) -> None:
    admin = await house.sign_in("admin")
    oldest = await code_for(admin)
    house.clock.advance(1)
    for _ in range(MAX_OPEN - 1):
        await code_for(admin)
        house.clock.advance(1)
    newest = await code_for(admin)
    assert (await enrol(house, request(oldest))).json()["code"] == "wrong_code"
    house.clock.advance(LIFETIME_MS)
    assert (await enrol(house, request(newest))).json()["code"] == "wrong_code"
    gone = await code_for(admin, person_id("other"))
    await house.intake.org("people", person_id("other"), None)
    assert (await enrol(house, request(gone))).json()["code"] == "wrong_code"


async def test_guessing_codes_is_stopped_and_wrong_codes_all_sound_alike(house: Centre) -> None:
    code = await code_for(await house.sign_in("admin"))
    answers = set()
    for number in range(ADDRESS_FAILURES):
        typed = ("00000-0000Z", "no code", "", code[:-1] + "!")[number % 4]
        answer = await enrol(house, request(typed))
        answers.add((answer.status_code, answer.content))
    assert len(answers) == 1
    barred = await enrol(house, request(code))
    assert (barred.status_code, barred.json()["code"]) == (429, "too_many_attempts")
    house.clock.advance(300_000)
    assert (await enrol(house, request(code))).status_code == 201


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"pub": "!!!"}, "bad_key"),
        ({"pub": b64(b"x" * 31)}, "bad_key"),
        ({"pub": b64(b"\x01" + bytes(31))}, "bad_key"),  # everybody can sign for this one (CS9)
        ({"alg": "ES256"}, "bad_key"),
        ({"alg": "ES256", "pub": b64(b"\x04" + b"\x01" * 64)}, "bad_key"),
        (
            {"alg": "ES256", "pub": b64(b"\x02" + SigningKey("ES256", b"k" * 32).public[1:33])},
            "bad_key",
        ),
        ({"nonce": b64(b"short")}, "bad_key"),
        ({"alg": "RS256"}, "bad_request"),
        ({"label": ""}, "bad_request"),
        ({"label": "x" * 65}, "bad_request"),
        ({"role": "admin"}, "bad_request"),
    ],
)
async def test_a_key_that_is_none_spends_no_code(
    house: Centre, more: dict[str, Any], code: str
) -> None:
    good = await code_for(await house.sign_in("admin"))
    answer = await enrol(house, request(good) | more)
    assert answer.json()["code"] == code, answer.text
    assert (await enrol(house, request(good))).status_code == 201


async def test_devices_are_listed_with_how_far_each_has_come(house: Centre) -> None:
    admin = await house.sign_in("admin")
    said = (await enrol(house, request(await code_for(admin)))).json()
    [device] = await admin.ask("/api/devices")
    assert device == {
        "chain": said["chain"],
        "person": OFFICER.hex(),
        "name": "王",
        "station": STATION.hex(),
        "label": "苏和的手机",
        "alg": "Ed25519",
        "app": "ortoo-pwa/0.1.0",
        "enrolled_at": EPOCH_MS,
        "revoked_at": None,
        "revoked_why": None,
        "last_contact_ms": None,
        "have": -1,
        "head": None,
        "pending": None,
        "oldest_ms": None,
        "clock_offset_ms": None,
        "storage": None,
        "kept": 0,
        "compromised_since": None,
        "forked_at": None,
        "continues": None,
        "continued_by": None,
        "events": [],
    }
    await house.phone("other")
    station = await house.sign_in("station")
    assert [one["name"] for one in await station.ask("/api/devices")] == ["王"]
    assert {one["name"]: one["have"] for one in await admin.ask("/api/devices")} == {
        "王": -1,
        "李": 0,
    }


async def test_a_revoked_device_is_out_from_then_on_and_can_say_so_once(house: Centre) -> None:
    admin, phone = await house.sign_in("admin"), await house.phone()
    path = f"/api/devices/{phone.chain.hex()}/revoke"
    assert (await admin.post(path, {"why": ""})).json()["code"] == "bad_request"
    held = await admin.post(path, {"why": "手机遗失"})
    assert (held.status_code, held.json()["code"]) == (409, "device_not_empty"), (
        "it was never heard"
    )
    despite = {"why": "手机遗失", "despite": "捡到的人在用"}
    assert (await admin.post(path, despite)).status_code == 204
    house.clock.advance(60_000)
    assert (await admin.post(path, {"why": "又一次"})).status_code == 204
    [device] = await admin.ask("/api/devices")
    assert (device["revoked_at"], device["revoked_why"]) == (EPOCH_MS, "手机遗失")
    [event] = device["events"]
    assert (event["kind"], event["count"]) == ("revoked", 1)
    assert event["proof"] == {
        "by": person_id("admin").hex(),
        "name": "admin 甲",
        "why": "手机遗失",
        "despite": "捡到的人在用",
        "heard": None,
        "pending": None,
    }
    absent = await admin.post(f"/api/devices/{'0' * 32}/revoke", {"why": "x"})
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    desk_chain = house.intake._memory.desk.chain if house.intake._memory else b""
    own = await admin.post(f"/api/devices/{desk_chain.hex()}/revoke", {"why": "x"})
    assert own.status_code == 404, "the centre does not shut itself out"


async def test_a_device_that_was_lately_heard_with_nothing_left_is_shut_out_without_more_words(
    house: Centre,
) -> None:
    admin, phone = await house.sign_in("admin"), await house.phone()
    path, why = f"/api/devices/{phone.chain.hex()}/revoke", {"why": "换机"}

    async def heard(pending: int, head: int) -> None:
        """It greets: what it says is written with the next transaction."""
        now_ms = house.clock.now_ms()
        house.intake.note_contact(Contact(phone.chain, now_ms, pending, None, 0, head, "test/1"))

    have = (await admin.ask("/api/devices"))[0]["have"]
    for pending, head, silent_ms in ((1, have + 1, 0), (0, have + 1, 0), (0, have, 300_001)):
        await heard(pending, head)
        house.clock.advance(silent_ms)
        assert (await admin.post(path, why)).json()["code"] == "device_not_empty"
    await heard(0, have)
    await house.intake.transaction(lambda _batch: None)
    await heard(1, have + 1)  # in the very batch that looks
    with pytest.raises(ProblemError, match="device_not_empty"):
        await house.intake.transaction(lambda batch: demand_empty(batch, phone.chain, despite=None))
    await heard(0, have)
    house.clock.advance(300_000)
    assert (await admin.post(path, why)).status_code == 204
    [event] = (await admin.ask("/api/devices"))[0]["events"]
    assert (event["proof"]["despite"], event["proof"]["pending"]) == (None, 0)


async def test_whose_phone_may_hold_something_moves_to_another_station_only_with_a_reason(
    house: Centre,
) -> None:
    admin, phone = await house.sign_in("admin"), await house.phone()
    other = (await admin.post("/api/org/stations", {"name": "城川派出所"})).json()["id"]
    path = f"/api/org/people/{phone.person.hex()}"
    moved = {"name": "王", "role": "officer", "station": other}
    held = await admin.send("PUT", path, moved)
    assert (held.status_code, held.json()["code"]) == (409, "device_not_empty")
    assert (await admin.send("PUT", path, moved | {"station": STATION.hex()})).status_code == 200
    despite = "明天起在那边值班"
    there, back = await asyncio.gather(
        admin.send("PUT", f"{path}?despite={quote(despite)}", moved),
        admin.send("PUT", path, moved | {"name": "王二", "station": STATION.hex()}),
    )
    assert there.status_code == 200
    assert back.status_code in {200, 409}, "before the move it is a name, after it a way back"
    [device] = await admin.ask("/api/devices")
    assert device["station"] == other, "whichever came first, nobody is taken back unasked"
    [event] = device["events"]
    said = event["proof"]
    assert (event["kind"], said["name"], said["despite"]) == ("moved", "admin 甲", despite)


async def test_whose_phone_may_hold_something_is_removed_only_with_a_reason(house: Centre) -> None:
    admin, phone = await house.sign_in("admin"), await house.phone()
    path = f"/api/org/people/{phone.person.hex()}"
    held = await admin.send("DELETE", path)
    assert (held.status_code, held.json()["code"]) == (409, "device_not_empty")
    despite = "手机已交回，存储坏了"
    assert (await admin.send("DELETE", f"{path}?despite={quote(despite)}")).status_code == 200
    [event] = (await admin.ask("/api/devices"))[0]["events"]
    assert (event["kind"], event["proof"]["despite"]) == ("removed", despite)


async def test_a_code_for_nobody_is_not_issued(house: Centre) -> None:
    admin = await house.sign_in("admin")
    assert (await admin.post("/api/devices/codes", {"person": "0" * 32})).json()[
        "code"
    ] == "not_found"
    assert (await admin.post("/api/devices/codes", {"person": "x"})).json()["code"] == "bad_request"
