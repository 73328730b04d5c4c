"""A phone that runs `server.fleet.device`, the client in Python, with a mirror that folds what it reads.

Responsible for giving it the simulated network, time and storage, and for stopping it between any two steps of
that storage. Refuses to know what the client does.

The mirror (lines by scope) is written before the cursor that covers them, as the client does: a crash between the two
has lines read twice, and the mirror takes them once.
"""

import random
from hashlib import sha256

import httpx2
import msgspec

from server.fleet.device import (
    Device,
    ServerRefusalError,
    seeded_entropy,
)
from server.fleet.pages import BrokenScopeError
from server.fleet.vault import DAMAGED, DURABLE, REWRITTEN, Vault
from sync import canon, changeset, fold, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.incident.state import IncidentState
from tests.sim.clocks import PhoneClock
from tests.sim.fleet_parts import Carrier, PhoneTime, Steps
from tests.sim.network import Network
from tests.sim.phone import OFF, ON, Act, Ears, Own, Phone, Stored
from tests.sim.storage import PowerCut
from tests.sim.trace import Trace

Lines = dict[str, dict[int, tuple[rulings.Ruling, bytes | None]]]


class FleetPhone(Phone):
    """One Python installation."""

    kind = "py"

    def __init__(
        self,
        name: str,
        person: bytes,
        clock: PhoneClock,
        trace: Trace,
        ears: Ears,
        *,
        network: Network,
        seed: str,
        images: dict[str, tuple[bytes, Lines]],
    ) -> None:
        super().__init__(name, person, clock, trace, ears)
        self._chance = random.Random(seed)
        self._http = httpx2.AsyncClient(
            transport=Carrier(name, network), base_url="http://centre", trust_env=False
        )
        self._vault = Vault()
        self._disk = Steps(self._vault._db)
        self._vault._db = self._disk  # type: ignore[assignment]
        self._lines: Lines = {}
        self._images = images
        self._time: PhoneTime | None = None
        self._device: Device | None = None
        self._refused = ""

    def _make(self) -> Device:
        self._time = PhoneTime(self.clock, self._settled)
        return Device(
            self._vault,
            self._http,
            self._time,
            entropy=seeded_entropy(self._chance.randbytes(16)),
            chance=random.Random(self._chance.random()),
            follow=self._followed,
            records_seen=True,
        )

    def _followed(self, scope: str, ruling: rulings.Ruling, envelope: bytes | None) -> None:
        self._lines.setdefault(scope, {})[ruling.idx] = (ruling, envelope)

    def _settled(self, error: BaseException | None) -> None:
        """An exchange of the client has come to its end, well or badly."""
        if isinstance(error, PowerCut):
            self._went_dark("the power went inside a step of storage")
        elif isinstance(error, ServerRefusalError):
            self._refused = error.code
            self.trace.note(self.name, "refused", error.code)
        elif isinstance(error, (BrokenScopeError, msgspec.MsgspecError, ValueError)):
            self.trace.note(self.name, "garbled", type(error).__name__)
        elif error is not None:
            self.ears.fault(f"{self.name}: {error!r}")

    # ---- life ----------------------------------------------------------------------------------

    async def enrol(self, code: str) -> bool:
        device = self._make()
        self._refused = ""
        try:
            await device.enrol(code, self.name)
        except (httpx2.TransportError, ServerRefusalError, ValueError):
            return False
        return True

    def open(self, *, power: int | None = None) -> None:
        self._disk.power = power
        self.state = ON
        self.trace.note(self.name, "open")
        try:
            self._device = self._make()
        except PowerCut:
            self._went_dark("the power went while it started")
            return
        self._disk.power = None
        self._device.kick(pull=True)

    def close(self) -> None:
        self._end()
        self.trace.note(self.name, "close")

    def _end(self) -> None:
        self._device = None
        for task in self._time.tasks if self._time is not None else ():
            task.cancel()
        self._disk.again()
        self.clock.wake()
        self.state = OFF

    def crash(self) -> None:
        self._disk.dark = True
        self._went_dark("the battery is empty")

    def _went_dark(self, why: str) -> None:
        self.crashes += 1
        self._end()
        self.trace.note(self.name, "crash", why)

    def sleep(self) -> None:
        """This client has no timers that could ring late; a phone put away is an app that is closed."""
        if self.state == ON:
            self.close()

    # ---- what a person does --------------------------------------------------------------------

    def write(self, act: Act, *, power: int | None = None) -> None:
        if self._device is None:
            return
        self._disk.power = power
        try:
            set_id = self._device.write(
                KIND_INCIDENT, act.entity, act.ops, scope=act.scope, priority=act.lane == 1
            )
        except PowerCut:
            self._went_dark("the power went inside a write")
            return
        self._disk.power = None
        self.trace.note(self.name, "wrote", set_id.hex()[:8])
        self.ears.wrote(self, set_id, act)
        self._device.kick()

    def sync(self) -> None:
        if self._device is not None:
            self._device.kick(pull=True)

    # ---- storage -------------------------------------------------------------------------------

    def keep(self, label: str) -> None:
        lines = {scope: dict(known) for scope, known in self._lines.items()}
        self._images[label] = (self._disk.raw.serialize(), lines)
        self.copies.append(label)

    def restore(self, label: str, *, part: bool = False) -> None:  # noqa: ARG002  one database is all it has
        image, lines = self._images[label]
        self._disk.raw.deserialize(image)
        self._lines = {scope: dict(known) for scope, known in lines.items()}

    def rot(self, place: int) -> None:
        rows = self._disk.raw.execute("SELECT id, raw FROM sets ORDER BY chain, seq").fetchall()
        if place < len(rows):
            id_, raw = rows[place]
            bad = bytearray(raw)
            bad[len(bad) // 2] ^= 0x40
            self._disk.raw.execute("UPDATE sets SET raw = ? WHERE id = ?", (bytes(bad), id_))

    def lose_cache(self) -> None:
        self._disk.raw.execute("DELETE FROM cursors")
        self._lines.clear()

    def chain(self) -> bytes:
        power, self._disk.power = self._disk.power, None
        identity = self._vault.identity()
        self._disk.power = power
        return b"" if identity is None else identity.chain

    def refused(self) -> str:
        return self._refused

    def stored(self) -> Stored:
        rows = self._disk.raw.execute(
            "SELECT chain, seq, id, raw, result, why FROM sets ORDER BY chain, seq"
        )
        settled = DURABLE | {REWRITTEN, DAMAGED}
        own = [
            Own(chain, seq, at, raw, r, why, r not in settled)
            for chain, seq, at, raw, r, why in rows
        ]
        cursors = self._disk.raw.execute("SELECT scope, epoch, n, head FROM cursors")
        lines = {
            (scope, n, idx)
            for scope, known in self._lines.items()
            for n, idx in enumerate(known, 1)
        }
        return Stored(own, {scope: tuple(rest) for scope, *rest in cursors}, lines)

    def views(self, entities: list[bytes]) -> dict[bytes, bytes | None]:
        wanted = set(entities)
        found: dict[bytes, dict[bytes, tuple[ChangeSet, rulings.Ruling | None]]] = {}
        for known in self._lines.values():
            for ruling, envelope in known.values():
                self._sort_in(found, wanted, envelope, ruling)
        for own in self.stored().own:
            # A refusal that was heard counts, also while its ruling was not read; what has rotted is no set.
            if own.why is None and changeset.read(own.raw).set_id == own.id:
                self._sort_in(found, wanted, own.raw, None)
        return {entity: _digest(entity, found.get(entity)) for entity in entities}

    @staticmethod
    def _sort_in(
        found: dict[bytes, dict[bytes, tuple[ChangeSet, rulings.Ruling | None]]],
        wanted: set[bytes],
        envelope: bytes | None,
        ruling: rulings.Ruling | None,
    ) -> None:
        read = changeset.read(envelope) if envelope is not None else None
        if not isinstance(read, ChangeSet):
            return
        entity = read.body.entity if read.body is not None else None
        if ruling is not None and ruling.kind in rulings.DECIDING:
            entity = ruling.payload["e"]
        if entity in wanted:
            sets = found.setdefault(entity, {})
            before = sets[read.set_id][1] if read.set_id in sets else None
            if before is None or (ruling is not None and ruling.idx > before.idx):
                sets[read.set_id] = (read, ruling)


def _digest(
    entity: bytes, sets: dict[bytes, tuple[ChangeSet, rulings.Ruling | None]] | None
) -> bytes | None:
    if not sets:
        return None
    state = IncidentState(entity)
    for change, ruling in sets.values():
        state.add(fold.items_of(change, ruling))
    return sha256(canon.encode(state.view())).digest()
