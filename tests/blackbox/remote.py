"""A centre and two townships over satellite links that are thin, slow, silent and cut: real processes, real networks.

Responsible for the story and its schedule, which the seed draws: phones and desks work; one town is cut off for the
whole middle of it, the link of the other loses now one direction, now both; a phone moves from one town to the other
and home again; a station is killed with `kill -9` under all that. Then the links are mended, and the story waits until
nothing is owed to anybody. The checkers judge: `checker.py` the centre, `station_checker.py` both stations.

Example: `live(place, seed=7, alone_s=12)` gives a `Tally`; a broken promise raises `BrokenPromiseError`.
"""

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import httpx2
import msgspec

from server.fleet.desk import Desk
from server.fleet.replay.cast import PASSWORD
from tests.blackbox import journal as journals
from tests.blackbox.alone import LONG_S, Alone, check_alone, now_ms
from tests.blackbox.centre import ANSWER_S, Centre
from tests.blackbox.checker import Violation, check
from tests.blackbox.house import House
from tests.blackbox.journal import Journal
from tests.blackbox.kills import BrokenPromiseError
from tests.blackbox.level import is_level, stopped
from tests.blackbox.officer import READY, Told
from tests.blackbox.station_checker import check_healed, check_kept
from tests.blackbox.wires import CENTRE, DESK, PORT, Wires, laid, town
from tests.blackbox.witness import Witness
from tests.server.test_enrol import request
from tests.server.township import until

TOWNS: Final = 2
OFFICERS: Final = 9  # made-up organisations have eight to a station
OFFICER: Final = "tests.blackbox.officer"
PHONES: Final = 3  # at home: the first and the third in the first town
ROAMER: Final = 2
CALM_S: Final = 4.0
PATIENCE_S: Final = 120.0


class Tally(NamedTuple):
    """What a run did, so that a run that did nothing is noticed."""

    kept: int  # answers of stations
    acked: int
    ruled: int
    provisional: int  # incidents of the town that was alone, without a number until the centre knew
    cuts: int
    healed_s: float  # how long it took from the mending of the last link until nothing was owed


class Gathered(NamedTuple):
    """The journal of everybody, and how many lines of each kind are in it."""

    path: Path
    counts: Counter[str]


def live(place: Path, seed: int, alone_s: float) -> Tally:
    """The whole story; everything stays in `place` for whoever looks into a failure. Raises BrokenPromiseError."""
    with laid(TOWNS, PHONES, str(seed)) as wires:
        story = Story(place, seed, wires)
        try:
            return wires.within(DESK, lambda: story.live(alone_s))
        finally:
            story.end()


class Story:
    """One run."""

    def __init__(self, place: Path, seed: int, wires: Wires) -> None:
        """Nothing runs yet."""
        self._place = place
        self._seed = seed
        self._chance = random.Random(seed)
        self._wires = wires
        self._journal = Journal(place / "desks.jsonl")
        self._phones: list[subprocess.Popen[str]] = []
        self._houses: list[House] = []
        self._cuts = 0

    @property
    def _centre(self) -> House:
        return self._houses[0]

    @property
    def _stations(self) -> list[House]:
        return self._houses[1:]

    def end(self) -> None:
        """Whatever still runs does no longer."""
        for house in self._houses:
            house.kill()
        for phone in self._phones:
            phone.kill()
            phone.wait()
        self._journal.close()

    async def live(self, alone_s: float) -> Tally:
        """Found, work, suffer, heal, judge."""
        await self._found()
        for number in range(TOWNS):
            self._wires.shape(number)
        await asyncio.sleep(CALM_S)
        from_ms = now_ms()
        self._cut(1)
        provisional = await self._suffer(alone_s)
        alone = Alone(from_ms, now_ms())
        for number in range(TOWNS):
            self._wires.mend(number)
        began_s = asyncio.get_running_loop().time()
        await self._rest()
        healed_s = asyncio.get_running_loop().time() - began_s
        await self._judge(provisional)
        if alone_s >= LONG_S:
            phone, there = self._place / "phone1.jsonl", self._stations[1].data_dir
            self._judged("alone", check_alone(alone, self._centre.data_dir, there, phone))
        counts, made = self._gathered().counts, len(provisional)
        return Tally(counts["kept"], counts["acked"], counts["ruled"], made, self._cuts, healed_s)

    # ---- founding ------------------------------------------------------------------------------

    async def _found(self) -> None:
        founded = await Centre.founded(self._place / CENTRE, OFFICERS)
        officers = founded.officers
        self._houses = [House(self._wires, CENTRE, founded.data_dir, PORT, officers)]
        await self._centre.start()
        async with self._desk(self._centre, "admin") as admin:
            org = await admin.get("/api/org")
            codes = [
                (await admin.post("/api/devices/codes", {"person": officer.person}))["code"]
                for officer in officers[:PHONES]
            ]
        named = {one["id"]: one["name"] for one in org["stations"]}
        for number, code in enumerate(
            codes
        ):  # before the stations join, which then follow what is theirs at once
            self._phones.append(self._started(number, code))
        await asyncio.gather(*(asyncio.to_thread(_said, phone) for phone in self._phones))
        for number in range(TOWNS):
            said = await self._centre.command(
                "station", "code", "--station", named[officers[number].station]
            )
            settings = {"ORTOO_ROLE": "station", "ORTOO_STATION_CODE": said.split()[0]}
            settings |= {"ORTOO_UPSTREAM": self._wires.upstream(number)}
            place = self._place / town(number)
            self._houses.append(House(self._wires, town(number), place, PORT, officers, settings))
        await asyncio.gather(*(self._joined(station) for station in self._stations))
        for number in range(PHONES):
            self._wires.roam(number, town(0 if number == ROAMER else number))

    async def _joined(self, station: House) -> None:
        await station.command("migrate")
        await station.start()
        await until(partial(is_level, station, self._centre))

    def _started(self, number: int, code: str) -> subprocess.Popen[str]:
        officer = self._centre.officers[number]
        told = Told(str(self._place), number, str(self._seed), officer, code)
        words = [*self._wires.inside(f"phone{number}"), sys.executable, "-m", OFFICER]
        with (self._place / f"phone{number}.log").open("w", encoding="utf-8") as log:
            phone = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert phone.stdin is not None
        phone.stdin.write(msgspec.json.encode(told).decode() + "\n")
        phone.stdin.flush()
        return phone

    @asynccontextmanager
    async def _desk(self, house: House, login: str) -> AsyncIterator[Desk]:
        transport = Witness(httpx2.AsyncHTTPTransport(), self._journal)
        url, patience = house.url, httpx2.Timeout(ANSWER_S)
        async with httpx2.AsyncClient(base_url=url, transport=transport, timeout=patience) as http:
            yield Desk(http, login, PASSWORD)

    # ---- the middle ----------------------------------------------------------------------------

    async def _suffer(self, alone_s: float) -> list[str]:
        """The second town is alone; a desk there works on. Gives the incidents that were made there meanwhile."""
        chance, alone, other = self._chance, self._stations[1], self._stations[0]
        until_s = asyncio.get_running_loop().time() + alone_s
        stranger = asyncio.create_task(self._turned_away(alone))
        made = [await self._alone_at_desk(alone)]
        self._wires.roam(ROAMER, alone.name)
        await asyncio.sleep(chance.uniform(0.1, 0.2) * alone_s)
        self._cut(0, up=chance.random() < 0.5)
        await asyncio.sleep(chance.uniform(0.1, 0.2) * alone_s)
        other.kill()
        self._judged("killed", check_kept(self._gathered().path, other.data_dir))
        self._wires.mend(0)
        await other.start()
        await asyncio.sleep(chance.uniform(0.1, 0.2) * alone_s)
        self._cut(0)
        made.append(await self._alone_at_desk(alone))
        self._wires.roam(ROAMER, other.name)
        await asyncio.sleep(max(0, until_s - asyncio.get_running_loop().time()))
        await stranger
        return made

    def _cut(self, number: int, *, up: bool = True) -> None:
        """The way down is always lost, so that what was stored is not heard of; the way up as well if so told."""
        self._cuts += 1
        self._wires.cut(number, up=up)

    async def _alone_at_desk(self, station: House) -> str:
        """What somebody on duty can do while the centre is away. Nothing there takes longer than ANSWER_S."""
        async with self._desk(station, "duty1") as duty:
            officer = station.officers[1]
            order = {"to": officer.target}
            said = {"title": "草场围栏纠纷", "station": officer.station, "order": order}
            made = await duty.post("/api/incidents", said)
            assert made["number"] is None, "numbers are the centre's"
            incident: str = made["id"]
            wall = await duty.get("/api/incidents")
            assert incident in {one["id"] for one in wall["incidents"]}
        return incident

    async def _turned_away(self, station: House) -> None:
        """A new phone, for which the centre has to be asked over a line that swallows everything."""
        async with httpx2.AsyncClient(base_url=station.url, timeout=ANSWER_S) as stranger:
            asked = request("7KQ2M-9XR4T", "a new phone")
            said = (await stranger.post("/api/enrol", json=asked)).json()
        assert said["code"] == "centre_away"

    # ---- the end -------------------------------------------------------------------------------

    async def _rest(self) -> None:
        """Everybody stops, and goes on until nothing is owed to anybody."""
        for phone in self._phones:
            assert phone.stdin is not None
            phone.stdin.write("rest\n")
            phone.stdin.flush()
        for number, phone in enumerate(self._phones):
            code = await asyncio.to_thread(phone.wait, PATIENCE_S)
            words = (self._place / f"phone{number}.log").read_text(encoding="utf-8")
            assert code == 0, f"phone {number} ended with {code}\n{words}"

    async def _judge(self, made: Sequence[str]) -> None:
        for number, station in enumerate(self._stations):
            await until(partial(is_level, station, self._centre))
            async with self._desk(station, f"duty{number}") as duty:
                wall = (await duty.get("/api/incidents"))["incidents"]
            numbers = {one["id"]: one["number"] for one in wall}
            missing = [one for one in made if number == 1 and numbers.get(one) is None]
            assert not missing, f"the centre gave no number to {missing}"
        await stopped(self._centre, self._stations)
        journal, centre = self._gathered().path, self._centre
        self._judged("healed, the centre", check(journal, centre.data_dir))
        for station in self._stations:
            found = check_healed(journal, centre.data_dir, station.data_dir)
            self._judged(f"healed, {station.name}", found)
            told = _incidents(station.data_dir)
            assert told, "nothing was mirrored"
            assert await station.views(told) == await centre.views(told)

    def _judged(self, when: str, found: Sequence[Violation]) -> None:
        if found:
            lines = "\n".join(str(violation) for violation in found[:20])
            raise BrokenPromiseError(
                f"seed {self._seed}, {when}: {len(found)} violations; evidence in {self._place}\n{lines}"
            )

    def _gathered(self) -> Gathered:
        """One journal of what everybody was told so far."""
        path = self._place / "journal.jsonl"
        parts = ["desks.jsonl", *(f"phone{number}.jsonl" for number in range(PHONES))]
        text = "".join((self._place / part).read_text(encoding="utf-8") for part in parts)
        path.write_text(text, encoding="utf-8")
        return Gathered(path, Counter(line["e"] for line in journals.read(path)))


def _said(phone: subprocess.Popen[str]) -> None:
    assert phone.stdout is not None
    assert phone.stdout.readline() == READY, "a phone did not start; its log says why"


def _incidents(data_dir: Path) -> list[bytes]:
    """The incidents of which a stopped station mirrors every word."""
    with closing(sqlite3.connect(data_dir / "ortoo.db")) as db:
        rows = db.execute(
            "SELECT DISTINCT s.entity FROM sets s JOIN scope_entries e ON e.arrival_no = s.arrival_no"
            " JOIN scopes o ON o.id = e.scope WHERE o.name LIKE 'station:%'"
        )
        return [entity for (entity,) in rows]
