"""A township in the simulated world: one station between its phones and the centre, and a line that comes and goes.

Responsible for the life of the station's process over its own disk, for its rounds with the centre over the simulated
network, and for whom each phone meets. Refuses to judge, and to know what the two say to each other.

A phone knows one address: the network of the township leads it to the station, any other to the centre. Nobody is
enrolled at a station.

Example: `town.roam(phone)`: from now on that phone meets the other one of the two.
"""

import asyncio
import gzip
import random
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
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
from server.intake.pages import MirrorError
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.now import Clock
from server.settings import Settings
from server.store import log, spool, upstream
from server.store.engine import Database
from server.store.upstream import Upstream
from server.upstream.clock import StationClock, machine
from server.upstream.link import Link
from server.wire import ServerRefusalError
from sync import changeset, exchange, rulings
from sync.changeset import ChangeSet
from tests.sim.centre import Centre, Entropy, Process
from tests.sim.fleet_parts import Carrier
from tests.sim.network import Network
from tests.sim.people import STATIONS
from tests.sim.phone import Phone
from tests.sim.storage import Storage
from tests.sim.wire import LostError, Request, Response

STATION = STATIONS[0]
NAME = "station"
TOKEN = "token of the station"
LATEST_S = 300.0  # a stream of hints ends after so long, and the next begins with a hello
ROUND_S = (0.2, 4.0)  # between a hint and the round that follows it
AGAIN_S = (5.0, 60.0)


class StationProcess(Process):
    """One life of the station's server."""

    def __init__(self, settings: Settings, clock: Clock, entropy: Entropy, db: Database) -> None:
        self.clock = StationClock(machine(clock))
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
        self.link = Link(settings, self.clock, entropy, db, intake=self.intake, hub=self.hub)

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
        clock: Clock,
        entropy: Entropy,
        storage: Storage,
        *,
        network: Network,
        chance: random.Random,
    ) -> None:
        """Nothing runs before `start`."""
        super().__init__(data_dir, clock, entropy, storage, snapshot_entries=1_000)
        self.settings = Settings(data_dir=data_dir, role="station", upstream="http://centre")
        self._chance = chance
        self._http = httpx2.AsyncClient(
            transport=Carrier(NAME, network), base_url="http://centre", trust_env=False
        )
        self._poked = asyncio.Event()
        self._line: asyncio.Task[None] | None = None
        self.rounds = 0
        self.refused: list[str] = []

    async def join(self, centre: Centre) -> None:
        """Be enrolled, as with a code, and begin to keep in touch."""
        await self.start()
        chain = self._living.intake.desk
        device = msgspec.structs.replace(
            chain.device(self.clock.now_ms()),
            station=STATION,
            token_hash=sha256(TOKEN.encode()).digest(),
        )
        await centre.transact(lambda batch: batch.devices.enrol(device))
        server = centre.storage.look(log.read).server_id
        known = Upstream(url="http://centre", station=STATION, server=server, token=TOKEN)
        await self.storage.writing(upstream.save, known)
        self._line = asyncio.get_running_loop().create_task(self._keep_in_touch())

    def poke(self) -> None:
        """Something moved at the centre, or came here."""
        self._poked.set()

    def owed(self) -> spool.Counts:
        """What the centre has not ruled on."""
        return self.storage.look(spool.counts)

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
        try:
            await process.live(process.link.once(self._http))
        except (LostError, httpx2.HTTPError, IntakeBusyError, IntakeClosedError, SQLAlchemyError):
            return False
        except ServerRefusalError as refusal:
            if not refusal.may_pass:
                self.refused.append(refusal.code)
            return False
        except MirrorError as error:
            self.refused.append(str(error))
            return False
        self.rounds += 1
        return True


class Town:
    """The station and whom it serves."""

    def __init__(self, station: Station, network: Network) -> None:
        """Everybody meets the centre at first."""
        self.station = station
        self._network = network
        network.nodes[NAME] = station

    def roam(self, phone: Phone, to: str | None = None) -> str:
        """Lead a phone to the other of the two, or to the one that is named."""
        via = self._network.via
        there = to or ("centre" if via.get(phone.name) == NAME else NAME)
        via[phone.name] = there
        return there

    def is_here(self, phone: Phone) -> bool:
        """Whether a phone meets the station."""
        return self._network.via.get(phone.name) == NAME


def unfounded(request: Request, response: Response, at_centre: Callable[[], set[bytes]]) -> str:
    """What a station said to be safe at the centre and is not there; empty where all is well (HB4)."""
    if request.word != "push" or response.status != 200:
        return ""
    told = [
        one.id
        for one in exchange.decode(exchange.PushReply, response.body).results
        if one.r in exchange.DURABLE
    ]
    missing = set(told) - at_centre() if told else set()
    return f"{len(missing)} sets are said to be safe and are not there" if missing else ""


def chain_asking(request: Request) -> bytes:
    """The chain that asks for a place."""
    body = gzip.decompress(request.body) if request.encoding == "gzip" else request.body
    opening = changeset.read(bytes(exchange.decode(exchange.RotateRequest, body).set))
    return opening.header.chain if isinstance(opening, ChangeSet) else b""


def _own_scopes(connection: Connection) -> dict[str, int]:
    rows = connection.exec_driver_sql("SELECT name, n FROM scopes WHERE name LIKE 'hub:%'")
    return {row[0]: row[1] for row in rows}


def ids_at(connection: Connection) -> set[bytes]:
    """The sets that the centre has ruled on."""
    rows = connection.exec_driver_sql(
        "SELECT set_id FROM sets WHERE idx < ?", (rulings.PROVISIONAL_FROM,)
    )
    return {bytes(set_id) for (set_id,) in rows}
