"""Phones and a desk that work without pause while a centre is killed, cut off or starved under them.

Responsible for load: officers who report and work off incidents of their own, orders from a desk, all through the real
simulated device over HTTP, retried until answered. Refuses to know which fault is at work. Waits pass fifty times as
fast as on a phone, so that a test is mostly work.

Example: `async with Crew.enrolled(centre, journal, place, seed="7") as crew: await crew.drained()`.
"""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from server.fleet.chain import seeded_entropy
from server.fleet.desk import Desk
from server.fleet.device import Device
from server.fleet.replay.cast import Officer, desk_people
from server.fleet.timebase import RealTime
from server.fleet.vault import Vault
from server.intake.places import home_scope
from server.now import SystemClock
from server.wire import ServerRefusalError
from sync import exchange
from sync.changeset import KIND_INCIDENT
from tests.blackbox.centre import Centre
from tests.blackbox.journal import Journal
from tests.blackbox.witness import Witness

PATIENCE_S = 60.0  # a centre that folds a long log on a busy machine is slow and not dead
HASTE = 50
DRAIN_ATTEMPTS = 100  # at a healed centre, where one is enough
NOTES = ("已到现场", "双方情绪平稳，等嘎查长到场", "路面结冰，请绕行北线")


class Hurried(RealTime):
    """The machine's own clocks, with sleeps that are short; failures of spawned work are kept."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        super().__init__()
        self.failures: list[BaseException] = []

    async def sleep_until(self, at_ms: int) -> None:
        """Return after a fiftieth of the time that is left until then."""
        await asyncio.sleep(max(at_ms - self.now_ms(), 0) / 1000 / HASTE)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)


class Phone:
    """One officer's device and the incidents they are at."""

    def __init__(
        self,
        officer: Officer,
        device: Device,
        http: httpx2.AsyncClient,
        vault_file: Path,
        seed: str,
    ) -> None:
        """`http` is what the device sends through; `seed` decides what the officer does."""
        self.device = device
        self.http = http
        self._vault_file = vault_file
        self.officer = officer
        self._chance = random.Random(seed)
        self._incident = b""
        self._steps: list[str] = []

    @property
    def chain(self) -> bytes:
        """The chain this phone writes."""
        identity = self.device.vault.identity()
        assert identity is not None
        return identity.chain

    @property
    def token(self) -> str:
        """What this phone shows the centre."""
        identity = self.device.vault.identity()
        assert identity is not None
        return identity.token

    def made(self) -> list[tuple[int, bytes, bytes]]:
        """Seq, id and bytes of every set this phone ever wrote."""
        with closing(sqlite3.connect(self._vault_file)) as db:
            return db.execute("SELECT seq, id, raw FROM sets ORDER BY seq").fetchall()

    def act(self) -> None:
        """Do the next thing an officer does, and send it."""
        self.write()
        self.device.kick(pull=self._chance.random() < 0.2)

    def write(self) -> None:
        """Do the next thing an officer does, and keep it for later."""
        if not self._steps:
            self._incident = self._chance.randbytes(16)
            self._steps = ["create", "arrived", "note", "cleared", "feedback"]
        step = self._steps.pop(0)
        ops, priority = self._ops(step)
        scope = home_scope(bytes.fromhex(self.officer.station), SystemClock().now_ms())
        self.device.write(KIND_INCIDENT, self._incident, ops, scope=scope, priority=priority)

    async def push_raw(self, sets: Sequence[bytes]) -> httpx2.Response:
        """Push these sets as this phone and give the answer as it came; the vault is not told."""
        body = exchange.encode(exchange.PushRequest([msgspec.Raw(raw) for raw in sets]))
        headers = {"authorization": f"Bearer {self.token}"}
        return await self.http.post("/sync/v1/push", content=body, headers=headers)

    def _ops(self, step: str) -> tuple[list[dict[str, Any]], bool]:
        if step == "create":
            station = bytes.fromhex(self.officer.station)
            tag = f"自-{self._incident.hex()[:4]}"
            title = {"t": "fact.set", "f": "title", "v": "巡逻中发现羊群上路", "p": []}
            opening = {"t": "incident.create", "source": "self", "station": station, "tag": tag}
            return [opening, title], True
        if step == "note":
            return [{"t": "entry.add", "kind": "note", "text": self._chance.choice(NOTES)}], False
        claim: dict[str, Any] = {"t": "milestone.claim", "kind": step, "round": 0, "via": "self"}
        if step == "feedback":
            claim["data"] = {"final": True, "result": "helped", "text": "羊群已赶回草场。"}
        return [claim], step == "arrived"


class Crew:
    """Everybody who works against one centre."""

    def __init__(
        self, centre: Centre, journal: Journal, place: Path, seed: str, connections: int | None
    ) -> None:
        """Use `enrolled`."""
        self.time = Hurried()
        self.phones: list[Phone] = []
        self.orders = 0  # incidents a desk has made
        self._centre = centre
        self._journal = journal
        self._place = place
        self._seed = seed
        self._chance = random.Random(f"{seed}/crew")
        limits = httpx2.Limits(max_keepalive_connections=connections)
        self._inner = httpx2.AsyncHTTPTransport(limits=limits)

    @classmethod
    @asynccontextmanager
    async def enrolled(
        cls,
        centre: Centre,
        journal: Journal,
        place: Path,
        seed: str,
        connections: int | None = None,
    ) -> AsyncIterator["Crew"]:
        """A crew with one enrolled phone per officer of a running centre.

        `connections` are kept open between requests: any number, or 0 for a new one each time.
        """
        crew = cls(centre, journal, place, seed, connections)
        try:
            for number in range(len(centre.officers)):
                await crew._enrol(number)
            yield crew
        finally:
            await crew.time.stop()
            await crew._inner.aclose()

    async def _enrol(self, number: int) -> None:
        officer = self._centre.officers[number % len(self._centre.officers)]
        transport = Witness(self._inner, self._journal)
        url, patience = self._centre.url, httpx2.Timeout(PATIENCE_S)
        http = httpx2.AsyncClient(base_url=url, transport=transport, timeout=patience)
        vault_file = self._place / f"phone{number}.db"
        device = self._device(Vault(vault_file), http, number)
        phone = Phone(officer, device, http, vault_file, f"{self._seed}/{number}")
        await self.enrol(phone)
        self.phones.append(phone)

    async def joined(self, number: int) -> Phone:
        """One more phone, for the officer of that number."""
        await self._enrol(number + len(self._centre.officers))
        return self.phones[-1]

    async def enrol(self, phone: Phone) -> None:
        """Give a phone a code, and let it use it."""
        async with self.desk("admin") as admin:
            code = await admin.post("/api/devices/codes", {"person": phone.officer.person})
        await phone.device.enrol(code["code"], "a phone")

    def _device(self, vault: Vault, http: httpx2.AsyncClient, number: int) -> Device:
        return Device(
            vault,
            http,
            self.time,
            entropy=seeded_entropy("blackbox", self._seed, str(number), str(self.time.now_ms())),
            chance=random.Random(f"{self._seed}/{number}/retries"),
            records_centre=True,
        )

    @asynccontextmanager
    async def desk(self, login: str) -> AsyncIterator[Desk]:
        """Somebody at a desk, `dispatcher` or `admin`, signed in with the first thing they ask."""
        password = next(word for _person, name, word in desk_people() if name == login)
        transport = Witness(self._inner, self._journal)
        url, patience = self._centre.url, httpx2.Timeout(PATIENCE_S)
        async with httpx2.AsyncClient(base_url=url, transport=transport, timeout=patience) as http:
            yield Desk(http, login, password)

    def work(self) -> None:
        """Let everybody work until the crew goes."""
        for phone in self.phones:
            self.time.spawn(self._patrol(phone))
        self.time.spawn(self._dispatch())

    async def _patrol(self, phone: Phone) -> None:
        while True:
            for _ in range(self._chance.randint(1, 4)):
                phone.act()
            await asyncio.sleep(self._chance.uniform(0, 0.1))

    async def _dispatch(self) -> None:
        """A desk takes calls down. What was not answered is not asked again: people look first."""
        async with self.desk("dispatcher") as desk:
            while True:
                officer = self._chance.choice(self._centre.officers)
                said = {"title": "草场围栏纠纷", "station": officer.station}
                order = {"order": {"to": officer.target}}
                try:
                    await desk.post("/api/incidents", said | order)
                    self.orders += 1
                except httpx2.TransportError:
                    pass
                except ServerRefusalError as error:
                    if not error.may_pass:
                        raise
                await asyncio.sleep(self._chance.uniform(0, 0.2))

    async def drained(self) -> None:
        """With the faults over: let everybody send what they have and read what is new; note it down.

        Raises what made a phone give up. Whatever is still not acked then is the checker's to name.
        """
        await self.time.stop()
        for phone in self.phones:
            for seq, set_id, raw in phone.made():
                digest = sha256(raw).digest()
                self._journal.note("made", chain=phone.chain, seq=seq, id=set_id, bytes=digest)
        for phone in self.phones:
            for _ in range(DRAIN_ATTEMPTS):
                try:
                    await phone.device.attempt(pull=True)
                    break
                except (httpx2.TransportError, ServerRefusalError):
                    await asyncio.sleep(1 / HASTE)
        self._journal.note("healed")
        if self.time.failures:
            raise self.time.failures[0]
