"""A station beside a centre in this process: both whole houses, one line between them that a story opens when it likes.

Example: `async with beside(centre, tmp_path / "station", migrated_file) as station: await station.mirrored()`.
"""

import os
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import msgspec
from litestar import Litestar

from server.app import build_app
from server.auth import stations
from server.intake.door import Intake
from server.intake.meeting import meet
from server.intake.mirror import answered, mirror
from server.intake.pages import cursors
from server.now import VirtualClock
from server.seal import SealKey
from server.settings import Settings
from server.store import spool, upstream
from server.store.engine import Database
from server.store.upstream import Upstream
from sync import exchange
from tests.server.desks import URL, Centre, opened
from tests.server.pen import STATION, Pen

TOKEN = "token of the station"
NOWHERE = "http://127.0.0.1:9"
"""Where its own link finds nobody: the story carries what goes over the line."""
Reply = TypeVar("Reply")


async def call(
    client: httpx.AsyncClient, token: str, name: str, message: object, kind: type[Reply]
) -> Reply:
    """One call of the exchange, which must succeed."""
    answer = await refused(client, token, name, message)
    assert answer.status_code == 200, answer.text
    return exchange.decode(kind, answer.content)


async def refused(
    client: httpx.AsyncClient, token: str, name: str, message: object
) -> httpx.Response:
    """One call of the exchange, as it was answered."""
    headers = {"authorization": f"Bearer {token}", "content-type": exchange.CONTENT_TYPE}
    content = exchange.encode(message)
    return await client.post(f"/sync/v1/{name}", content=content, headers=headers)


def hello(chain: bytes, head: int, now_ms: int) -> exchange.HelloRequest:
    return exchange.HelloRequest(
        v=1, app="test/1", chain=chain, head=head, pending=0, oldest_ms=None, wall_ms=now_ms,
        mono=(bytes(8), 0), request_id=os.urandom(16),
    )  # fmt: skip


async def push(client: httpx.AsyncClient, pen: Pen, *raws: bytes) -> list[exchange.PushResult]:
    """Push sets as this phone."""
    message = {"sets": [msgspec.Raw(raw) for raw in raws]}
    return (await call(client, pen.token, "push", message, exchange.PushReply)).results


async def pull(
    client: httpx.AsyncClient,
    token: str,
    asked: Sequence[tuple[str, int, int]],
    budget: int = 1 << 20,
) -> exchange.PullReply:
    message = exchange.PullRequest(list(asked), budget)
    return await call(client, token, "pull", message, exchange.PullReply)


class Station:
    """The house of a township: its app, a browser or phone that reaches it, and the line to its centre."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient, centre: Centre) -> None:
        self.app = app
        self.client = client
        self.centre = centre

    @property
    def intake(self) -> Intake:
        intake: Intake = self.app.state.intake
        return intake

    @property
    def db(self) -> Database:
        db: Database = self.app.state.db
        return db

    async def join(self) -> None:
        """Be enrolled at the centre."""
        centre = self.centre
        device = msgspec.structs.replace(
            self.intake.desk.device(centre.clock.now_ms()),
            station=STATION,
            seal=SealKey.of(self.intake.desk.key).public,
            token_hash=sha256(TOKEN.encode()).digest(),
        )
        await centre.intake.transaction(lambda batch: batch.devices.enrol(device))
        reply = await self.greeted()
        known = Upstream(url=NOWHERE, station=STATION, server=reply.server, token=TOKEN)
        await self.db.writing(upstream.save, known)

    async def greeted(self) -> exchange.HelloReply:
        asked = hello(self.intake.desk.chain, -1, self.centre.clock.now_ms())
        return await call(self.centre.client, TOKEN, "hello", asked, exchange.HelloReply)

    async def names(self) -> list[str]:
        """What it is to mirror, after it has greeted."""
        reply = await self.greeted()
        await self.intake.transaction(lambda batch: meet(batch, reply.log))
        return [name for name, _epoch, _n in reply.scopes]

    async def taken(self, names: Sequence[str], budget: int) -> exchange.PullReply:
        """One pull, taken in."""
        asked = await self.db.reading(cursors, names)
        reply = await pull(self.centre.client, TOKEN, asked, budget)
        await self.intake.transaction(lambda batch: mirror(batch, reply))
        return reply

    async def mirrored(self, chance: random.Random | None = None) -> None:
        """Everything that the centre has for it, in one pull or, by chance, in many that end anywhere."""
        names = await self.names()
        while True:
            if chance is not None:
                chance.shuffle(names)
            budget = 1 << 20 if chance is None else chance.randint(1, 4_000)
            if (await self.taken(names, budget)).complete:
                break
        told = await call(self.centre.client, TOKEN, "station", {}, stations.StationReply)
        await self.intake.transaction(lambda batch: stations.learn(batch.connection, told))

    async def handed_up(self, sets: int = 200) -> int:
        """What is owed, as far as one push goes. Gives how many sets that were."""
        owed = await self.db.reading(spool.waiting, sets, 1 << 20)
        message = {"sets": [msgspec.Raw(raw) for _no, _id, raw in owed]}
        reply = await call(self.centre.client, TOKEN, "push", message, exchange.PushReply)
        numbers = [no for no, _id, _raw in owed]
        await self.intake.transaction(lambda batch: answered(batch, numbers, reply))
        return len(owed)


@asynccontextmanager
async def running(data_dir: Path, centre: Centre) -> AsyncIterator[Station]:
    """The station's process, on the database in its directory."""
    settings = Settings(
        data_dir=data_dir,
        pwa_dir=data_dir / "pwa",
        hashing="light",
        role="station",
        upstream=NOWHERE,
    )
    clock: VirtualClock = centre.clock
    app = build_app(settings, clock=clock)
    transport = httpx.ASGITransport(app=cast("Any", app), client=("10.1.2.4", 5_000))
    async with opened(app), httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield Station(app, client, centre)


@asynccontextmanager
async def beside(centre: Centre, data_dir: Path, migrated_file: Path) -> AsyncIterator[Station]:
    """A station that has joined and mirrored its centre."""
    _database(data_dir, migrated_file)
    async with running(data_dir, centre) as station:
        await station.join()
        await station.mirrored()
        yield station


def _database(data_dir: Path, migrated_file: Path) -> None:
    data_dir.mkdir()
    shutil.copyfile(migrated_file, data_dir / "ortoo.db")
