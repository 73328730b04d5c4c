"""What was acknowledged is on the platter, whatever the disk did before (RL5, EX2)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from server.wire import ServerRefusalError
from tests.blackbox.centre import Centre, EndedError
from tests.blackbox.crew import Crew, Phone
from tests.blackbox.failing import ENDED, fail
from tests.blackbox.faulty import DATABASE, LOG, MUCH, FaultyDisk
from tests.blackbox.journal import Journal
from tests.blackbox.kills import judged

ROUNDS = 4  # the first four faults; the long lane has all of them, again and again
LITTLE = 3_000_000  # bytes: less than makes the log long


async def test_nothing_acknowledged_is_lost_to_a_disk_that_fails(tmp_path: Path) -> None:
    failed = await fail(tmp_path, seed=20_261_128, count=ROUNDS)
    assert failed.acked > 50 * failed.rounds
    assert failed.refused > 0
    assert failed.ended > 0


class Ward(NamedTuple):
    """One phone and its centre on a disk that fails when told to."""

    centre: Centre
    disk: FaultyDisk
    phone: Phone

    async def pushes(self) -> bool:
        """Write one set and push what waits; whether it was acked."""
        self.phone.write()
        try:
            await self.phone.device.attempt(pull=False)
        except ServerRefusalError as error:
            if (error.status, error.code) != (503, "not_stored"):
                raise
            return False
        return True

    async def starts(self) -> None:
        """Start the centre on this disk."""
        self.centre.launch(self.disk.prefix)
        await self.centre.ready()


@asynccontextmanager
async def ward(place: Path) -> AsyncIterator[Ward]:
    """A ward in which one set was acked; at its end the power is lost and the checker looks at what is left."""
    centre = await Centre.founded(place / "centre", 1)
    disk = FaultyDisk(place / "disk", centre)
    journal = Journal(place / "journal.jsonl")
    try:
        centre.launch(disk.prefix)
        await centre.ready()
        async with Crew.enrolled(centre, journal, place, "ward") as crew:
            made = Ward(centre, disk, crew.phones[0])
            assert await made.pushes()
            yield made
        centre.kill()
        disk.power_loss(centre)
        await judged(centre, journal, "after the power was lost")
    finally:
        centre.stop()
        journal.close()


async def test_a_commit_that_was_not_synced_and_is_found_at_the_start_is_synced_before_it_is_told(
    tmp_path: Path,
) -> None:
    async with ward(tmp_path) as at:
        at.disk.fail("sync", LOG)
        assert not await at.pushes()
        assert (await health(at))["store"]["code"] == "not_stored"
        at.centre.kill()  # the page cache still has the commit, and counts it as written
        at.disk.fail("sync", DATABASE)  # so that it is not folded into the database by the way
        await at.starts()
        await at.phone.device.attempt(pull=True)
        assert at.phone.device.duplicates == 1
        assert (await health(at))["store"]["code"] is None


async def test_a_centre_does_not_start_on_a_log_that_cannot_be_synced_and_says_why(
    tmp_path: Path,
) -> None:
    async with ward(tmp_path) as at:
        at.centre.kill()
        at.disk.fail("sync", LOG)
        with pytest.raises(
            EndedError, match=r"write-ahead log: .*ortoo.db-wal: Input/output error"
        ):
            await at.starts()
        at.disk.heal()
        await at.starts()
        assert await at.pushes()


async def test_a_database_file_that_was_not_synced_is_written_again_from_the_log(
    tmp_path: Path,
) -> None:
    async with ward(tmp_path) as at:
        at.disk.fill(at.centre, LITTLE)
        assert await at.pushes()
        with closing(
            sqlite3.connect(at.centre.data_dir / DATABASE, isolation_level=None)
        ) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM log_head").fetchall()
            at.disk.fill(at.centre, MUCH)
            assert (
                await at.pushes()
            )  # what the reader does not need any more is folded, and counts as done
            at.disk.fail("sync", DATABASE)
        at.phone.write()
        with pytest.raises(httpx2.TransportError):
            await at.phone.device.attempt(pull=False)
        assert await at.centre.over() == ENDED
        assert "the database file was not synced" in at.centre.last_words()
        at.disk.heal()
        await at.starts()
        at.disk.fill(at.centre, MUCH)
        for _ in range(3):
            assert await at.pushes()


async def test_a_checkpoint_that_cannot_be_remembered_is_not_signed_and_health_says_so(
    tmp_path: Path,
) -> None:
    async with ward(tmp_path) as at:
        at.centre.kill()
        before = (at.centre.data_dir / "log.signed").read_bytes()
        at.disk.fail("sync", "log.signed.new")
        await at.starts()
        log = await until(at, lambda log: log["code"] is not None)
        assert log["code"] == "log_not_kept"
        assert log["cause"]
        assert log["cure"]
        assert await at.pushes()
        assert (at.centre.data_dir / "log.signed").read_bytes() == before
        assert (await health(at))["log"]["signed_size"] == log["signed_size"]
        at.disk.heal()
        await until(at, lambda now: now["code"] is None and now["signed_size"] > log["signed_size"])


async def health(at: Ward) -> dict[str, Any]:
    """What the centre says of itself."""
    async with httpx2.AsyncClient(base_url=at.centre.url) as http:
        said: dict[str, Any] = (await http.get("/api/health")).json()
        return said


async def until(at: Ward, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What health says of the log, once that is so."""
    log: dict[str, Any] = {}
    for _ in range(5_000):
        log = (await health(at))["log"]
        if told(log):
            return log
        await asyncio.sleep(0.02)
    raise AssertionError(f"health still says {log}")
