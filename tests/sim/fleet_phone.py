"""A phone that runs `server.fleet.device`, the client in Python, with a mirror that folds what it reads.

Responsible for giving it the simulated network, time and storage, and for stopping it between any two steps of
that storage. Refuses to know what the client does.

The mirror (snapshots and lines by scope) is written before the cursor that covers them, as the client does: a crash
between the two has lines read twice, and the mirror takes them once.
"""

import random
import sqlite3
from collections.abc import Collection
from hashlib import sha256
from typing import Any

import httpx2
import msgspec

from server.fleet.chain import seeded_entropy
from server.fleet.device import Device
from server.fleet.pages import BrokenScopeError
from server.fleet.vault import DAMAGED, DURABLE, REWRITTEN, Vault
from server.wire import ServerRefusalError
from sync import canon, changeset, fold, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.fold import Item
from sync.incident.state import IncidentState
from sync.snapshot import Snapshot
from sync.witness import Held
from tests.sim.clocks import PhoneClock
from tests.sim.fleet_parts import Carrier, PhoneTime, Steps
from tests.sim.network import Network
from tests.sim.phone import OFF, ON, Act, Ears, Own, Phone, Stored
from tests.sim.storage import PowerCut
from tests.sim.trace import Trace

Known = dict[bytes, dict[bytes, tuple[int, list[Item]]]]
"""By incident and set: the index of the ruling that says so, and the items."""


class Mirror(msgspec.Struct):
    """What was read, by scope: the snapshot it began with, and the lines by the index of their ruling."""

    begun: dict[str, Snapshot] = {}
    lines: dict[str, dict[int, tuple[rulings.Ruling, bytes | None]]] = {}

    def copy(self) -> "Mirror":
        """The same, to go on by itself."""
        lines = {scope: dict(known) for scope, known in self.lines.items()}
        return Mirror(dict(self.begun), lines)

    def begin(self, whole: Snapshot) -> None:
        """A snapshot in the place of whatever was read of its scope."""
        self.begun[whole.scope] = whole
        self.lines.pop(whole.scope, None)
        for raw in whole.asides:
            gone = rulings.leaving(rulings.read_ruling(raw), whole.scope)
            if gone is not None and all(part[0] != gone for part in whole.entities):
                self._give_up(whole.scope, gone)

    def drop(self, scope: str) -> None:
        """What was read of it counts no more."""
        self.begun.pop(scope, None)
        self.lines.pop(scope, None)

    def follow(self, scope: str, ruling: rulings.Ruling, envelope: bytes | None) -> None:
        """One line more. What leaves the scope with it goes, and nothing comes from beside one it has left (SC6)."""
        if self._has_left(rulings.inside(scope), ruling.payload.get("e")):
            envelope = envelope if rulings.inside(scope) == scope else None
        self.lines.setdefault(scope, {})[ruling.idx] = (ruling, envelope)
        gone = rulings.leaving(ruling, scope)
        if gone is None:
            return
        self._give_up(scope, gone)
        if (whole := self.begun.get(scope)) is not None:
            left = [part for part in whole.entities if part[0] != gone]
            self.begun[scope] = msgspec.structs.replace(whole, entities=left)

    def _give_up(self, scope: str, entity: bytes) -> None:
        for name, lines in self.lines.items():
            if scope in (name, rulings.inside(name)):
                for idx, (one, _envelope) in lines.items():
                    if one.payload.get("e") == entity:
                        lines[idx] = (one, None)

    def _has_left(self, scope: str, entity: bytes | None) -> bool:
        whole = self.begun.get(scope)
        about = [
            (one, envelope)
            for one, envelope in self.lines.get(scope, {}).values()
            if one.payload.get("e") == entity
        ]
        asides = [] if whole is None else [rulings.read_ruling(raw) for raw in whole.asides]
        return (
            any(rulings.leaving(one, scope) == entity for one in [*asides, *(o for o, _e in about)])
            and not any(envelope for _one, envelope in about)
            and (whole is None or all(part[0] != entity for part in whole.entities))
        )


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
        images: dict[str, tuple[bytes, Mirror]],
    ) -> None:
        super().__init__(name, person, clock, trace, ears)
        self._chance = random.Random(seed)
        self._http = httpx2.AsyncClient(
            transport=Carrier(name, network), base_url="http://centre", trust_env=False
        )
        self._vault = Vault()
        self._disk = Steps(self._vault._db)
        self._vault._db = self._disk  # type: ignore[assignment]
        self._mirror = Mirror()
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
            follow=self._mirror.follow,
            begin=self._mirror.begin,
            anew=self._mirror.drop,
            records_centre=True,
        )

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
        else:
            self._refused = ""

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
            self._device.greet_again()  # as it does with each stream of hints
            self._device.kick(pull=True)

    # ---- storage -------------------------------------------------------------------------------

    def keep(self, label: str) -> None:
        self._images[label] = (self._disk.raw.serialize(), self._mirror.copy())
        self.copies.append(label)

    def restore(self, label: str, *, part: bool = False) -> None:  # noqa: ARG002  one database is all it has
        image, mirror = self._images[label]
        # A connection of its own: statements that the old one has prepared do not survive another database under them.
        self._disk.raw = sqlite3.connect(":memory:", isolation_level=None)
        self._disk.raw.deserialize(image)
        self._mirror = mirror.copy()

    def rot(self, place: int) -> None:
        rows = self._disk.raw.execute("SELECT id, raw FROM sets ORDER BY chain, seq").fetchall()
        if place < len(rows):
            id_, raw = rows[place]
            bad = bytearray(raw)
            bad[len(bad) // 2] ^= 0x40
            self._disk.raw.execute("UPDATE sets SET raw = ? WHERE id = ?", (bytes(bad), id_))

    def lose_cache(self) -> None:
        self._disk.raw.execute("DELETE FROM cursors")
        self._mirror = Mirror()

    def chain(self) -> bytes:
        power, self._disk.power = self._disk.power, None
        identity = self._vault.identity()
        self._disk.power = power
        return b"" if identity is None else identity.chain

    def refused(self) -> str:
        return self._refused

    def stored(self) -> Stored:
        rows = self._disk.raw.execute(
            "SELECT chain, seq, id, raw, result, why, word_of FROM sets ORDER BY chain, seq"
        )
        settled = DURABLE | {REWRITTEN, DAMAGED}
        own = [
            Own(chain, seq, at, raw, r, why, r not in settled, word_of is not None)
            for chain, seq, at, raw, r, why, word_of in rows
        ]
        rows = self._disk.raw.execute("SELECT scope, epoch, n, head FROM cursors")
        cursors = {scope: tuple(rest) for scope, *rest in rows}
        held = msgspec.msgpack.decode(self._watched("held") or b"\xc0", type=Held | None)
        alarm = self._watched("alarm")
        return Stored(
            own=own,
            cursors=cursors,
            lines={scope: list(known) for scope, known in self._mirror.lines.items()},
            recorded=set(self._mirror.begun),
            told=self._told(cursors.keys()),
            shown=set(),
            signed=None if held is None else (held.size, held.root),
            alarm=None if alarm is None else alarm.decode(),
        )

    def _watched(self, name: str) -> bytes | None:
        rows = self._disk.raw.execute("SELECT said FROM watched WHERE name = ?", (name,))
        return next((said for (said,) in rows), None)

    def organisation(self) -> dict[tuple[str, bytes], bytes]:
        rows: dict[tuple[str, bytes], dict[str, Any] | None] = {}
        for whole in self._mirror.begun.values():
            rows |= {(what, at): row for what, at, row in whole.org}
        for ruling, _envelope in self._mirror.lines.get("org", {}).values():
            if ruling.kind == rulings.KIND_ORG:
                rows[ruling.payload["what"], ruling.payload["id"]] = ruling.payload["row"]
        return {key: sha256(canon.encode(row)).digest() for key, row in rows.items() if row}

    def words(self) -> bytes:
        """None but its own: what it reads is the reader's."""
        return b""

    def _told(self, followed: Collection[str]) -> set[bytes]:
        """The mirror is the reader's, who may keep what the client gave up: it counts where that still follows."""
        begun = {
            entity
            for scope, whole in self._mirror.begun.items()
            for entity, _packed in whole.entities
            if scope in followed
        }
        return begun | {
            ruling.payload["e"]
            for scope, lines in self._mirror.lines.items()
            for ruling, envelope in lines.values()
            if scope in followed and envelope is not None and ruling.payload["e"] is not None
        }

    def views(self, entities: list[bytes]) -> dict[bytes, bytes | None]:
        known: Known = {entity: {} for entity in entities}
        for whole in self._mirror.begun.values():
            for entity, records in whole.records():
                for record in records:
                    _learn(known, entity, record.set, record.idx, record.items())
        for lines in self._mirror.lines.values():
            for ruling, envelope in lines.values():
                self._read(known, envelope, ruling)
        for own in self.stored().own:
            # A refusal that was heard counts, also while its ruling was not read; what has rotted is no set.
            if own.why is None and changeset.read(own.raw).set_id == own.id:
                self._read(known, own.raw, None)
        return {entity: _digest(entity, sets) for entity, sets in known.items()}

    @staticmethod
    def _read(known: Known, envelope: bytes | None, ruling: rulings.Ruling | None) -> None:
        read = changeset.read(envelope) if envelope is not None else None
        if not isinstance(read, ChangeSet):
            return
        entity = read.body.entity if read.body is not None else None
        if ruling is not None and ruling.kind in rulings.DECIDING:
            entity = ruling.payload["e"]
        if entity is not None:
            idx = 0 if ruling is None else ruling.idx
            _learn(known, entity, read.set_id, idx, fold.items_of(read, ruling))


def _learn(known: Known, entity: bytes, set_id: bytes, idx: int, items: list[Item]) -> None:
    """The ruling that stands says how a set does; an index of 0 is none."""
    if entity not in known:
        return
    before = known[entity].get(set_id)
    if before is None or rulings.stands_over(idx or None, before[0] or None):
        known[entity][set_id] = (idx, items)


def _digest(entity: bytes, sets: dict[bytes, tuple[int, list[Item]]]) -> bytes | None:
    if not sets:
        return None
    state = IncidentState(entity)
    for _idx, items in sets.values():
        state.add(items)
    return sha256(canon.encode(state.view())).digest()
