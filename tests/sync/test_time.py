"""Trusted time: what an exchange, a session and a set prove, worked out by hand (TM)."""

from typing import Any

import pytest
from msgspec.structs import astuple

from sync import hubs, kept, samples
from sync import time as trusted
from sync.incident.admit import admit
from sync.incident.facts import Facts
from sync.samples import Clocks, Sample, beat, keep, op_of, placed, sample, to_place, wrote
from sync.time import Bounds, Observed, Place, Signed, Timed, elapsed_at_least_ms, told
from tests.sync.conftest import VECTORS, vector_cases
from tests.sync.incident.labels import expand
from tests.sync.incident.test_admit import NOW_MS, written

SESSION = bytes.fromhex("0102030405060708")
CHAIN = b"c" * 16
CLOCKS = Clocks(SESSION)


def _layers(timed: Timed) -> list[Any]:
    return [None if one is None else [one.lo_ms, one.hi_ms] for one in timed.layers]


def _bounds(told: list[int | None] | None) -> Bounds | None:
    return None if told is None else Bounds(*told)


@pytest.mark.parametrize("case", vector_cases("time", "samples"))
def test_tm1_samples(case: dict[str, Any]) -> None:
    told = case["exchange"]
    found = sample(
        m1=told["m1"],
        wall1_ms=told["wall1"],
        server_ms=told["server"],
        uncertainty_ms=told["u"],
        m4=told["m4"],
        wall4_ms=told["wall4"],
        hidden=told["hidden"],
    )
    assert (found if isinstance(found, str) else list(astuple(found))) == case["is"]


@pytest.mark.parametrize("case", vector_cases("time", "clocks"))
def test_tm2_tm4_what_is_kept_and_placed(case: dict[str, Any]) -> None:
    clocks = CLOCKS
    for act, *said in case["steps"]:
        if act == "beat":
            clocks = beat(clocks, *said)
        elif act == "wrote":
            clocks = wrote(clocks, *said)
        elif act == "keep":
            clocks = keep(clocks, Sample(*said))
        else:
            due = to_place(clocks, said[0], said[1])
            assert [[one.sample.m, *astuple(one.beats)] for one in due] == said[2], said
            assert [samples.problem(op_of(SESSION, one)) for one in due] == [None] * len(due)
            clocks = placed(clocks) if due else clocks


@pytest.mark.parametrize("case", vector_cases("time", "shapes"))
def test_tm3_shapes(case: dict[str, Any]) -> None:
    op = case["op"] | ({"s": bytes.fromhex(case["op"]["s"])} if "s" in case["op"] else {})
    assert samples.problem({"t": "clock.obs"} | op) == case["problem"]


@pytest.mark.parametrize("case", vector_cases("time", "words"))
def test_tm13_what_a_station_says(case: dict[str, Any]) -> None:
    def named(one: Any) -> Any:
        if isinstance(one, list):
            return [named(inner) for inner in one]
        return one.encode().ljust(32 if one[0] == "#" else 16) if isinstance(one, str) else one

    op = {"t": "hub.kept", "sets": named(case["sets"])}
    assert kept.problem(op) == case["problem"]
    if case["problem"] is None:
        assert kept.op(kept.words(op)) == op
        assert kept.problem(op | {"sets": op["sets"] * 100}) is None
        assert kept.problem(op | {"sets": op["sets"] * 201}) == "hub.kept.sets", "200 at most"
    change = written(op, kind="chain")
    expected = ("accepted", None) if case["problem"] is None else ("rejected", "bad_op")
    ruled = admit(change, Facts(lo_ms=NOW_MS), NOW_MS)
    assert (ruled.decision, ruled.why) == expected


def test_tm2_a_session_forgets_between_and_keeps_both_ends() -> None:
    clocks = CLOCKS
    for at in range(0, 60 * samples.KEEP_EVERY_MS, samples.KEEP_EVERY_MS):
        clocks = keep(wrote(clocks, at, at), Sample(at, at, at, at))
    assert len(clocks.waiting) == samples.WAITING_MAX
    assert clocks.waiting[0].sample.m == 0
    due = to_place(clocks, 10**9, 0)
    assert len(due) == 20
    assert (due[0].sample.m, due[-1].sample.m) == (0, 59 * samples.KEEP_EVERY_MS)
    # No heartbeat is lost: all 60, and each of the 40 samples that were left out counts as one.
    assert sum(one.beats.n for one in due) == 60 + 40


@pytest.mark.parametrize("case", vector_cases("time", "signings"))
def test_tm5_to_tm8_tm14_signings(case: dict[str, Any]) -> None:
    one = case["set"]
    found = trusted.timed(
        Signed(
            claimed_ms=one["claimed"],
            seq=one["seq"],
            place=Place(CHAIN, SESSION, one["m"]),
            wall_ms=one["wall"],
            lo_ms=one["lo"],
            hi_ms=one["hi"],
            before_m=one.get("before"),
            after_m=one.get("after"),
            is_forked=one.get("forked", False),
            is_compromised=one.get("compromised", False),
            said_ms=tuple(one.get("said", ())),
            own=_bounds(one.get("own")),
        ),
        [Observed(*sample) for sample in case["observed"]],
        50,
    )
    assert _layers(found) == case["layers"]
    assert (list(found.why), found.grade) == (case["why"], case["grade"])


def test_tm5_what_the_centre_writes_was_written_then() -> None:
    found = trusted.at_centre(900, 1_000)
    assert (found, found.grade) == (Timed(900, (Bounds(950, 1_050), None, None), ()), 0)


@pytest.mark.parametrize("case", vector_cases("time", "told"))
def test_tm9_what_ops_tell(case: dict[str, Any]) -> None:
    import json

    signed = json.loads((VECTORS / "time.json").read_text(encoding="utf-8"))["signed"]
    zero, first, second = map(_bounds, signed["layers"])
    assert zero is not None
    by_its_set = Timed(signed["claimed"], (zero, first, second), tuple(signed["why"]))
    found = told(by_its_set, expand(case["op"]), expand(case["by"]))
    assert (found.claimed_ms, _layers(found)) == (case["claimed"], case["layers"])
    assert (list(found.why), found.grade) == (case["why"], case["grade"])


def test_tm10_the_least_grade_that_gives_the_narrowest_interval() -> None:
    wide, narrow = Bounds(0, 100), Bounds(40, 60)
    assert Timed(0, (narrow, narrow, narrow), ()).grade == 0
    assert Timed(0, (wide, narrow, narrow), ()).grade == 1
    assert Timed(0, (wide, None, narrow), ()).grade == 2
    assert Timed(0, (Bounds(None, 5), Bounds(None, 4), None), ()).grade == 3
    assert Timed(0, (wide, None, narrow), ()).proved(1) == wide


@pytest.mark.parametrize("case", vector_cases("time", "elapsed"))
def test_tm6_elapsed_on_one_clock(case: dict[str, Any]) -> None:
    start, end = (
        Timed(
            0,
            (Bounds(None, None), None, None),
            (),
            Place(expand(case[at][0]), bytes.fromhex(case[at][1]), case[at][2]),
        )
        for at in ("start", "end")
    )
    assert elapsed_at_least_ms(start, end) == case["least"]


@pytest.mark.parametrize("case", vector_cases("time", "hubs"))
def test_tm11_several_clocks(case: dict[str, Any]) -> None:
    found = hubs.agreed([(lo, hi) for lo, hi in case["said"]])
    assert found == hubs.Agreed(case["lo"], case["hi"], tuple(case["odd"]), case["agreed"])


@pytest.mark.parametrize("case", vector_cases("time", "alone"))
def test_tm11_alone(case: dict[str, Any]) -> None:
    found = hubs.uncertainty_ms(case["known"], case["alone"], rebooted=case["rebooted"])
    assert found == case["u"]
