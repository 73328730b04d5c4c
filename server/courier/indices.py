"""Which entries of a log are meant: a bit for each, so that millions of them cost no more than the log is long.

Responsible for keeping indices once and giving them back in order. Refuses to know what stands there.

>>> meant = Indices([7, 3, 7])
>>> list(meant), len(meant)
([3, 7], 2)
"""

from collections.abc import Iterable, Iterator


class Indices:
    """Indices from 0 on, each once. Memory: an eighth of the greatest, in bytes."""

    def __init__(self, indices: Iterable[int] = ()) -> None:
        """Hold these."""
        self._bits = bytearray()
        self._count = 0
        self.update(indices)

    def update(self, indices: Iterable[int]) -> None:
        """Hold these as well."""
        for idx in indices:
            self.add(idx)

    def add(self, idx: int) -> None:
        """Hold this one as well."""
        at, bit = idx >> 3, 1 << (idx & 7)
        if at >= len(self._bits):
            self._bits.extend(bytes(at + 1 - len(self._bits)))
        if not self._bits[at] & bit:
            self._bits[at] |= bit
            self._count += 1

    def __iter__(self) -> Iterator[int]:
        """Ascending."""
        for at, byte in enumerate(self._bits):
            if byte:
                yield from (at * 8 + bit for bit in range(8) if byte >> bit & 1)

    def __len__(self) -> int:
        """How many there are."""
        return self._count
