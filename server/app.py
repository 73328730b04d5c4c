"""The composition root: everything is made here, once, and handed to whoever needs it.

Responsible for building the rooms in order, opening them at start and closing them at the end.
Refuses to know what any room does. Known only by the command line and by tests.

Handlers ask for what they need by name: `settings`, `clock`, `entropy`, `db`, `intake`, `hub`.

Example: `build_app(Settings(data_dir=tmp), clock=VirtualClock(0))` is a whole centre in one process.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide

from server import problems
from server.api import desk, health, spec, sync
from server.api.events import Events
from server.api.logs import LogApi
from server.api.station import StationApi
from server.api.stories import Stories
from server.deadlines import nudging
from server.deadlines.engine import Engine
from server.intake.batch import MOVED, Batch, Told
from server.intake.door import Intake
from server.intake.redact import ERASE
from server.intake.snapshots import Snapshots
from server.live.follow import Follower
from server.live.hub import Hub
from server.now import Clock, SystemClock
from server.perform import Performer
from server.proof.keeper import Keeper
from server.proof.signer import Signer
from server.push.pusher import Pusher
from server.push.wanted import PUSH
from server.room import used_percent
from server.settings import STATION, Settings
from server.store import upstream
from server.store.engine import Database
from server.store.migrate import revisions
from server.store.timers import NUDGES, VERDICTS
from server.upstream.clock import StationClock, machine
from server.upstream.forget import Forgetting
from server.upstream.link import Link
from sync.time import CENTRE_UNCERTAINTY_MS

Entropy = Callable[[int], bytes]
BODY_LIMIT_BYTES = 64 * 1024 * 1024  # import files; the sync routes hold themselves to far less


class NotMigratedError(RuntimeError):
    """The database is not at the newest revision: run `ortoo migrate` first."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What runs while a server does. A centre signs its log and makes snapshots; a station has a link instead."""

    db: Database
    hub: Hub
    pusher: Pusher
    performer: Performer
    intake: Intake
    follower: Follower
    deadlines: Engine | None
    of_centre: tuple[Snapshots, Keeper]
    of_station: tuple[StationClock, Link, Forgetting] | None

    @asynccontextmanager
    async def lifespan(self, _app: Litestar) -> AsyncIterator[None]:
        """From the start to the end."""
        try:
            await self._start()
            yield
        finally:
            await self._stop()

    async def _start(self) -> None:
        current, head = await revisions(self.db)
        if current != head:
            raise NotMigratedError(f"database at {current}, newest {head}: run ortoo migrate")
        known = await self.db.reading(upstream.read)
        if self.of_station is not None and known is not None:
            self.of_station[0].resume(known)
        self.pusher.start()
        self.performer.start(self.db)
        await self.intake.start()
        self.follower.start()
        if self.of_station is None:
            snapshots, keeper = self.of_centre
            snapshots.start()
            await keeper.start()
        elif known is not None:
            self.of_station[1].start()
            self.of_station[2].start()
        if self.deadlines is not None:
            self.deadlines.start()

    async def _stop(self) -> None:
        self.hub.drain()
        if self.of_station is not None:
            await self.of_station[1].stop()
            await self.of_station[2].stop()
        await self.follower.stop()
        if self.deadlines is not None:
            await self.deadlines.stop()
        snapshots, keeper = self.of_centre
        await snapshots.stop()
        await keeper.stop()
        await self.intake.stop()
        await self.performer.stop()
        await self.pusher.stop()
        await self.db.close()


def build_app(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy = secrets.token_bytes
) -> Litestar:
    """One centre or station, ready to be served or driven in-process."""
    is_moved_by_hand = clock is not None and not isinstance(clock, SystemClock)
    of_station = StationClock(machine(clock)) if settings.role == STATION else None
    clock = of_station or clock or SystemClock()
    db = Database(settings.url, readers=settings.limits.reader_connections)
    stories = Stories(db)
    hub = Hub(limit=settings.limits.event_streams)

    async def announce(payload: bytes) -> None:
        idx, moved, soonest_ms = msgspec.msgpack.decode(payload, type=Told)
        hub.moved(moved, idx)
        deadlines.hear(soonest_ms)

    async def erase(payload: bytes) -> None:
        stories.forget(payload)
        await db.erase()

    pusher = Pusher(settings, clock, entropy, db)
    performer = Performer({MOVED: announce, ERASE: erase}, beside={PUSH: pusher.perform})
    uncertainty = of_station.uncertainty_ms if of_station else lambda: CENTRE_UNCERTAINTY_MS
    intake = Intake(settings, clock, entropy, db, performer, uncertainty=uncertainty)
    keeper = Keeper(db, intake, clock, Signer(settings, entropy))
    link: Link | None = None
    if of_station is not None:
        link = Link(
            settings,
            of_station,
            entropy,
            db,
            intake=intake,
            hub=hub,
            storage=lambda: used_percent(settings.data_dir),
        )
        # What is found of a clock is the centre's word alone (HB8).
        deadlines = Engine(
            db, intake, clock, entropy, {NUDGES: nudging.take}, may_work=link.is_alone
        )
    else:
        works = {NUDGES: nudging.take, VERDICTS: Batch.judge_again}
        deadlines = Engine(db, intake, clock, entropy, works)
    running = Running(
        db=db,
        hub=hub,
        pusher=pusher,
        performer=performer,
        intake=intake,
        follower=Follower(db, intake, hub, deadlines.look),
        # A clock that is moved by hand wakes nobody: whoever moves it tends.
        deadlines=None if is_moved_by_hand else deadlines,
        of_centre=(Snapshots(settings, clock, entropy, db, intake), keeper),
        of_station=None
        if of_station is None or link is None
        else (
            of_station,
            link,
            Forgetting(of_station, db, intake, months=settings.retain_months),
        ),
    )
    at_desks = desk.parts(settings, clock, entropy, db, intake)
    of_exchange = StationApi if of_station is not None else sync.SyncApi
    exchange = of_exchange(
        settings,
        clock,
        db,
        intake,
        Events(settings, clock, hub),
        logs=LogApi(db, at_desks["access"]),
        uncertainty=uncertainty,
    )

    parts: dict[str, Any] = {
        "settings": settings,
        "clock": clock,
        "entropy": entropy,
        "db": db,
        "intake": intake,
        "hub": hub,
        "keeper": keeper,
        "link": link,
        "pusher": pusher,
        "deadlines": deadlines,
        "stories": stories,
        **at_desks,
    }
    given = {name: _given(part) for name, part in parts.items()}
    return Litestar(
        route_handlers=[*health.ROUTES, sync.mounted(exchange), *desk.routes(settings)],
        dependencies=given | {"who": Provide(desk.PROVIDE_WHO, sync_to_thread=False)},
        exception_handlers=problems.HANDLERS,
        lifespan=[running.lifespan],
        openapi_config=spec.openapi_config(desk.words),
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=1_000,
            exclude=["^/sync/"],
            exclude_opt_key="packs_itself",
        ),
        request_max_body_size=BODY_LIMIT_BYTES,
        logging_config=None,  # the process decides how it logs, `observe` for `ortoo serve`
        state=State(parts),
    )


def _given(part: Any) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)
