"""Once a day: whether the books of a station say what is so, and whether the centre has what it should (SPEC HB12).

Responsible for noticing a set that is kept, not ruled on and owed to nobody, a debt for what was ruled on long ago, and
a chain of which the centre has less than it answered for. What is wrong is owed again; that a push brings the centre
nothing new costs little. Refuses to find out how it came about: the log says that it was so.

Example: `await audit.look()` mends the books and gives how many of them were wrong.
"""

import asyncio
import logging
from typing import Final

from server.auth.stations import CHAINS_MAX, AuditReply, AuditRequest
from server.now import Clock
from server.store import devices, spool
from server.store.engine import Database
from server.wire import Wire
from sync.rulings import PROVISIONAL_FROM

EVERY_MS: Final = 86_400_000
LOOK_EVERY_S: Final = 60.0

_log = logging.getLogger("ortoo.upstream")


class Audit:
    """Looks through the books of a station."""

    def __init__(self, wire: Wire, clock: Clock, db: Database) -> None:
        """The first look is at once, for who was just started may have been put back."""
        self._wire = wire
        self._clock = clock
        self._db = db
        self._looked_ms: int | None = None

    async def run(self) -> None:
        """Look every day, once nothing waits to go up. Raises httpx2.TransportError, ServerRefusalError."""
        while True:
            now_ms = self._clock.now_ms()
            is_due = self._looked_ms is None or now_ms - self._looked_ms >= EVERY_MS
            # While something waits the centre has less than we, and that is in order.
            if is_due and not (await self._db.reading(spool.counts)).waiting:
                await self.look()
                self._looked_ms = now_ms
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> int:
        """Compare, and owe again what the centre may not have: how many sets. Raises like `run`."""
        mended = await self._db.writing(spool.mend, PROVISIONAL_FROM)
        heads = await self._db.reading(devices.all_heads)
        chains = [(chain, head.have) for chain, head in sorted(heads.items()) if head.have >= 0]
        for first in range(0, len(chains), CHAINS_MAX):
            asked = AuditRequest(chains[first : first + CHAINS_MAX])
            reply = await self._wire.call("audit", asked, AuditReply)
            for chain, have in reply.behind:
                mended += await self._db.writing(spool.owe_above, chain, have)
        if mended:
            _log.warning("the books were wrong", extra={"owed_again": mended})
        return mended
