"""A phone reduced to its pen: a key, a chain, and sets written on it, honest or not.

Example: `pen = Pen.new(1, person); raws = [pen.open(), pen.create(incident, station), pen.note(incident)]`.
"""

from hashlib import sha256
from typing import Any

from server.intake.door import Intake
from server.keys import SigningKey
from server.store.devices import Device
from sync import ids
from sync.changeset import Draft, Writer, chain_open_op, write

EPOCH_MS = 1_796_000_000_000  # 2026-11-30 in Asia/Shanghai
STATION = b"station-a-------"
OTHER_STATION = b"station-b-------"
UNIT = b"unit-a----------"
OTHER_UNIT = b"unit-b----------"


def chance(*names: object) -> bytes:
    """32 bytes that are the same every time for the same names."""
    return sha256(repr(names).encode()).digest()


def person_id(name: str) -> bytes:
    return chance("person", name)[:16]


class Pen:
    """One device that can write."""

    def __init__(self, name: object, person: bytes, alg: str = "Ed25519") -> None:
        self.name = name
        self.person = person
        self.key = SigningKey(alg, chance("key", name))
        self.nonce = chance("nonce", name)[:16]
        self.writer = Writer(ids.chain_id(self.key.public, self.nonce))
        self.chain = self.writer.chain
        self.token = f"token-{name}"
        self.now_ms = EPOCH_MS

    @property
    def device(self) -> Device:
        return Device(
            chain=self.chain,
            person=self.person,
            alg=self.key.alg,
            pub=self.key.public,
            label=f"phone {self.name}",
            app="test/1",
            token_hash=sha256(self.token.encode()).digest(),
            enrolled_at_ms=EPOCH_MS,
        )

    async def enrol(self, intake: Intake) -> None:
        await intake.transaction(lambda batch: batch.devices.enrol(self.device))

    def set(
        self,
        entity: bytes,
        *ops: dict[str, Any],
        kind: str = "incident",
        lane: int = 0,
        **extra: Any,
    ) -> bytes:
        """The next set of the chain."""
        draft = Draft(
            user=extra.get("user", self.person),
            scope="org",
            kind=kind,
            entity=entity,
            ops=ops,
            lane=lane,
        )
        written = write(
            self.writer,
            draft,
            wall_ms=self.now_ms,
            offset_ms=0,
            mono=extra.get("mono", (bytes(8), 0)),
            salt=chance("salt", self.name, self.writer.seq, extra.get("salt"))[:16],
            sign=extra.get("sign", self.key.sign),
            seen=extra.get("seen"),
            beacon=extra.get("beacon"),
        )
        self.writer = written.writer
        return written.raw

    def open(self) -> bytes:
        op = chain_open_op(self.key.alg, self.key.public, self.nonce, "test/1")
        return self.set(self.chain, op, kind="chain")

    def create(
        self, incident: bytes, station: bytes = STATION, *more: dict[str, Any], source: str = "self"
    ) -> bytes:
        create = {"t": "incident.create", "source": source, "station": station, "tag": "T-1"}
        return self.set(incident, create, *more)

    def note(self, incident: bytes, text: str = "到了", **extra: Any) -> bytes:
        return self.set(incident, {"t": "entry.add", "kind": "note", "text": text}, **extra)

    def claim(self, incident: bytes, kind: str, order: bytes, **fields: Any) -> bytes:
        op = {"t": "milestone.claim", "kind": kind, "round": 0, "order": order, "via": "self"}
        return self.set(incident, op | fields)


ORG: list[tuple[str, bytes, dict[str, Any]]] = [
    ("stations", STATION, {"name": "甲派出所"}),
    ("stations", OTHER_STATION, {"name": "乙派出所"}),
    ("units", UNIT, {"name": "甲一组", "station": STATION}),
    ("units", OTHER_UNIT, {"name": "乙一组", "station": OTHER_STATION}),
    (
        "people",
        person_id("officer"),
        {"name": "王", "role": "officer", "station": STATION, "unit": UNIT},
    ),
    (
        "people",
        person_id("other"),
        {"name": "李", "role": "officer", "station": OTHER_STATION, "unit": OTHER_UNIT},
    ),
    ("people", person_id("dispatcher"), {"name": "赵", "role": "dispatcher"}),
]


async def found_org(intake: Intake) -> None:
    """Two stations with a unit and an officer each, and a dispatcher."""

    def all_rows(batch: Any) -> None:
        for what, row_id, row in ORG:
            batch.org(what, row_id, row)

    await intake.transaction(all_rows)
