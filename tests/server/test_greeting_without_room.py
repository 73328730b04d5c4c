"""A centre that can write nothing greets all the same, so that phones go on reading. It gives no new token, and what is
amiss is told as ever (FK3, FK4).

Example: while `nothing_can_be_written(house)`, a hello is answered without a token; the same hello has one afterwards.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection

from server.intake.greetings import NEEDS_LOGIN, Welcome
from server.intake.queue import IntakeClosedError
from tests.server.conftest import House
from tests.server.pen import chance
from tests.server.test_forks import copy_of, enrolled, events_of, hello, push

INCIDENT = chance("incident", "no room")[:16]


WRITTEN = ("sets", "sync_tokens", "chain_events")
RAISING = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'"
# Each first statement, then one for each table; whatever is written asks for room that is not there.
FULL = {
    "sqlite": (
        ["CREATE TABLE ballast (bytes BLOB)", "PRAGMA max_page_count = 1"],
        """CREATE TRIGGER no_room_{0} BEFORE INSERT ON {0}
           BEGIN INSERT INTO ballast VALUES (zeroblob(1000000)); END""",
    ),
    "postgresql": (
        [
            f"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {RAISING}; END $$"
        ],
        "CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {0} EXECUTE FUNCTION no_room()",
    ),
}
ROOM = {
    "sqlite": (
        ["DROP TABLE ballast", "PRAGMA max_page_count = 1000000"],
        "DROP TRIGGER no_room_{0}",
    ),
    "postgresql": (["DROP FUNCTION no_room CASCADE"], ""),
}


@asynccontextmanager
async def nothing_can_be_written(house: House) -> AsyncIterator[None]:
    """The store has no room left for anything."""

    def said(connection: Connection, first: list[str], each: str) -> None:
        for statement in first + [each.format(table) for table in WRITTEN if each]:
            connection.exec_driver_sql(statement)

    await house.db.writing(said, *FULL[house.db.dialect])
    try:
        yield
    finally:
        await house.db.writing(said, *ROOM[house.db.dialect])


async def test_a_hello_is_answered_without_a_token_and_the_same_hello_with_one_afterwards(
    house: House,
) -> None:
    pen = await enrolled(house)
    opening, create = pen.open(), pen.create(INCIDENT)
    await push(house, pen, opening)
    first = await hello(house, pen, None, "1")
    async with nothing_can_be_written(house):
        with pytest.raises(IntakeClosedError, match="not_stored"):
            await push(house, pen, create)
        for _ in range(3):  # it keeps the token it has, and its request stays open
            assert await hello(house, pen, first.token, "2") == Welcome(0, None, None)
    second = await hello(house, pen, first.token, "2")
    assert second.rotate is None
    assert second.token not in (None, first.token)
    assert (await hello(house, pen, second.token, "3")).rotate is None
    assert await events_of(house, pen) == {}


async def test_the_first_hello_of_a_phone_may_fall_into_such_an_hour(house: House) -> None:
    pen = await enrolled(house)
    async with nothing_can_be_written(house):
        assert await hello(house, pen, None, "1") == Welcome(-1, None, None)
    assert (await hello(house, pen, None, "1")).token is not None


async def test_a_token_whose_answer_was_lost_before_is_given_again(house: House) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    lost = await hello(house, pen, first.token, "2")
    async with nothing_can_be_written(house):
        assert await hello(house, pen, first.token, "2") == lost
    assert (await hello(house, pen, lost.token, "3")).rotate is None


async def test_a_copy_is_found_as_ever_and_told_so_then_and_later(house: House) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    second = await hello(house, pen, first.token, "2")
    async with nothing_can_be_written(house):
        stale = await hello(house, copy_of(pen), first.token, "of an older copy")
        assert (stale.token, stale.rotate) == (None, "copied")
        # Both copies of today are greeted: which of them is one, nobody can know before a token is given.
        assert (await hello(house, pen, second.token, "3")).rotate is None
        assert (await hello(house, copy_of(pen), second.token, "of the copy")).rotate is None
    third = await hello(house, pen, second.token, "3")
    assert third.rotate is None
    assert (await hello(house, copy_of(pen), second.token, "of the copy")).rotate == "copied"
    assert (await events_of(house, pen))["copied"].count == 1


async def test_a_phone_that_forgot_or_whose_place_is_taken_is_told_so(house: House) -> None:
    pen, other = await enrolled(house), await enrolled(house, "other")
    await push(house, pen, pen.open(), pen.create(INCIDENT))
    await house.intake.org(
        "devices", other.chain, other.device.public() | {"continued_by": pen.chain}
    )
    async with nothing_can_be_written(house):
        assert await hello(house, pen, None, "1", head=0) == Welcome(1, None, "rolled_back")
        assert (await hello(house, other, None, "1")).rotate == NEEDS_LOGIN
    assert (await hello(house, pen, None, "1")).rotate is None
