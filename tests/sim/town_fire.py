"""A station that burns down, and is set up anew on another machine with nothing (docs/stations.md, "From nothing").

Responsible for the fire, for what the centre does about it (the old chain is shut out, with the moment from which
nobody who belongs there signs with it), and for the new machine joining with a chain of its own. Refuses to judge what
comes of it: what any phone still keeps has to reach the centre as ever (I1).

Example: `await fires.burn()`; later `await fires.rebuild(station)`, once there is a line and the centre runs.
"""

import random

from tests.sim.scene import Scene
from tests.sim.station import Station
from tests.sim.town_courier import Couriers
from tests.sim.town_desks import Desks
from tests.sim.township import Town, ids_at

FIRES = 2  # in one world, at most


class Fires:
    """What burns, and what comes after."""

    def __init__(
        self,
        world: Scene,
        town: Town,
        chance: random.Random,
        *,
        couriers: Couriers,
        desks: Desks,
        liar: str | None,
    ) -> None:
        """`liar`: the station that lies; whoever owns it keeps it."""
        self._world = world
        self._town = town
        self._chance = chance
        self._couriers = couriers
        self._desks = desks
        self._liar = liar
        self._burnt: dict[str, tuple[bytes, int]] = {}  # by name: the chain that ended, and when
        self._left = FIRES

    async def burn(self) -> None:
        """One machine is gone with its disk, and with the key of its desks."""
        standing = [
            one
            for one in self._town.stations
            if one.name != self._liar and one.name not in self._burnt
        ]
        if not standing or not self._left:
            return
        self._left -= 1
        station = self._chance.choice(standing)
        self._burnt[station.name] = station.chain, self._world.clock.now_ms()
        tally = self._world.oracle.tally
        tally["stations burnt"] += 1
        tally["burnt with a station"] += station.owed().waiting
        self._couriers.burnt(station.name)
        self._desks.burnt(station, self._world.storage.look(ids_at))
        station.burn()
        self._world.trace.note(station.name, "burns down")

    def is_burnt(self, station: Station) -> bool:
        """Whether there is nothing of it yet but its place."""
        return station.name in self._burnt

    async def rebuild(self, station: Station) -> None:
        """Shut the old chain out, and let the new machine in. Raises like `Centre.transact`; then nothing is lost by
        trying once more.
        """
        chain, since_ms = self._burnt[station.name]
        await self._world.centre.transact(
            lambda batch: batch.devices.revoke(chain, "burnt", compromised_since_ms=since_ms)
        )
        try:
            await station.join(self._world.centre)
        except BaseException:
            station.kill()  # what has joined no centre serves nobody
            raise
        self._world.oracle.servers.add(f"Bearer {station.token}")
        del self._burnt[station.name]
        self._world.learn_rights()
        self._world.oracle.tally["stations rebuilt"] += 1
        self._world.trace.note(station.name, "is set up anew", station.chain.hex()[:8])
