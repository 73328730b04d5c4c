"""The task of a station that forgets what it has no more business with (SPEC HB14).

Responsible for looking once an hour, and for saying how long what phones left here is kept after the centre has ruled:
as long as phones keep what they wrote (TL11), so that a centre which is put back finds it. Refuses to know what is
deleted: `intake.forgetting` does.

Example: `await Forgetting(clock, db, intake, months=13).once()` gives how many incidents and chains it was about.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from server.intake import forgetting
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.hub import HubBatch
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.intake.redact import ERASE
from server.now import Clock
from server.store import outbox, upstream
from server.store.engine import Database

EVERY_S: Final = 3_600.0
FIRST_S: Final = 60.0
"""After a start there is something better to do."""
KEPT_MS: Final = 72 * 3_600_000

_log = logging.getLogger("ortoo.forgetting")


class Forgetting:
    """Forgets in a task of its own."""

    def __init__(self, clock: Clock, db: Database, intake: Intake, *, months: int) -> None:
        """Keep so many whole months before this one."""
        self._clock = clock
        self._db = db
        self._intake = intake
        self._months = months
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="forgetting")

    async def stop(self) -> None:
        """Stop; what is not deleted is another time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def once(self) -> int:
        """Look once. Gives of how many incidents and chains something was deleted."""
        known = await self._db.reading(upstream.read)
        if known is None:
            return 0
        now_ms = self._clock.now_ms()
        first = forgetting.first_month(now_ms, self._months)
        job = partial(_forget, station=known.station, first=first, before_ms=now_ms - KEPT_MS)
        return await self._intake.transaction(job)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_S)
        while True:
            try:
                await self.once()
            except (IntakeBusyError, IntakeClosedError):
                pass  # another time
            except Exception:  # noqa: BLE001  whatever failed, the station goes on
                _log.exception("nothing was forgotten")
            await asyncio.sleep(EVERY_S)


def _forget(batch: Batch, station: bytes, first: str, before_ms: int) -> int:
    assert isinstance(batch, HubBatch), "only stations forget"
    connection = batch.connection
    about = set(forgetting.close_months(connection, station, first))
    about |= forgetting.forget(connection, station, batch.desk_chain, batch.directory, before_ms)
    batch.forgot(about)
    if about:
        forgetting.sweep(connection, about)
        _log.info("forgotten", extra={"incidents_and_chains": len(about)})
        batch.afterwards(outbox.add(connection, ERASE, b"", batch.at_ms))
    return len(about)
