"""Who plays a replay: simulated officers with devices of their own, and the people at the desk.

Responsible for enrolling devices through the real API, each behind its own link, and for the made-up
organisation of a centre that has none. Refuses to know calls and what is played.

Example: `await enrol(officers, …)` gives one `Player` per officer, in their order.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from server.fleet.chain import seeded_entropy
from server.fleet.desk import Desk
from server.fleet.device import Device
from server.fleet.links import Link, Made, Perfect, Recorded, RecordedWithOutages, read_traces
from server.fleet.replay.townships import Townships, Waking
from server.fleet.replay.wrongclocks import Drawn
from server.fleet.timebase import PhoneTime, VirtualTime
from server.fleet.transport import LinkTransport
from server.fleet.vault import Vault
from server.fleet.world import OrgRow
from sync import ids

DEVICES_PER_STATION = 8
PERFECT, SEEDED = "perfect", "seeded"
PASSWORD = "replay-desk-password"  # noqa: S105 - of a centre that listens on loopback and is thrown away


class Officer(msgspec.Struct, frozen=True):
    """Someone who will carry a device. Ids as hex; orders go to `target`."""

    person: str
    station: str
    target: tuple[str, str]


class Player(msgspec.Struct, frozen=True):
    """An officer with an enrolled device and its link."""

    officer: Officer
    device: Device
    transport: LinkTransport
    drawn: Drawn | None = None  # its clocks, where they are wrong


class Links(msgspec.Struct, frozen=True):
    """Which links the devices get, and how a report names them."""

    words: str
    traces: list[Any] | None
    perfect: bool

    @classmethod
    def named(cls, choice: str) -> "Links":
        """`perfect`, `seeded`, or a directory of traces. Raises ValueError for a bad directory."""
        if choice == PERFECT:
            return cls("perfect links", None, True)
        if choice == SEEDED:
            return cls("links with made outages of minutes to hours", None, False)
        traces = read_traces(Path(choice))
        words = f"recorded links ({', '.join(traces)}) with made outages of minutes to hours"
        return cls(words, list(traces.values()), False)

    def link(self, seed: str, number: int, start_ms: int) -> Link:
        """The link of device `number`."""
        if self.perfect:
            return Perfect()
        made = Made(f"{seed}/link/{number}", start_ms)
        if self.traces is None:
            return made
        up, down = self.traces[number % len(self.traces)]
        shift_ms = random.Random(f"{seed}/shift/{number}").randrange(up.length_ms)  # noqa: S311
        return RecordedWithOutages(Recorded(up, down, shift_ms), made)


def made_up(devices: int) -> tuple[list[OrgRow], list[Officer]]:
    """An organisation for `devices` officers, each a unit of one, eight to a station; and a desk."""
    stations = -(-devices // DEVICES_PER_STATION)
    rows: list[OrgRow] = [
        ("stations", _id("station", number), {"name": f"回放{number + 1:02d}所"})
        for number in range(stations)
    ]
    rows += [
        ("people", _id(role, 0), {"name": f"回放{role}", "role": role})
        for role in ("dispatcher", "admin")
    ]
    officers = []
    for number in range(devices):
        station, unit = _id("station", number % stations), _id("unit", number)
        person = _id("person", number)
        rows.append(("units", unit, {"name": f"回放车组{number + 1:03d}", "station": station}))
        said = {"name": f"回放警员{number + 1:03d}", "role": "officer", "station": station}
        rows.append(("people", person, said | {"unit": unit}))
        officers.append(Officer(person.hex(), station.hex(), ("unit", unit.hex())))
    return rows, officers


def desk_people() -> list[tuple[bytes, str, str]]:
    """Person, login and password of the made-up organisation's desks."""
    return [(_id(role, 0), role, PASSWORD) for role in ("dispatcher", "admin")]


def found(org: dict[str, Any], most: int) -> list[Officer]:
    """Up to `most` officers of a running centre, as `GET /api/org` names them."""
    officers = []
    for person in org["people"]:
        if person["role"] != "officer" or not person["station"]:
            continue
        target = ("unit", person["unit"]) if person["unit"] else ("person", person["id"])
        officers.append(Officer(person["id"], person["station"], target))
    return officers[:most]


async def enrol(
    officers: Sequence[Officer],
    admin: Desk,
    *,
    inner: httpx2.AsyncBaseTransport,
    server: str,
    time: VirtualTime,
    links: Links,
    seed: str,
    vaults: Path | None,
    drawn: Sequence[Drawn] | None = None,
    there: Townships | None = None,
) -> list[Player]:
    """Give each officer a device, enrolled by a one-time code at the station, where there is network.

    Keys, salts and retries follow from the seed and the officer's number. Vaults are files in `vaults`, or memory.
    Whose station is one of those `there` talks to that, and is enrolled at the centre all the same. With `drawn`
    clocks, one for each officer, the chains say what the phones know of their clocks, and a phone that sleeps has no
    network.
    """
    players = []
    for number, officer in enumerate(officers):
        code = await admin.post("/api/devices/codes", {"person": officer.person})
        at_station = LinkTransport(inner, Perfect(), time)
        township = None if there is None else there.of.get(officer.station)
        way = inner if township is None else Waking(inner, township)
        transport = LinkTransport(way, links.link(seed, number, time.now_ms()), time)
        path = None if vaults is None else vaults / f"{number:03d}.db"
        wrong = None if drawn is None else drawn[number]
        device = Device(
            Vault(path),
            httpx2.AsyncClient(
                base_url=server if township is None else township.url, transport=transport
            ),
            time if wrong is None else PhoneTime(time, wrong.clock),
            entropy=seeded_entropy(seed, "/device/", str(number)),
            chance=random.Random(f"{seed}/chance/{number}"),  # noqa: S311 - spreads retries
            online=transport.online if wrong is None else _awake(transport, wrong, time),
            records_centre=wrong is not None,
        )
        device.reading.pulled_sets = set()
        async with httpx2.AsyncClient(base_url=server, transport=at_station) as http:
            await device.enrol(code["code"], f"replay {number + 1}", http)
        players.append(Player(officer, device, transport, wrong))
    return players


def chains_by_station(players: Sequence[Player]) -> dict[str, list[bytes]]:
    """The chains of all phones, by the station of their officers."""
    found: dict[str, list[bytes]] = {}
    for player in players:
        found.setdefault(player.officer.station, []).append(player.device.chain)
    return found


def _awake(transport: LinkTransport, wrong: Drawn, time: VirtualTime) -> Callable[[], bool]:
    return lambda: not wrong.clock.is_asleep(time.now_ms()) and transport.online()


def _id(what: str, number: int) -> bytes:
    return ids.tagged_hash("ortoo/replay-org/1", what.encode(), b"%d" % number)[:16]
