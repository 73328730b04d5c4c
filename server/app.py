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
from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import revisions
from server.store.timers import NUDGES, VERDICTS

Entropy = Callable[[int], bytes]
BODY_LIMIT_BYTES = 64 * 1024 * 1024  # import files; the sync routes hold themselves to far less


class NotMigratedError(RuntimeError):
    """The database is not at the newest revision: run `ortoo migrate` first."""


def build_app(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy = secrets.token_bytes
) -> Litestar:
    """One centre, ready to be served or driven in-process."""
    clock = clock or SystemClock()
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
    intake = Intake(settings, clock, entropy, db, performer)
    deadlines = Engine(
        db, intake, clock, entropy, {NUDGES: nudging.take, VERDICTS: Batch.judge_again}
    )
    follower = Follower(db, intake, hub, deadlines.look)
    snapshots = Snapshots(settings, clock, entropy, db, intake)
    keeper = Keeper(db, intake, clock, Signer(settings, entropy))
    at_desks = desk.parts(settings, clock, entropy, db, intake)
    of_exchange = StationApi if settings.role == "station" else sync.SyncApi
    exchange = of_exchange(
        settings,
        clock,
        db,
        intake,
        Events(settings, clock, hub),
        logs=LogApi(db, at_desks["access"]),
    )

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        try:
            current, head = await revisions(db)
            if current != head:
                raise NotMigratedError(f"database at {current}, newest {head}: run ortoo migrate")
            pusher.start()
            performer.start(db)
            await intake.start()
            follower.start()
            if settings.role == "centre":
                snapshots.start()
                await keeper.start()
            if isinstance(clock, SystemClock):
                deadlines.start()  # a clock that is moved by hand wakes nobody: whoever moves it tends
            yield
        finally:
            hub.drain()
            await follower.stop()
            await deadlines.stop()
            await snapshots.stop()
            await keeper.stop()
            await intake.stop()
            await performer.stop()
            await pusher.stop()
            await db.close()

    parts: dict[str, Any] = {
        "settings": settings,
        "clock": clock,
        "entropy": entropy,
        "db": db,
        "intake": intake,
        "hub": hub,
        "keeper": keeper,
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
        lifespan=[lifespan],
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
