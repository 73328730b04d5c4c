"""What is handed out about the signed log: the newest checkpoint, tiles, proofs (TL2, TL3, TL4).

Responsible for never giving out more of the tree than was signed. Refuses to know who asks.

Example: `checkpoint_after(connection, 120)` is the newest note and the proof that it grew out of 120 entries.
"""

from sqlalchemy import Connection

from server.proof.tree import StoredTree
from server.store import log, proofs
from server.store.proofs import Signed
from sync import merkle, witness
from sync.exchange import GivenCheckpoint
from sync.merkle import Tile


def newest(connection: Connection) -> Signed | None:
    """The newest checkpoint of the log as it stands."""
    head = log.read(connection)
    return proofs.newest(connection, witness.origin_of(head.server_id, head.epoch))


def checkpoint_after(connection: Connection, size: int) -> GivenCheckpoint | None:
    """The newest checkpoint, with the proof from `size` entries on where that is not longer than it."""
    signed = newest(connection)
    if signed is None:
        return None
    return GivenCheckpoint(signed.note, consistency(connection, size, signed.size) or [])


def consistency(connection: Connection, first: int, size: int) -> list[bytes] | None:
    """The proof from `first` to `size` entries; None when so much was not signed."""
    signed = newest(connection)
    if signed is None or not 0 <= first <= size <= signed.size:
        return None
    return merkle.consistency_proof(first, size, StoredTree(connection).node)


def inclusion(connection: Connection, index: int, size: int) -> list[bytes] | None:
    """The proof of leaf `index` among `size`; None when so much was not signed."""
    signed = newest(connection)
    if signed is None or not 0 <= index < size <= signed.size:
        return None
    return merkle.inclusion_proof(index, size, StoredTree(connection).node)


def tile(connection: Connection, wanted: Tile) -> bytes | None:
    """The hashes of a tile; None when it is not covered by what was signed."""
    signed = newest(connection)
    if signed is None or wanted.width > merkle.tile_width(wanted.level, wanted.n, signed.size):
        return None
    tree = StoredTree(connection)
    return tree.hashes(wanted.level, wanted.n * merkle.TILE_WIDTH, wanted.width)
