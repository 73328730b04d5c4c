"""A real centre with a small organisation, over loopback, for stories about simulated phones.

Example: `async def test_x(house): device = await house.phone(0)`.
"""

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from litestar import Litestar

from server.app import build_app
from server.fleet.centre import listen, serving
from server.fleet.chain import seeded_entropy
from server.fleet.desk import Desk
from server.fleet.device import Device
from server.fleet.founding import found
from server.fleet.links import Link, Perfect
from server.fleet.replay.cast import Officer, desk_people, made_up
from server.fleet.timebase import VirtualTime
from server.fleet.transport import LinkTransport
from server.fleet.vault import Vault
from server.now import VirtualClock
from server.proof import loss
from server.proof.keeper import Keeper
from server.proof.signer import Signer
from server.settings import Settings
from server.store import log
from server.store.engine import Database
from server.store.migrate import upgrade

START_MS = 1_790_000_000_000


class House(msgspec.Struct):
    """A centre and the time everybody lives in."""

    url: str
    time: VirtualTime
    inner: httpx2.AsyncHTTPTransport
    desk: Desk
    admin: Desk
    officers: list[Officer]
    clock: VirtualClock
    keeper: Keeper
    app: Litestar

    async def signed(self) -> None:
        """Let the centre sign its log as it stands."""
        await self.keeper.sign()

    def device(
        self, vault: Vault, number: int, link: Link | None = None, *, records_centre: bool = False
    ) -> tuple[Device, LinkTransport]:
        """A device with this vault behind a link."""
        transport = LinkTransport(self.inner, link or Perfect(), self.time)
        http = httpx2.AsyncClient(base_url=self.url, transport=transport)
        device = Device(
            vault,
            http,
            self.time,
            entropy=seeded_entropy("story", str(number), str(self.time.now_ms())),
            chance=random.Random(number),
            online=transport.online,
            records_centre=records_centre,
        )
        return device, transport

    async def put_back(self) -> None:
        """Declare that the centre's database is a copy that was put back."""
        state = self.app.state
        signer = Signer(state.settings, os.urandom)
        held = (await state.db.reading(log.read)).idx
        await loss.declare(state.intake, signer, os.urandom, why="a new disk", put_back=held)

    async def phone(
        self,
        number: int,
        link: Link | None = None,
        vault: Vault | None = None,
        *,
        records_centre: bool = False,
    ) -> tuple[Device, LinkTransport]:
        """An enrolled device of officer `number`, enrolled over a good network."""
        device, transport = self.device(
            vault or Vault(), number, link, records_centre=records_centre
        )
        code = await self.admin.post("/api/devices/codes", {"person": self.officers[number].person})
        async with httpx2.AsyncClient(base_url=self.url) as http:
            await device.enrol(code["code"], f"phone {number}", http)
        return device, transport

    async def incident(self, number: int = 0) -> dict[str, Any]:
        """A new incident at the station of officer `number`."""
        said = {"title": "围栏纠纷", "station": self.officers[number].station}
        made: dict[str, Any] = await self.desk.post("/api/incidents", said)
        return made


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A centre in virtual time with two officers of one station."""
    clock = VirtualClock(START_MS)
    listener = listen("127.0.0.1", 0)
    settings = Settings(data_dir=tmp_path, port=listener.getsockname()[1], hashing="light")
    db = Database(settings.url)
    await upgrade(db)
    await db.close()
    app = build_app(settings, clock=clock)
    rows, officers = made_up(2)
    async with serving(app, listener) as url:
        await found(app.state.intake, app.state.db, clock, rows, desk_people())
        desks = {}
        async with httpx2.AsyncClient(base_url=url) as one, httpx2.AsyncClient(base_url=url) as two:
            for http, (_person, login, password) in zip((one, two), desk_people(), strict=True):
                desks[login] = Desk(http, login, password)
            inner = httpx2.AsyncHTTPTransport()
            people = desks["dispatcher"], desks["admin"], officers
            yield House(url, VirtualTime(clock), inner, *people, clock, app.state.keeper, app)
            await inner.aclose()
