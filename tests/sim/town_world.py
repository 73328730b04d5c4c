"""A world with townships in it: phones meet a station or the centre, as the network of the day leads them.

Responsible for putting stations beside the centre, for the calm in which everything gets through them, and for what
must hold because of them at once (HB): nothing that only a station keeps is believed to be safe. Then everybody meets
the centre, and all that holds in any world must hold. Refuses to change any other world: what is drawn here is drawn
from a stream of its own.

Example: `TownWorld(7, tools).run()`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from server.fleet.vault import DAMAGED, REWRITTEN
from sync import exchange
from tests.sim import fate, invariants
from tests.sim.clocks import MachineClock
from tests.sim.ended import Ended
from tests.sim.evil import Evil, EvilLine
from tests.sim.oracle import SEEN_MS, Broken
from tests.sim.people import STATIONS
from tests.sim.phone import OFF
from tests.sim.scene import Size, Tools
from tests.sim.station import Station
from tests.sim.town_calm import LAW, through_each_station
from tests.sim.town_courier import Couriers
from tests.sim.town_desks import Desks
from tests.sim.town_fate import TownFate
from tests.sim.town_faults import (
    CLOCKS,
    COURIERS,
    DESKS,
    FIRE,
    LIES_OF_TIMES,
    OFF_MS,
    TownFaults,
)
from tests.sim.town_fire import Fires
from tests.sim.township import (
    CENTRE,
    Town,
    chain_asking,
    chains_at,
    ids_at,
    served,
    shown_of_others,
    unfounded,
)
from tests.sim.wire import Request, Response
from tests.sim.world import World

LOOK_EVERY = 4  # acts of fate
ROUNDS_WITH_THE_LIAR = 6  # of 15 s


class TownWorld(World):
    """A world with stations."""

    def __init__(
        self,
        seed: int,
        tools: Tools,
        *,
        size: Size | None = None,
        faults: Mapping[str, float] | None = None,
        keep: bool = False,
        town: Mapping[str, Any] | None = None,
    ) -> None:
        """Like any world, and stations. With `town` some of their misfortunes are as given, whatever was drawn."""
        super().__init__(seed, tools, size=size, faults=faults, keep=keep)
        self.roaming = random.Random(f"{seed}/township")
        drawn = TownFaults.drawn(self.roaming)
        carrying = random.Random(f"{seed}/couriers")
        drawn.couriers = carrying.choice(COURIERS)
        burning = random.Random(f"{seed}/fire")
        drawn.fire = burning.choice(FIRE)
        writing = random.Random(f"{seed}/desks")
        drawn.desks = writing.choice(DESKS)
        drawn.clocks = writing.choice(CLOCKS)
        drawn.lies_of_times = writing.choice(LIES_OF_TIMES)
        self.town_faults = msgspec.structs.replace(drawn, **(town or {}))
        self.town = Town(self.network)
        self._add("east", STATIONS[0])
        if self.town_faults.west:
            self._add("west", STATIONS[1])
        if self.town_faults.twin:
            self._add("twin", STATIONS[0])
        self.centre.on_moved = self._poke
        self._couriers = Couriers(self, self.town, carrying)
        self.evil = self._corrupt() if self.town_faults.evil else None
        self._desks = Desks(self, self.town, writing)
        liar = self.evil.station.name if self.evil is not None else None
        self._fires = Fires(
            self,
            self.town,
            burning,
            couriers=self._couriers,
            desks=self._desks,
            liar=liar,
        )
        self._acts = 0
        self._pushes: Counter[str] = Counter()  # by the station that answered
        self._placeless: set[bytes] = set()  # chains that asked a station for a place

    def _add(self, name: str, of: bytes) -> None:
        storage = self._tools.station_storages[len(self.town.stations)]
        storage.empty()
        offset_ms = self.roaming.choice([0, OFF_MS, -OFF_MS])
        station = Station(
            self._tools.data_dir / name,
            MachineClock(self.clock, offset_ms=offset_ms, drift_ppm=self.roaming.randint(-20, 20)),
            self._entropy,
            storage,
            name=name,
            of=of,
            true_ms=self.clock.true_ms,
            network=self.network,
            chance=self.roaming,
        )
        station.on_answer = lambda request, response: self._answered_at(station, request, response)
        station.on_moved = station.poke
        self.town.add(station)
        self.oracle.servers.add(f"Bearer {station.token}")

    def _corrupt(self) -> Evil:
        """One of the stations lies from the first moment on."""
        faults, station = self.town_faults, self.roaming.choice(self.town.stations)
        evil = Evil(station, self.roaming, faults.evil, strength=faults.lying, lied=self._lied)
        self.network.nodes[station.name] = evil
        line = f"line of {station.name}"
        self.network.nodes[line] = EvilLine(self.centre, evil, self.roaming)
        self.network.via[station.name] = line
        return evil

    def _lied(self, lie: str, request: Request) -> None:
        self.oracle.tally.update(["evil", f"evil {lie}"])
        bearer = self.oracle.bearers.get(request.token)
        for phone in self.phones:
            if bearer is not None and phone.person == bearer.person:
                self.oracle.fooled.add(phone.name)
                self.trace.note(phone.name, request.word, f"is lied to: {lie}")

    def _poke(self) -> None:
        for station in self.town.stations:
            station.poke()

    # ---- what befalls it -----------------------------------------------------------------------

    def _fate(self) -> fate.Fate:
        self._strikes = TownFate(
            self,
            self.town,
            self.town_faults,
            chance=self.roaming,
            couriers=self._couriers,
            fires=self._fires,
            desks=self._desks,
        )
        return self._strikes

    async def _found(self) -> None:
        await super()._found()
        for station in self.town.stations:
            await station.join(self.centre)
        for phone in self.phones:
            here = self.town.of(self.person_of(phone).station)
            if here and self.roaming.random() < 0.7:
                self.town.roam(phone, self.roaming.choice(here).name)
        self.oracle.tally["stations"] += len(self.town.stations)
        self.oracle.tally["split hubs"] += self.town_faults.twin

    async def _revive(self) -> None:
        await super()._revive()
        await self._strikes.revive()
        self._acts += 1
        if self._acts % LOOK_EVERY == 0:
            self._believe()

    # ---- what must hold ----------------------------------------------------------------------------

    def _answered_at(self, station: Station, request: Request, response: Response) -> None:
        if request.word == "push":
            self._pushes[station.name] += 1
            self.oracle.tally["pushes at a station"] += 1
            station.poke()  # its link looks once a minute at the latest
        if request.word == "rotate":
            self._placeless.add(chain_asking(request))
        if request.word == "pull" and response.status == 200:
            for page in exchange.decode(exchange.PullReply, response.body).scopes:
                if page.entries:
                    self.oracle.may_see(request.token, page.scope, station.heard_ms - SEEN_MS)
        wrong = unfounded(request, response, lambda: self.storage.look(ids_at))
        if wrong:
            self.oracle.broken.append(Broken(LAW, f"{station.name}: {wrong}"))

    def _believe(self) -> None:
        """No phone believes a set to be safe that the centre does not have; what a liar said it only heard, and that
        a centre was put back it has to hear first."""
        there = self.storage.look(ids_at) | self.oracle.at_risk
        for phone in self.phones:
            for own in phone.stored().own:
                is_settled = not own.waits and own.result not in (REWRITTEN, DAMAGED)
                is_hearsay = own.is_hearsay and self.evil is not None and self.evil.lies
                if is_settled and not is_hearsay and own.id not in there:
                    raise Broken(LAW, f"{phone.name} believes that {own.id.hex()[:8]} is safe")

    async def _heal(self) -> None:
        self._believe()
        await self._calm()
        if self.evil is not None:
            await self._with_the_liar()
            await self._without_the_liar()
        await through_each_station(
            self, self.town, self._placeless, lambda station: self._pushes[station.name]
        )
        self._meet_the_centre()
        await super()._heal()
        self._believe()
        liar = self.evil.station.name if self.evil is not None else None
        there = self.storage.look(ids_at)
        self._couriers.arrived(there, liar)
        self._desks.arrived(there)
        for station in self.town.stations:
            self._shows_its_own(station)
            is_liar = self.evil is not None and self.evil.station is station
            if station.refused and not is_liar:
                raise Broken(LAW, f"{station.name} was refused: {station.refused}")

    async def _judge(self) -> None:
        self._couriers.count()
        await super()._judge()

    async def _with_the_liar(self) -> None:
        """Everybody meets the one who lies, and nobody else, for a while."""
        assert self.evil is not None
        for _ in range(ROUNDS_WITH_THE_LIAR):
            for phone in self.phones:
                self.town.roam(phone, self.evil.station.name)
                if phone.kind == "py":
                    phone.sync()
            await self._strikes.officer_writes()
            await asyncio.sleep(15)
            self._believe()

    async def _without_the_liar(self) -> None:
        """Whoever was lied to meets the centre: that alone must put everything right. Then the machine is honest."""
        assert self.evil is not None
        self._meet_the_centre()
        await super()._heal()
        self.oracle.fooled.clear()
        self._believe()
        invariants.no_loss(Ended(self))
        self.evil.lies.clear()

    def _meet_the_centre(self) -> None:
        for phone in self.phones:
            self.town.roam(phone, CENTRE)
            if phone.kind == "py":
                phone.sync()

    def _shows_its_own(self, station: Station) -> None:
        """I13: of its months a station sends what the centre sends, and it shows no incidents of others."""
        family = f"station:{station.of.hex()}:"
        if others := station.storage.look(shown_of_others, family):
            raise Broken(13, f"{station.name} shows {others[0].hex()[:8]} of another station")
        there = self.storage.look(served, family)
        for name, lines in station.storage.look(served, family).items():
            if len(lines) == len(there[name]) and lines != there[name]:
                raise Broken(13, f"{station.name} sends {name} otherwise than the centre")

    async def _calm(self) -> None:
        """All lines are there, everything runs."""
        self.network.calm()
        burnt = [one for one in self.town.stations if self._fires.is_burnt(one)]
        for house in (self.centre, *self.town.stations):
            house.storage.trouble, house.storage.cut_after_commit = None, False
            if not house.is_up and house not in burnt:
                await house.start()
        for station in burnt:
            await self._fires.rebuild(station)
        known = self.storage.look(chains_at)
        for station in self.town.stations:
            if station.chain not in known:
                await station.let_in(self.centre)
        self.learn_rights()
        for phone in self.phones:
            if phone.state == OFF:
                phone.open()
            phone.wake()
