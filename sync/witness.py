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
from typing import Any

from msgspec import Struct

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


def origin_of(server: bytes, epoch: bytes) -> str:
    """The name of a log: one per centre and epoch (TL6)."""
    return f"ortoo/{server.hex()}/{epoch.hex()}"


def log_of(server: bytes, row: dict[str, Any]) -> Log:
    """The log that a row of the organisation names."""
    ended = tuple(origin_of(server, one["epoch"]) for one in row.get("lost", ()))
    return Log(origin_of(server, row["epoch"]), row["pub"], ended)


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
