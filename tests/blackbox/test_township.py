"""A station and its centre, each a process of its own, killed in turn under a phone that does not stop writing.

The phone pushes at the station, and again until it is answered; that is all it relies on. In the end everything that
was ever answered is at the centre as it was signed, ruled on, and the same incident at both. The checker of stations is
then shown copies of that evidence in which one promise each is broken.
"""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import NamedTuple

import httpx2
import msgspec
import pytest

from server.api.enrol import Enrolled
from server.fleet.centre import listen
from server.fleet.desk import Desk
from server.fleet.replay.cast import desk_people
from server.now import SystemClock
from server.wire import ServerRefusalError, refuse
from sync import exchange
from tests.blackbox import journal as journals
from tests.blackbox.centre import Centre
from tests.blackbox.checker import check
from tests.blackbox.journal import Journal
from tests.blackbox.level import stopped
from tests.blackbox.station_checker import KINDS, check_healed, check_kept
from tests.blackbox.witness import Witness
from tests.server.pen import Pen, chance
from tests.server.test_enrol import b64
from tests.server.township import until

INCIDENT = chance("township")[:16]
STATION_NAME = "回放01所"
AT_ONCE = 3
HAS_APP = Path("pwa/dist/index.html").is_file()


class Phone:
    """An officer's phone that keeps pushing at the station."""

    def __init__(self, pen: Pen, token: str, transport: Witness) -> None:
        self.pen = pen
        self.token = token
        self._transport = transport

    @classmethod
    async def enrolled(cls, centre: Centre, journal: Journal) -> "Phone":
        """A phone that the centre has let in and that never talks to it again."""
        pen = Pen("township", bytes.fromhex(centre.officers[0].person))
        transport = Witness(httpx2.AsyncHTTPTransport(), journal)
        async with httpx2.AsyncClient(base_url=centre.url) as http:
            password = next(word for _person, name, word in desk_people() if name == "admin")
            admin = Desk(http, "admin", password)
            code = await admin.post("/api/devices/codes", {"person": pen.person.hex()})
        asked = {"code": code["code"], "alg": pen.key.alg, "label": "手机", "app": "test/1"}
        keys = {"pub": b64(pen.key.public), "nonce": b64(pen.nonce)}
        http = httpx2.AsyncClient(base_url=centre.url, transport=transport)
        reply = await http.post("/api/enrol", json=asked | keys)
        refuse(reply)
        return cls(pen, msgspec.json.decode(reply.content, type=Enrolled).token, transport)

    async def push(self, url: str, *raws: bytes) -> None:
        """Push these until they are answered."""
        body = exchange.encode(exchange.PushRequest([msgspec.Raw(raw) for raw in raws]))
        headers = {"authorization": f"Bearer {self.token}"}
        http = httpx2.AsyncClient(base_url=url, transport=self._transport)

        async def answered() -> bool:
            try:
                refuse(await http.post("/sync/v1/push", content=body, headers=headers))
            except (httpx2.TransportError, ServerRefusalError):
                return False
            return True

        await until(answered)

    async def work(self, url: str) -> None:
        """Write and push without an end."""
        while True:
            self.pen.now_ms = SystemClock().now_ms()
            await self.push(url, *[self.pen.note(INCIDENT) for _ in range(AT_ONCE)])


class Evidence(NamedTuple):
    """A run that is over."""

    journal: Path
    centre: Path
    station: Path
    counts: dict[str, int]
    views: list[bytes]
    doctor: str


async def lived(place: Path) -> Evidence:
    centre = await Centre.founded(place / "centre", phones=1)
    with listen("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    told = await centre.command("station", "code", "--station", STATION_NAME)
    settings = {"ORTOO_ROLE": "station", "ORTOO_UPSTREAM": centre.url}
    settings |= {"ORTOO_STATION_CODE": told.split()[0]}
    station = Centre(place / "station", port, [], settings)
    await station.command("migrate")
    assert "no centre yet" not in await station.command("serve", code=1), "it has a code"
    journal = Journal(place / "journal.jsonl")
    try:
        await centre.start()
        phone = await Phone.enrolled(centre, journal)
        await station.start()
        here = bytes.fromhex(centre.officers[0].station)
        await phone.push(station.url, phone.pen.open(), phone.pen.create(INCIDENT, here))
        working = asyncio.create_task(phone.work(station.url))
        for victim in (station, centre, station):
            await asyncio.sleep(0.5)
            victim.kill()
            assert check_kept(journal.path, station.data_dir) == [] or victim is centre
            await asyncio.sleep(0.3)
            await victim.start()
        await asyncio.sleep(0.3)
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

        await stopped(centre, [station])
        # In a checkout that was not built there is no app.
        doctor = await station.command("doctor", code=0 if HAS_APP else 1)
        views = [(await house.views([INCIDENT]))[INCIDENT] for house in (centre, station)]
    finally:
        station.kill()
        centre.kill()
        journal.close()
    dirs = centre.data_dir, station.data_dir
    return Evidence(journal.path, *dirs, journal.counts, views, doctor)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return asyncio.run(lived(tmp_path_factory.mktemp("township")))


def test_a_station_and_its_centre_are_killed_in_turn_and_nothing_that_was_answered_is_lost(
    evidence: Evidence,
) -> None:
    assert evidence.counts["kept"] > 10 * AT_ONCE
    assert check(evidence.journal, evidence.centre) == []
    assert check_healed(evidence.journal, evidence.centre, evidence.station) == []
    there, at_station = evidence.views
    assert there == at_station
    bad = {line for line in evidence.doctor.splitlines() if line.startswith("BAD ")}
    assert {line.split(":")[0] for line in bad} <= {"BAD  app"}, evidence.doctor
    assert "0 sets wait, 0 are at the centre, 0 refused" in evidence.doctor


# ---- what the checker of stations is worth -----------------------------------------------------------

PLANTS = [
    ("a set that was kept is gone", "unkept", "DELETE FROM sets WHERE set_id = :kept"),
    ("it has other bytes", "edited", "UPDATE sets SET envelope = :other WHERE set_id = :kept"),
    ("it was kept with others", "unkept", "UPDATE sets SET envelope = :other WHERE set_id = :kept"),
    ("it came later", "kept_changed", "UPDATE sets SET received_at_ms = received_at_ms + 60000 WHERE set_id = :kept"),
    ("it is there twice", "twice", ("INSERT INTO sets"
     " SELECT arrival_no + 1000000, set_id, chain, seq, entity, idx, received_at_ms, envelope FROM sets"
     " WHERE set_id = :kept")),
    ("it waits", "owed", ("INSERT INTO spool (arrival_no, chain, seq, lane)"
     " SELECT arrival_no, chain, seq, 0 FROM sets WHERE set_id = :kept")),
    ("it never went up", "withheld", "UPDATE sets SET set_id = zeroblob(32) WHERE set_id = :kept"),
    ("its own opinion stands", "opinion", f"UPDATE sets SET idx = idx + {2**52} WHERE set_id = :kept"),
    ("another ruling stands", "contradicts", "UPDATE sets SET idx = idx - 1 WHERE set_id = :kept"),
    ("a ruling was turned", "contradicts", ("UPDATE rulings SET bytes ="
     " (SELECT bytes FROM rulings ORDER BY idx LIMIT 1)"
     " WHERE idx = (SELECT MAX(idx) FROM rulings WHERE idx < 1000000)")),
    ("an entry is missing", "unmirrored", "UPDATE scopes SET n = n - 1 WHERE name = 'org'"),
    ("a scope leads elsewhere", "unmirrored", "UPDATE scopes SET head = zeroblob(16) WHERE name LIKE 'station:%'"),
    ("nothing was mirrored", "unmirrored", "UPDATE scopes SET n = 0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "sql"), [pytest.param(*rest, id=story) for story, *rest in PLANTS]
)
def test_a_broken_promise_of_a_station_is_found_and_named(
    evidence: Evidence, tmp_path: Path, kind: str, sql: str
) -> None:
    shutil.copytree(evidence.station, tmp_path / "station")
    with contextlib.closing(sqlite3.connect(tmp_path / "station/ortoo.db")) as db, db:
        db.execute("DROP INDEX IF EXISTS ix_sets_set_id")
        kept = next(line for line in journals.read(evidence.journal) if line["e"] == "kept")
        named = {"kept": bytes.fromhex(kept["id"])}
        [raw] = db.execute("SELECT envelope FROM sets WHERE set_id = :kept", named).fetchone()
        header, signature, body = msgspec.msgpack.decode(raw)
        other = msgspec.msgpack.encode([header, signature[::-1], body])
        assert db.execute(sql, named | {"other": other}).rowcount > 0
    found = check_healed(evidence.journal, evidence.centre, tmp_path / "station")
    assert kind in {one.kind for one in found}


def test_a_stations_file_that_cannot_be_read_is_found_and_every_kind_was_planted(
    evidence: Evidence, tmp_path: Path
) -> None:
    tmp_path.joinpath("ortoo.db").write_bytes(bytes(4096))
    [found] = check_healed(evidence.journal, evidence.centre, tmp_path)
    assert {kind for _story, kind, _sql in PLANTS} | {found.kind} == set(KINDS)
