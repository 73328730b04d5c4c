"""A world with a township in it: phones meet the station or the centre, as the network of the day leads them.

Responsible for what befalls the station and its line, and for what must hold because of it (HB): nothing that only a
station keeps is believed to be safe, and in the calm everything reaches the centre through the station alone. Then
everybody meets the centre, and all that holds in any world must hold. Refuses to change any other world: what is drawn
here is drawn from a stream of its own.

Example: `TownWorld(7, tools).run()`.
"""

import asyncio
import random
from collections.abc import Mapping
from contextlib import suppress

from server.fleet.vault import DAMAGED, REWRITTEN
from server.wire import NEEDS_LOGIN, REVOKED
from tests.sim import fate
from tests.sim.clocks import PhoneClock
from tests.sim.oracle import Broken
from tests.sim.phone import OFF, Phone
from tests.sim.rest import excused, may_pull
from tests.sim.scene import Size, Tools
from tests.sim.storage import CUT, Trouble
from tests.sim.township import NAME, STATION, TOKEN, Station, Town, chain_asking, ids_at, unfounded
from tests.sim.wire import LostError, Request, Response
from tests.sim.world import World

NEEDS_THE_CENTRE = (NEEDS_LOGIN, REVOKED, "not_signed_in")
LAW = 21  # what a station keeps is confirmed by nobody, and gets to the centre
ROUNDS_AT_STATION = 30  # of 15 s
LOOK_EVERY = 4  # acts of fate
OFF_MS = 20_000  # the machine's own clock, either way


class TownWorld(World):
    """A world with one station."""

    def __init__(
        self,
        seed: int,
        tools: Tools,
        *,
        size: Size | None = None,
        faults: Mapping[str, float] | None = None,
        keep: bool = False,
    ) -> None:
        """Like any world, and a station. Nobody's rights change: what a station knows of that late others tell."""
        faults = {"rights": 0.0} | dict(faults or {})
        super().__init__(seed, tools, size=size, faults=faults, keep=keep)
        self.roaming = random.Random(f"{seed}/township")
        tools.station_storage.empty()
        offset_ms = self.roaming.choice([0, OFF_MS, -OFF_MS])
        station = Station(
            tools.data_dir / "station",
            PhoneClock(self.clock, offset_ms=offset_ms, drift_ppm=self.roaming.randint(-20, 20)),
            self._entropy,
            tools.station_storage,
            network=self.network,
            chance=self.roaming,
        )
        station.on_answer = self._answered_there
        self.centre.on_moved = station.poke
        station.on_moved = station.poke
        self.town = Town(station, self.network)
        self.oracle.servers.add(f"Bearer {TOKEN}")
        self._acts = 0
        self._placeless: set[bytes] = set()  # chains that asked the station for a place

    # ---- what befalls it -----------------------------------------------------------------------

    def _fate(self) -> fate.Fate:
        strikes = fate.Fate(self)
        strikes.also(
            (0.12, self._roams),
            (0.05, self._line_breaks),
            (0.06, self._line_mends),
            (0.03, self._station_dies),
        )
        return strikes

    async def _found(self) -> None:
        await super()._found()
        await self.town.station.join(self.centre)
        for phone in self.phones:
            if self.person_of(phone).station == STATION and self.roaming.random() < 0.7:
                self.town.roam(phone, NAME)

    async def _roams(self) -> None:
        phone = self.roaming.choice(self.phones)
        self.trace.note(phone.name, "roams", self.town.roam(phone))
        self.oracle.tally["roamed"] += 1

    async def _line_breaks(self) -> None:
        self.network.apart.add(NAME)
        self.trace.note(NAME, "apart")

    async def _line_mends(self) -> None:
        self.network.apart.discard(NAME)
        self.trace.note(NAME, "together")

    async def _station_dies(self) -> None:
        station = self.town.station
        self.oracle.tally["station crashes"] += 1
        if self.roaming.random() < 0.5:
            station.kill()
        else:
            station.storage.trouble = Trouble(CUT, self.roaming.randrange(1, fate.STATEMENTS))
        self.trace.note(NAME, "dies")

    async def _revive(self) -> None:
        await super()._revive()
        station = self.town.station
        if not station.is_up and self.roaming.random() < 0.3:
            with suppress(LostError):
                await station.start()
        self._acts += 1
        if self._acts % LOOK_EVERY == 0:
            self._believe()

    # ---- what must hold ----------------------------------------------------------------------------

    def _answered_there(self, request: Request, response: Response) -> None:
        if request.word == "push":
            self.oracle.tally["pushes at the station"] += 1
            self.town.station.poke()  # its link looks once a minute at the latest
        if request.word == "rotate":
            self._placeless.add(chain_asking(request))
        wrong = unfounded(request, response, lambda: self.storage.look(ids_at))
        if wrong:
            self.oracle.broken.append(Broken(LAW, f"the station: {wrong}"))

    def _believe(self) -> None:
        """No phone believes a set to be safe that the centre does not have."""
        there = self.storage.look(ids_at)
        for phone in self.phones:
            for own in phone.stored().own:
                is_settled = not own.waits and own.result not in (REWRITTEN, DAMAGED)
                if is_settled and own.id not in there:
                    raise Broken(LAW, f"{phone.name} believes that {own.id.hex()[:8]} is safe")

    async def _heal(self) -> None:
        self._believe()
        await self._heal_town()
        self.network.via.clear()
        for phone in self.phones:
            if phone.kind == "py":
                phone.sync()
        await super()._heal()
        self._believe()
        if self.town.station.refused:
            raise Broken(LAW, f"the station was refused: {self.town.station.refused}")

    async def _heal_town(self) -> None:
        """Whoever belongs to the township, or has read at its station, meets that alone; the line is there."""
        station = self.town.station
        self.network.calm()
        self.storage.trouble, self.storage.cut_after_commit = None, False
        station.storage.trouble = None
        for house in (self.centre, station):
            if not house.is_up:
                await house.start()
        self.learn_rights()
        for phone in self.phones:
            if phone.state == OFF:
                phone.open()
            phone.wake()
            self.town.roam(phone, NAME if self._is_of_the_town(phone) else "centre")
        waiting: list[str] = []
        for _ in range(ROUNDS_AT_STATION):
            await asyncio.sleep(15)
            if self.oracle.broken:
                raise self.oracle.broken[0]
            waiting = self._waiting()
            if not waiting:
                break
            for phone in self.phones:
                if phone.kind == "py":
                    phone.sync()
        else:
            raise Broken(LAW, f"it does not get through the station: {waiting}")
        self.oracle.tally["healed through the station"] += 1

    def _is_of_the_town(self, phone: Phone) -> bool:
        reads = any(scope.startswith("hub:") for scope in phone.stored().cursors)
        return reads or self.station_of(phone.person) == STATION

    def _waiting(self) -> list[str]:
        """What has still to get through the station."""
        owed = self.town.station.owed()
        found = [] if owed.waiting + owed.handed == 0 else [f"the station owes {owed}"]
        # The answer of the centre may have been lost: then a chain has a place and does not know.
        known = {one.chain for one in self.oracle.bearers.values()} - self._placeless
        said = self.town.station.said()
        for phone in self.phones:
            if not self.town.is_here(phone) or not may_pull(self, phone):
                continue
            if phone.refused() in NEEDS_THE_CENTRE:
                continue
            waits = [
                own
                for own in phone.stored().own
                if own.waits and not excused(phone, own) and own.chain in known
            ]
            if waits:
                found.append(f"{phone.name}: {len(waits)} sets wait, the first {waits[0].result}")
            found += [
                f"{phone.name}: {name} at {at[1]} of {said[name]}"
                for name, at in phone.stored().cursors.items()
                if name in said and at[1] != said[name]
            ]
        return found
