"""Some hundred worlds of the standard size, the seeds that found something before, and proof that things happened.

The same worlds every time: a failure here is a failure for everybody. `make sim` lives through others.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim import run
from tests.sim.scene import Tools
from tests.sim.world import Outcome, World

SEEDS = range(240)
ROOT = Path(__file__).parents[2]

# What has to have happened in so many worlds; less would mean that the simulator looks away.
AT_LEAST = {
    "sets": 4_000,
    "desk": 1_000,
    "stored": 4_000,
    "duplicate": 4_000,
    "held": 20,
    "rejected": 200,
    "opaque": 10,
    "malformed": 20,
    "bad_signature": 5,
    "races": 50,
    "conflicts": 25,
    "gaps": 400,
    "forks": 10,
    "rotations": 40,
    "revocations": 25,
    "rights straddled": 30,
    "review": 20,
    "ask": 5,
    "redact": 20,
    "grade 1": 2_000,
    "verdict met": 150,
    "verdict missed": 50,
    "checkpoints": 200,
    "snapshot": 250,
    "snapshots fetched": 200,
    "lost replies": 250,
    "phone crashes": 250,
    "centre crashes": 80,
    "disk full": 25,
    "rollbacks": 3,
    "clones": 20,
    "couriers": 60,
    "bundles": 25,
    "centres put back": 30,
    "declared lost": 3,
}


@pytest.fixture(scope="module")
def outcomes(shared: Tools) -> list[Outcome]:
    return list(run.worlds(shared, SEEDS))


def test_every_invariant_holds_in_every_world(outcomes: list[Outcome]) -> None:
    broken = {outcome.seed: str(outcome.broken) for outcome in outcomes if outcome.broken}
    assert broken == {}, "replay one with `make sim SEED=x`"


def test_it_did_something(outcomes: list[Outcome]) -> None:
    total = run.happened(outcomes)
    print(run.summary(outcomes, 0))
    assert {what: total[what] for what, least in AT_LEAST.items() if total[what] < least} == {}


class AsFound(World):
    """A world whose centre is never put back: so were those in which something was found."""

    def _recovery(self) -> None:
        return None


def test_seeds_that_found_something_find_nothing_any_more(shared: Tools) -> None:
    outcomes = run.worlds(shared, run.failed_before(), kind=AsFound)
    assert {outcome.seed: str(outcome.broken) for outcome in outcomes if outcome.broken} == {}


@pytest.mark.parametrize("seed", [1, 5, 14])
def test_the_same_seed_is_the_same_world_to_the_byte(shared: Tools, seed: int) -> None:
    first, again = (World(seed, shared, keep=True).run() for _ in range(2))
    assert first.lines == again.lines
    assert first.hash == again.hash
    assert len(first.lines) > 30


def test_another_process_with_another_hash_seed_lives_through_the_same_world(shared: Tools) -> None:
    asked = [sys.executable, "-m", "tests.sim.run", "--seed", "14"]
    told = subprocess.run(
        asked,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "99"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = told.stdout.splitlines()[:-1]
    assert lines == World(14, shared, keep=True).run().lines


def test_different_seeds_are_different_worlds(outcomes: list[Outcome]) -> None:
    assert len({outcome.hash for outcome in outcomes}) == len(outcomes)
