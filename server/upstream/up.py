"""The way up: what a station keeps for the centre goes there, as received, the priority lane first (SPEC HB7),
and before it the station's word on since when it had that (HB11).

Responsible for pushes of a size that the line bears. Refuses to decide what an answer means for a set: the intake takes
the centre's rulings in, which come with it.

Example: `await up.run()` hands up all there is and whatever comes, until the line breaks.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import httpx2
import msgspec

from server.intake.door import Intake
from server.intake.mirror import answered
from server.intake.queue import IntakeClosedError
from server.intake.vouch import vouch
from server.live.hub import LOG, Hub
from server.now import Clock
from server.store import spool
from server.store.engine import Database
from server.upstream.pace import Pace, patience_s
from server.wire import NOT_STORED, REVOKED, ServerRefusalError, Wire, garbled
from sync import exchange
from sync.samples import UNSENT_MS

START_BYTES: Final = 8_192
LEAST_BYTES: Final = 1_024
MOST_BYTES: Final = exchange.BATCH_BYTES_MAX - 4_096
AGAIN_AFTER_MS: Final = 86_400_000
LOOK_EVERY_MS: Final = 60_000
"""What was handed up long ago and not ruled on is looked for so often."""
FULL_AGAIN_S: Final = 30.0

_log = logging.getLogger("ortoo.upstream")


class Up:
    """Hands up what is owed."""

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        db: Database,
        *,
        intake: Intake,
        hub: Hub,
        heard: Callable[[], None],
    ) -> None:
        """Every answer is told to `heard`."""
        self._wire = wire
        self._clock = clock
        self._db = db
        self._intake = intake
        self._hub = hub
        self._heard = heard
        self._pace = Pace(START_BYTES, least=LEAST_BYTES, most=MOST_BYTES)
        self.brought = 0  # sets that were answered
        self._is_met = False

    async def run(self) -> None:
        """Hand up all there is, and whatever comes. Raises httpx2.TransportError, ServerRefusalError."""
        looked_ms = -LOOK_EVERY_MS
        with self._hub.listen([LOG]) as ear:
            while not ear.draining:
                now_ms = self._clock.now_ms()
                if now_ms - looked_ms >= LOOK_EVERY_MS:
                    looked_ms = now_ms
                    await self._db.writing(spool.again, now_ms - AGAIN_AFTER_MS)
                try:
                    await self.empty()
                except ServerRefusalError as full:
                    if full.status != httpx2.codes.SERVICE_UNAVAILABLE:
                        raise
                    # A centre without room is still read (EX3).
                    await asyncio.sleep(FULL_AGAIN_S)
                    continue
                await ear.hear(LOOK_EVERY_MS / 1_000)

    async def empty(self) -> None:
        """Hand up until nothing waits."""
        self._is_met = False
        while await self._push():
            pass

    async def _push(self) -> bool:
        batch = await self._db.reading(spool.waiting, exchange.BATCH_SETS_MAX, self._pace.bytes)
        if not batch:
            return False
        owed = [arrival_no for arrival_no, _id, _envelope in batch]
        if await self._spoke_of(owed):
            return True  # what it said goes up first
        size = sum(len(envelope) for _no, _id, envelope in batch)
        request = exchange.PushRequest([msgspec.Raw(envelope) for _no, _id, envelope in batch])
        began_ms = self._clock.now_ms()
        try:
            reply = await self._wire.call(
                "push", request, exchange.PushReply, patience_s=patience_s(size)
            )
        except httpx2.TransportError:
            self._pace.broke()
            raise
        if len(reply.results) != len(batch):
            raise garbled("the answer is to another push")
        for (_no, set_id, _envelope), answer in zip(batch, reply.results, strict=True):
            if answer.r not in exchange.REFUSED and answer.id != set_id:
                raise garbled("the answer names other sets")
        self._heard()
        self._is_met = True
        self._pace.went_well(self._clock.now_ms() - began_ms)
        await self._intake.transaction(partial(answered, owed=owed, reply=reply))
        self.brought += len(owed)
        return True

    async def _spoke_of(self, owed: list[int]) -> bool:
        """Whether there was anything to say of how long these have been here; it is durable now (HB11)."""
        before_ms = self._clock.now_ms() - UNSENT_MS
        own = self._intake.desk.chain
        if not await self._db.reading(spool.unsaid, owed, own, before_ms):
            return False
        try:
            await self._meet()
            await self._intake.transaction(partial(vouch, arrival_nos=owed, before_ms=before_ms))
        except ServerRefusalError as refused:
            if refused.code != REVOKED:
                raise
            return False  # the word of a station that was shut out counts for nothing, what it holds does
        except IntakeClosedError as closed:
            if closed.code != NOT_STORED:
                raise
            # A full disk keeps a station from saying something, not from handing up.
            _log.warning("sets go up without a word on how long they were here")
            return False
        return True

    async def _meet(self) -> None:
        """Make sure that the centre is there: while it is not nothing is said, so that later all is said at once."""
        if not self._is_met:
            asked = exchange.TimeRequest(t1=self._clock.now_ms())
            await self._wire.call("time", asked, exchange.TimeReply)
            self._is_met = True
