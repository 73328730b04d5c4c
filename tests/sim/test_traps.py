"""The simulator tested: with a known fault put back it must fail, by the right invariant, and without it pass.

A simulator that finds nothing has not been tried. Each fault is put back alone, into worlds of a kind in which it can
matter, and has to be found within a few of them.
"""

from contextlib import ExitStack

import pytest

from tests.sim import run
from tests.sim.oracle import Broken
from tests.sim.scene import Tools
from tests.sim.traps import TRAPS, Trap
from tests.sim.world import World

WITHIN = 40  # worlds


def first_found(trap: Trap, shared: Tools) -> tuple[int, Broken]:
    """The first world in which the fault shows, and what it shows as."""
    with ExitStack() as stack:
        tools = stack.enter_context(run.tools(trap.edits)) if trap.edits else shared
        stack.enter_context(trap.laid())
        for seed in range(trap.first, trap.first + WITHIN):
            broken = World(seed, tools, faults=trap.faults).run().broken
            if broken is not None:
                return seed, broken
    raise AssertionError(f"{WITHIN} worlds and nobody noticed")


@pytest.mark.parametrize("name", TRAPS)
def test_a_fault_put_back_is_found(name: str, shared: Tools) -> None:
    trap = TRAPS[name]
    seed, broken = first_found(trap, shared)
    assert broken.number in trap.caught_by, f"seed {seed}: {broken}"
    without = World(seed, shared, faults=trap.faults).run().broken
    assert without is None, f"seed {seed} without the fault: {without}"


def test_half_of_the_thirty_are_tried() -> None:
    assert len({trap.number for trap in TRAPS.values()} - {0}) >= 15
