"""Verdicts at a desk over HTTP: what is found, on what it rests, and what a person finds beside it (SPEC VD8)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.intake.verdicts import SETTLING_MS
from tests.server.desks import Centre, Seat, centre
from tests.server.pen import EPOCH_MS
from tests.server.test_incidents_api import sent

SECOND = 1_000


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def clocks(seat: Seat, incident: str) -> dict[str, Any]:
    shown = await seat.ask(f"/api/incidents/{incident}")
    return {one["clock"]: one for one in shown["verdicts"]}


async def test_a_desk_sees_what_is_found_and_on_what_it_rests(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    phone = await house.phone()
    incident, order = await sent(desk, tier=1)
    entity = bytes.fromhex(incident)
    step = {"t": "milestone.claim", "round": 0, "order": order, "via": "self"}
    house.clock.advance(4 * SECOND)
    phone.now_ms = house.clock.now_ms()
    beacon = house.intake.beacon()
    await house.push(
        phone,
        phone.open(),
        phone.set(entity, step | {"kind": "delivered", "via": "system"}, beacon=beacon),
    )
    now = await clocks(desk, incident)
    assert {at: one["result"] for at, one in now.items()} == {
        "C1": "met",
        "C2": "pending",
        "C2i": "pending",
        "C5": "pending",
    }
    house.clock.advance(90 * SECOND)
    late = await clocks(desk, incident)
    assert (late["C2"]["result"], late["C5"]["result"]) == ("overdue", "overdue")
    assert (late["C2"]["judges"], late["C2i"]["judges"]) == (True, False)
    phone.now_ms = house.clock.now_ms()
    beacon = house.intake.beacon()
    await house.push(phone, phone.set(entity, step | {"kind": "arrived"}, beacon=beacon))
    c5 = (await clocks(desk, incident))["C5"]
    assert (c5["result"], c5["grade"], c5["within_ms"], c5["tier"]) == ("missed", 0, 60_000, 1)
    assert (c5["lo_ms"], c5["hi_ms"], c5["slack_ms"]) == (93_900, 94_100, 33_900)
    assert c5["policy"] == {"row": None, "idx": 0, "name": ""}
    assert [c5["start"]["at"], c5["end"]["lo_ms"]] == [EPOCH_MS, EPOCH_MS + 93_950]
    assert (c5["ruled"], c5["override"]) == (None, None)
    house.clock.advance(SETTLING_MS)
    await house.app.state.deadlines.tend()
    ruled = (await clocks(desk, incident))["C5"]
    assert (ruled["ruled"]["result"], ruled["ruled"]["at"]) == ("missed", house.clock.now_ms())


async def test_a_commander_finds_otherwise_and_both_stand(house: Centre) -> None:
    desk = await house.sign_in("dispatcher")
    incident, order = await sent(desk, tier=1)
    house.clock.advance(90 * SECOND)
    said = {"clock": "C5", "order": order.hex(), "round": 0, "result": "met", "why": "电台录音为证"}
    refused = await desk.move(incident, "override_verdict", **said)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    elsewhere = await (await house.sign_in("commander")).move(
        incident, "override_verdict", **said | {"order": "00" * 16}
    )
    assert elsewhere.json()["code"] == "unknown_order"
    commander = await house.sign_in("commander")
    await commander.did(incident, "override_verdict", **said)
    c5 = (await clocks(desk, incident))["C5"]
    assert c5["result"] == "not_delivered", "what was computed stands as it did"
    assert {name: c5["override"][name] for name in ("result", "by_name", "why")} == {
        "result": "met",
        "by_name": "commander 甲",
        "why": "电台录音为证",
    }
    entry = (await desk.ask(f"/api/incidents/{incident}"))["timeline"][-1]
    assert (entry["t"], entry["value"], entry["why"]) == (
        "verdict.override",
        {"clock": "C5", "result": "met"},
        "电台录音为证",
    )
