"""Declaring a loss: how a log goes on when signed rulings are gone for good (TL8).

Responsible for the one act that lets the centre sign again after it refused: a named range is declared lost, with a
reason, in the log itself; a new epoch is drawn; every scope begins anew, so that devices ask again and hand over what
they hold. Refuses to do so while nothing is lost.

It may be repeated: killed half way, the second run finishes what the first began.

Example: `ortoo log declare-loss --why "disk of 3 March failed, newest copy is of 2 March"`.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.door import Intake
from server.proof import memory
from server.proof.memory import DamagedError
from server.proof.signer import RefusedError, Signer, named_log, signed_at_ms
from server.proof.tree import BrokenEntryError, StoredTree
from server.store import log, proofs
from server.store.log import Head
from sync import witness
from sync.merkle import TILE_WIDTH


class Declared(msgspec.Struct, frozen=True):
    """What was declared: entries `kept + 1` to `size` of the epoch that ended; `size` 0 when nobody knows."""

    ended: str  # origin
    begun: str
    size: int
    kept: int


class NothingLostError(Exception):
    """The log stands as it was signed: there is nothing to declare."""


# What a declaration can answer. A wrong key or an unwritable disk is mended otherwise.
ANSWERABLE = frozenset(
    {"log_rolled_back", "log_changed", "log_memory_missing", "log_memory_damaged"}
)


async def declare(
    intake: Intake,
    signer: Signer,
    entropy: Callable[[int], bytes],
    *,
    why: str,
    put_back: int | None = None,
) -> Declared:
    """Declare what is lost and begin a new epoch; `put_back`: the database is a copy that was just put back, and held
    so many entries. Raises NothingLostError, and RefusedError for trouble that no declaration cures.
    """

    def job(batch: Batch) -> Declared:
        return _declare(batch, signer, entropy(8), why, put_back=put_back)

    declared = await intake.transaction(job)
    signer.forget()
    return declared


def _declare(
    batch: Batch, signer: Signer, epoch: bytes, why: str, *, put_back: int | None
) -> Declared:
    connection = batch.connection
    head = log.read(connection)
    row = named_log(connection, head)
    origin = witness.origin_of(head.server_id, head.epoch)
    try:
        signer.look(connection)
    except RefusedError as refusal:
        finished = _begun_before(signer, row, head.server_id, origin)
        if refusal.code == "log_epoch_differs" and finished is not None and put_back is None:
            return finished
        answerable = ANSWERABLE if put_back is None else ANSWERABLE | {"log_epoch_differs"}
        if refusal.code not in answerable or row is None:
            raise
    else:
        if put_back is None or row is None:
            raise NothingLostError
    size, root, at_ms = _signed(connection, signer, origin)
    # A sound copy of a log that only grows is its beginning.
    copied = _kept(connection, origin, head.idx, size, at_ms) if put_back is None else put_back
    kept = min(size, copied)
    lost = {
        "epoch": head.epoch,
        "size": size,
        "root": root,
        "kept": kept,
        "why": why,
        "at_ms": batch.at_ms,
    }
    others = [] if put_back is None else _others(signer, head, row, lost)
    proofs.forget_tiles(connection)
    batch.begin_epoch(epoch)
    batch.org(
        witness.ORG_ROW,
        head.server_id,
        row | {"epoch": epoch, "lost": [*row.get("lost", ()), *others, lost]},
    )
    return Declared(origin, witness.origin_of(head.server_id, epoch), size, kept)


def _others(
    signer: Signer, head: Head, row: dict[str, Any], lost: dict[str, Any]
) -> list[dict[str, Any]]:
    """The epoch that went on since the copy was made, when the file outside the database remembers one: it ends too."""
    try:
        before = memory.recall(signer.path)
    except DamagedError:
        return []
    named = {head.epoch, *(one["epoch"] for one in row.get("lost", ()))}
    known = {witness.origin_of(head.server_id, epoch) for epoch in named}
    if before is None or before.checkpoint.origin in known:
        return []
    at = before.checkpoint
    epoch = bytes.fromhex(at.origin.rpartition("/")[2])
    # How much of it this copy shares is not known: nothing is claimed to be kept.
    return [lost | {"epoch": epoch, "size": at.size, "root": at.root, "kept": 0}]


def _begun_before(
    signer: Signer, row: dict[str, Any] | None, server_id: bytes, origin: str
) -> Declared | None:
    """What an earlier run declared and did not finish: the database has begun anew, the file outside has not."""
    before = signer.recalled()
    for lost in (row or {}).get("lost", ()):
        ended = witness.origin_of(server_id, lost["epoch"])
        if before is not None and before.checkpoint.origin == ended:
            return Declared(ended, origin, lost["size"], lost["kept"])
    return None


def _signed(connection: Connection, signer: Signer, origin: str) -> tuple[int, bytes, int]:
    """The most that is known to have been signed in the epoch that ends, inside and outside the database: size, root
    and when.
    """
    known: list[tuple[int, bytes, int]] = [(0, bytes(32), 0)]
    stored = proofs.newest(connection, origin)
    if stored is not None:
        known.append((stored.size, stored.root, stored.signed_at_ms))
    try:
        before = memory.recall(signer.path)
    except DamagedError:
        before = None
    if before is not None and before.checkpoint.origin == origin:
        at = before.checkpoint
        known.append((at.size, at.root, signed_at_ms(at)))
    return max(known)


def _kept(connection: Connection, origin: str, stored: int, signed: int, at_ms: int) -> int:
    """How many entries from the first on are as they were signed at `at_ms`."""
    upto = min(stored, signed)
    tree = StoredTree(connection)
    try:
        differing = tree.differing_tile(upto)
        if differing is not None:
            return differing - 1
        certain = max(upto // TILE_WIDTH * TILE_WIDTH, _unchanged(connection, tree, origin, upto))
    except BrokenEntryError as broken:
        return broken.idx - 1
    if stored >= signed:  # something in the tail that no tile covers has changed
        return certain
    # What came to the older copy since it was restored stands where other entries were signed.
    return max(certain, proofs.made_until(connection, upto, at_ms))


def _unchanged(connection: Connection, tree: StoredTree, origin: str, upto: int) -> int:
    """The size of the newest stored checkpoint that still holds, among those that end in the tail."""
    for size, root in proofs.roots(connection, origin, upto // TILE_WIDTH * TILE_WIDTH, upto):
        if tree.root(size) == root:
            return size
    return 0
