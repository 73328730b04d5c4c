"""What other limits would have done last month: told from what is stored, and nothing is changed by asking."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from server.intake.preview import Kept, Past, as_if, judged_again, tallied, turned
from server.store.people import Directory
from server.store.tables import verdicts
from sync.incident.policy import DEFAULTS
from tests.server.desks import Centre, centre
from tests.server.pen import STATION, UNIT

TOWN = b"zone-of-the-town"
BY = bytes(16)


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


def judged(clock: str = "C2", result: str = "met", lo: int = 0, hi: int = 0, **more: Any) -> Past:
    told: dict[str, Any] = {
        "incident": b"incident-sixteen",
        "number": None,
        "title": "",
        "clock": clock,
        "order": b"",
        "start_ms": 5_000,
        "result": result,
        "within_ms": DEFAULTS.within_ms(clock, 5_000, tier=more.get("tier")),
        "kept": Kept(lo, hi, more.pop("grade", 1)),
        "tier": None,
        "zone": None,
        "target": None,
        "level": None,
        "category": "",
    }
    return Past(**(told | more))


def told(past: Past, draft: dict[str, Any], *rows: dict[str, Any]) -> tuple[str, str]:
    held = Directory(
        1,
        {
            "policies": {bytes([at + 1]) * 16: row for at, row in enumerate(rows)},
            "zones": {TOWN: {"name": "镇区", "tier": 3, "station": STATION}},
        },
    )
    found = turned(past, held.book, as_if(held, {"name": "-", "note": "", "by": BY} | draft))
    return found.before, found.after


@given(
    st.integers(0, 90_000),
    st.integers(0, 90_000),
    st.integers(1_000, 90_000),
    st.integers(1_000, 90_000),
    st.sampled_from([None, 0, 1, 2]),
)
def test_a_wider_limit_never_makes_a_finding_worse_and_what_overlaps_is_undetermined(
    at: int, more: int, one: int, other: int, grade: int | None
) -> None:
    kept = Kept(at, at + more, grade)
    narrow, wide = (judged_again(kept, limit, DEFAULTS) for limit in sorted((one, other)))
    order = ("missed", "undetermined", "met")
    assert order.index(narrow) <= order.index(wide)
    if at <= one < at + more:
        assert judged_again(kept, one, DEFAULTS) == "undetermined"
    if grade in (None, 2):
        assert "missed" not in (narrow, wide), "weaker evidence blames nobody"
    assert judged_again(kept, None, DEFAULTS) == "no_limit"


def test_a_clock_turns_with_its_own_limit_and_with_no_other() -> None:
    signed = judged(lo=24_000, hi=26_000)
    assert told(signed, {"sign_within_ms": 20_000}) == ("met", "missed")
    assert told(signed, {"sign_within_ms": 25_000}) == ("met", "undetermined")
    assert told(signed, {"sign_within_ms": 45_000}) == ("met", "met")
    assert told(signed, {"deliver_within_ms": 1_000}) == ("met", "met")
    assert told(judged(lo=24_000, hi=26_000, grade=2), {"sign_within_ms": 20_000}) == (
        "met",
        "undetermined",
    )


def test_a_draft_stands_in_the_place_of_the_versions_for_the_same_alone() -> None:
    signed = judged(lo=24_000, hi=26_000, zone=TOWN, within_ms=40_000)
    general = {"from_ms": 0, "sign_within_ms": 20_000}
    town = {"from_ms": 0, "zone": TOWN, "sign_within_ms": 40_000}
    assert told(signed, {"sign_within_ms": 10_000}, general, town) == ("met", "met")
    assert told(signed, {"zone": TOWN, "sign_within_ms": 10_000}, general, town) == (
        "met",
        "missed",
    )
    assert told(signed, {"zone": TOWN, "review_within_ms": 10_000}, general, town) == (
        "met",
        "missed",
    ), "it replaces the version whole: the town falls back to the 20 s of everything"


def test_a_tier_that_follows_is_followed_and_a_stated_one_stays() -> None:
    draft = {"tier_basis": "urgency", "tiers_by_level": {"1": 1}}
    derived = judged("C5", lo=90_000, hi=100_000, tier=3, zone=TOWN, level=1)
    assert told(derived, draft) == ("met", "missed")
    stated = judged("C5", lo=90_000, hi=100_000, tier=8, zone=TOWN, level=1)
    assert told(stated, draft) == ("met", "met")


def test_what_was_only_shown_is_judged_once_there_is_a_limit_and_counted_then() -> None:
    shown = judged("C3", "no_limit", lo=300_000, hi=310_000)
    assert told(shown, {"turnout_within_ms": 240_000}) == ("no_limit", "missed")
    held = Directory(1, {})
    draft = {"name": "-", "note": "", "by": BY, "turnout_within_ms": 240_000}
    [one] = tallied([turned(shown, held.book, as_if(held, draft))])
    assert (one.clock, one.before.met, one.before.missed, one.after.missed, one.turned) == (
        "C3",
        0,
        0,
        1,
        1,
    )
    assert tallied([turned(shown, held.book, held.book)]) == []


def test_rectification_is_judged_by_the_limit_of_its_kind_and_a_date_that_an_order_names_stays() -> (
    None
):
    start_ms = 5_000
    work = DEFAULTS.within_ms("C10", start_ms, kind="complex")
    assert work is not None
    quick = judged("C10", lo=80_000_000, hi=80_000_000)
    complicated = judged("C10", lo=80_000_000, hi=80_000_000, within_ms=work)
    named = judged("C10", lo=80_000_000, hi=80_000_000, within_ms=81_000_000)
    draft = {"rectify_within_ms": 3_600_000}
    assert [told(one, draft)[1] for one in (quick, complicated, named)] == ["missed", "met", "met"]


async def test_the_last_month_is_told_by_clock_and_by_incident_and_nothing_is_changed(
    house: Centre,
) -> None:
    admin, desk = await house.sign_in("admin"), await house.sign_in("dispatcher")
    made = []
    for title in ("围栏", "羊群", "演练", "上一季"):
        body: dict[str, Any] = {"title": title, "station": STATION.hex()}
        body |= {"exercise": title == "演练", "order": {"to": ["unit", UNIT.hex()]}}
        made.append((await desk.post("/api/incidents", body)).json())
    now_ms = house.clock.now_ms()

    def store(batch: Any) -> None:
        for at, (incident, lo_ms) in enumerate(
            zip(made, (12_000, 24_000, 24_000, 24_000), strict=True)
        ):
            row = {
                "incident": bytes.fromhex(incident["id"]),
                "clock": "C2",
                "order_id": b"order-sixteen---",
                "round": 0,
                "result": "met",
                "grade": 1,
                "within_ms": 30_000,
                "policy_idx": 0,
                "start_at_ms": now_ms - (40 * 86_400_000 if at == 3 else 60_000),
                "elapsed_lo_ms": lo_ms,
                "elapsed_hi_ms": lo_ms + 1_000,
                "why": "",
                "exercise": at == 2,
            }
            batch.connection.execute(insert(verdicts).values(**row))

    await house.intake.transaction(store)
    size = (await admin.ask("/api/health"))["log_size"]
    draft = {"name": "", "note": "", "limits": {"sign_within_ms": 20_000}}
    answer = await admin.post("/api/policies/preview", {"draft": draft})
    shown = answer.json()
    assert answer.status_code == 200, answer.text
    assert [one for one in shown["clocks"] if one["clock"] == "C2"] == [
        {
            "clock": "C2",
            "before": {"met": 2, "missed": 0, "undetermined": 0},
            "after": {"met": 1, "missed": 1, "undetermined": 0},
            "turned": 1,
        }
    ]
    [change] = shown["changes"]
    assert (change["incident"], change["title"]) == (made[1]["id"], "羊群")
    assert (change["before"], change["after"], change["elapsed_lo_ms"]) == ("met", "missed", 24_000)
    assert (shown["more"], shown["cut"]) == (0, False)
    assert (await admin.ask("/api/health"))["log_size"] == size
    assert (await admin.ask("/api/policies"))["versions"] == []


async def test_a_draft_with_a_fault_or_a_period_without_an_end_is_refused(house: Centre) -> None:
    admin = await house.sign_in("admin")
    draft = {"name": "", "note": "", "limits": {"sign_within_ms": 5}}
    answer = (await admin.post("/api/policies/preview", {"draft": draft})).json()
    assert (answer["code"], [one["field"] for one in answer["fields"]]) == (
        "bad_policy",
        ["sign_within_ms"],
    )
    good = {"draft": draft | {"limits": {}}, "since_ms": 10, "until_ms": 10}
    assert (await admin.post("/api/policies/preview", good)).json()["code"] == "bad_request"
    commander = await house.sign_in("commander")
    assert (await commander.post("/api/policies/preview", {"draft": draft})).status_code == 403
