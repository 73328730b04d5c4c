"""What a simulated phone believes of the pages it is sent (SPEC EX4, SN3).

Responsible for checking that entries are dense and lead to the head the centre named, and that a
snapshot is the one that was offered. Refuses to fetch anything and to keep anything.

Example: `follow_on(page, Cursor(1, 7, head))` gives the entries from 8 on and the cursor after them.
"""

import gzip
import zlib

import msgspec

from server.fleet.vault import Cursor
from sync import changeset, exchange, rulings, snapshot
from sync.changeset import ChangeSet
from sync.rulings import Ruling
from sync.snapshot import Snapshot

Read = tuple[Ruling, bytes | None]
"""One entry: its ruling, and the envelope if it came along."""

_NO_ENVELOPE = b"\xc0"


class BrokenScopeError(Exception):
    """A scope's entries were not dense or did not lead to the head the server named (EX4), or its
    snapshot is another than the one offered (SN3).
    """


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One entry of a scope as pulled."""

    n: int
    ruling: bytes
    envelope: msgspec.Raw


def follow_on(page: exchange.ScopePage, at: Cursor | None) -> tuple[list[Read], Cursor]:
    """The entries of a page after a cursor, and the cursor after them. Raises BrokenScopeError."""
    if at is None or at.epoch != page.epoch:
        at = Cursor(page.epoch, 0, rulings.SCOPE_HEAD_ZERO)
    head, n = at.head, at.n
    read: list[Read] = []
    for raw in page.entries:
        entry = msgspec.msgpack.decode(raw, type=Entry)
        n += 1
        if entry.n != n:
            raise BrokenScopeError(f"{page.scope}: entry {entry.n} where {n} was due")
        head = rulings.scope_head(head, rulings.leaf_hash(entry.ruling))
        ruling, envelope = rulings.read_ruling(entry.ruling), bytes(entry.envelope)
        if envelope != _NO_ENVELOPE and not _is_of(ruling, envelope):
            raise BrokenScopeError(f"{page.scope}: entry {n} is not with the set that was ruled on")
        read.append((ruling, None if envelope == _NO_ENVELOPE else envelope))
    if head != page.head:
        raise BrokenScopeError(f"{page.scope}: the head at {n} is another")
    return read, Cursor(page.epoch, n, head)


def _is_of(ruling: Ruling, envelope: bytes) -> bool:
    """Whether these bytes are the set of this ruling, with its own words or none (CS4)."""
    read = changeset.read(envelope)
    is_whole = isinstance(read, ChangeSet) or read.code == "newer_version"
    return is_whole and read.set_id == ruling.payload.get("set")


def opened(packed: bytes, page: exchange.ScopePage, offer: exchange.Offer) -> Snapshot:
    """The snapshot that was offered with a page, out of its gzip. Raises BrokenScopeError for other
    bytes, and for a snapshot of another place.
    """
    try:
        raw = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenScopeError(f"{page.scope}: the snapshot cannot be unpacked") from error
    if snapshot.snapshot_hash(raw) == offer.hash:
        whole = snapshot.read(raw)
        if (whole.scope, whole.epoch, whole.n) == (page.scope, page.epoch, offer.n):
            return whole
    raise BrokenScopeError(f"{page.scope}: the snapshot is not the one that was offered")
