"""Which stations a world with townships has, and which misfortunes befall them: drawn once from the seed.

Responsible for the draw. Refuses to apply anything. As with `faults`, most are absent from most worlds.

Example: `TownFaults.drawn(chance).twin` says whether one station was set up twice.
"""

import random
from typing import Any

import msgspec

from tests.sim.evil import LIES

COURIERS = (0.0, 0.0, 0.1, 0.25)
FIRE = (0.0, 0.0, 0.0, 0.04)
DESKS = (0.0, 0.1, 0.2)
CLOCKS = (0.0, 0.0, 0.05)
LIES_OF_TIMES = (0.0, 0.0, 0.0, 0.05)
OFF_MS = 20_000  # a station's own clock, either way
AS_FOUND: dict[str, Any] = dict.fromkeys(
    ("couriers", "fire", "desks", "clocks", "lies_of_times"), 0.0
)
"""Without what came into worlds later: so were those in which something was found."""


class TownFaults(msgspec.Struct):
    """Weights beside those of the acts of fate, and what exists at all."""

    west: bool = False  # a second station, of another row of the organisation
    twin: bool = False  # a second server of the first one's row (a split hub)
    roams: float = 0.12
    line: float = 0.05  # it breaks so often, and mends somewhat oftener
    crash: float = 0.03
    evil: tuple[str, ...] = ()  # how one of them lies
    lying: float = 0.0  # the chance that it lies in one call
    couriers: float = 0.0  # files between phones, stations and the centre
    fire: float = 0.0  # a machine burns, and another one begins with nothing
    desks: float = 0.0  # people write at desks of stations
    clocks: float = 0.0  # somebody sets the clock of a station's machine
    lies_of_times: float = 0.0  # a station says something else of when it had a set

    @staticmethod
    def drawn(chance: random.Random) -> "TownFaults":
        """Those of one world."""

        def maybe(likely: float, strength: float) -> float:
            return chance.uniform(0.2, 1.0) * strength if chance.random() < likely else 0.0

        return TownFaults(
            west=chance.random() < 0.7,
            twin=chance.random() < 0.4,
            roams=chance.uniform(0.04, 0.2),
            line=maybe(0.8, 0.1),
            crash=maybe(0.6, 0.06),
            evil=tuple(chance.sample(LIES, chance.randint(1, 4))) if chance.random() < 0.4 else (),
            lying=chance.uniform(0.2, 0.8),
        )
