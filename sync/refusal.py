"""Why bytes are not a change set (SPEC CS7): the slow way in, for refused bytes only.

Responsible for naming the one reason, and for recognising sets of newer versions, which are kept unread. It never sees
a good set: `sync.changeset.read` comes here only when its own fast checks have failed.

>>> explain(bytes.fromhex("93c0c0c0")).code, explain(b"").detail
('bad_shape', 'truncated at byte 0')
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from sync import canon, ids
from sync.ids import ChainId, SetId

VERSION: Final = 1
SCHEMA: Final = (1, 1)
HEADER_BYTES_MAX: Final = 4_096
OPS_MAX: Final = 20
SIGNATURE_BYTES: Final = 64


class Refusal(Struct, frozen=True):
    """Why bytes are not a set (CS7).

    `newer_version` is no fault: the set is opaque and kept, and its `set_id`, `chain`, `seq` and `prev` are known.
    """

    code: str
    detail: str = ""
    set_id: SetId | None = None
    chain: ChainId | None = None
    seq: int | None = None
    prev: bytes | None = None


def explain_body(data: bytes) -> Refusal:
    """Why a body that matches its hash cannot be read: its first fault as bytes, else its shape."""
    return _not_canonical(data) or Refusal(
        "bad_shape", f"the body is not [salt, kind, entity, 1 to {OPS_MAX} ops with a text t]"
    )


def _not_canonical(data: bytes) -> Refusal | None:
    try:
        canon.decode(data)
    except canon.CanonError as error:
        return Refusal("not_canonical", str(error))
    return None


def explain(raw: bytes) -> Refusal:
    """The slow way in, for refused bytes only: name the fault, or recognise a set of a newer version (CS1, CS7)."""
    if refusal := _not_canonical(raw):
        return refusal
    parts = canon.decode(raw)
    if not (
        isinstance(parts, list)
        and len(parts) == 3
        and isinstance(parts[0], bytes)
        and isinstance(parts[1], bytes)
    ):
        return Refusal("bad_shape", "an envelope is [header, signature, body]")
    if not (parts[2] is None or isinstance(parts[2], bytes)):
        return Refusal("bad_shape", "a body is bytes or nil")
    header_bytes, signature = parts[0], parts[1]
    if len(header_bytes) > HEADER_BYTES_MAX:
        return Refusal(
            "too_large", f"header of {len(header_bytes)} bytes, at most {HEADER_BYTES_MAX}"
        )
    if refusal := _not_canonical(header_bytes):
        return refusal
    header = canon.decode(header_bytes)
    if not isinstance(header, list) or not _opening_holds(header):
        return Refusal(
            "bad_shape", "the header does not begin with version, chain, seq and the set before it"
        )
    newer_reader = (
        len(header) == 16
        and isinstance(header[12], list)
        and len(header[12]) == 2
        and _above(header[12][1])
    )
    if header[0] > VERSION or newer_reader:
        return Refusal(
            "newer_version",
            f"version {header[0]}",
            ids.set_id(header_bytes),
            ChainId(header[1]),
            header[2],
            header[3],
        )
    if len(signature) != SIGNATURE_BYTES:
        return Refusal(
            "bad_shape", f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}"
        )
    return Refusal("bad_shape", "the header's fields do not have their types")


def _above(min_reader: object) -> bool:
    return type(min_reader) is int and min_reader > SCHEMA[1]


def _opening_holds(header: list[Any]) -> bool:
    """Whether the four positions that every version shares have their shape (CS1)."""
    if len(header) < 4:
        return False
    version, chain, seq, prev = header[:4]
    return (
        type(version) is int
        and version >= 1
        and isinstance(chain, bytes)
        and len(chain) == 16
        and type(seq) is int
        and seq >= 0
        and (prev is None if seq == 0 else isinstance(prev, bytes) and len(prev) == 32)
    )
