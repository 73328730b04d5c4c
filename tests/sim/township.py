"""A township in the simulated world: its stations, and whom each phone meets.

Responsible for who lives where in the network, and for small questions about what stations say. Refuses to judge.

A phone knows one address: the network of each place leads it to the station there, any other to the centre. Nobody is
enrolled at a station. Two of the stations may be of one and the same row of the organisation: a machine that was set up
a second time while the first still runs.

Example: `town.roam(phone, "east")`: from now on that phone meets the station of that name.
"""

import gzip
import random
from collections.abc import Callable

from sqlalchemy import Connection

from sync import changeset, exchange, rulings
from sync.changeset import ChangeSet
from tests.sim.network import Network
from tests.sim.phone import Phone
from tests.sim.station import Station
from tests.sim.wire import Request, Response

CENTRE = "centre"


class Town:
    """The stations and whom they serve."""

    def __init__(self, network: Network) -> None:
        """Everybody meets the centre at first."""
        self.stations: list[Station] = []
        self._network = network

    def add(self, station: Station) -> None:
        """One more place where phones may be."""
        self.stations.append(station)
        self._network.nodes[station.name] = station

    def roam(self, phone: Phone, to: str) -> None:
        """Lead a phone to this server."""
        self._network.via[phone.name] = to

    def elsewhere(self, phone: Phone, chance: random.Random) -> str:
        """Another server than the one that a phone meets now."""
        now = self.where(phone)
        return chance.choice(
            [name for name in (CENTRE, *(one.name for one in self.stations)) if name != now]
        )

    def where(self, phone: Phone) -> str:
        """The server that a phone meets."""
        return self._network.via.get(phone.name, CENTRE)

    def of(self, station: bytes | None) -> list[Station]:
        """The servers of a station of the organisation."""
        return [one for one in self.stations if one.of == station]


def unfounded(request: Request, response: Response, at_centre: Callable[[], set[bytes]]) -> str:
    """What a station said to be safe at the centre and is not there; empty where all is well (HB4)."""
    if request.word != "push" or response.status != 200:
        return ""
    told = [
        one.id
        for one in exchange.decode(exchange.PushReply, response.body).results
        if one.r in exchange.DURABLE
    ]
    missing = set(told) - at_centre() if told else set()
    return f"{len(missing)} sets are said to be safe and are not there" if missing else ""


def chain_asking(request: Request) -> bytes:
    """The chain that asks for a place."""
    body = gzip.decompress(request.body) if request.encoding == "gzip" else request.body
    opening = changeset.read(bytes(exchange.decode(exchange.RotateRequest, body).set))
    return opening.header.chain if isinstance(opening, ChangeSet) else b""


def ids_at(connection: Connection) -> set[bytes]:
    """The sets that the centre has ruled on."""
    rows = connection.exec_driver_sql(
        "SELECT set_id FROM sets WHERE idx < ?", (rulings.PROVISIONAL_FROM,)
    )
    return {bytes(set_id) for (set_id,) in rows}


def chains_at(connection: Connection) -> set[bytes]:
    """The chains that the centre knows; one that was put back has forgotten some."""
    return {bytes(chain) for (chain,) in connection.exec_driver_sql("SELECT chain FROM devices")}


def served(connection: Connection, family: str) -> dict[str, list[tuple[int, bool]]]:
    """Of each scope whose name begins so, by place: the ruling, and whether a set comes with it."""
    rows = connection.exec_driver_sql(
        "SELECT s.name, e.idx, t.arrival_no IS NOT NULL FROM scopes s JOIN scope_entries e ON e.scope = s.id"
        " LEFT JOIN sets t ON t.arrival_no = e.arrival_no WHERE s.name LIKE ? ORDER BY s.name, e.n",
        (family + "%",),
    )
    found: dict[str, list[tuple[int, bool]]] = {}
    for name, idx, has_set in rows:
        found.setdefault(name, []).append((idx, bool(has_set)))
    return found


def shown_of_others(connection: Connection, family: str) -> list[bytes]:
    """Incidents that a station's screens show although they stand in no month of its own."""
    rows = connection.exec_driver_sql(
        "SELECT i.id FROM incidents i WHERE i.home_scope IS NOT NULL AND i.id NOT IN (SELECT p.incident"
        " FROM incident_scopes p JOIN scopes s ON s.id = p.scope WHERE s.name LIKE ?)",
        (family + "%",),
    )
    return [bytes(one) for (one,) in rows]
