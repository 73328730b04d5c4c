"""Couriers of a world with townships: files from phones to stations and the centre, and the ways back (SPEC BU, HB13).

Responsible for who takes what along and where it is brought: at once, late, more than once, cut off, to somebody it is
not for; for what the centre promised by taking it in, and for what a station then has to hand up. Refuses to judge
anything else that comes of it, but for files that cannot be opened where they should be.

Phones' files are made here as a phone makes them; answers are taken in by the app's own code.

Example: `await couriers.set_out()` puts a station's backlog into somebody's bag, `await couriers.arrive()` brings it
somewhere.
"""

import random
from contextlib import suppress

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from server.courier.backlog import LogUnknownError
from server.courier.carried import Carried
from server.courier.files import own_key
from server.seal import sealed_to
from sync import changeset
from sync.changeset import ChangeSet
from sync.sealed import SealError
from tests.sim import fate
from tests.sim.centre import Centre
from tests.sim.oracle import Broken
from tests.sim.phone import ON, Phone
from tests.sim.pwa_phone import PwaPhone
from tests.sim.scene import Scene
from tests.sim.town_calm import LAW
from tests.sim.township import CENTRE, Town

NOT_NOW = (*fate.NOT_NOW, OperationalError, LogUnknownError)
BAG = 6  # files that are under way at once
PHONES, BACKLOG, ANSWER, WORD = "a phone's file", "a backlog", "an answer", "a station's word"


class File(msgspec.Struct, frozen=True):
    """One file. `by`: who made it, or for an answer whom it answers; `readers`: the public keys of those who can open
    it, none where everybody can."""

    what: str
    by: str
    data: bytes
    readers: tuple[bytes, ...] = ()


class Couriers:
    """Those who go from place to place, and their bag."""

    def __init__(self, world: Scene, town: Town, chance: random.Random) -> None:
        self._world = world
        self._town = town
        self._chance = chance
        self._bag: list[File] = []
        self._first: set[bytes] = set()  # what the centre had from a file before it came otherwise
        self._kept: dict[bytes, str] = {}  # what a station took in from a file, and which

    def arrived(self, there: set[bytes], liar: str | None) -> None:
        """What an honest station took in from a file is `there`, at the centre. Raises Broken."""
        lost = self._kept.keys() - there - self._world.oracle.at_risk
        for set_id in sorted(lost):
            if (name := self._kept[set_id]) != liar:
                raise Broken(LAW, f"{name} had {set_id.hex()[:8]} by courier, and the centre not")

    def burnt(self, name: str) -> None:
        """A station is gone with all that it kept."""
        self._kept = {set_id: by for set_id, by in self._kept.items() if by != name}

    def count(self) -> None:
        """Tell what the files did, once the world has ended."""
        tally = self._world.oracle.tally
        tally["by a file alone"] = len(self._first - self._world.oracle.pushed)
        tally["settled by a file"] = sum(one.settled_by_hand for one in self._town.stations)
        for phone in self._world.phones:
            if isinstance(phone, PwaPhone):
                tally.update({f"{what} by a file": n for what, n in phone.by_hand.items()})

    async def set_out(self) -> None:
        """Somebody takes along what a phone has not sent, or what a station owes."""
        if self._chance.random() < 0.5:
            apart = [one for one in self._world.phones if one.name in self._world.network.apart]
            self._pack(self._chance.choice(apart or self._world.phones))
            return
        station = self._chance.choice(self._town.stations)
        with suppress(*NOT_NOW):
            data = await station.backlog()
            if data:
                self._take(File(BACKLOG, station.name, data, (_public(self._world.centre),)))

    def _pack(self, phone: Phone) -> None:
        own = [one for one in phone.stored().own if one.waits and one.id not in phone.rotten]
        if not own:
            return
        data = fate.file_of([one.raw for one in own])
        readers: tuple[bytes, ...] = ()
        if self._chance.random() < 0.5:
            here = self._town.of(self._world.station_of(phone.person))
            readers = tuple(filter(None, map(_public, (self._world.centre, *here))))
            data = b"".join(sealed_to([data], readers, self._chance.randbytes))
        self._take(File(PHONES, phone.name, data, readers))

    def _take(self, file: File) -> None:
        self._bag = [*self._bag, file][-BAG:]
        self._world.oracle.tally[f"takes {file.what}"] += 1
        self._world.trace.note(
            "courier", "takes", f"{file.what}, {file.by}: {len(file.data)} bytes"
        )

    async def arrive(self) -> None:
        """One of the files is brought somewhere; it may have lain about, or been copied before."""
        if not self._bag:
            await self.set_out()
            return
        file = self._chance.choice(self._bag)
        if self._chance.random() < 0.6:
            self._bag.remove(file)
        is_lost_on_the_way = self._chance.random() < 0.2
        to = self._somewhere() if is_lost_on_the_way else self._where_to(file)
        size = len(file.data)
        cut = self._chance.randrange(size) if self._chance.random() < 0.2 else size
        tally = self._world.oracle.tally
        tally["files cut off"] += cut < size
        tally[f"brings {file.what}"] += 1
        self._world.trace.note(
            "courier", "brings", f"{file.what}, {file.by}: {cut} of {size} to {to}"
        )
        data = file.data[:cut]
        if (phone := self._phone(to)) is not None:
            if isinstance(phone, PwaPhone):
                if phone.state != ON:
                    phone.open()
                phone.heed(data)
            return
        house = self._house(to)
        try:
            await self._take_in(to, file, data)
        except SealError as error:
            is_for_it = not file.readers or _public(house) in file.readers
            if cut == size and is_for_it:
                self._world.oracle.fault(f"{to} cannot open {file.what}: {error.code}")
            tally["files for others"] += error.code == "sealed_to_others"
        except NOT_NOW:
            self._world.trace.note(to, "not now")

    async def _take_in(self, to: str, file: File, data: bytes) -> None:
        house = self._house(to)
        carried = await house.carried(data)
        if house is self._world.centre:
            self._promised(carried)
        self._kept |= dict.fromkeys(carried.kept, to)
        made = carried.manifest
        answer = await house.answer_to(carried)
        self._world.trace.note("courier", "is told", f"{dict(sorted(carried.results.items()))}")
        if answer:
            readers = (made.reply,) if made is not None and made.reply else ()
            what = ANSWER if house is self._world.centre else WORD
            self._take(File(what, file.by, answer, readers))

    def _promised(self, carried: Carried) -> None:
        """What the centre has ruled on it has: nobody who hears so need keep it any longer."""
        acked = self._world.oracle.acked
        for raw in self._world.storage.look(_envelopes, set(carried.ruled)):
            said = changeset.read(raw)
            if isinstance(said, ChangeSet) and said.body is not None:
                if said.set_id not in acked:
                    self._first.add(said.set_id)
                acked.setdefault(said.set_id, raw)

    def _where_to(self, file: File) -> str:
        if file.what == BACKLOG:
            return CENTRE
        if file.what == PHONES:
            return self._chance.choice([CENTRE, *(one.name for one in self._town.stations)])
        return file.by

    def _somewhere(self) -> str:
        stations = [one.name for one in self._town.stations]
        phones = [one.name for one in self._world.phones]
        return self._chance.choice([CENTRE, *stations, *phones])

    def _phone(self, name: str) -> Phone | None:
        return next((phone for phone in self._world.phones if phone.name == name), None)

    def _house(self, name: str) -> Centre:
        stations: dict[str, Centre] = {one.name: one for one in self._town.stations}
        return stations.get(name, self._world.centre)


def _public(house: Centre) -> bytes:
    """The key that files for it are sealed to; nothing where a machine burnt and has none yet."""
    key = own_key(house.settings)
    return b"" if key is None else key.public


def _envelopes(connection: Connection, ruled: set[int]) -> list[bytes]:
    rows = connection.exec_driver_sql("SELECT idx, envelope FROM sets")
    return [bytes(raw) for idx, raw in rows if idx in ruled]
