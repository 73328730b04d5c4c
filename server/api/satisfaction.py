"""A rate of satisfaction with everything it is made of (SPEC CK8). Pure.

Refuses to give a rate without its formula and denominator, or of nobody.

>>> rate_of("half", satisfied=18, basically=6, reached=26).basis_points
8076
>>> rate_of("basically", satisfied=0, basically=0, reached=0).basis_points is None
True
"""

from typing import Final

import msgspec

HALVES: Final[dict[str, tuple[int, int]]] = {
    "basically": (2, 2),
    "half": (2, 1),
    "satisfied": (2, 0),
}
"""What satisfied and basically satisfied count for in each formula, in halves."""


class Satisfaction(msgspec.Struct, frozen=True):
    """A rate per ten thousand, cut off; null while nobody was reached. ``formula`` names how ``satisfied`` and
    ``basically`` count over ``reached``."""

    formula: str
    satisfied: int
    basically: int
    reached: int
    basis_points: int | None


def rate_of(formula: str, *, satisfied: int, basically: int, reached: int) -> Satisfaction:
    """The rate by the formula of the policy."""
    whole, part = HALVES[formula]
    good = whole * satisfied + part * basically
    rate = good * 10_000 // (2 * reached) if reached else None
    return Satisfaction(formula, satisfied, basically, reached, rate)
