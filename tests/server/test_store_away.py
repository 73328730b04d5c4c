"""A PostgreSQL that is away for a while: everybody is asked to come again, and nobody's set is blamed (RL5, EX2)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from server.intake.queue import IntakeClosedError
from tests.server.conftest import BACKENDS, House, _statement
from tests.server.pen import Pen, chance, person_id

pytestmark = pytest.mark.parametrize("backend", [one for one in BACKENDS if one == "postgresql"])
INCIDENT = chance("incident", "away")[:16]


@asynccontextmanager
async def away(house: House) -> AsyncIterator[None]:
    """The database refuses everyone, as it does while it starts or stops."""
    base, _, name = house.settings.database_url.rpartition("/")
    await _statement(base, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        await _statement(base, ended)
        yield
    finally:
        await _statement(base, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_sets_that_come_meanwhile_are_asked_to_come_again(house: House) -> None:
    pen = Pen("patient phone", person_id("officer"))
    await pen.enrol(house.intake)
    sets = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)]
    async with away(house):
        for raws in (sets, sets[:1]):
            with pytest.raises(IntakeClosedError) as told:
                await house.intake.submit(raws, pen.device)
            assert told.value.code == "not_stored"
    results, have = await house.intake.submit(sets, pen.device)
    assert [result.r for result in results] == ["stored"] * 3
    assert have == 2


async def test_a_connection_that_is_cut_inside_a_transaction_stores_nothing(house: House) -> None:
    pen = Pen("patient phone", person_id("officer"))
    await pen.enrol(house.intake)
    with pytest.raises(IntakeClosedError) as told:
        await house.intake.transaction(
            lambda batch: batch.connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pg_backend_pid())"
            )
        )
    assert told.value.code == "not_stored"
    results, _have = await house.intake.submit([pen.open()], pen.device)
    assert [result.r for result in results] == ["stored"]


@pytest.mark.parametrize("state", ["53100", "53300", "25006", "57P03", "40P01"])
async def test_what_the_database_cannot_help_is_never_the_fault_of_a_set(
    house: House, state: str
) -> None:
    with pytest.raises(IntakeClosedError) as told:
        await house.intake.transaction(
            lambda batch: batch.connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = '{state}'; END $$"
            )
        )
    assert told.value.code == "not_stored"
