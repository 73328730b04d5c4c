"""A station and its centre, each a process of its own, killed in turn under a phone that does not stop writing.

The phone pushes at the station, and again until it is answered; that is all it relies on. In the end everything that
was ever answered is at the centre as it was signed, ruled on, and the same incident at both.
"""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from server.api.enrol import Enrolled
from server.fleet.centre import listen
from server.fleet.desk import Desk
from server.fleet.replay.cast import desk_people
from server.intake.memory import load
from server.now import SystemClock
from server.settings import Settings
from server.store import people
from server.store.engine import Database
from server.wire import ServerRefusalError, refuse
from sync import canon, exchange, rulings
from tests.blackbox.centre import Centre
from tests.server.pen import Pen, chance
from tests.server.test_enrol import b64
from tests.server.township import until

INCIDENT = chance("township")[:16]
STATION_NAME = "回放01所"
AT_ONCE = 3
HAS_APP = Path("pwa/dist/index.html").is_file()


class Phone:
    """An officer's phone that keeps pushing at the station."""

    def __init__(self, pen: Pen, token: str) -> None:
        self.pen = pen
        self.token = token
        self.kept: dict[bytes, bytes] = {}  # every set that was answered, as it was signed
        self.results: set[str] = set()

    @classmethod
    async def enrolled(cls, centre: Centre) -> "Phone":
        """A phone that the centre has let in and that never talks to it again."""
        pen = Pen("township", bytes.fromhex(centre.officers[0].person))
        async with httpx2.AsyncClient(base_url=centre.url) as http:
            password = next(word for _person, name, word in desk_people() if name == "admin")
            admin = Desk(http, "admin", password)
            code = await admin.post("/api/devices/codes", {"person": pen.person.hex()})
            asked = {"code": code["code"], "alg": pen.key.alg, "label": "手机", "app": "test/1"}
            keys = {"pub": b64(pen.key.public), "nonce": b64(pen.nonce)}
            reply = await http.post("/api/enrol", json=asked | keys)
            refuse(reply)
        return cls(pen, msgspec.json.decode(reply.content, type=Enrolled).token)

    async def push(self, url: str, *raws: bytes) -> None:
        """Push these until they are answered."""
        body = exchange.encode(exchange.PushRequest([msgspec.Raw(raw) for raw in raws]))
        headers = {"authorization": f"Bearer {self.token}"}

        async def answered() -> bool:
            try:
                async with httpx2.AsyncClient(base_url=url) as http:
                    reply = await http.post("/sync/v1/push", content=body, headers=headers)
                refuse(reply)
            except (httpx2.TransportError, ServerRefusalError):
                return False
            for raw, result in zip(
                raws, exchange.decode(exchange.PushReply, reply.content).results, strict=True
            ):
                assert result.id is not None
                assert result.r == exchange.KEPT or result.r in exchange.DURABLE, result
                self.kept[result.id] = raw
                self.results.add(result.r)
            return True

        await until(answered)

    async def work(self, url: str) -> None:
        """Write and push without an end."""
        while True:
            self.pen.now_ms = SystemClock().now_ms()
            await self.push(url, *[self.pen.note(INCIDENT) for _ in range(AT_ONCE)])


def stored(house: Centre) -> dict[bytes, tuple[bytes, int]]:
    """Envelope and ruling of every set in a database, by id."""
    with contextlib.closing(sqlite3.connect(house.data_dir / "ortoo.db")) as db:
        rows = db.execute("SELECT set_id, envelope, idx FROM sets").fetchall()
    return {set_id: (envelope, idx) for set_id, envelope, idx in rows}


async def view(house: Centre) -> bytes:
    """The incident as a database tells it."""
    db = Database(Settings(data_dir=house.data_dir).url)
    try:
        directory = await db.reading(people.directory)
        incident = await db.reading(load, INCIDENT, directory)
        return canon.encode(incident.state.view())
    finally:
        await db.close()


async def upstream(station: Centre) -> dict[str, Any]:
    """How the station says that it stands with its centre."""
    async with httpx2.AsyncClient(base_url=station.url) as http:
        said: dict[str, Any] = (await http.get("/api/health")).json()["upstream"]
    return said


async def test_a_station_and_its_centre_are_killed_in_turn_and_nothing_that_was_answered_is_lost(
    tmp_path: Path,
) -> None:
    centre = await Centre.founded(tmp_path / "centre", phones=1)
    with listen("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    told = await centre.command("station", "code", "--station", STATION_NAME)
    settings = {"ORTOO_ROLE": "station", "ORTOO_UPSTREAM": centre.url}
    settings |= {"ORTOO_STATION_CODE": told.split()[0]}
    station = Centre(tmp_path / "station", port, [], settings)
    await station.command("migrate")
    assert "no centre yet" not in await station.command("serve", code=1), "it has a code"
    try:
        await centre.start()
        phone = await Phone.enrolled(centre)
        await station.start()
        here = bytes.fromhex(centre.officers[0].station)
        await phone.push(station.url, phone.pen.open(), phone.pen.create(INCIDENT, here))
        working = asyncio.create_task(phone.work(station.url))
        for victim in (station, centre, station):
            await asyncio.sleep(0.5)
            victim.kill()
            await asyncio.sleep(0.3)
            await victim.start()
        await asyncio.sleep(0.3)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

        async def handed_up() -> bool:
            said = await upstream(station)
            return said["linked_since_ms"] is not None and not said["waiting"] + said["handed"]

        await until(handed_up)
        station.stop()
        centre.stop()
        there, at_station = stored(centre), stored(station)
        assert len(phone.kept) > 10 * AT_ONCE
        assert exchange.KEPT in phone.results
        for set_id, raw in phone.kept.items():
            assert there[set_id][0] == raw
            assert at_station[set_id][0] == raw
        assert not any(rulings.is_provisional(idx) for _raw, idx in at_station.values())
        assert await view(station) == await view(centre)
        # In a checkout that was not built there is no app.
        said = await station.command("doctor", code=0 if HAS_APP else 1)
        bad = {line for line in said.splitlines() if line.startswith("BAD ")}
        assert {line.split(":")[0] for line in bad} <= {"BAD  app"}, said
        assert "0 sets wait, 0 are at the centre, 0 refused" in said
    finally:
        station.kill()
        centre.kill()
