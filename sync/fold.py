"""From sets and rulings to items: what the cells are made of (SPEC CE, ST).

Responsible for turning one change set and what the centre ruled about it into items: one per op, each with its id, its
author, its stamp and whether it counts. Does not know what any op means.

>>> item = Item(op=OpId(bytes(17)), t="entry.add", fields={"t": "entry.add", "at": 900}, user=bytes(16),
...             chain=bytes(16), seq=1, eff=Stamp(1000, 0).pack(), idx=1, at_ms=70_000, decision="accepted",
...             why=None, flags=(), number=None)
>>> item.occurred_at_ms, item.late_by_ms
(900, 69100)
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import force_setattr

from sync import ids, rulings
from sync.changeset import ChangeSet
from sync.clock import Stamp
from sync.ids import OpId
from sync.rulings import Ruling

LATE_AFTER_MS: Final = 60_000


class Redaction(Struct, frozen=True):
    """By whom, on what legal ground and when the words of a set were taken away (RD1)."""

    by: bytes
    ground: str
    at_ms: int


class Item(Struct, frozen=True, gc=False):
    """One op and what is known of it.

    `idx`, `at_ms` and `decision` are None while the centre has not ruled: the index of the ruling that decides, the
    receipt of the set, and what was decided. Of a redacted set the `fields` are the skeleton (RD2). `occurred_at_ms` is
    when it happened: its own `at`, else its effective stamp; never after its receipt (ST2). It follows from the rest.
    """

    op: OpId
    t: str
    fields: dict[str, Any]
    user: bytes
    chain: bytes
    seq: int
    eff: bytes
    idx: int | None
    at_ms: int | None
    decision: str | None
    why: str | None
    flags: tuple[str, ...]
    number: str | None
    redaction: Redaction | None = None
    occurred_at_ms: int = 0

    def __post_init__(self) -> None:
        # Reckoned once: whoever derives from an item asks for it many times.
        force_setattr(self, "occurred_at_ms", occurred_at(self.fields, self.eff, self.at_ms))

    @property
    def counts(self) -> bool:
        """Whether it gives values and preds: accepted, or the author's own and not yet ruled (CE)."""
        return self.decision is None or self.decision in rulings.COUNTED

    @property
    def set_prefix(self) -> bytes:
        """The first 16 bytes of its set's id."""
        return self.op[:16]

    @property
    def late_by_ms(self) -> int | None:
        """How long after it happened it was received, when that is more than a minute (ST4)."""
        if self.at_ms is None:
            return None
        late_by = self.at_ms - self.occurred_at_ms
        return late_by if late_by > LATE_AFTER_MS else None

    @property
    def is_late_entry(self) -> bool:
        """Whether its author wrote it down more than a minute after it happened (ST5)."""
        return int.from_bytes(self.eff[:6], "big") - self.occurred_at_ms > LATE_AFTER_MS

    @property
    def order_key(self) -> tuple[bytes, bytes]:
        """Effective stamp, then op id: the total order of the cells (CE1)."""
        return (self.eff, self.op)


def occurred_at(op: dict[str, Any], eff: bytes, at_ms: int | None) -> int:
    """Event time of an op in ms (ST2); an `at` that is no time is passed over, for such an op never counts (IN1)."""
    at = op.get("at")
    occurred = at if type(at) is int and at >= 0 else int.from_bytes(eff[:6], "big")
    return occurred if at_ms is None or occurred <= at_ms else at_ms


def effective_stamp(hlc: bytes, at_ms: int, floor: bytes | None = None) -> bytes:
    """The stamp a ruling at `at_ms` gives to a set (ST1): its own, clamped to receipt, and above `floor`, the greatest
    stamp among what it names as replaced and the set before it."""
    eff = hlc if int.from_bytes(hlc[:6], "big") <= at_ms else Stamp(at_ms, 0).pack()
    return (
        eff
        if floor is None or eff > floor
        else (int.from_bytes(floor, "big") + 1).to_bytes(8, "big")
    )


def ops_of(changeset: ChangeSet, ruling: Ruling | None) -> list[dict[str, Any]]:
    """What a set does: its ops, or once it was redacted their skeletons; none while those have not come (RD2)."""
    if ruling is not None and ruling.kind == rulings.KIND_REDACT:
        skeletons: list[dict[str, Any]] = ruling.payload["ops"]
        return skeletons
    return changeset.body.ops if changeset.body is not None else []


def items_of(changeset: ChangeSet, ruling: Ruling | None) -> list[Item]:
    """The items of a set under one ruling that decides about it. Without one they are the author's own, provisional."""
    header = changeset.header
    payload = ruling.payload if ruling is not None else None
    at_ms = None if ruling is None else rulings.received_at_ms(ruling)
    return [
        Item(
            op=ids.op_id(changeset.set_id, index),
            t=op["t"],
            fields=op,
            user=header.user,
            chain=header.chain,
            seq=header.seq,
            eff=header.hlc if payload is None else payload["eff"],
            idx=None if ruling is None else ruling.idx,
            at_ms=at_ms,
            decision=None if payload is None else payload["d"],
            why=None if payload is None else payload["why"],
            flags=() if payload is None else tuple(payload["flags"]),
            number=None if payload is None else payload["no"],
            redaction=_redaction(ruling),
        )
        for index, op in enumerate(ops_of(changeset, ruling))
    ]


def _redaction(ruling: Ruling | None) -> Redaction | None:
    if ruling is None or ruling.kind != rulings.KIND_REDACT:
        return None
    return Redaction(ruling.payload["by"], ruling.payload["ground"], ruling.at_ms)
