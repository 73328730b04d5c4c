"""What the simulator's tests share: one node process and one database for all worlds of the run."""

from collections.abc import Iterator

import pytest

from tests.sim import run
from tests.sim.scene import Tools


@pytest.fixture(scope="session")
def shared() -> Iterator[Tools]:
    """What worlds use one after another."""
    with run.tools() as tools:
        yield tools
