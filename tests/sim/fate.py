"""What happens to people and machines while they work: the safety phase, one event after another.

Responsible for choosing the next event from chance and the strength of each fault, and for carrying it out. Refuses to
judge what comes of it.

Example: `await Fate(world).strike()` lets one thing happen: somebody writes, a battery dies, an officer loses a role.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.keys import ED25519, SigningKey
from sync import bundle, ids
from sync.bundle import BundleWriter, Manifest
from sync.changeset import KIND_INCIDENT, Draft
from tests.sim import judging, odd
from tests.sim.people import COMMANDER, DISPATCHER, EVERYBODY, LEAD, STATIONS, Person
from tests.sim.phone import ASLEEP, OFF, ON, Act, Phone
from tests.sim.scene import Scene
from tests.sim.storage import CUT, FULL, Trouble
from tests.sim.wire import LostError

STATEMENTS = 14  # a transaction has about this many; the power goes at any of them
STEPS = 12  # so many steps has a write on a phone, about

NOT_NOW = (LostError, IntakeBusyError, IntakeClosedError)


class Fate:
    """Strikes."""

    def __init__(self, world: Scene) -> None:
        self._world = world
        self._chance: random.Random = world.chance
        self._copies = 0
        faults = world.faults
        self._events: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (0.34, self.officer_writes),
            (0.16, self._phone_syncs),
            (0.14, self._desk_writes),
            (0.08, self._phone_back),
            (faults.partitions, self._partition),
            (faults.partitions, self._reunion),
            (faults.centre_crash, self._centre_dies),
            (faults.centre_full, self._centre_full),
            (faults.phone_crash, self._phone_dies),
            (faults.sleep, self._phone_sleeps),
            (faults.clock_step, self._clock_steps),
            (faults.rollback, self._rolled_back),
            (faults.clone, self._cloned),
            (faults.rot, self._rots),
            (faults.cache_loss, self._cache_lost),
            (faults.tabs, self._second_page),
            (faults.rights, self._rights_change),
            (faults.odd, self._odd_set),
            (faults.courier, self._courier),
            (faults.absence, self._hours_pass),
            (faults.review, lambda: judging.decide(world)),
            (faults.redact, lambda: judging.redact_one(world)),
            (faults.moves, self._incident_moves),
        ]

    async def strike(self) -> None:
        """Let the next thing happen, and a little time pass."""
        weights = [weight for weight, _event in self._events]
        [(_weight, event)] = self._chance.choices(self._events, weights)
        await event()
        await asyncio.sleep(min(self._chance.expovariate(1.0), 8))

    def _any(self, *states: str) -> Phone | None:
        cleared = self._world.oracle.cleared  # those are browsers like any by now
        phones = [
            phone
            for phone in self._world.phones
            if phone.state in states and phone.name not in cleared
        ]
        return self._chance.choice(phones) if phones else None

    # ---- people ----------------------------------------------------------------------------------

    async def officer_writes(self) -> None:
        """Somebody writes one thing or a few."""
        phone = self._any(ON)
        if phone is None:
            return
        person = self._world.person_of(phone)
        power = None
        if self._chance.random() < self._world.faults.phone_crash * 0.5:
            power = self._chance.randrange(STEPS)
        for _ in range(self._chance.choice([1, 1, 1, 2, 4])):
            if phone.state == ON:
                phone.write(self._world.acts.drawn(person, phone.clock.now_ms()), power=power)

    async def _phone_syncs(self) -> None:
        phone = self._any(ON)
        if phone is not None:
            phone.sync()

    async def _desk_writes(self) -> None:
        person = self._chance.choice([DISPATCHER, DISPATCHER, COMMANDER, LEAD])
        act = self._world.acts.drawn(person, self._world.clock.true_ms(), desk=True)
        await self._at_desk(person, act)

    async def _incident_moves(self) -> None:
        act = self._world.acts.moved()
        if act is not None:
            await self._at_desk(DISPATCHER, act)

    async def _at_desk(self, person: Person, act: Act) -> None:
        world = self._world
        draft = Draft(person.id, act.scope, KIND_INCIDENT, act.entity, act.ops, lane=act.lane)
        try:
            [result] = await world.centre.desk(person.id, [draft])
        except NOT_NOW:
            world.trace.note("desk", "not now")
            return
        assert result.id is not None
        world.acts.learn(act, result.id, person.id)
        world.oracle.tally["desk"] += 1
        world.trace.note("desk", act.ops[0]["t"], f"{person.name}: {result.d} {result.why or ''}")

    async def _rights_change(self) -> None:
        """Roles come and go, people move, a phone is reported lost."""
        world = self._world
        kind = self._chance.choice(["role", "role", "move", "revoke", "leave"])
        person = self._chance.choice(EVERYBODY)
        if kind == "revoke":
            await self._revoke()
            return
        row: dict[str, object] | None
        if kind == "role":
            role = self._chance.choice([person.role, person.role, "officer", "dispatcher"])
            row = person.row(role=role, station=world.station_of(person.id))
        elif kind == "move":
            row = person.row(station=self._chance.choice([*STATIONS, None]))
        else:
            row = None if self._chance.random() < 0.3 else person.row()
        with suppress(*NOT_NOW):
            await world.centre.transact(lambda batch: batch.org("people", person.id, row))
        world.learn_rights()
        world.oracle.tally["rights changed"] += 1
        world.trace.note("admin", kind, f"{person.name}: {row}")

    async def _revoke(self) -> None:
        world = self._world
        chains = list(dict.fromkeys(bearer.chain for bearer in world.oracle.bearers.values()))
        if len(world.revoked) >= len(chains) // 2:
            return  # somebody has to be left
        chain = self._chance.choice(chains)
        before = len(world.revoked)
        with suppress(*NOT_NOW):
            await world.centre.transact(lambda batch: batch.devices.revoke(chain, "lost"))
        world.learn_rights()
        world.oracle.tally["revocations"] += len(world.revoked) - before
        world.trace.note("admin", "revoke", chain.hex()[:8])

    async def _hours_pass(self) -> None:
        """The phones are put away, and it is another time of day."""
        world = self._world
        for phone in world.phones:
            if phone.state == ON and self._chance.random() < 0.9:
                self._chance.choice([phone.close, phone.sleep])()
        gap_ms = self._chance.choice([600_000, 4 * 3_600_000, 30 * 3_600_000, 80 * 3_600_000])
        world.trace.note("fate", "hours pass", f"{gap_ms // 60_000} min")
        for phone in world.phones:
            if phone.state == ON:
                phone.close()
        await asyncio.sleep(gap_ms / 1000)

    # ---- machines --------------------------------------------------------------------------------

    async def _phone_back(self) -> None:
        phone = self._any(OFF, ASLEEP)
        if phone is None:
            return
        if phone.state == ASLEEP:
            phone.wake()
            return
        power = None
        if self._chance.random() < self._world.faults.phone_crash * 0.5:
            power = self._chance.randrange(STEPS * 4)
        self._world.oracle.look(phone)
        phone.open(power=power)

    async def _phone_dies(self) -> None:
        phone = self._any(ON, ASLEEP)
        if phone is not None:
            phone.crash()
            self._world.oracle.look(phone)

    async def _phone_sleeps(self) -> None:
        phone = self._any(ON)
        if phone is not None:
            phone.sleep()

    async def _clock_steps(self) -> None:
        phone = self._any(ON, OFF, ASLEEP)
        if phone is not None:
            step_ms = self._chance.choice(
                [-86_400_000, -3_600_000, -40_000, 40_000, 3 * 86_400_000]
            )
            phone.clock.step(step_ms)
            self._world.trace.note(phone.name, "clock", f"{step_ms} ms")

    async def _partition(self) -> None:
        phone = self._chance.choice(self._world.phones)
        self._world.network.apart.add(phone.name)
        self._world.trace.note(phone.name, "apart")

    async def _reunion(self) -> None:
        apart = sorted(self._world.network.apart)
        if apart:
            name = self._chance.choice(apart)
            self._world.network.apart.discard(name)
            self._world.trace.note(name, "together")

    async def _centre_dies(self) -> None:
        world = self._world
        kind = self._chance.choice(["kill", "cut", "cut", "cut after commit"])
        world.trace.note("centre", kind)
        if kind == "kill":
            world.centre.kill()
        elif kind == "cut":
            world.storage.trouble = Trouble(CUT, self._chance.randrange(1, STATEMENTS))
        else:
            world.storage.cut_after_commit = True

    async def _centre_full(self) -> None:
        self._world.trace.note("centre", "disk full")
        self._world.storage.trouble = Trouble(FULL, self._chance.randrange(1, STATEMENTS))
        self._world.oracle.tally["disk full"] += 1

    # ---- storage ---------------------------------------------------------------------------------

    async def _rolled_back(self) -> None:
        """A backup of the whole phone is put back, or is made so that it can be."""
        phone = self._any(ON, OFF)
        if phone is None:
            return
        if phone.copies and self._chance.random() < 0.6:
            phone.crash()
            phone.restore(self._chance.choice(phone.copies), part=self._chance.random() < 0.5)
            phone.restored = True
            self._world.oracle.forget(phone)
            self._world.oracle.tally["rollbacks"] += 1
            self._world.trace.note(phone.name, "rollback")
            phone.open()
        else:
            self._keep(phone)

    def _keep(self, phone: Phone) -> str:
        phone.crash()
        self._copies += 1
        label = f"copy {self._copies}"
        phone.keep(label)
        phone.open()
        return label

    async def _cloned(self) -> None:
        """A profile is copied, and lives twice from then on."""
        world = self._world
        phone = self._any(ON, OFF)
        if phone is None or len(world.phones) >= world.size.phones + 2:
            return
        label = self._keep(phone)
        twin = world.new_phone(phone.kind, world.person_of(phone))
        twin.restore(label)
        twin.restored = phone.restored = True
        twin.rotten |= phone.rotten
        if phone.name in world.oracle.fooled:
            world.oracle.fooled.add(twin.name)
        world.oracle.tally["clones"] += 1
        world.trace.note(twin.name, "clone", f"of {phone.name}")
        twin.open()

    async def _rots(self) -> None:
        phone = self._any(ON, OFF)
        if phone is None or phone.rotten:
            return
        phone.crash()
        before = phone.stored().own
        phone.rot(self._chance.randrange(1, max(2, len(before))))
        after = phone.stored().own
        phone.rotten |= {a.id for a, b in zip(before, after, strict=True) if a.raw != b.raw}
        self._world.oracle.tally["rotten sets"] += len(phone.rotten)
        self._world.trace.note(phone.name, "rot", f"{len(phone.rotten)}")

    async def _cache_lost(self) -> None:
        phone = self._any(ON, OFF)
        if phone is not None:
            phone.crash()
            phone.lose_cache()
            self._world.oracle.cursors.pop(phone.name, None)
            self._world.oracle.tally["caches lost"] += 1
            self._world.trace.note(phone.name, "cache lost")

    async def _second_page(self) -> None:
        phones = [one for one in self._world.phones if one.kind == "ts" and one.state == ON]
        if phones:
            self._chance.choice(phones).open()
            self._world.oracle.tally["second pages"] += 1

    # ---- strangers -------------------------------------------------------------------------------

    async def _odd_set(self) -> None:
        await odd.one(self._world)

    async def _courier(self) -> None:
        """Somebody carries another phone's unsent sets, in any order."""
        world = self._world
        phone = self._chance.choice(world.phones)
        sets = [own.raw for own in phone.stored().own if own.id not in phone.rotten]
        self._chance.shuffle(sets)
        carried = sets[: self._chance.randint(1, 5)]
        token = self._chance.choice(sorted(world.oracle.bearers))
        world.oracle.tally["couriers"] += 1
        if world.oracle.tally["couriers"] % 2:
            world.trace.note("courier", "carries", f"{len(carried)} sets of {phone.name}")
            await world.push(token, carried)
            return
        file = file_of(carried)
        cut = self._chance.choice([len(file), len(file), self._chance.randrange(len(file))])
        world.trace.note("courier", "brings a file", f"{cut} of {len(file)} bytes, {phone.name}")
        with suppress(*NOT_NOW):
            await world.centre.carried(file[:cut])
            world.oracle.tally["bundles"] += 1


def file_of(sets: list[bytes]) -> bytes:
    """A bundle that somebody made who is nobody here: what it carries speaks for itself."""
    key, nonce = SigningKey(ED25519, bytes(32)), bytes(16)
    writer = BundleWriter()
    chain = ids.chain_id(key.public, nonce)
    parts = [writer.begin(Manifest("courier", 0, chain, key.alg, key.public, nonce))]
    parts += [writer.add(bundle.SET, raw) for raw in sets]
    return b"".join([*parts, writer.end(key.sign)])
