"""Change sets: one user action, hashed, chained and signed (SPEC CS).

Responsible for the bytes of a set: writing one onto a chain, reading one, and saying why bytes are not one. It does not
know what ops mean, who may write them, or how a signature is computed: signing and verifying are handed in.

>>> draft = Draft(user=bytes(16), scope="org", kind="incident", entity=bytes(16), ops=[{"t": "entry.add"}])
>>> writer = Writer(chain=ChainId(bytes(16)), seq=1, prev=SetId(bytes(32)))
>>> when = {"wall_ms": 1000, "offset_ms": 0, "mono": (bytes(8), 5)}
>>> written = write(writer, draft, **when, salt=bytes(16), sign=lambda message: bytes(64))
>>> changeset = read(written.raw)
>>> isinstance(changeset, ChangeSet), written.writer.seq
(True, 2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from sync import canon, ids
from sync.clock import Stamp, send
from sync.ids import ChainId, SetId
from sync.refusal import (
    HEADER_BYTES_MAX,
    OPS_MAX,
    SCHEMA,
    SIGNATURE_BYTES,
    VERSION,
    explain,
    explain_body,
)
from sync.refusal import Refusal as Refusal  # noqa: PLC0414 - part of what `read` gives, so offered here too

SET_BYTES_MAX: Final = 262_144
OP_BYTES_MAX: Final = 65_536
SCOPE_CHARS_MAX: Final = 128
KIND_CHARS_MAX: Final = 32

FLAG_HLC_RESET: Final = 1
FLAG_RESTORED_STORAGE: Final = 2
FLAG_NO_STRICT_DURABILITY: Final = 4

KIND_CHAIN: Final = "chain"
KIND_INCIDENT: Final = "incident"

PUBLIC_KEY_BYTES: Final = {"Ed25519": 32, "ES256": 65}

Bin8 = Annotated[bytes, Meta(min_length=8, max_length=8)]
Bin16 = Annotated[bytes, Meta(min_length=16, max_length=16)]
Bin32 = Annotated[bytes, Meta(min_length=32, max_length=32)]
Int = Annotated[int, Meta(ge=-canon.INT_MAX, le=canon.INT_MAX)]
Natural = Annotated[int, Meta(ge=0, le=canon.INT_MAX)]

Sign = Callable[[bytes], bytes]
"""Takes the signing bytes of a set, gives 64 bytes of signature."""
Verify = Callable[[str, bytes, bytes, bytes], bool]
"""Takes algorithm name, public key, message and signature; never raises on bad input."""


class Header(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The 16 items of a version 1 header, in order (SPEC CS). Ids and hashes are bytes, times are milliseconds."""

    v: Int
    chain: Bin16
    seq: Natural
    prev: Bin32 | None
    hlc: Bin8
    wall_ms: Int
    mono: tuple[Bin8, Int]
    user: Bin16
    seen: tuple[Natural, Bin16] | None
    beacon: Bin16 | None
    scope: Annotated[str, Meta(max_length=SCOPE_CHARS_MAX)]
    lane: Annotated[int, Meta(ge=0, le=1)]
    schema: tuple[Natural, Natural]
    flags: Natural
    body_hash: Bin32
    continues: tuple[Bin16, Natural, Bin32, str] | None


class Body(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What the author says: ops on one entity, under a salt of 16 random bytes that keeps the hash unguessable after
    redaction (CS). `kind` is `incident` or `chain`; every op is a map with a text `t`.
    """

    salt: Bin16
    kind: Annotated[str, Meta(max_length=KIND_CHARS_MAX)]
    entity: Bin16
    ops: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=OPS_MAX)]


class Envelope(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """`[header, signature, body or nil]`, each as the bytes that were hashed and signed; the signature is 64 bytes,
    a body of None was redacted (CS3, CS4).
    """

    header: bytes
    signature: bytes
    body: bytes | None


class ChangeSet(Struct, frozen=True):
    """A set that was read: shapes and hashes hold, the signature is unchecked. `body` is None when it was redacted;
    `raw` is the whole envelope as it came, and is what is stored and passed on.
    """

    header: Header
    header_bytes: bytes
    signature: bytes
    body: Body | None
    set_id: SetId
    raw: bytes


class Draft(Struct, frozen=True):
    """What a person wants to say, before it is written onto a chain. `user` and `entity` are 16 bytes, `lane` is 0 or 1
    for priority.
    """

    user: bytes
    scope: str
    kind: str
    entity: bytes
    ops: Sequence[dict[str, Any]]
    lane: int = 0


class Writer(Struct, frozen=True):
    """Where a chain stands: the next `seq`, the set before it, and the clock. Every write gives a new one back."""

    chain: ChainId
    seq: int = 0
    prev: SetId | None = None
    stamp: Stamp = Stamp(0, 0)


class Written(Struct, frozen=True):
    """A finished set: its bytes, its id and where the chain stands after it."""

    raw: bytes
    set_id: SetId
    writer: Writer


_ENVELOPE: Final = msgspec.msgpack.Decoder(Envelope)
_HEADER: Final = msgspec.msgpack.Decoder(Header)
_BODY: Final = msgspec.msgpack.Decoder(Body)
_encode = canon.ENCODER.encode


def signing_bytes(set_id: bytes) -> bytes:
    """The 44 bytes that a signature covers (CS3)."""
    return b"ortoo/sig/1\x00" + set_id


def write(
    writer: Writer,
    draft: Draft,
    *,
    wall_ms: int,
    offset_ms: int | None,
    mono: tuple[bytes, int],
    salt: bytes,
    sign: Sign,
    seen: tuple[int, bytes] | None = None,
    beacon: bytes | None = None,
    continues: tuple[bytes, int, bytes, str] | None = None,
    flags: int = 0,
) -> Written:
    """Write `draft` as the next set of the chain. Pure but for `sign`. Raises `CanonError` for values outside CB1.

    `wall_ms` is the device's own clock, `offset_ms` the last known (server - device) difference; `mono` a session of 8
    bytes and ms since it began; `salt` 16 random bytes; `seen` and `continues` as in the table of CS.
    """
    stamp, was_reset = send(writer.stamp, wall_ms, offset_ms)
    body_bytes = canon.encode([salt, draft.kind, draft.entity, list(draft.ops)])
    header = Header(
        v=VERSION,
        chain=writer.chain,
        seq=writer.seq,
        prev=writer.prev,
        hlc=stamp.pack(),
        wall_ms=wall_ms,
        mono=mono,
        user=draft.user,
        seen=seen,
        beacon=beacon,
        scope=draft.scope,
        lane=draft.lane,
        schema=SCHEMA,
        flags=flags | (FLAG_HLC_RESET if was_reset else 0),
        body_hash=ids.body_hash(body_bytes),
        continues=continues,
    )
    header_bytes = _encode(header)
    set_id = ids.set_id(header_bytes)
    raw = _encode(Envelope(header_bytes, sign(signing_bytes(set_id)), body_bytes))
    return Written(raw, set_id, Writer(writer.chain, writer.seq + 1, set_id, stamp))


def chain_open_op(alg: str, public_key: bytes, nonce: bytes, app: str) -> dict[str, Any]:
    """The first op of every chain: the key that signs it and the nonce of 16 bytes that made its id (CS5). `alg` is
    `Ed25519` (key of 32 bytes) or `ES256` (point of 65 bytes).
    """
    return {"t": "chain.open", "alg": alg, "pub": public_key, "nonce": nonce, "app": app}


def purged_op(scope: str, epoch: int, n: int) -> dict[str, Any]:
    """What a device says of a scope that it follows no longer: its lines, up to `n`, are deleted (SC5)."""
    return {"t": "scope.purged", "scope": scope, "epoch": epoch, "n": n}


def read(raw: bytes) -> ChangeSet | Refusal:
    """Read one envelope: exact shapes, canonical bytes, matching body. The signature is left to `signature_holds`.

    Raises nothing: whatever the bytes, it is a set or exactly one refusal of CS7.
    """
    if len(raw) > SET_BYTES_MAX:
        return Refusal("too_large", f"{len(raw)} of at most {SET_BYTES_MAX} bytes")
    try:
        envelope = _ENVELOPE.decode(raw)
        header = _HEADER.decode(envelope.header)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return explain(raw)
    header_bytes = envelope.header
    if _encode(header) != header_bytes or _encode(envelope) != raw:
        return explain(raw)
    if (
        header.v != VERSION
        or header.schema[1] > SCHEMA[1]
        or (header.seq == 0) is not (header.prev is None)
    ):
        return explain(raw)
    if len(header_bytes) > HEADER_BYTES_MAX or len(envelope.signature) != SIGNATURE_BYTES:
        return explain(raw)
    if header.continues is not None and header.seq != 0:
        return Refusal("bad_shape", "only the first set of a chain may continue another")
    set_id = ids.set_id(header_bytes)
    if envelope.body is None:
        return ChangeSet(header, header_bytes, envelope.signature, None, set_id, raw)
    if ids.body_hash(envelope.body) != header.body_hash:
        return Refusal("bad_body", "the body does not match the hash in its header", set_id)
    body = _read_body(envelope.body)
    if isinstance(body, Refusal):
        return body
    if header.seq == 0 and (problem := _chain_open_problem(header, body)):
        return Refusal("bad_chain_open", problem, set_id)
    return ChangeSet(header, header_bytes, envelope.signature, body, set_id, raw)


def header_of(raw: bytes) -> Header:
    """The header of an envelope that `read` has taken before. Raises `msgspec.MsgspecError` for one it would not."""
    return _HEADER.decode(_ENVELOPE.decode(raw).header)


def without_body(changeset: ChangeSet) -> bytes:
    """The envelope as it is stored and sent once its words were taken away (RD1)."""
    return _encode(Envelope(changeset.header_bytes, changeset.signature, None))


def signature_holds(changeset: ChangeSet, alg: str, public_key: bytes, verify: Verify) -> bool:
    """Whether the author's key signed this set (CS3, CS9). Sources: RFC 8032 section 5.1.7; FIPS 186-5 for ES256."""
    return verify(alg, public_key, signing_bytes(changeset.set_id), changeset.signature)


def _read_body(data: bytes) -> Body | Refusal:
    try:
        body = _BODY.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return explain_body(data)
    # Depth 2: the ops stand in the list that stands in the body.
    for op in body.ops:
        if type(op.get("t")) is not str or canon.fault(op, 2):
            return explain_body(data)
    if _encode(body) != data:
        return explain_body(data)
    if len(data) > OP_BYTES_MAX and any(len(_encode(op)) > OP_BYTES_MAX for op in body.ops):
        return Refusal("too_large", f"an op is larger than {OP_BYTES_MAX} bytes")
    return body


def _chain_open_problem(header: Header, body: Body) -> str | None:
    op = body.ops[0]
    if body.kind != KIND_CHAIN or body.entity != header.chain or op["t"] != "chain.open":
        return "the first set of a chain must open it"
    alg, public_key, nonce = op.get("alg"), op.get("pub"), op.get("nonce")
    if (
        not isinstance(alg, str)
        or not isinstance(public_key, bytes)
        or PUBLIC_KEY_BYTES.get(alg) != len(public_key)
    ):
        return "unknown algorithm or a key of the wrong length"
    if not isinstance(nonce, bytes) or len(nonce) != 16 or not isinstance(op.get("app"), str):
        return "nonce must be 16 bytes and app text"
    if ids.chain_id(public_key, nonce) != header.chain:
        return "the chain id does not follow from the key and the nonce"
    return None
