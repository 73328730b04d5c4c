"""A full disk is told as what it is, loses nothing, and passes (EX2, EX6, RL5)."""

import warnings
from pathlib import Path

import pytest

from tests.blackbox.disk import may_mount
from tests.blackbox.starving import REFUSALS, starve

STEPS = (0, 4_096, 70_000, 400_000)


@pytest.mark.parametrize("kind", ["mount", "limit"])
async def test_a_full_disk_acknowledges_nothing_it_has_not_stored_and_recovers(
    tmp_path: Path, kind: str
) -> None:
    if kind == "mount" and not may_mount(tmp_path / "may"):
        warnings.warn(
            "no file system may be mounted here: the full disk is told by a bound on file sizes alone",
            stacklevel=1,
        )
        kind = "limit"
    refused = await starve(tmp_path, kind, seed=20_261_128, steps=STEPS)
    assert refused == REFUSALS * (len(STEPS) + 1)
