"""A centre in this process with its whole HTTP side, and people who sit at its desks.

Example: `async with centre(tmp_path, migrated_file) as house: wang = await house.sign_in("dispatcher")`, then
`await wang.get("/api/wall")`.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import httpx
from litestar import Litestar
from sqlalchemy import insert

from server.app import build_app
from server.auth.passwords import Cost, Passwords
from server.intake.batch import Batch
from server.intake.door import Intake
from server.now import VirtualClock
from server.settings import Settings
from server.store.tables import credentials
from tests.server.pen import EPOCH_MS, ORG, STATION, Pen, person_id

PASSWORD = "steppe wind 31"
URL = "http://testserver.local"
DESKS = ("commander", "station", "callback", "reviewer", "supervisor", "admin")
CODES: list[tuple[str, bytes, dict[str, Any]]] = [
    ("categories", b"category-dispute", {"code": "dispute", "zh": "纠纷", "en": "Dispute"}),
    ("vehicles", b"vehicle-a-------", {"name": "甲01", "station": STATION}),
]


class Seat:
    """One signed-in person: requests carry the session and its token."""

    def __init__(self, client: httpx.AsyncClient, cookie: str, csrf: str) -> None:
        self._client = client
        self._headers = {"cookie": f"ortoo_session={cookie}"}
        self.csrf = csrf

    async def get(self, path: str, **extra: Any) -> httpx.Response:
        return await self._client.get(path, headers=self._headers, **extra)

    async def ask(self, path: str) -> Any:
        """The JSON at a path that must answer 200."""
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = self._headers | {"x-csrf-token": self.csrf}
        return await self._client.request(method, path, json=body, headers=headers)

    async def raw(self, method: str, path: str, body: bytes) -> httpx.Response:
        """Send bytes that are said to be JSON."""
        said = {"x-csrf-token": self.csrf, "content-type": "application/json"}
        return await self._client.request(method, path, content=body, headers=self._headers | said)

    async def post(self, path: str, body: Any = None) -> httpx.Response:
        return await self.send("POST", path, body)

    async def upload(self, path: str, data: bytes) -> httpx.Response:
        headers = self._headers | {"x-csrf-token": self.csrf}
        return await self._client.post(path, content=data, headers=headers)

    async def move(self, incident: str, move: str, **fields: Any) -> httpx.Response:
        return await self.post(f"/api/incidents/{incident}/moves", {"move": move} | fields)

    async def did(self, incident: str, move: str, **fields: Any) -> Any:
        """Make a move that must be accepted."""
        answer = await self.move(incident, move, **fields)
        assert answer.status_code == 200, answer.text
        assert answer.json()["decision"] in ("accepted", "accepted_late")
        return answer.json()


class Centre:
    """The house: its app, its clock, a browser without a session, and the phones of its officers."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient, clock: VirtualClock) -> None:
        self.app = app
        self.client = client
        self.clock = clock

    @property
    def intake(self) -> Intake:
        intake: Intake = self.app.state.intake
        return intake

    async def sign_in(self, login: str) -> Seat:
        self.client.cookies.clear()
        answer = await self.client.post("/api/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        cookie = answer.cookies["ortoo_session"]
        self.client.cookies.clear()
        return Seat(self.client, cookie, answer.json()["csrf"])

    async def phone(self, name: str = "officer") -> Pen:
        """An officer's enrolled phone whose chain is open at the centre."""
        pen = Pen(name, person_id(name))
        pen.now_ms = self.clock.now_ms()
        await pen.enrol(self.intake)
        await self.push(pen, pen.open())
        return pen

    async def push(self, pen: Pen, *raws: bytes) -> None:
        """Hand sets of a phone in; all must be stored."""
        results, _have = await self.intake.submit(list(raws), pen.device)
        assert all(result.r == "stored" for result in results), results


@cache
def password_hash() -> str:
    """One hash for everyone: making it is slow, as it should be."""
    return Passwords(Cost.light())._hasher.hash(PASSWORD)


@asynccontextmanager
async def opened(app: Litestar) -> AsyncIterator[None]:
    """The app between its start and its end, both in one task of their own, as Litestar's lifespan wants it."""
    started, ending = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await ending.wait()

    task = asyncio.create_task(live())
    await asyncio.wait(
        [task, waiting := asyncio.create_task(started.wait())], return_when=asyncio.FIRST_COMPLETED
    )
    waiting.cancel()
    try:
        if started.is_set():
            yield
    finally:
        ending.set()
        await task


def desk_app(
    tmp_path: Path, migrated_file: Path, **more: Any
) -> tuple[Litestar, VirtualClock, Callable[[Batch], None]]:
    """A centre over a real SQLite file, its clock, and what founds its organisation and logins."""
    if "database_url" not in more:
        shutil.copyfile(migrated_file, tmp_path / "ortoo.db")
    clock = VirtualClock(EPOCH_MS)
    settings = Settings(data_dir=tmp_path, pwa_dir=tmp_path / "pwa", hashing="light", **more)

    def found(batch: Batch) -> None:
        for what, row_id, row in [*ORG, *CODES]:
            batch.org(what, row_id, row)
        for role in DESKS:
            station = {"station": STATION} if role == "station" else {}
            batch.org("people", person_id(role), {"name": f"{role} 甲", "role": role} | station)
        for login in (*DESKS, "dispatcher", "officer"):
            row = {"person": person_id(login), "login": login, "password_hash": password_hash()}
            batch.connection.execute(insert(credentials).values(changed_at_ms=EPOCH_MS, **row))

    return build_app(settings, clock=clock), clock, found


@asynccontextmanager
async def centre(tmp_path: Path, migrated_file: Path, **more: Any) -> AsyncIterator[Centre]:
    """A founded centre in the story's own event loop, so that the story may reach into the house between two requests.

    Everyone has the same password, and the clock stands.
    """
    app, clock, found = desk_app(tmp_path, migrated_file, **more)
    transport = httpx.ASGITransport(app=cast("Any", app), client=("10.1.2.3", 5_000))
    async with opened(app), httpx.AsyncClient(transport=transport, base_url=URL) as client:
        house = Centre(app, client, clock)
        await house.intake.transaction(found)
        yield house
