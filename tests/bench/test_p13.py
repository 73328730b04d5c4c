"""Timers in small: the bench runs, and does not count what was told twice or not at all.

Example: a thousand timers wait while three orders that no phone takes are told of, each step once.
"""

from pathlib import Path

import pytest

from server.app import build_app
from server.fleet.bench import p13, report
from server.fleet.bench.machine import machine


async def test_timers_in_small_are_told_once_and_measured(tmp_path: Path) -> None:
    target = await p13.prepare(build_app, tmp_path, 1_000)
    [wait] = await p13.waits(tmp_path, target, 1, orders=3, idle_s=0.1, told_s=13)
    assert (wait.timers, wait.told) == (1_003, 6)
    assert 0 <= wait.late_p50_ms <= wait.late_max_ms
    found = report.waited([wait], machine())
    assert found["figures"].keys() == {"late_max_ms", "late_p50_ms", "idle_percent"}
    assert "1003 timers" in report.table(found)
    with pytest.raises(RuntimeError, match="not once each"):
        await p13.waits(tmp_path, target, 1, orders=1, idle_s=0.1, told_s=0)
