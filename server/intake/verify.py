"""From bytes to sets whose signatures hold: the part of the intake that needs no order.

Responsible for reading envelopes (CS7) and for checking signatures with as few verifications as
the hash chain allows (CS6). Runs in worker threads, beside the writer, and touches no database.
Refuses to judge what a set says.

Example: fifty sets that a phone wrote in a row and hands in cost one verification, of the last. If that one fails,
the sets are tried from the end back: the last good signature vouches for all before it, and only
the sets after it are refused.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from server import keys
from sync import canon, changeset, exchange
from sync.changeset import ChangeSet, Refusal

Key = tuple[str, bytes]
"""Algorithm name and public key."""
FindKey = Callable[[bytes], Key | None]

_RESULT_OF = {"too_large": exchange.TOO_LARGE, "bad_signature": exchange.BAD_SIGNATURE}


class Incoming(msgspec.Struct, eq=False):
    """One set that may be judged.

    `change` is None for a set of a newer version, which is kept unread. `key_known` is False when
    nobody here knows the chain's key: then the signature could not be checked.
    """

    set_id: bytes
    chain: bytes
    seq: int
    prev: bytes | None
    raw: bytes
    change: ChangeSet | None
    key_known: bool = True


class Refused(msgspec.Struct, frozen=True):
    """One envelope that is not kept: `result` and `why` code of its push answer (EX1, EX2)."""

    result: str
    why: str
    set_id: bytes | None = None


Found = Incoming | Refused


def examine(raws: Iterable[bytes], find_key: FindKey, author: bytes | None = None) -> list[Found]:
    """Read and verify each envelope; a bad one changes nothing for its neighbours. `author` as in `verify_all`."""
    return verify_all([read_one(raw) for raw in raws], find_key, author)


def read_one(raw: bytes) -> Found:
    """Read one envelope; its signature is not yet checked."""
    found = changeset.read(raw)
    if type(found) is ChangeSet:
        header = found.header
        return Incoming(found.set_id, header.chain, header.seq, header.prev, raw, found)
    assert isinstance(found, Refusal)
    if found.code == "newer_version":
        assert found.set_id is not None
        assert found.chain is not None
        assert found.seq is not None
        return Incoming(found.set_id, found.chain, found.seq, found.prev, raw, None)
    result = _RESULT_OF.get(found.code, exchange.MALFORMED)
    return Refused(result, found.code, found.set_id)


def opening_key(found: Found) -> Key | None:
    """The key a chain's first set names; CS5 has already tied it to the chain's id."""
    if isinstance(found, Refused) or found.seq != 0 or found.change is None:
        return None
    body = found.change.body
    return None if body is None else (body.ops[0]["alg"], body.ops[0]["pub"])


def runs(found: Sequence[Found], author: bytes | None = None) -> list[list[int]]:
    """Positions of the readable sets, cut where one chain's unbroken line ends, and between any two that are not of the
    `author` (CS6)."""
    cut: list[list[int]] = []
    last: Incoming | None = None
    for at, one in enumerate(found):
        if isinstance(one, Refused):
            continue
        if (
            last is not None
            and one.prev == last.set_id
            and one.chain == last.chain
            and author in (None, one.chain)
            and one.seq == last.seq + 1
        ):
            cut[-1].append(at)
        else:
            cut.append([at])
        last = one
    return cut


def verify_all(
    found: Sequence[Found], find_key: FindKey, author: bytes | None = None
) -> list[Found]:
    """The same, each set either vouched for, marked as of an unknown key, or refused. `author` is the chain of whoever
    hands them in: sets that others hand on are each held to their own signature, for it may have been changed.
    """
    checked = list(found)
    for run in runs(found, author):
        first = found[run[0]]
        assert isinstance(first, Incoming)
        key = find_key(first.chain)
        for at in run:
            one = found[at]
            assert isinstance(one, Incoming)
            one.key_known = key is not None
        if key is None:
            continue
        good = len(run)
        while good and not _holds(found[run[good - 1]], key):
            good -= 1
        for at in run[good:]:
            bad = found[at]
            assert isinstance(bad, Incoming)
            checked[at] = Refused(exchange.BAD_SIGNATURE, "bad_signature", bad.set_id)
    return checked


def _holds(one: Any, key: Key) -> bool:
    # A newer version keeps the envelope's three parts, and the signature covers the set id (CS1).
    signature = canon.decode(one.raw)[1] if one.change is None else one.change.signature
    return keys.verify(*key, changeset.signing_bytes(one.set_id), signature)
