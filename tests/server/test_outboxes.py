"""Outboxes recorded from phones of every release: the centre takes them all, 24 months later too (`tests/fixtures`)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.intake.batch import Batch
from server.store.devices import Device
from sync import changeset, exchange, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from tests.server.conftest import House

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
OUTBOXES = [
    pytest.param(folder, page, id=f"{folder.name}/{page['file']}")
    for folder in sorted(FIXTURES.glob("outbox-*"))
    for page in json.loads((folder / "devices.json").read_text(encoding="utf-8"))
]
HOUR_MS = 3_600_000
MONTHS_24_MS = 731 * 24 * HOUR_MS


def envelopes(data: bytes) -> Iterator[bytes]:
    """The envelopes of a file: arrays of three byte strings, one behind the other."""
    at = 0
    while at < len(data):
        start = at
        assert data[at] == 0x93, "an array of three"
        at += 1
        for _ in range(3):
            width = {0xC4: 1, 0xC5: 2, 0xC6: 4}[data[at]]
            size = int.from_bytes(data[at + 1 : at + 1 + width])
            at += 1 + width + size
        yield data[start:at]


def sets_of(folder: Path, page: dict[str, Any]) -> list[ChangeSet]:
    found = [changeset.read(raw) for raw in envelopes((folder / page["file"]).read_bytes())]
    assert all(isinstance(one, ChangeSet) for one in found)
    return [one for one in found if isinstance(one, ChangeSet)]


async def let_in(house: House, page: dict[str, Any], at_ms: int) -> Device:
    """The person, their station and the device, as they were when it was recorded."""
    person, station = bytes.fromhex(page["person"]), bytes.fromhex(page["station"])
    device = Device(
        chain=bytes.fromhex(page["chain"]),
        person=person,
        alg=page["alg"],
        pub=bytes.fromhex(page["pub"]),
        label="recorded",
        app="recorded",
        token_hash=None,
        enrolled_at_ms=at_ms,
    )

    def job(batch: Batch) -> None:
        batch.org("stations", station, {"name": "昂素派出所"})
        batch.org("people", person, {"name": "录", "role": "officer", "station": station})
        batch.devices.enrol(device)

    house.clock.set(at_ms)
    await house.intake.transaction(job)
    return device


async def view_of(house: House, incident: str) -> dict[str, Any]:
    return await house.intake.transaction(lambda batch: batch.view(bytes.fromhex(incident)))


@pytest.mark.parametrize("later_ms", [HOUR_MS, MONTHS_24_MS], ids=["an hour later", "24 months"])
@pytest.mark.parametrize(("folder", "page"), OUTBOXES)
async def test_a_recorded_outbox_is_taken_whole(
    house: House, folder: Path, page: dict[str, Any], later_ms: int
) -> None:
    sets = sets_of(folder, page)
    assert len(sets) == page["sets"]
    stamps = [int.from_bytes(one.header.hlc[:6]) for one in sets]
    device = await let_in(house, page, min(stamps) - HOUR_MS)
    house.clock.set(max(stamps) + later_ms)
    results, _have = await house.intake.submit([one.raw for one in sets], device)
    assert {result.r for result in results} <= {exchange.STORED, exchange.HELD}
    # A command that is months old waits for a person; whatever else was written counts.
    for one, result in zip(sets, results, strict=True):
        told = (result.d in rulings.COUNTED, result.why)
        assert told == (True, None) or (later_ms > HOUR_MS and result.why == "stale_lease"), (
            one.body
        )
    again, _have = await house.intake.submit([one.raw for one in sets], device)
    assert {result.r for result in again} == {exchange.DUPLICATE}

    counted = {result.id for result in results if result.d in rulings.COUNTED}
    wanted = [
        op["text"]
        for one in sets
        if one.body is not None and one.body.kind == KIND_INCIDENT and one.set_id in counted
        for op in one.body.ops
        if op["t"] == "entry.add"
    ]
    shown: list[str] = []
    for incident in page["incidents"]:
        view = await view_of(house, incident)
        shown += [entry["text"] for entry in view["entries"]]
        assert view["unknown"] == []
    assert sorted(shown) == sorted(wanted)
    assert shown


def test_there_is_a_recorded_outbox_of_both_kinds_of_phone() -> None:
    names = {name for param in OUTBOXES if (name := param.id) is not None}
    assert {"outbox-0.1/fleet.msgpack", "outbox-0.1/browser.msgpack"} <= names
