"""A device as a witness of the log: it keeps the highest checkpoint it met and notices when the log did not only grow
(SPEC TL9).

Responsible for what a new checkpoint says beside the one that is held. It asks nobody and keeps nothing: the caller
stores what comes back.

>>> log = Log("ortoo/00/01", bytes(32))
>>> judge(None, "no note", [], log=log, verify=lambda *_: True)
'bad_note'
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from sync.changeset import Bin8, Bin32, Int, Natural
from sync.merkle import is_consistent
from sync.note import NoteError, Verify, is_signed, read_checkpoint, read_note

ORG_ROW = "logs"
"""The kind of `org` row that names a log: its key, its epoch and what earlier epochs lost (TL8)."""


class Log(Struct, frozen=True):
    """A log as the organisation names it: its origin and key, and origins of epochs whose end was declared."""

    origin: str
    public: bytes
    before: tuple[str, ...] = ()


class Held(Struct, frozen=True):
    """The highest checkpoint a device has checked, and the key it was signed with. `note` is kept as a witness."""

    origin: str
    public: bytes
    size: int
    root: bytes
    note: str


class Loss(Struct, frozen=True):
    """An epoch that ended with a declared loss: entries `kept + 1` to `size` are gone, and why (TL8)."""

    epoch: Bin8
    size: Natural = 0
    root: Bin32 = bytes(32)
    kept: Natural = 0
    why: str = ""
    at_ms: Int = 0


class LogRow(Struct, frozen=True):
    """The `org` row `logs`: the key and epoch of the log, and the losses declared so far (TL8)."""

    pub: Bin32
    epoch: Bin8
    alg: str = "Ed25519"
    lost: list[Loss] = []


def origin_of(server: bytes, epoch: bytes) -> str:
    """The name of a log: one per centre and epoch (TL6)."""
    return f"ortoo/{server.hex()}/{epoch.hex()}"


def read_row(row: object) -> LogRow | None:
    """A row of the organisation that names a log; None for any other."""
    try:
        return msgspec.convert(row, LogRow, builtin_types=(bytes,))
    except msgspec.ValidationError:
        return None


def log_of(server: bytes, row: object) -> Log | None:
    """The log that a row of the organisation names; None for a row of another shape."""
    read = read_row(row)
    if read is None:
        return None
    ended = tuple(origin_of(server, one.epoch) for one in read.lost)
    return Log(origin_of(server, read.epoch), read.pub, ended)


def judge(
    held: Held | None, note: str, proof: Sequence[bytes], *, log: Log, verify: Verify
) -> Held | str:
    """What to hold from now on, or an alarm: one of `bad_note`, `bad_checkpoint`, `bad_signature`, `other_key`,
    `other_log`, `undeclared_epoch`, `smaller`, `split`, `inconsistent`.

    `proof` leads from the held size to the new one.
    """
    try:
        read = read_note(note)
        found = read_checkpoint(read.text)
    except NoteError as error:
        return error.code
    if held is not None and held.public != log.public:
        return "other_key"
    if found.origin != log.origin:
        return "other_log"
    if not is_signed(read, found.origin, log.public, verify):
        return "bad_signature"
    fresh = Held(found.origin, log.public, found.size, found.root, note)
    if held is None:
        return fresh
    if held.origin != found.origin:
        return fresh if held.origin in log.before else "undeclared_epoch"
    if found.size < held.size:
        return "smaller"
    if found.size == held.size:
        return held if found.root == held.root else "split"
    if not is_consistent(held.size, held.root, found.size, found.root, proof):
        return "inconsistent"
    return fresh
