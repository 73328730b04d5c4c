"""A station in the simulated world: the server's own intake, exchange and link over a disk of its own.

Responsible for the life of the station's process over that disk, and for its rounds with the centre over the simulated
network. Refuses to judge, and to know what the two say to each other. It is enrolled as with a code of its own; of one
station of the organisation there may be two, which know nothing of each other.

Example: `await station.join(centre)`; from then on it keeps in touch, as often as its line is there.
"""

import asyncio
import random
import shutil
from collections.abc import Callable
from contextlib import nullcontext, suppress
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import cast

import httpx2
import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.api.events import Events
from server.api.logs import LogApi
from server.api.station import StationApi
from server.auth.guards import Access
from server.auth.sessions import Sessions
from server.courier.answer import Answering, words_for
from server.courier.backlog import Packing, written
from server.courier.carried import Carried, take_in
from server.courier.files import own_key, records_of
from server.courier.heeded import Heeding
from server.intake.pages import MirrorError
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.now import Clock
from server.settings import Settings
from server.store import log, spool, upstream
from server.store.engine import Database
from server.store.scopes import hub_scope
from server.store.upstream import Upstream
from server.upstream.audit import Audit
from server.upstream.clock import Machine, StationClock
from server.upstream.link import Link, Me
from server.wire import ServerRefusalError, Wire
from tests.sim.centre import Centre, Entropy, Process
from tests.sim.clocks import MachineClock
from tests.sim.fleet_parts import Carrier
from tests.sim.network import Network
from tests.sim.storage import Storage
from tests.sim.wire import LostError

LATEST_S = 300.0  # a stream of hints ends after so long, and the next begins with a hello
ROUND_S = (0.2, 4.0)  # between a hint and the round that follows it
AGAIN_S = (5.0, 60.0)


class StationProcess(Process):
    """One life of the station's server."""

    def __init__(self, settings: Settings, clock: Clock, entropy: Entropy, db: Database) -> None:
        assert isinstance(clock, MachineClock)
        self.clock = StationClock(Machine(clock, clock.mono_ms, f"boot {clock.boots}"))
        super().__init__(settings, self.clock, entropy, db)
        events = Events(settings, self.clock, self.hub)
        access = Access(Sessions(db, self.clock, entropy), lambda: self.intake.directory)
        self.api = StationApi(
            settings,
            self.clock,
            db,
            self.intake,
            events,
            logs=LogApi(db, access),
            uncertainty=self.clock.uncertainty_ms,
        )
        self.link = Link(
            settings,
            self.clock,
            entropy,
            db,
            intake=self.intake,
            hub=self.hub,
            storage=lambda: None,
        )

    async def start(self) -> None:
        """Serve."""
        known = await self._db.reading(upstream.read)
        if known is not None:
            self.clock.resume(known)
        self.performer.start(self._db)
        await self.intake.start()


class Station(Centre):
    """The station, across all lives of its process."""

    of_process = StationProcess

    def __init__(
        self,
        data_dir: Path,
        clock: MachineClock,
        entropy: Entropy,
        storage: Storage,
        *,
        name: str,
        of: bytes,
        true_ms: Callable[[], int],
        network: Network,
        chance: random.Random,
    ) -> None:
        """`name` is its address, `of` its row in the organisation. Nothing runs before `start`."""
        super().__init__(data_dir, clock, entropy, storage, snapshot_entries=1_000)
        self.settings = Settings(data_dir=data_dir, role="station", upstream="http://centre")
        self.name = name
        self.machine = clock
        self.true_ms = true_ms
        self.of = of
        self.token = f"token of {name}"
        self.chain = b""  # of its desks, once it has joined
        self._machines = 1
        self._chance = chance
        self._http = httpx2.AsyncClient(
            transport=Carrier(name, network), base_url="http://centre", trust_env=False
        )
        self._poked = asyncio.Event()
        self._line: asyncio.Task[None] | None = None
        self.rounds = 0
        self.settled_by_hand = 0  # sets that a file from the centre took off its list
        self.heard_ms = 0  # when the last round began in which everything came down
        self.refused = ""  # why the last round came to nothing, where no waiting mends it

    async def join(self, centre: Centre) -> None:
        """Be enrolled and begin to keep in touch. Raises like `transact`; it may be tried again."""
        if not self.is_up:
            await self.start()
        await self.let_in(centre)
        server = centre.storage.look(log.read).server_id
        known = Upstream(url="http://centre", station=self.of, server=server, token=self.token)
        await self.storage.writing(upstream.save, known)
        self._line = asyncio.get_running_loop().create_task(self._keep_in_touch())

    def burn(self) -> None:
        """The machine is gone, with its disk and its key. The next one has neither, and has joined nothing."""
        self.kill()
        self.machine.reboot()
        if self._line is not None:
            self._line.cancel()
        self.storage.empty()
        self._machines += 1
        self.token = f"token of {self.name} {self._machines}"
        house = self.settings.data_dir.parent / f"{self.name} {self._machines}"
        shutil.rmtree(house, ignore_errors=True)  # of an earlier world
        house.mkdir()
        self.settings = msgspec.structs.replace(self.settings, data_dir=house)

    async def let_in(self, centre: Centre) -> None:
        """Be enrolled, as with a code; once more where the centre was put back to a time before. Raises like
        `transact`.
        """
        desk = self._living.intake.desk
        self.chain = desk.chain
        device = msgspec.structs.replace(
            desk.device(centre.clock.now_ms()),
            station=self.of,
            token_hash=sha256(self.token.encode()).digest(),
        )
        await centre.transact(lambda batch: batch.devices.enrol(device))

    def _cut(self) -> None:
        self.machine.reboot()
        super()._cut()

    async def carried(self, file: bytes) -> Carried:
        process = self._living
        heeding = await process.live(Heeding.begun(process.intake, self._db))
        records = records_of([file], own_key(self.settings))
        carried = await process.live(take_in(process.intake, records, heeding))
        self.settled_by_hand += heeding.settled
        self.poke()
        return carried

    async def answer_to(self, carried: Carried) -> bytes:
        process = cast("StationProcess", self._living)
        by = Answering(self._db, process.intake, process.keeper, process.clock, self.entropy)
        return await process.live(words_for(by, carried))

    async def look_through_its_books(self) -> None:
        """What it does once a day. Raises like `transact`, and what breaks on the line."""
        process = cast("StationProcess", self._living)
        wire = Wire(self._http, lambda: Me(self.chain, self.token))
        await process.live(Audit(wire, process.clock, self._db).look())
        self.poke()

    async def backlog(self) -> bytes:
        """What is owed, as a file for the centre. Raises LogUnknownError, and like `transact`."""
        process = cast("StationProcess", self._living)
        by = Packing(self._db, process.intake, process.clock, self.entropy)
        file = BytesIO()
        await process.live(written(by, lambda _number: nullcontext(file)))
        return file.getvalue()

    def poke(self) -> None:
        """Something moved at the centre, or came here."""
        self._poked.set()

    def owed(self) -> spool.Counts:
        """What the centre has not ruled on."""
        return self.storage.look(spool.counts)

    @property
    def family(self) -> str:
        """How the names of its own scopes begin (HB3)."""
        return hub_scope(self.storage.look(log.read).server_id, "")

    def said(self) -> dict[str, int]:
        """How far its own scopes have come (HB3)."""
        return self.storage.look(_own_scopes)

    async def _keep_in_touch(self) -> None:
        pause_s = self._chance.uniform(*ROUND_S)
        while True:
            await asyncio.sleep(pause_s)
            self._poked.clear()
            if await self._round():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LATEST_S):
                        await self._poked.wait()
                pause_s = self._chance.uniform(*ROUND_S)
            else:
                pause_s = self._chance.uniform(*AGAIN_S)

    async def _round(self) -> bool:
        """Everything up, and everything down; False where something broke."""
        process = cast("StationProcess | None", self._process)
        if process is None:
            return False
        began_ms = self.true_ms()
        try:
            await process.live(process.link.once(self._http))
        except (LostError, httpx2.HTTPError, IntakeBusyError, IntakeClosedError, SQLAlchemyError):
            return False
        except ServerRefusalError as refusal:
            if not refusal.may_pass:
                self.refused = refusal.code
            return False
        except MirrorError as error:
            self.refused = str(error)
            return False
        self.rounds += 1
        self.refused = ""
        self.heard_ms = began_ms
        return True


def _own_scopes(connection: Connection) -> dict[str, int]:
    rows = connection.exec_driver_sql("SELECT name, n FROM scopes WHERE name LIKE 'hub:%'")
    return {row[0]: row[1] for row in rows}
