"""The Merkle tree over the rulings log: roots, proofs and tiles (SPEC TL1 to TL4).

Responsible for hashing a growing list of leaves so that one root stands for all of them, for short proofs that a leaf
is in it and that one list only grew out of another, and for the names of tiles. It keeps no tree: whoever has the
hashes of complete subtrees hands in how to look one up. Sources: RFC 6962 section 2.1, RFC 9162 sections 2.1.3 and
2.1.4, C2SP tlog-tiles.

>>> leaves = [sha256(bytes([0, n])).digest() for n in range(5)]
>>> tree = Levels(leaves)
>>> proof = inclusion_proof(3, 5, tree.node)
>>> root_from_inclusion(3, 5, leaves[3], proof) == Frontier().extended(leaves).root() == tree.root()
True
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from msgspec import Struct

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""The root of a log without entries."""
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
TILE_LEVEL_MAX: Final = 63

Node = Callable[[int, int], bytes]
"""Takes a level and an index, gives the hash over the complete subtree of leaves `index * 2**level` and the
`2**level - 1` that follow."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes over two neighbours of 32 bytes (TL1). Source: RFC 6962 section 2.1."""
    return sha256(b"\x01" + left + right).digest()


class Frontier(Struct, frozen=True):
    """The complete subtrees that cover the first `size` leaves, the largest first: all it takes to grow (TL1).

    Appending costs one hash on average; a tree of a million leaves has at most twenty of them.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier after these leaves too."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            grown, right = size, leaf
            while grown & 1:
                right = node_hash(hashes.pop(), right)
                grown >>= 1
            hashes.append(right)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        """32 bytes: the root of the tree of `size` leaves."""
        if not self.hashes:
            return EMPTY_ROOT
        *others, root = self.hashes
        for left in reversed(others):
            root = node_hash(left, root)
        return root


class Levels:
    """Every complete subtree over a list of leaves, packed: 64 bytes per leaf, for proofs over a whole log."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Hash the leaves, each 32 bytes, level by level."""
        self._levels = [bytearray().join(leaves)]
        self.size = len(self._levels[0]) // HASH_BYTES
        while (below := len(self._levels[-1]) // HASH_BYTES) > 1:
            row = self._levels[-1]
            above = bytearray()
            for at in range(0, below // 2 * 2 * HASH_BYTES, 2 * HASH_BYTES):
                above += sha256(b"\x01" + row[at : at + 2 * HASH_BYTES]).digest()
            self._levels.append(above)

    def node(self, level: int, index: int) -> bytes:
        """The hash of one complete subtree. Raises LookupError beyond the leaves."""
        found = bytes(self._levels[level][index * HASH_BYTES : (index + 1) * HASH_BYTES])
        if len(found) != HASH_BYTES:
            raise LookupError(f"no complete subtree {index} at level {level}")
        return found

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves, over all when it is None."""
        return range_hash(0, self.size if size is None else size, self.node)


def range_hash(low: int, high: int, node: Node) -> bytes:
    """The hash over leaves `low` to `high - 1`, where `low` begins a subtree at least as large (RFC 6962 2.1)."""
    if high == low:
        return EMPTY_ROOT
    parts: list[bytes] = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(node(level, low >> level))
        low += 1 << level
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


def _split(width: int) -> int:
    """The greatest power of two below `width`, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The siblings on the way from leaf `index` (from 0) to the root over `size` leaves, the lowest first (TL2).

    Source: RFC 6962 section 2.1.1.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} among {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(range_hash(middle, high, node))
            high = middle
        else:
            path.append(range_hash(low, middle, node))
            low = middle
    return path[::-1]


def consistency_proof(first: int, size: int, node: Node) -> list[bytes]:
    """What shows that the tree over `size` leaves begins with the tree over `first` of them (TL3).

    Source: RFC 6962 section 2.1.2.
    """
    if not 0 <= first <= size:
        raise ValueError(f"no tree of {first} in one of {size}")
    if first == 0:
        return []
    path: list[bytes] = []
    low, high = 0, size
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            path.append(range_hash(middle, high, node))
            high = middle
        else:
            path.append(range_hash(low, middle, node))
            low = middle
    if low:
        path.append(range_hash(low, high, node))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to, None when its length cannot be right. Source: RFC 9162 section 2.1.3.2."""
    return _climb(index, size - 1, leaf, proof)[0]


def root_before(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """The root of the first `index + 1` leaves alone, read off the same proof: its left siblings cover what is before.

    Two logs that give the same answer for one index have the same entries up to and with it.
    """
    return _climb(index, size - 1, leaf, proof)[1]


def _climb(
    at: int, last: int, start: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | tuple[None, None]:
    """From subtree `at` of one level, of which `last` is the last, to two roots: over all, and up to and with it."""
    if not 0 <= at <= last:
        return None, None
    whole = before = start
    for sibling in path:
        if last == 0:
            return None, None
        if at & 1 or at == last:
            whole, before = node_hash(sibling, whole), node_hash(sibling, before)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            whole = node_hash(whole, sibling)
        at, last = at >> 1, last >> 1
    return (whole, before) if last == 0 else (None, None)


def is_consistent(
    first: int, first_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the log of `size` entries under `root` is the log of `first` under `first_root`, grown (TL3).

    Source: RFC 9162 section 2.1.4.2; a log without entries is the beginning of every log.
    """
    if not 0 <= first <= size:
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if first == size:
        return not proof and first_root == root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    at, last = first - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    return _climb(at, last, path[0], path[1:]) == (root, first_root)


_TILE: Final = re.compile(r"(0|[1-9]\d?)/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?")


class Tile(Struct, frozen=True):
    """256 hashes side by side, or the first `width` of them: number `n` of its level, level 0 the leaves (TL4)."""

    level: int
    n: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The tile's name in an address: `0/x001/x234/067` or `0/x001/x234/067.p/8`. Source: C2SP tlog-tiles."""
        groups = [f"{self.n % 1000:03d}"]
        rest = self.n // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"{self.level}/{'/'.join(groups)}{partial}"


def read_tile_path(path: str) -> Tile | None:
    """The tile of this name; None for a text that is not exactly how a tile is written."""
    found = _TILE.fullmatch(path)
    if found is None or not path.isascii():
        return None
    level, groups, width = found.groups()
    n = int(groups.replace("x", "").replace("/", ""))
    tile = Tile(int(level), n, TILE_WIDTH if width is None else int(width))
    return tile if tile.level <= TILE_LEVEL_MAX and tile.path == path else None


def tile_width(level: int, n: int, size: int) -> int:
    """How many hashes tile `n` of `level` has in a log of `size` entries: 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - n * TILE_WIDTH))


def tile_root(hashes: bytes) -> bytes:
    """The hash over a full tile, 256 times 32 bytes, which is one hash of the level above."""
    return Levels(hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)).root()
