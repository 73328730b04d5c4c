"""One world as it stands: its people, phones, centre, network and clocks, and the oracle that watches.

Responsible for making all of it from one seed and for what others may ask of it. Refuses to let anything happen by
itself: `fate` and `world` do.

Example: `scene.new_phone("ts", person)` is one more installation, switched off.
"""

import asyncio
import random
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection

from server import keys
from server.proof.signer import KEY_FILE
from sync import exchange
from tests.sim.acts import Acts
from tests.sim.centre import Centre
from tests.sim.clocks import PhoneClock, TrueClock
from tests.sim.faults import Faults
from tests.sim.fleet_phone import FleetPhone, Mirror
from tests.sim.loop import Loop
from tests.sim.network import Network
from tests.sim.node import Node
from tests.sim.oracle import Oracle
from tests.sim.people import EVERYBODY, Person
from tests.sim.phone import Act, Ears, Phone
from tests.sim.pwa_phone import PwaPhone
from tests.sim.storage import Storage
from tests.sim.trace import Trace
from tests.sim.visitor import Visitor
from tests.sim.wire import LostError, Request

SNAPSHOT_ENTRIES = (6, 15, 40)
MOVES = (0.0, 0.0, 0.02, 0.06)
START_MS = 1_796_000_000_000  # 2026-11-30, hours before a month ends in Asia/Shanghai


class Size(msgspec.Struct, frozen=True):
    """How large a world is."""

    phones: int = 3
    events: int = 45


class Tools(msgspec.Struct, frozen=True):
    """What worlds may use one after another, because each leaves nothing behind in it."""

    node: Node
    storage: Storage
    data_dir: Path
    station_storages: tuple[Storage, ...]


class Scene:
    """Everything there is."""

    def __init__(
        self,
        seed: int,
        tools: Tools,
        *,
        size: Size | None = None,
        faults: Mapping[str, float] | None = None,
        keep: bool = False,
    ) -> None:
        """With `faults` some are as strong as given, whatever was drawn; `keep` the lines of the trace for a reader."""
        self.seed = seed
        self.size = size or Size()
        self.chance = random.Random(seed)
        self.housekeeping = random.Random(f"{seed}/house")
        drawn: dict[str, float] = {
            "snapshot_entries": self.housekeeping.choice(SNAPSHOT_ENTRIES),
            "moves": random.Random(f"{seed}/moves").choice(MOVES),
        }
        self.faults = msgspec.structs.replace(
            Faults.drawn(self.chance), **(drawn | dict(faults or {}))
        )
        self.loop = Loop()
        self.clock = TrueClock(START_MS, self.loop.now_ms)
        self.trace = Trace(self.loop.now_ms, keep=keep)
        log_key = keys.load_or_create(tools.data_dir / KEY_FILE, keys.ED25519, self._entropy)
        self.oracle = Oracle(self.clock.true_ms, log_key.public)
        self.acts = Acts(random.Random(self.chance.random()))
        self.storage = tools.storage
        self.network = Network(random.Random(self.chance.random()), Faults(), self.trace.note)
        self.phones: list[Phone] = []
        self.revoked: set[bytes] = set()
        self.visitor: Visitor | None = None
        self._tools = tools
        self._images: dict[str, tuple[bytes, Mirror]] = {}
        self._drawn = 0
        self.storage.empty()
        tools.node.ask("world")
        self.centre = Centre(
            tools.data_dir,
            self.clock,
            self._entropy,
            tools.storage,
            snapshot_entries=self.faults.snapshot_entries,
        )
        self.centre.on_answer = self.oracle.answered
        self.centre.on_crash = self._centre_crashed
        self.network.nodes["centre"] = self.centre

    def _entropy(self, size: int) -> bytes:
        self._drawn += 1
        return sha256(b"%d/%d" % (self.seed, self._drawn)).digest()[:size].ljust(size, b"\x00")

    # ---- what other parts ask ------------------------------------------------------------------

    def person_of(self, phone: Phone) -> Person:
        """Whose phone it is."""
        return next(person for person in EVERYBODY if person.id == phone.person)

    def station_of(self, person: bytes) -> bytes | None:
        """Where a person belongs now."""
        known = self.oracle.stations.get(person)
        return known[-1][1] if known else None

    def learn_rights(self) -> list[Person]:
        """Who belongs where, and whose device was revoked, by what is committed: an answer may have got lost. Gives
        those who no longer belong."""

        def read(connection: Connection) -> list[Person]:
            rows = connection.exec_driver_sql(
                "SELECT id, bytes FROM org_rows WHERE what = 'people'"
            )
            stations = {bytes(at): msgspec.msgpack.decode(raw).get("station") for at, raw in rows}
            for person in EVERYBODY:
                station = stations.get(person.id)
                if station != self.station_of(person.id):
                    self.oracle.moved(person.id, station)
            revoked = connection.exec_driver_sql(
                "SELECT chain FROM devices WHERE revoked_at_ms > 0"
            )
            self.revoked = {bytes(chain) for (chain,) in revoked}
            return [person for person in EVERYBODY if person.id not in stations]

        return self.storage.look(read)

    def new_phone(self, kind: str, person: Person) -> Phone:
        """One more installation, switched off."""
        offset_ms = self.faults.clock_offset_ms
        clock = PhoneClock(
            self.clock,
            offset_ms=self.chance.choice([0, offset_ms, -offset_ms]),
            drift_ppm=self.chance.randint(-150, 150),
        )
        name = f"{kind}{len(self.phones)}"
        ears = Ears(
            wrote=self._wrote,
            cleared_itself=self.oracle.cleared_itself,
            fault=self.oracle.fault,
        )
        seed = f"{self.seed}/{name}"
        phone: Phone
        if kind == "ts":
            phone = PwaPhone(
                name, person.id, clock, self.trace, ears,
                node=self._tools.node, network=self.network, seed=seed,
            )  # fmt: skip
        else:
            phone = FleetPhone(
                name, person.id, clock, self.trace, ears,
                network=self.network, seed=seed, images=self._images,
            )  # fmt: skip
        self.phones.append(phone)
        return phone

    async def push(self, token: str, raws: list[bytes]) -> exchange.PushReply | None:
        """Hand raw envelopes in past any phone; None when no answer came."""
        body = exchange.encode({"sets": [msgspec.Raw(raw) for raw in raws]})
        try:
            response = await self.centre.handle(Request("/sync/v1/push", token, body))
        except LostError:
            return None
        return (
            exchange.decode(exchange.PushReply, response.body) if response.status == 200 else None
        )

    async def token(self) -> str:
        """A token that still counts: one that was replaced does not."""
        for token in sorted(self.oracle.bearers):
            if await self.push(token, []) is not None:
                return token
        raise LookupError("nobody has a token")

    # ---- what is told ----------------------------------------------------------------------------

    def _wrote(self, phone: Phone, set_id: bytes, act: Act) -> None:
        self.oracle.wrote(phone, set_id, act)
        self.acts.learn(act, set_id, phone.person)

    def _centre_crashed(self) -> None:
        self.trace.note("centre", "is down")

    def _unheard(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception) and not isinstance(error, LostError):
            self.oracle.fault(f"nobody caught {error!r}")
