"""Copied and damaged storage: how it is noticed, proven and left behind (SPEC FK).

Responsible for the sync token that shows a copied profile before it forks a chain, for the proof of a fork, and for
writing the ops of a damaged set again. It keeps nothing, and does not know who asks or how a signature is checked.

>>> first, why = greet(None, None, request=b"r" * 16, chance=b"c" * 8)
>>> first.token[:8].hex(), why
('0000000000000001', None)
>>> greet(first, None, request=b"r" * 16, chance=b"d" * 8) == (first, None)  # the same request again: the same answer
True
>>> greet(first, None, request=b"s" * 16, chance=b"d" * 8)[1]  # a copy that never saw the first answer
'copied'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from sync import canon, changeset, ids
from sync.changeset import Verify

TOKEN_BYTES: Final = 16
CHANCE_BYTES: Final = 8

COPIED: Final = "copied"
ROLLED_BACK: Final = "rolled_back"
FORKED: Final = "forked"

KIND_FORK: Final = "fork"
"""Kind of the ruling that proves a fork (RL)."""

OP_ID_BYTES: Final = 17


class Greeted(Struct, frozen=True):
    """What the centre keeps of one chain's greetings: the token it gave last, the request that obtained it, and the
    token that request showed. Source: refresh token rotation, RFC 9700 section 4.14.2."""

    token: bytes
    request: bytes
    shown: bytes | None


def greet(
    known: Greeted | None, shown: bytes | None, *, request: bytes, chance: bytes
) -> tuple[Greeted, str | None]:
    """What to keep after a hello that shows a token, and why its sender must rotate, if it must (FK3).

    `request` names the hello (16 bytes, repeated until it is answered), `chance` is 8 random bytes.
    """
    if known is None or shown == known.token:
        return Greeted(_after(shown, chance), request, shown), None
    if shown == known.shown and request == known.request:
        return known, None
    if shown is not None and _number(shown) > _number(known.token):
        # Given out by this centre before it was restored from a backup: not the device's doing.
        return Greeted(_after(shown, chance), request, shown), None
    return known, COPIED


def must_rotate(*, head: int, have: int, forked_at: int | None) -> str | None:
    """Why a chain may get no more sets, whatever token its device shows: it forked, or its device has forgotten sets
    that are held here (FK4). `head` is the device's own last seq, `have` the contiguous seq held, -1 for none."""
    if forked_at is not None:
        return FORKED
    return ROLLED_BACK if head < have else None


def _number(token: bytes) -> int:
    return int.from_bytes(token[:8])


def _after(token: bytes | None, chance: bytes) -> bytes:
    number = 0 if token is None else _number(token)
    return min(number + 1, (1 << 64) - 1).to_bytes(8) + chance


def fork_payload(*, chain: bytes, seq: int, a: list[bytes], b: list[bytes]) -> dict[str, Any]:
    """The payload of a `fork` ruling: `a` the set that came first, `b` the other (FK1)."""
    return {"chain": chain, "seq": seq, "a": a, "b": b}


def witness(raw: bytes) -> list[bytes]:
    """`[header, signature]` of an envelope: what a fork proof needs of a set, whatever became of its body (FK1)."""
    parts = canon.decode(raw)
    assert isinstance(parts, list)
    header, signature = parts[0], parts[1]
    assert isinstance(header, bytes)
    assert isinstance(signature, bytes)
    return [header, signature]


def proof_holds(proof: Mapping[str, Any], alg: str, pub: bytes, verify: Verify) -> bool:
    """Whether a fork proof stands: two different headers at its chain and seq, both signed by the chain's key (FK1)."""
    sides = (proof["a"], proof["b"])
    if sides[0][0] == sides[1][0]:
        return False
    for header_bytes, signature in sides:
        try:
            header = canon.decode(header_bytes)
        except canon.CanonError:
            return False
        if not isinstance(header, list) or header[1:3] != [proof["chain"], proof["seq"]]:
            return False
        message = changeset.signing_bytes(ids.set_id(header_bytes))
        if not verify(alg, pub, message, signature):
            return False
    return True


class Legible(Struct, frozen=True):
    """What can still be read, with certainty, of a set whose bytes are no longer what was signed. `scope` and `hlc` are
    None where its header is lost."""

    kind: str
    entity: bytes
    ops: list[dict[str, Any]]
    scope: str | None
    hlc: bytes | None


def legible(raw: bytes) -> Legible | None:
    """What is left of a damaged set: its ops, if the hash of its body still stands in its header. None when its words
    cannot be trusted: they are never signed anew (FK7)."""
    try:
        parts = canon.decode(raw)
        header_bytes, body_bytes = parts[0], parts[2]
        if ids.body_hash(body_bytes) not in header_bytes:
            return None
        _salt, kind, entity, ops = canon.decode(body_bytes)
    except (canon.CanonError, TypeError, ValueError, IndexError):
        return None
    scope, hlc = _heading(header_bytes)
    return Legible(kind, entity, ops, scope, hlc)


def _heading(header_bytes: bytes) -> tuple[str | None, bytes | None]:
    try:
        header: Any = canon.decode(header_bytes)
        hlc, scope = header[4], header[10]
    except (canon.CanonError, TypeError, IndexError, KeyError):
        return None, None
    is_whole = isinstance(hlc, bytes) and len(hlc) == 8 and isinstance(scope, str)
    return (scope, hlc) if is_whole else (None, None)


def again(
    ops: Sequence[Mapping[str, Any]],
    orig: Mapping[str, Any],
    *,
    happened_ms: int,
    renamed: Mapping[bytes, bytes],
) -> list[dict[str, Any]]:
    """The ops of a damaged set, to be written once more on another chain (FK7).

    `orig` says what it was: `chain`, `seq`, `set` and, where it can still be read, `hlc`. Each op keeps as `at` when it
    happened (`happened_ms` unless it said so itself), and names by their new op ids what was written again before it:
    `renamed` maps old op id to new. An op that opens a chain is left out.
    """
    return [
        {"at": happened_ms, "orig": dict(orig)} | _renamed(op, renamed)
        for op in ops
        if op["t"] != "chain.open"
    ]


def _renamed(value: Any, renamed: Mapping[bytes, bytes]) -> Any:
    if isinstance(value, bytes):
        return renamed.get(value, value) if len(value) == OP_ID_BYTES else value
    if isinstance(value, list):
        return [_renamed(one, renamed) for one in value]
    if isinstance(value, dict):
        return {key: _renamed(one, renamed) for key, one in value.items()}
    return value
