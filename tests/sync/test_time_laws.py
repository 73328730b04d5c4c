"""The laws of trusted time: whatever the clocks did, the truth lies inside what is proved (TM5 to TM8).

A few hundred histories in every run; `ORTOO_CLOCK_RUNS=100000 pytest tests/sync/test_time_laws.py` tries as many as one
likes (`make laws`).
"""

import os
from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sync.time import Bounds, Observed, Place, Signed, Timed, timed
from tests.sync.clockruns import CHAIN, SESSION, U_MS, Run, history
from tests.sync.conftest import Peer

RUNS = int(os.environ.get("ORTOO_CLOCK_RUNS", "300"))

randoms = st.randoms(use_true_random=False)


def holds(bounds: Bounds | None, true_ms: int) -> bool:
    """Whether a moment lies inside; no bound says nothing against it."""
    return bounds is None or (
        (bounds.lo_ms is None or bounds.lo_ms <= true_ms)
        and (bounds.hi_ms is None or true_ms <= bounds.hi_ms)
    )


def is_nested(one: Timed) -> bool:
    """Whether every layer says all that the one before does."""
    layers = [layer for layer in one.layers if layer is not None]
    for outer, inner in pairwise(layers):
        if outer.lo_ms is not None and (inner.lo_ms is None or inner.lo_ms < outer.lo_ms):
            return False
        if outer.hi_ms is not None and (inner.hi_ms is None or inner.hi_ms > outer.hi_ms):
            return False
    return True


def honest(one: Signed, true_ms: int, random: Random) -> Signed:
    """With what stations say of it: each had it some time later, by a clock that was no further off than it said; or
    wrote it itself."""
    said = []
    for _ in range(random.choice([0, 1, 2])):
        unsure_ms = random.choice([52, 4_000, 70_000])
        had_ms = true_ms + random.randrange(random.choice([1_000, 10**8]))
        said.append(had_ms + random.randint(-unsure_ms, unsure_ms) + unsure_ms)
    own = None
    if random.random() < 0.2:
        at_ms = true_ms + random.randint(-52, 52)
        own = Bounds(at_ms - 52, at_ms + 52)
    return replace(one, said_ms=tuple(said), own=own)


def judged(run: Run) -> Counter[str]:
    """Hold one history to the laws, and count what was proved."""
    seen: Counter[str] = Counter(run.discarded)
    for act in run.acts:
        signed = honest(act.signed, act.true_ms, Random(act.true_ms))
        found = timed(signed, run.observed, U_MS)
        zero, first, second = found.layers
        assert holds(zero, act.true_ms), (act, found)
        assert holds(first, act.true_ms), (act, found)
        assert is_nested(found), found
        # An honest phone is never called a liar.
        assert "clock_disorder" not in found.why, (act, found)
        if run.is_plain:
            assert holds(second, act.true_ms), (act, found)
        seen[f"grade {found.grade}"] += 1
        seen.update(found.why)
    return seen


@given(randoms)
def test_tm6_tm7_the_truth_is_inside_whatever_the_clocks_of_an_honest_phone_do(
    random: Random,
) -> None:
    judged(history(random))


def test_tm6_tm7_and_so_it_is_in_very_many_histories() -> None:
    seen: Counter[str] = Counter()
    for seed in range(RUNS):
        seen.update(judged(history(Random(seed))))
    print(f"{RUNS} histories: {dict(sorted(seen.items()))}")
    # The law is no empty one: every grade is reached and every cause met, often enough to mean something.
    causes = ("slept", "clock_step", "station_said", "no_sample_after", "apart")
    for met in ("grade 0", "grade 1", "grade 2", *causes):
        assert seen[met] * 30 > RUNS, (met, seen)


whole = st.integers(0, 2**48 - 1)
near = st.integers(0, 100_000)
readings = near | whole | st.integers(-(2**53) + 1, 2**53 - 1)


@st.composite
def lies(draw: st.DrawFn) -> tuple[Signed, list[Observed]]:
    """What a phone may claim that says what it likes; only beacon and receipt are not its own."""
    true_ms = draw(st.integers(1_000, 2**44))
    one = Signed(
        claimed_ms=draw(whole),
        seq=draw(st.integers(0, 9)),
        place=Place(CHAIN, SESSION, draw(readings)),
        wall_ms=draw(readings),
        lo_ms=true_ms - draw(near) if draw(st.booleans()) else None,
        hi_ms=true_ms + draw(near),
        before_m=draw(st.none() | readings),
        after_m=draw(st.none() | readings),
        is_forked=draw(st.booleans()) and draw(st.booleans()),
        said_ms=tuple(
            draw(st.lists(st.integers(true_ms - 100_000, true_ms + 100_000) | whole, max_size=3))
        ),
        own=draw(st.none() | st.builds(lambda lo, more: Bounds(lo, lo + more), near | whole, near)),
    )
    said = []
    for _ in range(draw(st.integers(0, 5))):
        lo = draw(st.integers(true_ms - 1_000, true_ms + 1_000) | whole)
        said.append(
            Observed(
                seq=draw(st.integers(0, 9)),
                m=draw(near | whole),
                lo_ms=lo,
                hi_ms=min(2**48 - 1, lo + draw(near | whole)),
                wall_ms=draw(near | whole),
                n=draw(st.integers(0, 2**20)),
                fell=draw(st.integers(0, 60) | whole),
                gap=draw(st.integers(0, 2**32)),
            )
        )
    return one, said


@given(lies())
def test_tm5_tm8_a_liar_never_leaves_what_the_centre_saw(
    told: tuple[Signed, list[Observed]],
) -> None:
    one, said = told
    found = timed(one, said, U_MS)
    assert one.hi_ms is not None
    lo_ms = None if one.lo_ms is None else one.lo_ms - U_MS
    assert found.layers[0] == Bounds(lo_ms, one.hi_ms + U_MS)
    assert is_nested(found)
    # TM14: nor does a station that lies with it, which takes nothing from what is proved without.
    assert found.layers[:2] == timed(replace(one, said_ms=(), own=None), said, U_MS).layers[:2]
    for layer in found.layers[1:]:
        assert (
            layer is None
            or layer.lo_ms is None
            or layer.hi_ms is None
            or layer.lo_ms <= layer.hi_ms
        )


def test_tm6_an_upper_bound_from_before_is_wrong_as_soon_as_a_phone_sleeps() -> None:
    """The rule that must not be turned round: in these histories the mistake shows at once."""
    wrong = 0
    for seed in range(100):
        run = history(Random(seed))
        for act in run.acts:
            m = act.signed.place.m
            for sample in run.observed:
                if sample.m <= m:
                    wrong += act.true_ms > sample.hi_ms + (m - sample.m) * 5_001 // 5_000 + 1
    assert wrong > 50


def _plain(one: Timed) -> list[Any]:
    layers = [None if layer is None else [layer.lo_ms, layer.hi_ms] for layer in one.layers]
    return [layers, list(one.why), one.grade]


def _asked(one: Signed, said: list[Observed]) -> dict[str, Any]:
    return {
        "set": {
            "claimedMs": one.claimed_ms, "seq": one.seq, "m": one.place.m, "wallMs": one.wall_ms,
            "loMs": one.lo_ms, "hiMs": one.hi_ms, "beforeM": one.before_m, "afterM": one.after_m,
            "isForked": one.is_forked, "isCompromised": one.is_compromised,
            "saidMs": list(one.said_ms),
            "own": one.own and {"loMs": one.own.lo_ms, "hiMs": one.own.hi_ms},
        },
        "observed": [
            {"seq": o.seq, "m": o.m, "loMs": o.lo_ms, "hiMs": o.hi_ms, "wallMs": o.wall_ms,
             "n": o.n, "fell": o.fell, "gap": o.gap}
            for o in said
        ],
    }  # fmt: skip


@given(lies())
def test_tm8_both_languages_prove_the_same_of_what_liars_say(
    peer: Peer, told: tuple[Signed, list[Observed]]
) -> None:
    one, said = told
    assert peer("time.timed", u=U_MS, **_asked(one, said))["is"] == _plain(timed(one, said, U_MS))


@given(randoms)
def test_tm6_tm7_both_languages_prove_the_same_of_a_history(peer: Peer, random: Random) -> None:
    run = history(random)
    for act in run.acts[:6]:
        expected = _plain(timed(act.signed, run.observed, U_MS))
        assert peer("time.timed", u=U_MS, **_asked(act.signed, run.observed))["is"] == expected
