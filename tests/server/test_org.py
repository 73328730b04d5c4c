"""The organisation as pages and devices see it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
    assert org["policy"]["sign_within_ms"] == 30_000
    assert org["policy"]["arrive_within_ms"] == {
        "1": 60_000,
        "3": 180_000,
        "5": 300_000,
        "8": 480_000,
    }
    assert "argon2" not in answer.text


async def test_a_policy_of_the_organisation_replaces_the_default_and_nonsense_does_not(
    house: Centre,
) -> None:
    desk = await house.sign_in("dispatcher")
    await house.intake.org(
        "policies", b"policy-a--------", {"sign_within_ms": 45_000, "final_feedback_within_ms": "x"}
    )
    policy = (await desk.ask("/api/org"))["policy"]
    assert (policy["sign_within_ms"], policy["final_feedback_within_ms"]) == (45_000, 86_400_000)


async def test_a_change_is_seen_at_once_and_a_removed_row_is_gone(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    before = await desk.ask("/api/org")
    await house.intake.org("units", UNIT, {"name": "甲快反组", "station": STATION})
    after = await desk.ask("/api/org")
    assert after["idx"] > before["idx"]
    assert "甲快反组" in {one["name"] for one in after["units"]}
    await house.intake.org("units", UNIT, None)
    assert UNIT.hex() not in {one["id"] for one in (await desk.ask("/api/org"))["units"]}
