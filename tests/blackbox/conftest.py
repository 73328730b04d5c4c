"""What the stories of this folder share: one run of kills, whose evidence the checker's own tests damage.

Example: `def test_x(killed): assert killed.tally.acked > 0`.
"""

import asyncio
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.blackbox.kills import Tally, rounds

ROUNDS = 5
SEED = 20_261_128


class Killed(NamedTuple):
    """A run that is over: what it did, and where its journal and data directory lie."""

    tally: Tally
    journal: Path
    data_dir: Path


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A handful of kills with nothing lost; many more are in the long lane."""
    place = tmp_path_factory.mktemp("killed")
    tally = asyncio.run(rounds(place, SEED, ROUNDS))
    return Killed(tally, place / "journal.jsonl", place / "centre")
