"""Noticing what other processes wrote: a second node on PostgreSQL, an import from the command line.

Responsible for one small question a second: has the log moved beyond what this process announced?
If so the organisation is read again and everyone here who listens is told where things stand.
Refuses to write, and to replace the announcements of this process's own commits, which are at once.

Example: `ortoo import` finishes beside a serving centre; within a second the wall has the orders.
"""

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.intake.door import Intake
from server.live.hub import Hub
from server.store import log, scopes
from server.store.engine import Database

FOLLOW_EVERY_S = 1.0

_log = logging.getLogger("ortoo.follow")


class Follower:
    """Asks the log where it stands, in a task of its own."""

    def __init__(
        self,
        db: Database,
        intake: Intake,
        hub: Hub,
        look: Callable[[], None],
        every_s: float = FOLLOW_EVERY_S,
    ) -> None:
        """Tell `hub` and `intake` of what others wrote, and whoever else must `look` then."""
        self._db = db
        self._intake = intake
        self._hub = hub
        self._tell = look
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._run(), name="follow")

    async def stop(self) -> None:
        """Stop asking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self) -> bool:
        """Ask once; True when somebody else had moved the log."""
        idx = await self._db.reading(_size)
        if idx <= self._hub.idx:
            return False
        await self._intake.catch_up()
        places = await self._db.reading(scopes.places, self._hub.families)
        self._hub.moved(places, idx)
        self._tell()
        return True

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                _log.warning("the log cannot be asked", extra={"error": type(error).__name__})
            await asyncio.sleep(self._every_s)


def _size(connection: Connection) -> int:
    return log.read(connection).idx
