"""What befalls the stations of a world and the ways between them, beside all that befalls any world.

Responsible for choosing and carrying out. Refuses to judge what comes of it. Chance is a stream of its own.

Example: `Fate(world, town)` strikes now and then by leading a phone from one server to another.
"""

import random
from contextlib import suppress

from sqlalchemy.exc import OperationalError

from tests.sim import fate
from tests.sim.scene import Scene
from tests.sim.station import Station
from tests.sim.storage import CUT, Trouble
from tests.sim.town_courier import Couriers
from tests.sim.town_desks import Desks
from tests.sim.town_faults import TownFaults
from tests.sim.town_fire import Fires
from tests.sim.township import Town
from tests.sim.wire import LostError


class TownFate(fate.Fate):
    """Strikes stations too."""

    def __init__(
        self,
        world: Scene,
        town: Town,
        faults: TownFaults,
        *,
        chance: random.Random,
        couriers: Couriers,
        fires: Fires,
        desks: Desks,
    ) -> None:
        super().__init__(world)
        self._town = town
        self._roaming = chance
        self._fires = fires
        self._events += [
            (faults.roams, self._roams),
            (faults.line, self._line_breaks),
            (faults.line * 1.2, self._line_mends),
            (faults.crash, self._station_dies),
            (faults.couriers, couriers.set_out),
            (faults.couriers * 1.5, couriers.arrive),
            (faults.fire, fires.burn),
            (faults.desks, desks.write),
            (faults.clocks, desks.set_a_clock),
            (faults.lies_of_times, desks.lie_of_times),
        ]

    async def revive(self) -> None:
        """Machines that are down start again a while later, and others take the place of those that burnt."""
        for station in self._town.stations:
            if self._fires.is_burnt(station):
                await self._rebuild(station)
            elif not station.is_up and self._roaming.random() < 0.3:
                with suppress(LostError):
                    await station.start()

    async def _rebuild(self, station: Station) -> None:
        if self._roaming.random() < 0.2 and station.name not in self._world.network.apart:
            with suppress(*fate.NOT_NOW, OperationalError):
                await self._fires.rebuild(station)

    def _one(self) -> Station:
        return self._roaming.choice(self._town.stations)

    async def _roams(self) -> None:
        phone = self._roaming.choice(self._world.phones)
        to = self._town.elsewhere(phone, self._roaming)
        self._town.roam(phone, to)
        self._world.trace.note(phone.name, "roams", to)
        self._world.oracle.tally["roamed"] += 1

    async def _line_breaks(self) -> None:
        name = self._one().name
        self._world.network.apart.add(name)
        self._world.trace.note(name, "apart")

    async def _line_mends(self) -> None:
        name = self._one().name
        self._world.network.apart.discard(name)
        self._world.trace.note(name, "together")

    async def _station_dies(self) -> None:
        station = self._one()
        if self._fires.is_burnt(station):
            return
        self._world.oracle.tally["station crashes"] += 1
        if self._roaming.random() < 0.5:
            station.kill()
        else:
            station.storage.trouble = Trouble(CUT, self._roaming.randrange(1, fate.STATEMENTS))
        self._world.trace.note(station.name, "dies")
