"""A session from log-in to its end."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from server.auth.sessions import ABSOLUTE_MS, IDLE_MS, MAX_PER_PERSON, TOUCH_MS
from server.store import engine
from tests.server.desks import PASSWORD, Centre, centre
from tests.server.pen import EPOCH_MS, STATION, person_id

LOGIN = {"login": "dispatcher", "password": PASSWORD}


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file, name="鄂托克前旗公安局指挥中心") as made:
        yield made


async def test_a_page_learns_who_it_works_for(house: Centre) -> None:
    nobody = (await house.client.get("/api/session")).json()
    assert nobody == {
        "person": None,
        "csrf": "",
        "server": {"role": "centre", "name": "鄂托克前旗公安局指挥中心", "now_ms": EPOCH_MS},
    }
    answer = await house.client.post("/api/session", json=LOGIN)
    said = answer.json()
    assert said["person"] == {
        "id": person_id("dispatcher").hex(),
        "name": "赵",
        "role": "dispatcher",
        "roles": ["dispatcher"],
        "station": None,
        "unit": None,
    }
    assert (await house.client.get("/api/session")).json() == said
    assert answer.headers["cache-control"] == "no-store"


async def test_the_cookie_is_opaque_and_kept_from_scripts_and_other_sites(house: Centre) -> None:
    cookie = (await house.client.post("/api/session", json=LOGIN)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    assert len(token) == 43
    async with house.app.state.db.read() as connection:
        kept = (await connection.execute(text("SELECT token_hash, csrf FROM sessions"))).one()
    assert token.encode() not in kept.token_hash
    assert len(kept.token_hash) == 32


async def test_behind_tls_the_cookie_is_secure(tmp_path: Path, migrated_file: Path) -> None:
    async with centre(tmp_path, migrated_file, cookie_secure=True) as house:
        assert (
            "Secure" in (await house.client.post("/api/session", json=LOGIN)).headers["set-cookie"]
        )


async def test_a_login_begins_a_new_session_and_ends_the_one_it_came_with(house: Centre) -> None:
    first = (await house.client.post("/api/session", json=LOGIN)).cookies["ortoo_session"]
    again = await house.client.post(
        "/api/session", json=LOGIN, headers={"cookie": f"ortoo_session={first}"}
    )
    second = again.cookies["ortoo_session"]
    assert first != second
    house.client.cookies.clear()
    for token, person in ((first, False), (second, True)):
        answer = await house.client.get(
            "/api/session", headers={"cookie": f"ortoo_session={token}"}
        )
        assert bool(answer.json()["person"]) == person


async def test_logging_out_ends_it_at_the_server(house: Centre) -> None:
    seat = await house.sign_in("dispatcher")
    headers = seat._headers | {"x-csrf-token": seat.csrf}
    assert (await house.client.delete("/api/session", headers=seat._headers)).json()[
        "code"
    ] == "csrf"
    out = await house.client.delete("/api/session", headers=headers)
    assert out.status_code == 204
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert (await seat.get("/api/wall")).status_code == 401


async def test_it_ends_when_nobody_uses_it_and_at_the_end_of_a_shift(house: Centre) -> None:
    idle = await house.sign_in("dispatcher")
    used = await house.sign_in("commander")
    for _ in range(ABSOLUTE_MS // (IDLE_MS // 2) - 1):
        house.clock.advance(IDLE_MS // 2)
        assert (await used.get("/api/org")).status_code == 200
    assert (await idle.get("/api/org")).status_code == 401
    house.clock.advance(IDLE_MS // 2)
    assert (await used.get("/api/org")).status_code == 401


async def test_a_person_holds_a_bounded_number_of_sessions(house: Centre) -> None:
    first = await house.sign_in("dispatcher")
    for _ in range(MAX_PER_PERSON - 1):
        house.clock.advance(60_000)
        await house.sign_in("dispatcher")
    house.clock.advance(60_000)
    last = await house.sign_in("dispatcher")
    assert (await first.get("/api/org")).status_code == 401
    assert (await last.get("/api/org")).status_code == 200


async def test_who_leaves_the_organisation_is_out_at_once(house: Centre) -> None:
    seat = await house.sign_in("dispatcher")
    await house.intake.org("people", person_id("dispatcher"), None)
    assert (await seat.get("/api/org")).status_code == 401
    answer = await house.client.post("/api/session", json=LOGIN)
    assert answer.json()["code"] == "wrong_login"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://testserver.local"}, 200),
        ({}, 200),
    ],
)
async def test_another_site_cannot_log_a_browser_in(
    house: Centre, headers: dict[str, str], code: int
) -> None:
    answer = await house.client.post("/api/session", json=LOGIN, headers=headers)
    assert answer.status_code == code
    assert (code == 200) == ("ortoo_session" in answer.cookies)


@pytest.mark.parametrize(
    "body",
    [{}, {"login": "dispatcher"}, {"login": 5, "password": "x"}, {"login": "", "password": ""}, [1], "x",
     {"login": "a", "password": "b", "role": "admin"}, {"login": "a" * 200, "password": "b"}],
)  # fmt: skip
async def test_a_login_of_the_wrong_shape_is_explained(house: Centre, body: object) -> None:
    answer = await house.client.post("/api/session", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "bad_request"
    assert {"type", "title", "status", "cause", "cure"} <= answer.json().keys()


async def test_nonsense_in_the_cookie_is_nobody(house: Centre) -> None:
    for value in ("", "x", "a" * 5_000, "%00", "../../etc"):
        answer = await house.client.get("/api/wall", headers={"cookie": f"ortoo_session={value}"})
        assert answer.json()["code"] == "not_signed_in"


@pytest.mark.parametrize(
    "body", [b'{"login":"\xff","password":"x"}', b"[" * 50_000, b'{"login":', b"\x00", b'"\\ud800"']
)
async def test_bytes_that_are_no_json_are_the_senders_mistake(house: Centre, body: bytes) -> None:
    answer = await house.client.post("/api/session", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_a_store_that_is_away_is_told_as_something_that_passes(house: Centre) -> None:
    async with house.app.state.db.write() as connection:
        await connection.execute(text("DROP TABLE sessions"))
    answer = await house.client.post("/api/session", json=LOGIN)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
    assert answer.headers["retry-after"] == "5"


async def test_while_nothing_can_be_written_a_desk_still_reads_and_is_told_so_when_it_writes(
    tmp_path: Path, migrated_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    incident = {"title": "x", "station": STATION.hex()}
    async with centre(tmp_path, migrated_file) as house:
        csrf = {
            "x-csrf-token": (await house.client.post("/api/session", json=LOGIN)).json()["csrf"]
        }
        house.clock.advance(TOUCH_MS)
        with closing(sqlite3.connect(house.app.state.db.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert (await house.client.get("/api/session")).json()["person"]["name"] == "赵"
            assert (await house.client.get("/api/wall")).status_code == 200
            for path, said in (("/api/session", LOGIN), ("/api/incidents", incident)):
                refused = await house.client.post(path, json=said, headers=csrf)
                assert (refused.status_code, refused.json()["code"]) == (503, "not_stored"), path
                assert refused.headers["retry-after"] == "5"
        again = await house.client.post("/api/incidents", json=incident, headers=csrf)
        assert again.status_code == 201
