"""Townships in a replay: real stations between phones and the centre, whose line to it is away half the time.

Responsible for bringing them up beside a centre of the replay's own, for exchanging with the centre when there is
something and the line is there, in virtual time, and for how long sets took to either. Refuses to know what is played.

The line is there and away in turns of three hours, shifted from station to station, and carries 16 kbit/s. What comes
to the centre meanwhile is read whenever something goes up: officers act at the recorded times, whatever they know.

Example: `async with townships(build, centre, 3, …) as there:`, then `there.at(station)` is the one for its officers.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from sqlalchemy import Connection

from server.auth.enrol import Whose
from server.fleet.centre import listen, serving
from server.fleet.chain import seeded_entropy
from server.fleet.links import Scheduled
from server.fleet.timebase import VirtualTime
from server.fleet.transport import LinkTransport
from server.now import VirtualClock
from server.settings import Settings
from server.store import spool
from server.store.engine import Database
from server.store.migrate import upgrade
from server.store.rows import query
from server.upstream.join import join
from server.upstream.link import Link
from server.wire import ServerRefusalError
from sync import changeset
from sync.changeset import ChangeSet
from sync.incident.escalation import CENTRE

TURN_MS = 3 * 3_600_000
DELAY_MS = 300
BYTES_PER_MS = 2  # 16 kbit/s
AGAIN_MS = 2_000
SHIFTS = 3  # lines that do not go at the same time; all are there at the start
Build = Callable[..., Any]


class Waits(msgspec.Struct, frozen=True):
    """How long sets took, in seconds: from their writing to their receipt."""

    n: int
    p50_s: float
    p90_s: float
    max_s: float

    def words(self) -> str:
        """In a line."""
        return f"n {self.n}, p50 {self.p50_s} s, p90 {self.p90_s} s, max {self.max_s} s"


class Relayed(msgspec.Struct, frozen=True):
    """What stations did in a replay. `through`: devices whose server they were."""

    stations: int
    through: int
    to_station: Waits
    to_centre: Waits
    exchanges: int
    broken: int  # exchanges that the line cut off
    left: int  # sets that are still owed at the end

    def rows(self) -> list[tuple[str, str]]:
        """For the table."""
        said = f"{self.stations}, for {self.through} devices; {self.exchanges} exchanges, {self.broken} cut off"
        return [
            ("stations", f"{said}; {self.left} sets left"),
            ("to the station", self.to_station.words()),
            ("to the centre", self.to_centre.words()),
        ]


class Township:
    """One station and its line."""

    def __init__(
        self, app: Any, url: str, line: Scheduled, time: VirtualTime, centre: httpx2.AsyncClient
    ) -> None:
        """`app` serves at `url`, and has joined; `centre` is reached over `line`."""
        self.app = app
        self.url = url
        self.exchanges = self.broken = 0
        self._link: Link = app.state.link
        self._line = line
        self._time = time
        self._centre = centre
        self._wanted = self._busy = False

    def wake(self) -> None:
        """There is something to exchange."""
        self._wanted = True
        if not self._busy:
            self._busy = True
            self._time.spawn(self._exchange())

    async def _exchange(self) -> None:
        try:
            while self._wanted:
                is_there, until_ms = self._line.state(self._time.now_ms())
                if not is_there:
                    await self._time.sleep_until(until_ms)
                    continue
                self._wanted = False
                self.exchanges += 1
                try:
                    await self._link.once(self._centre)
                except (httpx2.TransportError, ServerRefusalError):
                    self.broken += 1
                    self._wanted = True
                    await self._time.sleep_until(self._time.now_ms() + AGAIN_MS)
        finally:
            self._busy = False


class Waking(httpx2.AsyncBaseTransport):
    """The way of a phone to its station, which then has something for the centre."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, township: Township) -> None:
        """Send through `inner`."""
        self._inner = inner
        self._township = township

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The station's answer."""
        response = await self._inner.handle_async_request(request)
        if request.url.path == "/sync/v1/push":
            self._township.wake()
        return response


class Townships:
    """All of them, by the hex id of their station."""

    def __init__(self, of: dict[str, Township], centre: Database) -> None:
        """Use `townships`."""
        self.of = of
        self._centre = centre

    def wake(self) -> None:
        """Let all exchange."""
        for township in self.of.values():
            township.wake()

    async def relayed(self, chains: Mapping[str, list[bytes]]) -> Relayed:
        """What became of the sets of all phones' chains, which are given by the station of their officers."""
        every = [chain for station in self.of for chain in chains.get(station, [])]
        at_station: list[int] = []
        left = 0
        for station, township in self.of.items():
            db = township.app.state.db
            at_station += await db.reading(_waited, chains.get(station, []))
            counts = await db.reading(spool.counts)
            left += counts.waiting + counts.handed + counts.refused
        return Relayed(
            stations=len(self.of),
            through=len(every),
            to_station=_waits(at_station),
            to_centre=_waits(await self._centre.reading(_waited, every)),
            exchanges=sum(one.exchanges for one in self.of.values()),
            broken=sum(one.broken for one in self.of.values()),
            left=left,
        )


@contextlib.asynccontextmanager
async def townships(
    build: Build,
    centre: tuple[Any, str],
    stations: Iterable[bytes],
    time: VirtualTime,
    clock: VirtualClock,
    *,
    data_dir: Path,
    seed: str,
) -> AsyncIterator[Townships]:
    """Stations that have joined the centre (its app and address) and serve, one for each of these rows."""
    app, url = centre
    inner = httpx2.AsyncHTTPTransport()
    async with contextlib.AsyncExitStack() as running:
        running.push_async_callback(inner.aclose)
        of: dict[str, Township] = {}
        for number, row_id in enumerate(stations):
            listener = listen("127.0.0.1", 0)
            place = data_dir / f"station-{number}"
            settings = Settings(
                data_dir=place, port=listener.getsockname()[1], role="station", hashing="light"
            )
            place.mkdir()
            db = Database(settings.url)
            await upgrade(db)
            await db.close()
            entropy = seeded_entropy(seed, "/station/", str(number))
            station = build(settings, clock=clock, entropy=entropy)
            # What serves before it has joined does not exchange by itself, in the world's time.
            at = await running.enter_async_context(serving(station, listener))
            code, _ends_ms = await app.state.enrolment.issue(Whose(station=row_id), CENTRE)
            await join(settings, station.state.db, url, code, entropy)
            begin_ms = clock.now_ms() - number % SHIFTS * TURN_MS // SHIFTS
            line = Scheduled(begin_ms, TURN_MS, delay_ms=DELAY_MS, bytes_per_ms=BYTES_PER_MS)
            http = httpx2.AsyncClient(base_url=url, transport=LinkTransport(inner, line, time))
            of[row_id.hex()] = Township(station, at, line, time, http)
        yield Townships(of, app.state.db)


def _waited(connection: Connection, chains: list[bytes]) -> list[int]:
    """How long each set of these chains took to the server of this database, in ms by its own clock, which may be a
    little behind. Openings are left out: a phone keeps them until it has something to say.
    """
    found: list[int] = []
    for chain in chains:
        rows = query(
            connection,
            "SELECT envelope, received_at_ms FROM sets WHERE chain = ? AND seq > 0",
            (chain,),
        )
        for envelope, received_at_ms in rows:
            read = changeset.read(bytes(envelope))
            assert isinstance(read, ChangeSet)
            found.append(max(0, received_at_ms - read.header.wall_ms))
    return found


def _waits(waited_ms: list[int]) -> Waits:
    ordered = sorted(waited_ms) or [0]
    p50, p90 = (ordered[round((len(ordered) - 1) * share)] / 1_000 for share in (0.5, 0.9))
    return Waits(len(waited_ms), p50, p90, ordered[-1] / 1_000)
