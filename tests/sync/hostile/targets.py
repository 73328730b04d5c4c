"""Every door that bytes from outside come in by, each as one function from bytes to a short verdict.

Responsible for saying what a reader made of any bytes: a word when they were read, a code when they were refused.
Whatever else happens, an exception of any other kind above all, is a fault of the reader. Refuses to make bytes.

The corpus (`tests/corpus`), the structured fuzz and the coverage-guided fuzz all go through here. `PEER` names those
that the TypeScript side has too; there both must say the same.

Example: `TARGETS["canon"](b"\\xcc\\x05")` is `"not_shortest@0"`.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from server import keys
from server.api import wire
from server.intake import verify
from server.problems import ProblemError
from sync import canon, changeset, exchange, note, rulings, snapshot
from sync.changeset import Refusal
from sync.evidence.check import check

Target = Callable[[bytes], str]

REQUESTS: Final[tuple[type[Any], ...]] = (
    exchange.HelloRequest,
    exchange.PushRequest,
    exchange.PullRequest,
    exchange.TimeRequest,
)


def read_canon(data: bytes) -> str:
    """Canonical bytes, the reader under all others."""
    try:
        value = canon.decode(data)
    except canon.CanonError as error:
        return _told(error, data)
    assert canon.encode(value) == data
    return "read"


def _told(error: canon.CanonError, data: bytes) -> str:
    assert error.code in canon.CODES
    assert 0 <= error.offset <= len(data)
    return f"{error.code}@{error.offset}"


def read_set(data: bytes) -> str:
    """An envelope as a courier or a device may bring it."""
    found = changeset.read(data)
    return found.code if isinstance(found, Refusal) else f"set {found.set_id.hex()}"


def read_ruling(data: bytes) -> str:
    """An entry of the log as a centre may send it."""
    try:
        ruling = rulings.read_ruling(data)
    except canon.CanonError as error:
        return _told(error, data)
    assert rulings.encode_ruling(ruling) == data
    return f"ruling {ruling.idx}"


def read_requests(data: bytes) -> str:
    """A body as each of the requests; the names of those it may be."""
    read = []
    for kind in REQUESTS:
        try:
            message = exchange.decode(kind, data)
        except msgspec.MsgspecError:
            continue
        read.append(kind.__name__)
        if isinstance(message, exchange.PushRequest):
            for one in message.sets[: exchange.BATCH_SETS_MAX]:
                read_set(bytes(one))
    return " ".join(read) or "bad_message"


def unpack(data: bytes) -> str:
    """A compressed body."""
    try:
        return f"{len(wire.unpack(data))} bytes"
    except ProblemError as error:
        return error.code


def verify_set(data: bytes) -> str:
    """An envelope whose chain's key is known from the envelope itself, or not at all."""
    one = verify.read_one(data)
    key = verify.opening_key(one)
    [found] = verify.verify_all([one], lambda _chain: key)
    if isinstance(found, verify.Refused):
        return f"{found.result} {found.why}"
    return "signed" if found.key_known else "of an unknown key"


def read_note(data: bytes) -> str:
    """A signed note and the checkpoint in it, as text that a centre or a witness may send."""
    try:
        checkpoint = note.read_checkpoint(note.read_note(data.decode()).text)
    except UnicodeDecodeError:
        return "utf8"
    except note.NoteError as error:
        return error.code
    return f"checkpoint {checkpoint.size}"


def read_snapshot(data: bytes) -> str:
    """A snapshot of a scope, before its hash is compared."""
    try:
        return f"snapshot {snapshot.read(data).n}"
    except msgspec.MsgspecError:
        return "unreadable"


def check_evidence(data: bytes) -> str:
    """A file of evidence, from anybody's hands; the codes of what is wrong with it."""
    report = check(data, verify=keys.verify)
    return " ".join(sorted({finding.code for finding in report.findings})) or "whole"


TARGETS: Final[dict[str, Target]] = {
    "canon": read_canon,
    "set": read_set,
    "ruling": read_ruling,
    "requests": read_requests,
    "gzip": unpack,
    "verify": verify_set,
    "note": read_note,
    "snapshot": read_snapshot,
    "evidence": check_evidence,
}
PEER: Final = {"canon": "canon.decode", "set": "set.read", "ruling": "ruling.read"}
"""The peer's word for those doors that a device has too."""


def answer_of_peer(peer: Callable[..., dict[str, Any]], target: str, data: bytes) -> str:
    """What the TypeScript reader makes of the bytes, in the words of this one."""
    return in_words(peer(PEER[target], hex=data.hex()), data)


def in_words(said: dict[str, Any], data: bytes) -> str:
    """An answer of the peer about `data`, in the words of this side."""
    if "code" in said:
        return f"{said['code']}@{said['offset']}"
    if "refused" in said:
        return str(said["refused"])
    if "set" in said:
        return f"set {said['set']}"
    if "idx" in said:
        return f"ruling {said['idx']}"
    assert said == {"hex": data.hex()}, "it was read as another value"
    return "read"
