"""P13, timers: a hundred thousand of them wait, and what falls due is told in time by a server that otherwise idles.

Responsible for the runs: a real `ortoo serve` on a database in which `TIMERS` timers are due hours from now, an idle
stretch whose CPU time is counted, then orders that no phone takes, whose steps fall due 5 and 10 s later. How late each
was told is read from the log afterwards: the moment of the entry against the moment of its step. Refuses to count a run
in which a step was told twice or not at all.

The waiting timers stand in their table as commits leave them; what they name is never looked at in a run.

Example: `await waits(prepared, station, unit, runs=3)` gives three `Wait`s.
"""

import asyncio
import shutil
import statistics
import tempfile
from collections import Counter
from pathlib import Path

import httpx2
import msgspec
from sqlalchemy import Connection, func, select

from server.fleet.bench.p1 import served
from server.fleet.centre import listen, serving
from server.fleet.chain import Entropy, seeded_entropy
from server.fleet.desk import Desk
from server.fleet.founding import found
from server.fleet.replay.alone import Build
from server.fleet.replay.cast import desk_people, made_up
from server.intake.memory import load
from server.now import SystemClock
from server.settings import Settings
from server.store import people, tables, timers
from server.store.engine import Database
from server.store.migrate import upgrade

TIMERS = 100_000
ORDERS = 50
TOLD = ("push", "desk")
IDLE_S = 20.0
TOLD_S = 12.0  # after the last order: both steps are due, and two seconds more
FAR_MS = 6 * 3_600_000


class Wait(msgspec.Struct, frozen=True):
    """One run. `late_*` are from the moment of a step to its entry."""

    timers: int
    told: int
    idle_percent: float
    late_p50_ms: float
    late_max_ms: float


class Target(msgspec.Struct, frozen=True):
    """Where an order goes: ids in hex."""

    station: str
    unit: str


async def prepare(build: Build, data_dir: Path, count: int = TIMERS) -> Target:
    """Found a centre in `data_dir` in whose table `count` timers wait for hours."""
    clock, entropy = SystemClock(), seeded_entropy("timers")
    listener = listen("127.0.0.1", 0)
    settings = Settings(data_dir=data_dir, port=listener.getsockname()[1], hashing="light")
    db = Database(settings.url)
    await upgrade(db)
    rows, [officer] = made_up(1)
    app = build(settings, clock=clock, entropy=entropy)
    async with serving(app, listener):
        await found(app.state.intake, app.state.db, clock, rows, desk_people())
    await db.writing(_fill, entropy, clock.now_ms() + FAR_MS, count)
    await db.close()
    return Target(officer.station, officer.target[1])


def _fill(connection: Connection, entropy: Entropy, from_ms: int, count: int) -> None:
    moments = [(entropy(16), from_ms + number) for number in range(count)]
    timers.write(connection, timers.NUDGES, moments)


async def waits(
    prepared: Path,
    target: Target,
    runs: int,
    *,
    orders: int = ORDERS,
    idle_s: float = IDLE_S,
    told_s: float = TOLD_S,
) -> list[Wait]:
    """So many runs, each on a fresh copy of the prepared data directory."""
    measured = []
    with tempfile.TemporaryDirectory(prefix="ortoo-bench-") as temporary:
        for number in range(runs):
            data_dir = Path(temporary) / f"run{number}"
            await asyncio.to_thread(shutil.copytree, prepared, data_dir)
            measured.append(await _wait(data_dir, target, orders, idle_s, told_s))
    return measured


async def _wait(data_dir: Path, target: Target, orders: int, idle_s: float, told_s: float) -> Wait:
    _person, login, password = desk_people()[0]
    async with (
        served(data_dir) as (port, process),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        desk = Desk(http, login, password)
        await desk.sign_in()
        before_s = process.cpu_s()
        await asyncio.sleep(idle_s)
        idle_percent = (process.cpu_s() - before_s) * 100 / idle_s
        order = {"to": ["unit", target.unit]}
        body = {"title": "草场纠纷", "station": target.station, "order": order}
        made = [await desk.post("/api/incidents", body) for _order in range(orders)]
        await asyncio.sleep(told_s)
    db = Database(Settings(data_dir=data_dir).url)
    try:
        late_ms = await db.reading(_lateness, [bytes.fromhex(one["id"]) for one in made])
        waiting = await db.reading(_waiting)
    finally:
        await db.close()
    return Wait(
        timers=waiting,
        told=len(late_ms),
        idle_percent=idle_percent,
        late_p50_ms=statistics.median(late_ms),
        late_max_ms=max(late_ms),
    )


def _waiting(connection: Connection) -> int:
    counted = select(func.count()).where(tables.timers.c.kind == timers.NUDGES)
    return int(connection.execute(counted).scalar_one())


def _lateness(connection: Connection, incidents: list[bytes]) -> list[int]:
    """How late each step of these incidents was told, ms. Raises RuntimeError where it was not told once."""
    directory = people.directory(connection)
    late_ms = []
    for incident in incidents:
        entries = load(connection, incident, directory).state.view()["entries"]
        told = Counter(entry["data"]["channel"] for entry in entries)
        if told != Counter(TOLD):
            raise RuntimeError(f"an order was told of {dict(told)} times, and not once each")
        late_ms += [entry["at"] - entry["data"]["due"] for entry in entries]
    return late_ms
