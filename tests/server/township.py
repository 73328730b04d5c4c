"""A centre and one township station in this process, with a line between them that can be cut.

Both are whole houses over real SQLite files, and talk over real sockets. Their clocks stand until they are moved.

Example: `async with township(tmp_path, migrated_file) as place: await place.settled()`.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar

from server.app import build_app
from server.auth.enrol import Whose
from server.fleet.centre import listen, serving
from server.now import VirtualClock
from server.settings import Settings
from server.store import spool
from server.store.engine import Database
from server.store.spool import Counts
from server.upstream.join import join
from server.upstream.link import LinkStatus
from sync import canon
from sync.exchange import PushResult
from sync.incident.escalation import CENTRE
from tests.blackbox.proxy import Cut, Proxy
from tests.server.desks import desk_app
from tests.server.pen import EPOCH_MS, STATION, Pen, person_id

PATIENCE_S = 60
STEP_S = 0.02
DOWN = Cut("up", 0, hard=True)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    for _ in range(round(PATIENCE_S / STEP_S)):
        if await holds():
            return
        await asyncio.sleep(STEP_S)
    raise AssertionError(f"it did not come about within {PATIENCE_S} s")


class Township:
    """The two houses and the line."""

    def __init__(self, centre: Litestar, clock: VirtualClock, line: Proxy, data_dir: Path) -> None:
        """Use `township`; the station does not run yet."""
        self.centre = centre
        self.clock = clock
        self.line = line
        self.own_clock = VirtualClock(EPOCH_MS - 5_000)
        self.settings = Settings(
            data_dir=data_dir,
            pwa_dir=data_dir / "pwa",
            hashing="light",
            role="station",
            name="甲派出所",
            upstream=f"http://127.0.0.1:{line.port}",
        )
        self.station: Litestar | None = None
        self.port = 0
        self._running: AsyncExitStack | None = None

    @property
    def state(self) -> Any:
        """The parts of the station that runs."""
        assert self.station is not None
        return self.station.state

    async def code(self) -> str:
        """A code for the station."""
        issued, _ends_ms = await self.centre.state.enrolment.issue(Whose(station=STATION), CENTRE)
        return str(issued)

    async def join(self, code: str | None = None) -> None:
        """Let the station in."""
        db = Database(self.settings.url)
        url = self.settings.upstream
        await join(self.settings, db, url, code or await self.code(), os.urandom)
        await db.close()

    async def start(self) -> None:
        """Run the station, as a fresh process would."""
        self.station = build_app(self.settings, clock=self.own_clock)
        self._running = AsyncExitStack()
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        await self._running.enter_async_context(serving(self.station, listener))

    async def linked(self) -> None:
        """Let the station in, run it, and have it level with its centre."""
        await self.join()
        await self.start()
        await self.settled()

    async def stop(self) -> None:
        """End it."""
        if self._running is not None:
            await self._running.aclose()
            self._running = None

    def cut(self) -> None:
        """No line to the centre any more."""
        self.line.cut = DOWN
        self.line.drop()

    def mend(self, cut: Cut | None = None) -> None:
        """A line again, perhaps a bad one."""
        self.line.cut = cut

    async def phone(self, name: str = "officer") -> Pen:
        """An officer's phone whose chain is open at the centre."""
        pen = Pen(name, person_id(name))
        await pen.enrol(self.centre.state.intake)
        await self.at_centre(pen, pen.open())
        return pen

    async def at_centre(self, pen: Pen, *raws: bytes) -> list[PushResult]:
        """What the centre answers to a push."""
        results, _have = await self.centre.state.intake.submit(list(raws), pen.device)
        return list(results)

    async def at_station(self, pen: Pen, *raws: bytes) -> list[PushResult]:
        """What the station answers to a push."""
        results, _have = await self.state.intake.submit(list(raws), pen.device)
        return list(results)

    async def owed(self) -> Counts:
        """What stands in the spool."""
        counts: Counts = await self.state.db.reading(spool.counts)
        return counts

    async def status(self) -> LinkStatus:
        """How the link says that it stands."""
        status: LinkStatus = await self.state.link.status()
        return status

    async def settled(self) -> None:
        """Until nothing is owed and every scope that the station follows is where it is at the centre."""

        async def holds() -> bool:
            counts = await self.owed()
            if counts.waiting or counts.handed:
                return False
            there = await self.centre.state.db.reading(places_of)
            here = await self.state.db.reading(places_of)
            own = f"station:{STATION.hex()}:"
            return all(
                here.get(name) == place
                for name, place in there.items()
                if name == "org" or name.startswith(own)
            )

        await until(holds)

    async def view(self, app: Litestar, incident: bytes) -> bytes:
        """The folded incident, as one piece of bytes."""
        view = await app.state.intake.transaction(lambda batch: batch.view(incident))
        return canon.encode(view)

    async def same(self, incident: bytes) -> bytes:
        """The folded incident, the same at both."""
        there = await self.view(self.centre, incident)
        assert self.station is not None
        assert await self.view(self.station, incident) == there
        return there


def places_of(connection: Any) -> dict[str, tuple[int, int, bytes]]:
    """Epoch, newest entry and head of every scope in which there is something."""
    rows = connection.exec_driver_sql("SELECT name, epoch, n, head FROM scopes WHERE n > 0")
    return {name: (epoch, n, bytes(head)) for name, epoch, n, head in rows}


@asynccontextmanager
async def township(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Township]:
    """A founded centre, a line, and the migrated data directory of a station that has not joined."""
    centre_dir, station_dir = tmp_path / "centre", tmp_path / "station"
    centre_dir.mkdir()
    station_dir.mkdir()
    shutil.copyfile(migrated_file, station_dir / "ortoo.db")
    app, clock, found = desk_app(centre_dir, migrated_file)
    listener = listen("127.0.0.1", 0)
    async with serving(app, listener), Proxy.before(listener.getsockname()[1]) as line:
        await app.state.intake.transaction(found)
        place = Township(app, clock, line, station_dir)
        try:
            yield place
        finally:
            await place.stop()
