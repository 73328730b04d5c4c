"""The reconnect storm in small: every part of it runs, and a figure that flatters is not possible.

Timing is the bench's own business; nothing here is judged by how long it took.

Example: four devices with fifty sets each against a real `ortoo serve`; all two hundred are in its database.
"""

from pathlib import Path

import msgspec
import pytest

from server.app import build_app
from server.fleet.bench import report
from server.fleet.bench.machine import machine
from server.fleet.bench.p1 import Run, judged, storms
from server.fleet.bench.prepare import PAYLOAD_BYTES, SETS_PER_DEVICE, prepare
from server.fleet.bench.storm import Outcome
from sync import changeset, exchange
from sync.changeset import ChangeSet
from sync.exchange import PushReply, PushResult


async def test_a_storm_in_small_is_acked_kept_and_measured(tmp_path: Path) -> None:
    work = await prepare(build_app, tmp_path, devices=4)
    for one in work:
        sets = exchange.decode(exchange.PushRequest, one.body).sets
        assert len(sets) == SETS_PER_DEVICE
        for raw in sets:
            found = changeset.read(bytes(raw))
            assert isinstance(found, ChangeSet)
            assert found.body is not None
            assert len(found.body.ops) == 1
            body_bytes = msgspec.msgpack.decode(bytes(raw))[2]
            assert abs(len(body_bytes) - PAYLOAD_BYTES) < 20
    [run] = await storms(tmp_path, work, 1)
    assert run.sets == 4 * SETS_PER_DEVICE
    assert min(run.sets_per_s, run.cpu_us_per_set, run.p50_s, run.peak_mib) > 0
    assert run.p50_s <= run.p99_s
    found_report = report.report("P1", [run], machine())
    named = {"id", "target", "measured", "ratio", "met", "cpu_us_per_set", "p50_s", "p99_s"}
    assert named | {"peak_mib", "runs", "machine", "versions"} <= set(found_report)
    assert "sets_per_s" in report.table(found_report)


def runs(*sets_per_s: float) -> list[Run]:
    return [Run(100, one, 10.0, 0.1, 0.2, 50.0) for one in sets_per_s]


def test_the_median_is_judged_unrounded() -> None:
    missed = report.report("P1", runs(10_000, 19_999.99999, 40_000), machine())
    assert (missed["measured"], missed["met"]) == (20_000.0, False)
    met = report.report("P1", runs(20_000, 20_000, 1), machine())
    assert (met["met"], met["ratio"]) == (True, 1.0)
    assert (met["figures"]["sets_per_s"]["min"], met["figures"]["p99_s"]["met"]) == (1.0, True)


@pytest.mark.parametrize(
    ("status", "results", "held", "why"),
    [
        (503, [], set(), "answered 503"),
        (200, [PushResult("duplicate", id=bytes(32))], {bytes(32)}, "answered duplicate"),
        (200, [PushResult("stored", id=bytes(32))], set(), "not in the database"),
        (200, [PushResult("stored", id=bytes(32))], {bytes(32)}, "acknowledged"),
    ],
)
def test_a_run_in_which_a_set_is_missing_does_not_count(
    status: int, results: list[PushResult], held: set[bytes], why: str
) -> None:
    body = exchange.encode(PushReply(results=results, have=0))
    outcome = Outcome(wall_ns=1_000, took_ns=[1_000], replies=[(status, body)])
    with pytest.raises(RuntimeError, match=why):
        judged(outcome, held, cpu_s=0.1, peak_mib=1.0)
