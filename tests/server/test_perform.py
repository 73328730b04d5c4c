"""Effects are performed after their commit, in order, and survive a server that dies in between."""

import asyncio
import logging

import pytest
from sqlalchemy import Connection

from server.perform import Performer
from server.store import outbox
from server.store.engine import Database
from server.store.outbox import Effect


class Heard:
    """An executor that remembers, and can be waited for."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.awake = asyncio.Event()

    async def __call__(self, payload: bytes) -> None:
        if payload == b"poison":
            raise RuntimeError("this effect cannot be performed")
        self.payloads.append(payload)
        self.awake.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.payloads) < count:
                self.awake.clear()
                await self.awake.wait()


async def test_what_a_dead_server_left_behind_is_performed_at_the_next_start(db: Database) -> None:
    heard = Heard()
    for payload in (b"1", b"2", b"3"):
        await db.writing(outbox.add, "moved", payload, 0)
    performer = Performer({"moved": heard})
    performer.start(db)
    await heard.until(3)
    await performer.stop()
    assert heard.payloads == [b"1", b"2", b"3"]
    await db.writing(outbox.performed, performer.take_done())
    assert await db.reading(outbox.waiting) == []


async def test_one_effect_that_fails_stops_no_other(db: Database) -> None:
    heard = Heard()
    performer = Performer({"moved": heard})
    performer.start(db)
    for payload in (b"poison", b"after"):
        performer.offer([await db.writing(outbox.add, "moved", payload, 0)])
    await heard.until(1)
    await performer.stop()
    assert heard.payloads == [b"after"]


async def test_more_effects_than_memory_holds_wait_in_the_outbox_and_none_is_lost(
    db: Database,
) -> None:
    heard = Heard()
    performer = Performer({"moved": heard}, memory_limit=3)
    performer.start(db)

    def add(connection: Connection, start: int) -> list[Effect]:
        rows = range(start, start + 400)
        return [outbox.add(connection, "moved", b"%d" % at, 0) for at in rows]

    for start in (0, 400, 800):
        performer.offer(await db.writing(add, start))
    await heard.until(1200)
    await performer.stop()
    assert heard.payloads == [b"%d" % at for at in range(1200)]


async def test_ids_that_could_not_be_forgotten_are_handed_out_again(db: Database) -> None:
    heard = Heard()
    performer = Performer({"moved": heard})
    performer.start(db)
    performer.offer([await db.writing(outbox.add, "moved", b"1", 0)])
    await heard.until(1)
    await performer.stop()
    taken = performer.take_done()
    performer.give_back(taken)
    assert taken
    assert performer.take_done() == taken


async def test_an_outbox_that_cannot_be_read_for_a_while_is_read_afterwards(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "ortoo")  # whatever ran before in this process
    heard = Heard()
    await db.writing(outbox.add, "moved", b"1", 0)
    await db.writing(lambda at: at.exec_driver_sql("ALTER TABLE effects RENAME TO away"))
    performer = Performer({"moved": heard})
    performer.start(db)
    for _ in range(2_000):
        if "the outbox cannot be read" in caplog.text:
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("nobody said that the outbox cannot be read")
    await db.writing(lambda at: at.exec_driver_sql("ALTER TABLE away RENAME TO effects"))
    await heard.until(1)
    await performer.stop()
