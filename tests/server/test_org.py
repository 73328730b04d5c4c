"""The organisation as pages and devices see it, and as an administrator keeps it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest

from server.api.people import Role
from sync.incident.kinds import ROLES
from tests.server.desks import Centre, centre
from tests.server.pen import STATION, UNIT, person_id


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def test_the_organisation_is_named_and_no_secret_is_in_it(house: Centre) -> None:
    answer = await (await house.sign_in("officer")).get("/api/org")
    org = answer.json()
    assert {"id": STATION.hex(), "name": "甲派出所"} in org["stations"]
    assert {"id": UNIT.hex(), "name": "甲一组", "station": STATION.hex()} in org["units"]
    assert {
        "id": person_id("officer").hex(),
        "name": "王",
        "role": "officer",
        "station": STATION.hex(),
        "unit": UNIT.hex(),
    } in org["people"]
    assert [one["name"] for one in org["vehicles"]] == ["甲01"]
    assert org["categories"] == [{"code": "dispute", "zh": "纠纷", "en": "Dispute"}]
    assert org["limits"] == {"policies": [], "zones": [], "modes": []}
    assert "argon2" not in answer.text


async def test_a_change_is_seen_at_once_and_a_removed_row_is_gone(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    before = await desk.ask("/api/org")
    await house.intake.org("units", UNIT, {"name": "甲快反组", "station": STATION})
    after = await desk.ask("/api/org")
    assert after["idx"] > before["idx"]
    assert "甲快反组" in {one["name"] for one in after["units"]}
    await house.intake.org("units", UNIT, None)
    assert UNIT.hex() not in {one["id"] for one in (await desk.ask("/api/org"))["units"]}


async def test_an_administrator_builds_a_station_whose_dispatcher_logs_in(house: Centre) -> None:
    admin = await house.sign_in("admin")
    station = (await admin.post("/api/org/stations", {"name": "昂素派出所"})).json()["id"]
    unit = (await admin.post("/api/org/units", {"name": "昂素一车组", "station": station})).json()[
        "id"
    ]
    person = (
        await admin.post(
            "/api/org/people",
            {"name": "娜日苏", "role": "station", "roles": ["callback"], "station": station},
        )
    ).json()["id"]
    path = f"/api/people/{person}/login"
    assert (await admin.send("PUT", path, {"login": "narsu", "password": "88888888"})).json()[
        "code"
    ] == "weak_password"
    assert (
        await admin.send("PUT", path, {"login": "Dispatcher", "password": "steppe wind 31"})
    ).status_code == 409
    assert (
        await admin.send("PUT", path, {"login": "Narsu", "password": "steppe wind 31"})
    ).status_code == 204
    narsu = await house.sign_in("narsu")
    who = (await narsu.ask("/api/session"))["person"]
    assert (who["name"], who["roles"], who["station"]) == (
        "娜日苏",
        ["station", "callback"],
        station,
    )
    body = {"title": "围栏", "station": station, "order": {"to": ["unit", unit]}}
    assert (await narsu.post("/api/incidents", body)).status_code == 201
    assert (
        await admin.send("PUT", path, {"login": "narsu", "password": "another wind 32"})
    ).status_code == 204
    assert (await narsu.get("/api/org")).status_code == 401, "a new password ends every session"
    assert (await admin.send("DELETE", f"/api/org/people/{person}")).status_code == 200
    answer = await house.client.post(
        "/api/session", json={"login": "narsu", "password": "another wind 32"}
    )
    assert answer.json()["code"] == "wrong_login"


async def test_keeping_a_row_as_it_is_writes_nothing(house: Centre) -> None:
    admin = await house.sign_in("admin")
    path = f"/api/org/units/{UNIT.hex()}"
    size = (await admin.ask("/api/health"))["log_size"]
    assert (
        await admin.send("PUT", path, {"name": "甲一组", "station": STATION.hex()})
    ).status_code == 200
    assert (await admin.ask("/api/health"))["log_size"] == size
    assert (await admin.send("PUT", path, {"name": "甲二组", "station": STATION.hex()})).json()[
        "idx"
    ] == size + 1


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("stations", {}, "bad_request"),
        ("stations", {"name": ""}, "bad_request"),
        ("stations", {"name": "x", "colour": "red"}, "bad_request"),
        ("units", {"name": "x", "station": "0" * 32}, "bad_request"),
        ("units", {"name": "x", "station": "zz"}, "bad_request"),
        ("people", {"name": "x", "role": "king"}, "bad_request"),
        ("zones", {"name": "x", "station": STATION.hex(), "tier": 3}, "not_found"),
        ("policies", {"sign_within_ms": 45_000}, "not_found"),
        ("devices", {"alg": "Ed25519"}, "not_found"),
        ("rulings", {}, "not_found"),
    ],
)
async def test_a_row_that_cannot_be_is_refused_with_the_reason(
    house: Centre, what: str, body: dict[str, Any], code: str
) -> None:
    admin = await house.sign_in("admin")
    answer = await admin.post(f"/api/org/{what}", body)
    assert answer.json()["code"] == code, answer.text
    assert answer.json()["detail"]


async def test_only_administrators_keep_the_organisation_and_not_themselves_out(
    house: Centre,
) -> None:
    for login in ("dispatcher", "commander", "station", "supervisor"):
        seat = await house.sign_in(login)
        assert (await seat.post("/api/org/stations", {"name": "x"})).json()["code"] == "not_allowed"
        path = f"/api/people/{person_id('admin').hex()}/login"
        assert (
            await seat.send("PUT", path, {"login": "x", "password": "steppe wind 31"})
        ).status_code == 403
    admin = await house.sign_in("admin")
    assert (await admin.send("DELETE", f"/api/org/people/{person_id('admin').hex()}")).json()[
        "code"
    ] == "not_ready"
    assert (await admin.send("DELETE", f"/api/org/people/{'0' * 32}")).json()["code"] == "not_found"


def test_the_api_knows_the_roles_of_the_rules() -> None:
    assert set(get_args(Role)) == set(ROLES)
