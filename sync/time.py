"""When something happened, as far as it can be proved: an interval per grade of evidence (SPEC TM).

Responsible for the shape of a time that nobody's clock is simply believed for. What proves a bound is found elsewhere.

>>> timed = Timed(5_000, (Bounds(1_000, 9_000), Bounds(4_900, 5_100), None), ())
>>> timed.grade, timed.proved(0), timed.proved(2)
(1, Bounds(lo_ms=1000, hi_ms=9000), Bounds(lo_ms=4900, hi_ms=5100))
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

CLAIMED: Final = 3
"""The grade of a time that nothing bounds from both sides."""


class Bounds(Struct, frozen=True):
    """What is proved of one moment, in true ms: not before `lo_ms`, not after `hi_ms`; None where nothing is."""

    lo_ms: int | None
    hi_ms: int | None


class Timed(Struct, frozen=True):
    """One moment: what was claimed, and in layer i what evidence of grade i proves. Layers are nested: a later one says
    all that the one before says. `why`: stable codes of what kept the bounds apart."""

    claimed_ms: int
    layers: tuple[Bounds, Bounds | None, Bounds | None]
    why: tuple[str, ...]

    @property
    def grade(self) -> int:
        """The least grade that gives the narrowest interval; 3 where none has both bounds."""
        best, narrowest = CLAIMED, None
        for grade, bounds in enumerate(self.layers):
            if bounds is None or bounds.lo_ms is None or bounds.hi_ms is None:
                continue
            width = bounds.hi_ms - bounds.lo_ms
            if narrowest is None or width < narrowest:
                best, narrowest = grade, width
        return best

    def proved(self, grade: int) -> Bounds:
        """What evidence of grades 0 to `grade` proves."""
        return next((one for one in self.layers[grade::-1] if one is not None), self.layers[0])


def shrunk(elapsed_ms: int) -> int:
    """The least true time in which a monotonic clock that runs at most 200 ppm fast can show `elapsed_ms`."""
    return elapsed_ms - -(-elapsed_ms // 5_001)
