"""The centre's log entries: how a decision is written, hashed and listed in scopes (SPEC RL, SC).

Responsible for the bytes of rulings and the rolling heads of scopes. It takes no decision and keeps no log.

>>> ruling = Ruling(1, 1, 1000, "scope", {"e": bytes(16), "add": "org"})
>>> read_ruling(encode_ruling(ruling)) == ruling
True
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from sync import canon
from sync.canon import CanonError
from sync.changeset import KIND_CHARS_MAX

VERSION: Final = 1
KIND_SET: Final = "set"
KIND_ORG: Final = "org"
KIND_SCOPE: Final = "scope"
KIND_REVIEW: Final = "review"
KIND_ASK: Final = "ask"
KIND_REDACT: Final = "redact"
KIND_SNAPSHOT: Final = "snapshot"
KIND_VERDICT: Final = "verdict"
DECIDING: Final = frozenset({KIND_SET, KIND_REVIEW, KIND_REDACT})
"""Kinds that decide about one set, each whole in itself: the newest of them stands (RL6)."""

ACCEPTED: Final = "accepted"
ACCEPTED_LATE: Final = "accepted_late"
HELD: Final = "held"
REJECTED: Final = "rejected"
OPAQUE: Final = "opaque"
COUNTED: Final = frozenset({ACCEPTED, ACCEPTED_LATE})
"""Decisions whose sets give items to the fold (RL1)."""

PROVISIONAL_FROM: Final = 2**52
"""Rulings from this index on are a station's own opinion and in no log (HB3)."""

SCOPE_HEAD_ZERO: Final = bytes(16)
ENTITY_HEAD_ZERO: Final = bytes(16)
_SCOPE: Final = b"ortoo/scope/1\x00"
_ENTITY: Final = b"ortoo/entity/1\x00"


class Ruling(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """`[1, idx, at_ms, kind, payload]`: idx dense from 1, at_ms the centre's clock when it ruled."""

    v: Literal[1]
    idx: Annotated[int, Meta(ge=1, le=canon.INT_MAX)]
    at_ms: Annotated[int, Meta(ge=-canon.INT_MAX, le=canon.INT_MAX)]
    kind: Annotated[str, Meta(max_length=KIND_CHARS_MAX)]
    payload: dict[str, Any]


_RULING: Final = msgspec.msgpack.Decoder(Ruling)


def encode_ruling(ruling: Ruling) -> bytes:
    """Canonical bytes of a ruling whose payload the caller built from plain values. Raises nothing for those."""
    return canon.ENCODER.encode(ruling)


def set_payload(
    *,
    set_id: bytes,
    chain: bytes,
    seq: int,
    entity: bytes | None,
    decision: str,
    why: str | None,
    eff: bytes,
    flags: list[str],
    facts: dict[str, Any],
    number: str | None = None,
) -> dict[str, Any]:
    """The payload of a `set` ruling; `flags` come sorted, `facts` are what admission looked at. Source: SPEC RL."""
    return {
        "set": set_id,
        "chain": chain,
        "seq": seq,
        "e": entity,
        "d": decision,
        "why": why,
        "eff": eff,
        "flags": flags,
        "no": number,
        "in": facts,
    }


_OF_EVERY_DECISION: Final = ("set", "chain", "seq", "e", "d", "why", "eff", "flags", "no")


def renewed_payload(standing: Ruling, **changed: Any) -> dict[str, Any]:
    """The payload of a later ruling on the set that `standing` decides: what stood, `changed`, and as `at` when the set
    was received (RL6)."""
    kept = {name: standing.payload[name] for name in _OF_EVERY_DECISION}
    return kept | {"at": received_at_ms(standing)} | changed


def received_at_ms(ruling: Ruling) -> int:
    """When the set that a ruling decides about was received: the centre's clock at its first ruling (RL6)."""
    at_ms: int = ruling.payload.get("at", ruling.at_ms)
    return at_ms


def is_provisional(idx: int) -> bool:
    """Whether a ruling of this index is a station's, which stands only while the centre has ruled nothing (HB3)."""
    return idx >= PROVISIONAL_FROM


def stands_over(idx: int | None, other: int | None) -> bool:
    """Whether of two rulings on one set that of index `idx` decides: any before none (None), the centre's before a
    station's (HB3), the newer before the older (RL6)."""
    if idx is None or other is None:
        return idx is not None
    if is_provisional(idx) != is_provisional(other):
        return is_provisional(other)
    return idx > other


def read_ruling(data: bytes) -> Ruling:
    """The ruling written as `data`. Raises `CanonError`, `unsupported` for canonical bytes of another shape."""
    try:
        ruling = _RULING.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        canon.decode(data)
        raise CanonError("unsupported") from None
    # In this order: a key that is no text, somewhere inside, has no canonical form to compare with.
    if canon.fault(ruling.payload, 1) or canon.ENCODER.encode(ruling) != data:
        raise canon.diagnose(data)
    return ruling


def inside(scope: str) -> str:
    """The centre's scope that a station's own one stands beside; of any other name itself (HB3)."""
    return scope.split(":", 2)[2] if scope.startswith("hub:") else scope


def leaving(ruling: Ruling, scope: str) -> bytes | None:
    """The incident that leaves `scope` with this line of it, None where none does (SC6)."""
    names = ruling.payload.get("del") if ruling.kind == KIND_SCOPE else None
    if not isinstance(names, list) or inside(scope) not in names:
        return None
    entity: bytes = ruling.payload["e"]
    return entity


def leaf_hash(ruling_bytes: bytes) -> bytes:
    """32 bytes: the Merkle leaf of a ruling. Source: RFC 6962 section 2.1."""
    return sha256(b"\x00" + ruling_bytes).digest()


def entity_head(previous: bytes, leaf: bytes) -> bytes:
    """16 bytes: the head over the rulings about one entity after one more (TL10)."""
    return sha256(_ENTITY + previous + leaf).digest()[:16]


def scope_head(previous: bytes, leaf: bytes) -> bytes:
    """16 bytes: the head of a scope after one more entry (SC2)."""
    return sha256(_SCOPE + previous + leaf).digest()[:16]
