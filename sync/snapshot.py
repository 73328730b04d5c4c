"""Snapshots: what one scope comes to, in one immutable piece, for a device that begins or was away long (SPEC SN).

Responsible for the bytes of a snapshot: gathering what entries 1 to n of a scope come to, writing and reading it, and
giving the items of the fold back. Signatures are left out: who needs proof pulls the entries themselves. It does not
decide when a snapshot is made, nor who may have it.

>>> gathered = Gathered("org")
>>> raw = gathered.snapshot(epoch=1, n=0, head=bytes(16), salt=bytes(16))
>>> read(raw).scope, list(read(raw).records())
('org', [])
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sync import canon, fold, ids, rulings
from sync.changeset import KIND_INCIDENT, Bin8, Bin16, Bin32, ChangeSet, Int, Natural
from sync.fold import Item, Redaction
from sync.rulings import Ruling

VERSION: Final = 1


class Record(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One set as it stands: what the fold needs of it and no more. `ops` is the canonical list of its ops or skeletons;
    `redaction` is (by, ground, at_ms) or None."""

    set: Bin32
    user: Bin16
    chain: Bin16
    seq: Natural
    eff: Bin8
    idx: Natural
    at_ms: Int
    decision: str
    why: str | None
    flags: list[str]
    number: str | None
    ops: bytes
    redaction: tuple[Bin16, str, Int] | None

    def items(self) -> list[Item]:
        """The items of this set. Raises CanonError for ops that are not canonical."""
        ops: list[dict[str, Any]] = canon.decode(self.ops)
        return [
            Item(
                op=ids.op_id(self.set, index),
                t=op["t"],
                fields=op,
                user=self.user,
                chain=self.chain,
                seq=self.seq,
                eff=self.eff,
                idx=self.idx,
                at_ms=self.at_ms,
                decision=self.decision,
                why=self.why,
                flags=tuple(self.flags),
                number=self.number,
                redaction=None if self.redaction is None else Redaction(*self.redaction),
            )
            for index, op in enumerate(ops)
        ]


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """What entries 1 to `n` of a scope come to (SN1).

    `head` is the rolling head at `n`; `org` holds rows `(what, id, row)`; `entities` pairs an incident with the
    canonical list of its records, so that a device unpacks only what it shows; `asides` are the rulings that decide
    about no set and say nothing of the organisation, as bytes. The salt makes the published hash unguessable (SN2).
    """

    # In the order of their names, which is the canonical one.
    asides: list[bytes]
    entities: list[tuple[Bin16, bytes]]
    epoch: Natural
    head: Bin16
    n: Natural
    org: list[tuple[str, Bin16, dict[str, Any]]]
    salt: Bin16
    scope: str
    v: Literal[1]

    def records(self) -> Iterator[tuple[bytes, list[Record]]]:
        """Each incident with its records. Raises MsgspecError for records of another shape."""
        for entity, packed in self.entities:
            yield entity, _RECORDS.decode(packed)


_RECORDS: Final = msgspec.msgpack.Decoder(Annotated[list[Record], Meta(min_length=1)])
_SNAPSHOT: Final = msgspec.msgpack.Decoder(Snapshot)


class Gathered:
    """The entries of one scope, taken in their order, and what they come to so far."""

    def __init__(self, scope: str) -> None:
        """Begin with nothing of this scope."""
        self._scope = scope
        self._org: dict[tuple[str, bytes], dict[str, Any]] = {}
        self._entities: dict[bytes, dict[bytes, Record]] = {}
        self._asides: list[bytes] = []

    def take(self, ruling: Ruling, ruling_bytes: bytes, change: ChangeSet | None) -> None:
        """Take one entry in: its ruling, and the set beside it when it has one that can be read."""
        if ruling.kind == rulings.KIND_ORG:
            key = (ruling.payload["what"], ruling.payload["id"])
            self._org.pop(key, None)
            if ruling.payload["row"] is not None:
                self._org[key] = ruling.payload["row"]
        elif ruling.kind not in rulings.DECIDING:
            self._asides.append(ruling_bytes)
            if (entity := rulings.leaving(ruling, self._scope)) is not None:
                self._entities.pop(entity, None)
        elif change is not None:
            self._take_set(ruling, change)

    def _take_set(self, ruling: Ruling, change: ChangeSet) -> None:
        payload, body = ruling.payload, change.body
        ops = fold.ops_of(change, ruling)
        if payload["e"] is None or not ops or (body is not None and body.kind != KIND_INCIDENT):
            return
        records = self._entities.setdefault(payload["e"], {})
        known = records.get(change.set_id)
        if known is not None and known.idx >= ruling.idx:
            return
        redacted = ruling.kind == rulings.KIND_REDACT
        records[change.set_id] = Record(
            set=change.set_id,
            user=change.header.user,
            chain=change.header.chain,
            seq=change.header.seq,
            eff=payload["eff"],
            idx=ruling.idx,
            at_ms=rulings.received_at_ms(ruling),
            decision=payload["d"],
            why=payload["why"],
            flags=payload["flags"],
            number=payload["no"],
            ops=canon.encode(ops),
            redaction=(payload["by"], payload["ground"], ruling.at_ms) if redacted else None,
        )

    def snapshot(self, *, epoch: int, n: int, head: bytes, salt: bytes) -> bytes:
        """The canonical bytes of the snapshot (SN1)."""
        whole = Snapshot(
            asides=self._asides,
            entities=[
                (entity, canon.ENCODER.encode([records[one] for one in sorted(records)]))
                for entity, records in sorted(self._entities.items())
            ],
            epoch=epoch,
            head=head,
            n=n,
            org=[(what, row_id, self._org[what, row_id]) for what, row_id in sorted(self._org)],
            salt=salt,
            scope=self._scope,
            v=VERSION,
        )
        return canon.ENCODER.encode(whole)


def snapshot_hash(raw: bytes) -> bytes:
    """32 bytes: what the ruling that publishes a snapshot names (SN2)."""
    return ids.tagged_hash("ortoo/snapshot/1", raw)


def read(raw: bytes) -> Snapshot:
    """The snapshot written as `raw`. Raises MsgspecError for bytes of another shape; whether they are the published
    ones, their hash says."""
    try:
        return _SNAPSHOT.decode(raw)
    except (UnicodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
