"""The way down: what the centre ruled comes here scope by scope, and stands as it came (SPEC HB2).

Responsible for knowing which scopes are behind, for asking for those in turns, for pages of a size that the line bears,
and for the tokens and logins that no ruling says. Refuses to understand what it reads: the intake mirrors it.

A hint of the centre says how far a scope has come. What it answers to sets that were handed up comes by the way up.

Example: `down.told_of(hello)`, then `await down.run(greet)` reads everything to its end and then what comes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import httpx2
import msgspec

from server.auth.stations import StationReply, StationRequest, heard_since, learn
from server.intake import forgetting
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.hub import HubBatch
from server.intake.mirror import mirror
from server.intake.pages import cursors
from server.now import Clock
from server.store import scopes, spool, upstream
from server.store.engine import Database
from server.upstream.beside import beside
from server.upstream.pace import Pace, patience_s
from server.wire import Wire, garbled
from sync import exchange
from sync.exchange import Moved

START_BYTES: Final = 16_384
LEAST_BYTES: Final = 512
MOST_BYTES: Final = 1_048_576
BYTES_OF_A_SCOPE: Final = 128
"""What a page costs in which nothing is."""
SILENCE_S: Final = 60.0
"""A stream of hints beats every 15 s: after this long it is dead."""
STREAM_EVERY_S: Final = 10.0
"""Something in between may end each stream at once."""
REPORT_EVERY_S: Final = 60.0
"""Oftener than the five minutes for which a device counts as there."""
ORG: Final = "org"

Place = tuple[int, int]
"""Epoch and newest entry of a scope."""
Greet = Callable[[], Awaitable[None]]


class Down:
    """Reads what the centre ruled."""

    def __init__(
        self,
        wire: Wire,
        clock: Clock,
        db: Database,
        *,
        intake: Intake,
        heard: Callable[[], None],
        months: int,
    ) -> None:
        """Every answer is told to `heard`; months before the last so many are not read."""
        self._wire = wire
        self._clock = clock
        self._db = db
        self._intake = intake
        self._heard = heard
        self._months = months
        self._pace = Pace(START_BYTES, least=LEAST_BYTES, most=MOST_BYTES)
        self.brought = 0  # entries that came
        self._there: dict[str, Place] = {}  # how far each scope has come at the centre
        self._is_named = True  # every scope that was hinted at
        self._asks_tokens = True
        self._digest: bytes | None = None
        self._reported_ms = 0  # the contacts here up to then are told
        self._moved = asyncio.Event()

    def told_of(self, hello: exchange.HelloReply) -> None:
        """The centre named what there is. A hint that came while it said so may know of more."""
        named = {name: (epoch, n) for name, epoch, n in hello.scopes}
        self._there = {name: max(at, self._there.get(name, at)) for name, at in named.items()}
        self._asks_tokens = True
        self._moved.set()

    async def run(self, greet: Greet) -> None:
        """Greet, read to the end of everything, and go on with what is hinted at. Raises httpx2.TransportError,
        ServerRefusalError.
        """
        await beside(self._listen(greet), self._follow(greet), self._report())

    async def _listen(self, greet: Greet) -> None:
        """Hear hints, one stream after the other. Each begins with a hello, so that nothing is missed in between."""
        while True:
            began_s, is_ours = time.monotonic(), False
            async with self._wire.hints(SILENCE_S) as stream:
                if stream.status_code != httpx2.codes.OK:
                    await stream.aread()
                    self._wire.refuse(stream)
                event = ""
                async for line in stream.aiter_lines():
                    if line.startswith("event:"):
                        event = line.removeprefix("event:").strip()
                        if event == "hello":
                            is_ours = True
                            await greet()
                    elif line.startswith("data:") and event == "moved":
                        self._hinted(msgspec.json.decode(line.removeprefix("data:"), type=Moved))
                    if is_ours:
                        self._heard()
            if not is_ours:
                raise garbled("it is no stream of hints")  # some gate's page, for one
            await asyncio.sleep(max(0.0, began_s + STREAM_EVERY_S - time.monotonic()))

    def _hinted(self, moved: exchange.Moved) -> None:
        known = self._there.get(moved.scope)
        if known is None:  # born since the hello, which names no epoch of it
            self._is_named = False
            self._moved.set()
        elif known[1] < moved.n:
            self._there[moved.scope] = (known[0], moved.n)
            self._moved.set()

    async def _follow(self, greet: Greet) -> None:
        while True:
            await self._moved.wait()
            await self.catch_up(greet)

    async def _report(self) -> None:
        """Tell now and then that we are here, what waits, and which devices were heard: the centre hears them only
        through us."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await self._ask_tokens()

    async def catch_up(self, greet: Greet) -> None:
        """Read everything that was hinted at to its end. Raises like `run`."""
        while self._moved.is_set():
            self._moved.clear()
            needs_names, self._is_named = not self._is_named, True
            while names := await self._behind():
                needs_names |= ORG in names  # whom it follows may be others now
                await self._pull(names)
            if needs_names:
                await greet()
            if self._asks_tokens:
                await self._ask_tokens()

    async def _behind(self) -> list[str]:
        """Scopes of which there is more at the centre, the organisation first."""
        held = await self._db.reading(scopes.by_name, list(self._there))
        known = await self._db.reading(upstream.read)
        first = forgetting.first_month(self._clock.now_ms(), self._months)
        past = {
            name
            for name in self._there.keys() - held.keys()
            if known is not None and forgetting.is_past(name, known.station, first)
        }
        return [
            name
            for name, (epoch, n) in self._there.items()
            if n
            and name not in past
            and ((at := held.get(name)) is None or at.epoch != epoch or at.n < n)
        ]

    async def _pull(self, names: Sequence[str]) -> None:
        at_once = min(exchange.CURSORS_MAX, max(1, self._pace.bytes // BYTES_OF_A_SCOPE))
        promised = {name: self._there.get(name) for name in names[:at_once]}
        asked = await self._db.reading(cursors, list(promised))
        budget, began_ms = self._pace.bytes, self._clock.now_ms()
        try:
            reply = await self._wire.call(
                "pull",
                exchange.PullRequest(asked, budget),
                exchange.PullReply,
                patience_s=patience_s(budget),
            )
        except httpx2.TransportError:
            self._pace.broke()
            raise
        self._heard()
        self._pace.went_well(self._clock.now_ms() - began_ms)
        await self._intake.transaction(partial(mirror, reply=reply))
        self.brought += sum(len(page.entries) for page in reply.scopes)
        served = {page.scope: (page.epoch, page.n) for page in reply.scopes}
        for name, at in promised.items():
            if name not in served:
                self._there.pop(name, None)  # what is left out may not be followed any more
            elif self._there.get(name) == at:
                self._there[name] = served[name]
            else:  # a hint that came since may know of more
                self._there[name] = max(served[name], self._there.get(name, served[name]))

    async def _ask_tokens(self) -> None:
        """Which tokens and logins there are; all of it once more where a device was named that is not known yet."""
        heard = await self._db.reading(heard_since, self._reported_ms)
        owed = await self._db.reading(spool.counts)
        asked = StationRequest(self._digest, heard, owed.waiting, owed.oldest_ms)
        reply = await self._wire.call(
            "station", asked, StationReply, patience_s=patience_s(MOST_BYTES)
        )

        def job(batch: Batch) -> bool:
            assert isinstance(batch, HubBatch), "only stations are told"
            batch.memory.devices.clear()
            return learn(batch.connection, reply)

        if heard:
            self._reported_ms = heard[-1].last_contact_ms
        if reply.devices is not None:
            is_whole = await self._intake.transaction(job)
            self._digest = reply.digest if is_whole else None
        self._asks_tokens = False
