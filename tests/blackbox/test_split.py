"""Two stations that both believe they serve one township, real processes, each with a line of its own (N8, S1).

Two hundred pushes of one set through all three servers at once are one set. Then both lines are cut, a phone and the
desks work on at either station, and when the lines are back there is one incident, the same everywhere.
"""

import asyncio
import contextlib
from functools import partial
from pathlib import Path

import httpx2

from server.fleet.centre import listen
from server.fleet.desk import Desk
from server.fleet.replay.cast import PASSWORD
from tests.blackbox.centre import Centre
from tests.blackbox.checker import check
from tests.blackbox.evidence import read_stopped
from tests.blackbox.journal import Journal
from tests.blackbox.level import is_level, stopped
from tests.blackbox.proxy import Proxy
from tests.blackbox.station_checker import check_healed
from tests.blackbox.test_township import INCIDENT, STATION_NAME, Phone
from tests.server.township import DOWN, until

TIMES = 200


async def joined(centre: Centre, line: Proxy, data_dir: Path) -> Centre:
    """A station of the one township, over its own line."""
    with listen("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    told = await centre.command("station", "code", "--station", STATION_NAME)
    settings = {"ORTOO_ROLE": "station", "ORTOO_STATION_CODE": told.split()[0]}
    settings |= {"ORTOO_UPSTREAM": f"http://127.0.0.1:{line.port}"}
    station = Centre(data_dir, port, [], settings)
    await station.command("migrate")
    await station.start()
    return station


async def noted(station: Centre, text: str) -> None:
    """Somebody on duty writes a note at this station's desk."""
    async with httpx2.AsyncClient(base_url=station.url) as http:
        await Desk(http, "duty0", PASSWORD).move(INCIDENT.hex(), "note", text=text)


async def test_two_stations_of_one_township_make_one_incident_of_what_each_was_told(
    tmp_path: Path,
) -> None:
    centre = await Centre.founded(tmp_path / "centre", phones=1)
    journal = Journal(tmp_path / "journal.jsonl")
    houses = [centre]
    try:
        await centre.start()
        phone = await Phone.enrolled(centre, journal)
        here = bytes.fromhex(centre.officers[0].station)
        await phone.push(centre.url, phone.pen.open(), phone.pen.create(INCIDENT, here))
        async with contextlib.AsyncExitStack() as stack:
            lines = [await stack.enter_async_context(Proxy.before(centre.port)) for _ in range(2)]
            for number, line in enumerate(lines):
                houses.append(await joined(centre, line, tmp_path / f"station{number}"))
            stations = houses[1:]
            for station in stations:
                await until(partial(is_level, station, centre))

            same = phone.pen.note(INCIDENT, "同一条")
            await asyncio.gather(*(phone.push(houses[at % 3].url, same) for at in range(TIMES)))

            for line in lines:
                line.cut = DOWN
                line.drop()
            owed: list[bytes] = []
            for number, station in enumerate(stations):
                owed.append(phone.pen.note(INCIDENT, f"手机在{number}所"))
                await phone.push(station.url, *owed)  # to each all that the centre has not answered
                await noted(station, f"值班在{number}所")
            for line in lines:
                line.cut = None
            await stopped(centre, stations)
        assert check(journal.path, centre.data_dir) == []
        views = [(await house.views([INCIDENT]))[INCIDENT] for house in houses]
        assert views[0] == views[1] == views[2]
        for text in ("同一条", "手机在0所", "手机在1所", "值班在0所", "值班在1所"):
            assert views[0].count(text.encode()) == 1, text
        for station in stations:
            assert check_healed(journal.path, centre.data_dir, station.data_dir) == []
        numbers = {
            ruling[4]["no"]
            for ruling in read_stopped(centre.data_dir).said.values()
            if ruling[3] == "set"
        }
        assert len(numbers - {None}) == 1, "one incident, one number"
    finally:
        for house in houses:
            house.kill()
        journal.close()
