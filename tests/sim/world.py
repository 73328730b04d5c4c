"""One world from one seed: who lives in it, its safety phase with all its faults, and the calm after it.

Responsible for putting the parts together and for the two phases. In the first anything may happen; in the second
nothing goes wrong any more and everything must come right within a bound, and then be silent. Refuses to say
what "right" is: `invariants` does.

Example: `World(7, tools).run()` gives an `Outcome`; the same seed gives the same trace hash, to the byte.
"""

import asyncio
import random
import traceback
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy.exc import OperationalError

from server.intake.batch import Batch
from tests.sim import fate, invariants, odd, rest
from tests.sim.oracle import Broken
from tests.sim.people import OFFICERS, ROWS, VEHICLE, Person
from tests.sim.phone import OFF, Phone
from tests.sim.recovery import Recovery
from tests.sim.scene import Scene
from tests.sim.wire import LostError

HEAL_ROUNDS = 40  # of 15 s: by then everything has come right
STILL_ROUNDS = 5  # by then every app has greeted twice, which is when a copy shows
QUIET_S = 90
HOUSEKEEPING = (
    0.15  # after so many of the acts of fate the centre signs its log and makes snapshots
)


class Outcome(msgspec.Struct, frozen=True):
    """How a world ended. `broken` is the first invariant that did not hold."""

    seed: int
    broken: Broken | None
    tally: Counter[str]
    hash: str
    lines: list[str]


class World(Scene):
    """A scene, and what becomes of it. Some centres are put back from an old copy."""

    def run(self) -> Outcome:
        """Live through both phases."""
        broken: Broken | None = None
        try:
            self.loop.play(self._story())
        except Broken as error:
            broken = error
        except Exception as error:  # noqa: BLE001  a fault of the product or of the simulator: either must be looked at
            where = traceback.extract_tb(error.__traceback__)[-1]
            broken = Broken(0, f"{error!r} at {Path(where.filename).name}:{where.lineno}")
        if broken is not None:
            self.trace.note("oracle", "BROKEN", str(broken))
        tally = self.oracle.tally
        tally["centre crashes"] = self.centre.crashes
        tally["phone crashes"] = sum(phone.crashes for phone in self.phones)
        tally["checkpoints"] = len(self.oracle.checkpoints)
        tally["lost replies"] = len(self.network.lost_replies)
        tally["duplicated requests"] = self.network.duplicates
        return Outcome(self.seed, broken, tally, self.trace.hash, self.trace.lines)

    async def _story(self) -> None:
        self.loop.set_exception_handler(self._unheard)
        await self._found()
        self.network.faults = self.faults
        strikes = self._fate()
        recovery = self._recovery()
        for number in range(self.size.events):
            await strikes.strike()
            if recovery is not None:
                await recovery.at(number, self)
            if self.oracle.broken:
                raise self.oracle.broken[0]
            await self._revive()
            if self.housekeeping.random() < HOUSEKEEPING:
                await self._keep_house()
        await self._heal()
        await self._judge()

    def _recovery(self) -> Recovery | None:
        return Recovery.drawn(random.Random(f"{self.seed}/recovery"), self.size.events)

    def _fate(self) -> fate.Fate:
        return fate.Fate(self)

    async def _found(self) -> None:
        """The organisation, its phones, and a calm start."""
        await self.centre.start()

        def rows(batch: Batch) -> None:
            for what, row_id, row in ROWS:
                batch.org(what, row_id, row)

        await self.centre.transact(rows)
        self.learn_rights()
        kinds = ["ts", "py"] + [
            self.chance.choice(["ts", "py", "py"]) for _ in range(self.size.phones - 2)
        ]
        for number, kind in enumerate(kinds):
            phone = self.new_phone(kind, OFFICERS[number % len(OFFICERS)])
            await self._enrol(phone)
            phone.open()
        if self.faults.odd:
            self.visitor = await odd.welcome(self)
        await asyncio.sleep(5)

    async def _enrol(self, phone: Phone) -> None:
        enrolled = await phone.enrol(await self.centre.code(phone.person))
        self.trace.note(phone.name, "enrolled", str(enrolled))

    async def _revive(self) -> None:
        """The centre's machine starts again a while after its power went."""
        if self.centre.is_up:
            return
        await asyncio.sleep(self.chance.uniform(0.5, 20))
        try:
            await self.centre.start()
            self.trace.note("centre", "starts")
        except LostError:
            self.trace.note("centre", "falls again")

    async def _keep_house(self) -> None:
        """The log is signed, snapshots are made; before that a vehicle may have come or gone."""
        row = self.housekeeping.choice([{"name": "1"}, {"name": "2"}, None])
        with suppress(*fate.NOT_NOW, OperationalError):  # no power, or no room
            await self.centre.transact(lambda batch: batch.org("vehicles", VEHICLE, row))
            refusal = await self.centre.keep_house()
            if refusal is not None:
                raise Broken(6, f"the centre will not sign its log: {refusal}")
            self.trace.note("centre", "keeps house")

    async def _heal(self) -> None:
        """Nothing goes wrong any more; everything comes right within a bound (I20)."""
        self.trace.note("fate", "heals")
        self.network.calm()
        self.storage.trouble, self.storage.cut_after_commit = None, False
        if not self.centre.is_up:
            await self.centre.start()
        for gone in self.learn_rights():  # nobody can enrol who does not belong
            await self.centre.transact(partial(_take_back, person=gone))
        self.learn_rights()
        await self._keep_house()
        for phone in self.phones:
            if phone.kind == "py" and phone.state != OFF:
                phone.close()  # a new start greets, and learns which scopes there are
            self.oracle.look(phone)
            if phone.state == OFF:
                phone.open()
            phone.wake()
        waiting, still = ["everything"], 0
        for _ in range(HEAL_ROUNDS):
            await asyncio.sleep(15)
            if self.oracle.broken:
                raise self.oracle.broken[0]
            waiting = rest.unsettled(self)
            still = 0 if waiting else still + 1
            if still == STILL_ROUNDS:
                break
            for phone in self.phones:
                if rest.needs_a_code(self, phone):
                    phone.close()
                    await self._enrol(phone)
                    phone.open()
                if phone.kind == "py":
                    phone.sync()  # it has no timer of its own; an app must manage without being pressed
        else:
            raise Broken(20, f"still unsettled: {waiting}")
        await self._quiet()

    async def _quiet(self) -> None:
        """Then nothing is said but greetings (I20)."""
        said, entries = self._said(), self.oracle.entries_served
        await asyncio.sleep(QUIET_S)
        more = self._said() - said, self.oracle.entries_served - entries
        if more != (0, 0):
            raise Broken(20, f"not silent: {more[0]} pushes or rotations, {more[1]} entries")

    def _said(self) -> int:
        return self.oracle.served["push"] + self.oracle.served["rotate"]

    async def _judge(self) -> None:
        for phone in self.phones:
            self.oracle.look(phone)
        await invariants.judge(self)
        if self.oracle.broken:
            raise self.oracle.broken[0]


def _take_back(batch: Batch, person: Person) -> None:
    batch.org("people", person.id, person.row())
