"""What every test shares: property-test profiles and the gate to real records.

Refuses to know any subject under test; fixtures for a subject live beside its tests.

Example: `HYPOTHESIS_PROFILE=deep pytest tests/sync` searches fifty times harder than `make test`.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shared two-core machine pauses at random, so no example is ever judged by its duration.
settings.register_profile(
    "default", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, max_examples=40)
settings.register_profile("deep", settings.get_profile("default"), max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# A file is told by one worker, so one of these at the end would keep the others waiting for minutes.
LONGEST = {"test_worlds.py", "test_traps.py", "test_replay.py"}


def real_data_directory() -> Path | None:
    """The directory named by ORTOO_REAL_DATA, or None when it is not set."""
    named = os.environ.get("ORTOO_REAL_DATA")
    return Path(named) if named else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files first; no tests of real records, visibly counted as deselected, where there are none."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
    if real_data_directory() is not None:
        return
    left_out = [item for item in items if item.get_closest_marker("real_data")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The directory of real records; only tests marked `real_data` may ask for it."""
    directory = real_data_directory()
    assert directory is not None, "mark this test real_data: ORTOO_REAL_DATA is not set"
    assert directory.is_dir(), f"ORTOO_REAL_DATA names {directory}, which is not a directory"
    return directory
