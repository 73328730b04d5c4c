"""A township station between phones and the centre: it keeps what they sign, and its centre's word stands (HB)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.store import spool
from sync import exchange, rulings
from tests.server.desks import Centre, centre
from tests.server.pen import Pen, chance
from tests.server.stations import Station, beside, call, hello, push

INCIDENT = chance("of the township")[:16]


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    (tmp_path / "centre").mkdir()
    async with centre(tmp_path / "centre", migrated_file) as made:
        yield made


@pytest.fixture
async def phone(house: Centre) -> Pen:
    return await house.phone()


@pytest.fixture
async def station(
    house: Centre,
    phone: Pen,
    tmp_path: Path,
    migrated_file: Path,  # noqa: ARG001  it is enrolled first
) -> AsyncIterator[Station]:
    async with beside(house, tmp_path / "station", migrated_file) as made:
        yield made


async def view(of: Centre | Station, incident: bytes = INCIDENT) -> dict[str, Any]:
    return await of.intake.transaction(lambda batch: batch.view(incident))


async def scope_names(of: Centre | Station, pen: Pen) -> list[tuple[str, int, int]]:
    asked = hello(pen.chain, pen.writer.seq - 1, pen.now_ms)
    return (await call(of.client, pen.token, "hello", asked, exchange.HelloReply)).scopes


async def test_hb3_hb4_what_is_pushed_is_kept_shown_and_ruled_by_the_centre_alone(
    house: Centre, station: Station, phone: Pen
) -> None:
    created = phone.create(INCIDENT)
    noted = phone.note(INCIDENT)
    [first, second] = await push(station.client, phone, created, noted)
    now_ms = house.clock.now_ms()
    assert (first.r, first.at_ms, first.idx, first.d) == (exchange.KEPT, now_ms, None, None)
    house.clock.advance(5_000)
    [again] = await push(station.client, phone, noted)
    assert (again.r, again.at_ms) == (exchange.KEPT, second.at_ms)
    assert len((await view(station))["entries"]) == 1

    assert await station.handed_up() == 2
    assert await station.handed_up() == 0
    [known] = await push(station.client, phone, noted)
    assert known == (await push(house.client, phone, noted))[0]
    assert (known.r, known.d) == (exchange.DUPLICATE, rulings.ACCEPTED)
    await station.mirrored()
    assert await view(station) == await view(house)
    assert (await view(station))["number"] is not None
    assert (await station.db.reading(spool.counts)) == spool.Counts(0, None, 0, 0)
