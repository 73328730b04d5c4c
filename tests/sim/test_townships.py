"""Some worlds with stations between phones and the centre, those that found something among them (SPEC HB)."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.sim import run
from tests.sim.evil import LIES
from tests.sim.node import Edit
from tests.sim.scene import Tools
from tests.sim.town_calm import LAW
from tests.sim.town_world import TownWorld

ROOT = Path(__file__).parents[2]

# Those that found something (sets of another township, whose rulings no phone here reads; words that came back from a
# station which had not heard that they were taken away), and some in which stations lie in every way there is, one
# station is two machines, and the centre is put back.
SEEDS = (3, 8, 9, 11, 19, 28, 42, 104, 268)
AT_LEAST = {
    "sets": 150,
    "roamed": 25,
    "pushes at a station": 40,
    "station crashes": 5,
    "healed through the stations": len(SEEDS),
    "split hubs": 3,
    "centres put back": 3,
    "rights changed": 4,
    **{f"evil {lie}": 1 for lie in LIES},
}
KEPT_IS_ENOUGH = (
    Edit("sync/exchange.ts", '"rejected", "opaque"]);', '"rejected", "opaque", "kept"]);'),
    Edit("device/outbox.ts", "if (result.r === KEPT && !another) {", "if (KEPT === another) {"),
)


def test_what_only_a_station_keeps_is_confirmed_by_nobody_and_gets_to_the_centre_through_it(
    shared: Tools,
) -> None:
    outcomes = list(run.worlds(shared, SEEDS, kind=TownWorld))
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


def test_a_phone_that_takes_the_second_tick_for_the_third_is_found_out() -> None:
    with run.tools(KEPT_IS_ENOUGH) as tools:
        ended = (TownWorld(seed, tools).run().broken for seed in SEEDS)
        broken = next(one for one in ended if one is not None)
    assert broken.number in (8, LAW)
