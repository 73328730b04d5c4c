"""Pages of a pull as a station reads them: each whole, dense, and with the head that it should have (SPEC HB2, EX4).

Responsible for telling which pages follow what is held of their scopes, and for refusing those that contradict it.
Where a page stands follows from the scope it is of: the row of the scope is the cursor. Refuses to take anything in.

Example: `fitting(connection, scope, page)` gives the entries of a page that goes on where `scope` ends, None for one
that is older, newer or of another epoch.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from server.store import scopes
from server.store.rows import execute
from server.store.scopes import HUB, ORG, Scope
from sync import canon, rulings
from sync.exchange import ScopePage
from sync.rulings import Ruling

NIL: Final = b"\xc0"
Cursor = tuple[str, int, int]


class MirrorError(Exception):
    """A reply of the centre that does not go with what it said before, or holds what nobody signed. Nothing of it was
    taken in. `code` is in `sync.errors`."""

    code = "not_mirrored"


class Entry(msgspec.Struct, frozen=True):
    """One entry of a page, read."""

    n: int
    raw: bytes
    ruling: Ruling
    envelope: bytes | None
    head: bytes


def cursors(connection: Connection, names: Sequence[str]) -> list[Cursor]:
    """Where each of these scopes is to be asked for next."""
    found = scopes.by_name(connection, names)
    held = [found.get(name) or scopes.unborn(connection, name) for name in names]
    return [(scope.name, scope.epoch, scope.n) for scope in held]


def fitting(connection: Connection, scope: Scope, page: ScopePage) -> list[Entry] | None:
    """The entries of a page that follows what is held of its scope, which then stands at its epoch; None for any other
    page."""
    if page.scope.startswith(HUB) or page.snapshot is not None:
        return None
    if page.epoch > scope.epoch or scope.n == 0:
        if page.from_ != 1:
            return None
        _begin_anew(connection, scope, page.epoch)
    if page.epoch != scope.epoch or page.from_ != scope.n + 1:
        return None
    if page.to < scope.n:
        raise MirrorError(f"{page.scope} has {page.to} entries at the centre and {scope.n} here")
    entries: list[Entry] = []
    head = scope.head
    for raw_entry in page.entries:
        n, raw, envelope = msgspec.msgpack.decode(raw_entry, type=tuple[int, bytes, msgspec.Raw])
        if n != scope.n + 1 + len(entries):
            raise MirrorError(f"{page.scope} is not dense at {n}")
        head = rulings.scope_head(head, rulings.leaf_hash(raw))
        bare = bytes(envelope)
        entries.append(Entry(n, raw, read(raw), None if bare == NIL else bare, head))
    if head != page.head:
        raise MirrorError(f"the head of {page.scope} is another at {page.to}")
    return entries


def read(raw: bytes) -> Ruling:
    """A ruling of the centre. Raises MirrorError."""
    try:
        ruling = rulings.read_ruling(raw)
    except canon.CanonError as error:
        raise MirrorError(f"a ruling cannot be read: {error}") from None
    if rulings.is_provisional(ruling.idx):
        raise MirrorError(f"ruling {ruling.idx} is no ruling of a centre")
    return ruling


def _begin_anew(connection: Connection, scope: Scope, epoch: int) -> None:
    """Forget what stood in a scope; its sets and rulings stay, and are listed again as they come (EX5)."""
    execute(connection, "DELETE FROM scope_entries WHERE scope = ?", (scope.id,))
    if scope.name == ORG:
        execute(connection, "DELETE FROM grants")  # the rows themselves go when all have come
    scope.epoch, scope.n, scope.head = epoch, 0, rulings.SCOPE_HEAD_ZERO
