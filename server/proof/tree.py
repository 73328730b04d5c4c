"""The tree over the rulings as it can be read from the store: tiles where they are full, entries where they are not.

Responsible for hashes of subtrees, for growing the tree by what was written since, and for hashing the whole log again
when somebody wants to be sure. Every entry is read back from the store and looked at before it is hashed (TL7).
Refuses to sign and to compare: it says what is there.

Example: `StoredTree(connection).root(1_000)` reads three tiles and 232 entries.
"""

from collections.abc import Iterator, Mapping

import msgspec
from sqlalchemy import Connection

from server.store import proofs
from server.store.proofs import FullTile
from sync import merkle, rulings
from sync.merkle import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Frontier
from sync.rulings import Ruling

# Without the proof that the bytes are canonical, which costs five times as much: what counts here is their hash.
_RULING = msgspec.msgpack.Decoder(Ruling)


class BrokenEntryError(Exception):
    """Entry `idx` of the log is missing, or is not the bytes of that entry."""

    def __init__(self, idx: int, why: str) -> None:
        super().__init__(f"entry {idx}: {why}")
        self.idx = idx
        self.why = why


def entries(connection: Connection, after: int, upto: int) -> Iterator[tuple[Ruling, bytes, bytes]]:
    """(ruling, bytes, leaf hash) of the entries after one and up to another. Raises BrokenEntryError."""
    due = after
    for idx, raw in proofs.rulings_between(connection, after, upto):
        due += 1
        if idx != due:
            raise BrokenEntryError(due, "it is not there")
        try:
            ruling = _RULING.decode(raw)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise BrokenEntryError(idx, f"its bytes are no ruling: {error}") from error
        if ruling.idx != idx:
            raise BrokenEntryError(idx, f"its bytes are those of entry {ruling.idx}")
        yield ruling, raw, rulings.leaf_hash(raw)
    if due != upto:
        raise BrokenEntryError(due + 1, "it is not there")


class StoredTree:
    """The tree in one transaction. What was read once is kept for as long as this object lives."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tiles: dict[tuple[int, int], bytes | None] = {}

    def _tile(self, level: int, n: int) -> bytes | None:
        if (level, n) not in self._tiles:
            self._tiles[level, n] = proofs.tile(self._connection, level, n)
        return self._tiles[level, n]

    def hashes(self, level: int, start: int, count: int) -> bytes:
        """`count` hashes side by side of one level of tiles, from number `start`, within one tile. Raises
        BrokenEntryError where entries are missing.
        """
        tile = self._tile(level, start // TILE_WIDTH)
        if tile is not None:
            at = start % TILE_WIDTH
            return tile[at * HASH_BYTES : (at + count) * HASH_BYTES]
        if level == 0:
            read = entries(self._connection, start, start + count)
            return b"".join(leaf for _ruling, _raw, leaf in read)
        roots = proofs.tile_roots(self._connection, level - 1, start, start + count)
        for n in range(start + len(roots), start + count):
            roots.append(merkle.tile_root(self.hashes(level - 1, n * TILE_WIDTH, TILE_WIDTH)))
        return b"".join(roots)

    def node(self, level: int, index: int) -> bytes:
        """The hash over one complete subtree."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        return merkle.tile_root(self.hashes(tile_level, index << height, 1 << height))

    def root(self, size: int) -> bytes:
        """The root over the first `size` entries."""
        return merkle.range_hash(0, size, self.node)

    def frontier(self, size: int) -> Frontier:
        """The complete subtrees that cover the first `size` entries."""
        hashes, low = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                hashes.append(self.node(level, low >> level))
                low += 1 << level
        return Frontier(size, tuple(hashes))

    def grown(self, upto: int, meant: Mapping[int, bytes]) -> tuple[bytes, list[FullTile]]:
        """The root over the first `upto` entries, and the tiles that are full by then and not stored yet.

        Raises BrokenEntryError for an entry whose leaf hash is not the one it was `meant` to have.
        """
        first = proofs.tiles_stored(self._connection, 0)
        frontier = self.frontier(first * TILE_WIDTH)
        tiles: list[FullTile] = []
        row = bytearray()
        leaves: list[bytes] = []
        for ruling, _raw, leaf in entries(self._connection, first * TILE_WIDTH, upto):
            if meant.get(ruling.idx, leaf) != leaf:
                raise BrokenEntryError(ruling.idx, "its bytes are not those that were written")
            leaves.append(leaf)
            row += leaf
            if ruling.idx % TILE_WIDTH == 0:
                tiles.append(_full(0, ruling.idx // TILE_WIDTH - 1, bytes(row)))
                frontier = frontier.extended(leaves)
                row.clear()
                leaves.clear()
        frontier = frontier.extended(leaves)
        below, level = tiles, 1
        while below:
            below = self._above(level, below, upto)
            tiles += below
            level += 1
        return frontier.root(), tiles

    def _above(self, level: int, below: list[FullTile], upto: int) -> list[FullTile]:
        """Full tiles of `level`, made of new tiles one level below and of what is stored there."""
        new = {tile.n: tile.root for tile in below}
        made: list[FullTile] = []
        for n in range(
            proofs.tiles_stored(self._connection, level), upto >> (TILE_HEIGHT * (level + 1))
        ):
            low = n * TILE_WIDTH
            roots = proofs.tile_roots(self._connection, level - 1, low, low + TILE_WIDTH)
            roots += [new[at] for at in range(low + len(roots), low + TILE_WIDTH)]
            made.append(_full(level, n, b"".join(roots)))
        return made

    def differing_tile(self, upto: int) -> int | None:
        """The first entry that is not what its stored tile says; None when all full tiles agree."""
        for n in range(min(proofs.tiles_stored(self._connection, 0), upto // TILE_WIDTH)):
            kept = self._tile(0, n) or b""
            read = entries(self._connection, n * TILE_WIDTH, (n + 1) * TILE_WIDTH)
            for at, (ruling, _raw, leaf) in enumerate(read):
                if kept[at * HASH_BYTES : (at + 1) * HASH_BYTES] != leaf:
                    return ruling.idx
        return None


def _full(level: int, n: int, hashes: bytes) -> FullTile:
    return FullTile(level, n, merkle.tile_root(hashes), hashes)
