"""Desks of a world's stations, their clocks, and an owner who changes what his station remembers of times.

Responsible for what people of a station write at its own desk (orders, transfers, steps that somebody said by radio),
for setting the clock of its machine while it runs, and for words on times that are lies (SPEC TM13). Refuses to judge
anything but one thing: what a desk wrote is at the centre in the end, unless a fire took it that was faster.

Example: `await desks.write()`; in the end `desks.arrived(there)` raises `Broken(21, …)` for an order that never came.
"""

import random

from sqlalchemy.exc import OperationalError

from sync.changeset import KIND_INCIDENT, Draft
from tests.sim import fate
from tests.sim.oracle import DESK, Broken, Wrote
from tests.sim.people import EVERYBODY
from tests.sim.scene import Scene
from tests.sim.station import Station
from tests.sim.town_calm import LAW
from tests.sim.township import Town

STEPS_MS = (-86_400_000, -3_600_000, -40_000, 40_000, 3_600_000, 3 * 86_400_000)
LIES_MS = (-3 * 86_400_000, -3_600_000, -60_000, 60_000, 3_600_000, 3 * 86_400_000)
BY_RADIO = 0.3


class Desks:
    """Those of all stations."""

    def __init__(self, world: Scene, town: Town, chance: random.Random) -> None:
        self._world = world
        self._town = town
        self._chance = chance
        self._wrote: dict[bytes, str] = {}  # what is to reach the centre, and where it was written

    async def write(self) -> None:
        """Somebody of a station writes at its desk."""
        world, station = self._world, self._chance.choice(self._town.stations)
        there = [one for one in EVERYBODY if world.station_of(one.id) == station.of]
        if not there or not station.heard_ms:
            return  # nobody can log in
        person = self._chance.choice(there)
        act = world.acts.by_radio() if self._chance.random() < BY_RADIO else None
        act = act or world.acts.drawn(person, world.clock.true_ms(), desk=True)
        draft = Draft(person.id, act.scope, KIND_INCIDENT, act.entity, act.ops, lane=act.lane)
        at_ms = world.clock.true_ms()
        try:
            [result] = await station.desk(person.id, [draft])
        except (*fate.NOT_NOW, OperationalError):
            world.trace.note(station.name, "desk", "not now")
            return
        assert result.id is not None
        station.poke()
        world.acts.learn(act, result.id, person.id)
        if world.clock.true_ms() == at_ms:  # else nobody knows when it was signed
            world.oracle.written[result.id] = Wrote(DESK + station.name, act, at_ms)
        self._wrote[result.id] = station.name
        world.oracle.tally["desks of stations"] += 1
        world.trace.note(station.name, "desk", f"{person.name}: {act.ops[0]['t']}")

    async def set_a_clock(self) -> None:
        """Somebody sets the clock of a station's machine; that is nothing to anybody."""
        station, step_ms = self._chance.choice(self._town.stations), self._chance.choice(STEPS_MS)
        station.machine.step(step_ms)
        self._world.oracle.tally["clocks of stations"] += 1
        self._world.trace.note(station.name, "clock", f"{step_ms} ms")

    async def lie_of_times(self) -> None:
        """Whoever owns a station changes since when it says to have had what it has not spoken of yet."""
        station, by_ms = self._chance.choice(self._town.stations), self._chance.choice(LIES_MS)
        changed = station.storage.look(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE spool SET kept_at_ms = kept_at_ms + ? WHERE kept_at_ms IS NOT NULL",
                    (by_ms,),
                ).rowcount
            )
        )
        self._world.oracle.tally["lies of times"] += changed
        self._world.trace.note(station.name, "lies of times", f"{by_ms} ms, {changed} sets")

    def burnt(self, station: Station, there: set[bytes]) -> None:
        """What only that machine had is gone with it."""
        lost = {at for at, name in self._wrote.items() if name == station.name} - there
        self._world.oracle.tally["burnt with a desk"] += len(lost)
        self._wrote = {at: name for at, name in self._wrote.items() if at not in lost}

    def arrived(self, there: set[bytes]) -> None:
        """All the rest is `there`, at the centre. Raises Broken."""
        for set_id in sorted(self._wrote.keys() - there):
            name = self._wrote[set_id]
            raise Broken(
                LAW, f"the desk of {name} wrote {set_id.hex()[:8]}, and the centre has it not"
            )
