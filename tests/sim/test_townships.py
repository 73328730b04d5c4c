"""Some worlds with stations between phones and the centre, those that found something among them (SPEC HB)."""

import os
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.sim import run
from tests.sim.evil import LIES
from tests.sim.scene import Size, Tools
from tests.sim.town_faults import AS_FOUND
from tests.sim.town_traps import TOWN_TRAPS
from tests.sim.town_world import TownWorld

ROOT = Path(__file__).parents[2]

# Those that found something: sets of another township, whose rulings no phone here reads; words that came back from a
# station which had not heard that they were taken away; what a station had listed beside a month, still held by a phone
# that began the month anew with a snapshot which an incident had left.
FOUND = (42, 104, 268, 423)
# Longer worlds of many couriers and fires, in which stations lie in every way there is, one station is two machines,
# and the centre is put back.
SEEDS = (8, 37, 38, 46, 52, 54, 57, 59)
LONG = Size(events=80)
RICH = {"couriers": 0.3, "fire": 0.05, "desks": 0.25, "clocks": 0.05}
WITHIN = 40  # worlds
AT_LEAST = {
    "sets": 150,
    "roamed": 25,
    "pushes at a station": 40,
    "station crashes": 5,
    "healed through the stations": len(FOUND) + len(SEEDS),
    "split hubs": 2,
    "centres put back": 2,
    "rights changed": 3,
    "brings a phone's file": 8,
    "brings a backlog": 3,
    "brings an answer": 5,
    "brings a station's word": 2,
    "stations burnt": 5,
    "stations rebuilt": 5,
    "burnt with a station": 3,
    "desks of stations": 10,
    "burnt with a desk": 1,
    "clocks of stations": 5,
    "lies of times": 1,
    "files cut off": 2,
    "files for others": 1,
    "settled by a file": 4,
    "confirmed by a file": 1,
    "by a file alone": 2,
    **{f"evil {lie}": 1 for lie in LIES},
}


def test_what_only_a_station_keeps_is_confirmed_by_nobody_and_gets_to_the_centre_through_it(
    shared: Tools,
) -> None:
    outcomes = [
        *run.worlds(shared, FOUND, kind=partial(TownWorld, town=AS_FOUND)),
        *run.worlds(shared, SEEDS, LONG, partial(TownWorld, town=RICH)),
    ]
    assert {one.seed: str(one.broken) for one in outcomes if one.broken} == {}
    total: Counter[str] = run.happened(outcomes)
    assert {what: total[what] for what, least in AT_LEAST.items() if total[what] < least} == {}


def test_another_process_with_another_hash_seed_lives_through_the_same_world(shared: Tools) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tests.sim.run", "--township", "--seed", "9"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "99"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = told.stdout.splitlines()[:-1]
    assert len(lines) > 30
    assert lines == TownWorld(9, shared, keep=True).run().lines


@pytest.mark.parametrize("name", TOWN_TRAPS)
def test_a_fault_of_the_tier_that_is_put_back_is_found(name: str, shared: Tools) -> None:
    trap = TOWN_TRAPS[name]
    with run.tools(trap.edits) as tools:
        seeds = range(trap.first, trap.first + WITHIN)
        ended = (TownWorld(seed, tools, faults=trap.faults, town=trap.town).run() for seed in seeds)
        found = next(one for one in ended if one.broken is not None)
    assert found.broken is not None
    assert found.broken.number in trap.caught_by, f"seed {found.seed}: {found.broken}"
    without = TownWorld(found.seed, shared, faults=trap.faults, town=trap.town).run().broken
    assert without is None, f"seed {found.seed} without the fault: {without}"
