"""The calm of a world with townships: each station in turn is the only server that its phones meet.

Responsible for leading phones to each station until everything of theirs is confirmed through it and all that it says
is read, and for saying what is still waited for. Refuses to judge what was read: `invariants` does, once everybody has
met the centre.

Example: `await through_each_station(world, town, set(), said)` raises `Broken(21, …)` where something does not get
through.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from server.wire import NEEDS_LOGIN, REVOKED
from tests.sim import town_level
from tests.sim.oracle import Broken
from tests.sim.phone import Phone
from tests.sim.rest import excused, may_pull
from tests.sim.scene import Scene
from tests.sim.station import Station
from tests.sim.township import CENTRE, Town, chains_at

NEEDS_THE_CENTRE = (NEEDS_LOGIN, REVOKED, "not_signed_in")
LAW = 21  # what a station keeps is confirmed by nobody, and gets to the centre
ROUNDS_AT_STATION = 30  # of 15 s


async def through_each_station(
    world: Scene, town: Town, placeless: set[bytes], said: Callable[[Station], int]
) -> None:
    """Everything gets through, one station after the other. `placeless`: chains that asked a station for a place;
    `said`: how many pushes a station has answered.
    """
    for station in town.stations:
        for phone in world.phones:
            town.roam(phone, station.name if _belongs(world, phone, station) else CENTRE)
        await _settles(world, town, station, placeless)
        await station.look_through_its_books()
        await _settles(world, town, station, placeless)
        await town_level.judge(world, town, station, partial(said, station))
    world.oracle.tally["healed through the stations"] += 1


def _belongs(world: Scene, phone: Phone, station: Station) -> bool:
    family = station.family
    reads = any(scope.startswith(family) for scope in phone.stored().cursors)
    return reads or world.station_of(phone.person) == station.of


async def _settles(world: Scene, town: Town, station: Station, placeless: set[bytes]) -> None:
    waiting: list[str] = []
    began_ms = station.true_ms()
    for _ in range(ROUNDS_AT_STATION):
        await asyncio.sleep(15)
        if world.oracle.broken:
            raise world.oracle.broken[0]
        waiting = _waiting(world, town, station, placeless)
        if station.heard_ms < began_ms:
            waiting.append("the station has not heard the centre since")
        if not waiting:
            return
        for phone in world.phones:
            if phone.kind == "py":
                phone.sync()
    raise Broken(LAW, f"it does not get through {station.name}: {waiting}")


def _waiting(world: Scene, town: Town, station: Station, placeless: set[bytes]) -> list[str]:
    """What has still to get through."""
    owed = station.owed()
    found = [] if owed.waiting + owed.handed == 0 else [f"the station owes {owed}"]
    # The answer of the centre may have been lost: then a chain has a place and does not know.
    known = world.storage.look(chains_at) - placeless
    said = station.said()
    for phone in world.phones:
        if town.where(phone) != station.name or not may_pull(world, phone):
            continue
        is_forgotten = world.oracle.tally["centres put back"] and phone.chain() not in known
        if phone.refused() in NEEDS_THE_CENTRE or is_forgotten:
            continue
        stored = phone.stored()
        waits = [
            own
            for own in stored.own
            if own.waits and not excused(phone, own) and own.chain in known
        ]
        if waits:
            found.append(f"{phone.name}: {len(waits)} sets wait, the first {waits[0].result}")
        found += [
            f"{phone.name}: {name} at {at[1]} of {said[name]}"
            for name, at in stored.cursors.items()
            if name in said and at[1] != said[name]
        ]
    return found
