"""A replay with a server of its own: made for it, in virtual time, on a database of its own.

Responsible for bringing that server up with the made-up organisation, and for its timers: nobody wakes by a clock that
jumps. Refuses to know how a centre is composed: the command line hands in the builder.

Example: `await replay_alone(build_app, source, options, data_dir, progress)`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from server.deadlines.engine import Engine
from server.fleet.centre import listen, serving
from server.fleet.chain import seeded_entropy
from server.fleet.founding import found
from server.fleet.replay import cast, findings
from server.fleet.replay.calls import Source
from server.fleet.replay.report import Report
from server.fleet.replay.run import Labelled, Login, Options, begins_ms, replay
from server.fleet.replay.stage import Progress
from server.fleet.replay.townships import Townships, townships
from server.fleet.timebase import VirtualTime
from server.intake.batch import Batch
from server.now import Clock, VirtualClock
from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import upgrade
from server.store.timers import VERDICTS


class Build(Protocol):
    """What composes a centre."""

    def __call__(
        self, settings: Settings, *, clock: Clock | None, entropy: Callable[[int], bytes]
    ) -> Any:
        """An ASGI application with `state.intake` and `state.db`."""
        ...


async def replay_alone(
    build: Build, source: Source, options: Options, data_dir: Path, progress: Progress
) -> Report:
    """Play `source` at a fresh centre in `data_dir`, an empty directory."""
    clock, chance = VirtualClock(begins_ms(source)), Labelled(options.seed)
    listener = listen("127.0.0.1", 0)
    settings = Settings(data_dir=data_dir, port=listener.getsockname()[1], hashing="light")
    db = Database(settings.url)
    await upgrade(db)
    await db.close()
    app = build(settings, clock=clock, entropy=chance)
    rows, _officers = cast.made_up(options.devices)
    people = cast.desk_people()
    if options.clocks is not None:
        rows.append(findings.policy(begins_ms(source)))
    async with serving(app, listener) as url:
        await found(app.state.intake, app.state.db, clock, rows, people)
        look = None
        if options.clocks is not None:
            # Verdicts alone: what else timers do would add to the timelines what the source does not have.
            holder = seeded_entropy(options.seed, "/timers")
            works = {VERDICTS: Batch.judge_again}
            look = Engine(app.state.db, app.state.intake, clock, holder, works).tend
        opening = None
        if options.stations:
            at = [row_id for what, row_id, _row in rows if what == "stations"][: options.stations]

            def opening(time: VirtualTime) -> AbstractAsyncContextManager[Townships]:
                return townships(
                    build, (app, url), at, time, clock, data_dir=data_dir, seed=options.seed
                )

        return await replay(
            source,
            url,
            [Login(login, password) for _person, login, password in people],
            options,
            clock=clock,
            chance=chance,
            progress=progress,
            look=look,
            open_townships=opening,
        )
