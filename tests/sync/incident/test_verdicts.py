"""Verdicts: the stories of `tests/vectors/verdict.json`, and the laws that no story can exhaust (SPEC VD)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sync.incident.clocks import clocks
from sync.incident.judging import Judged, by_book, judged
from sync.incident.policy import PolicyBook
from sync.time import Bounds, Place, Timed
from sync.verdict import DETERMINED, Limit, Mark, Rules, Verdict, judge, within
from tests.sync.conftest import Peer, vector_cases
from tests.sync.incident.labels import expand, state_of


def mark_of(told: list[Any]) -> Mark:
    """A mark as a story tells it."""
    op, layers, why, *tick = told
    place = Place(b"chain", *expand(tick[0])) if tick else None
    return Mark(expand(op), timed_of(layers, why, place))


def timed_of(layers: list[Any], why: list[str], place: Place | None = None) -> Timed:
    """Bounds by grade, claimed as late as they allow."""
    one, two = (None if layer is None else Bounds(*layer) for layer in layers[1:])
    return Timed(layers[0][1], (Bounds(*layers[0]), one, two), tuple(why), place)


@pytest.mark.parametrize("case", vector_cases("verdict", "judge"))
def test_a_clock_is_judged_as_its_story_says(case: dict[str, Any]) -> None:
    limit = case["limit"]
    found = judge(
        [mark_of(one) for one in case["starts"]],
        [mark_of(one) for one in case["ends"]],
        NEXT_DAY if limit == "day" else None if limit is None else within(limit),
        Rules(**case.get("rules", {})),
        now_lo_ms=case["now"],
    )
    told = {
        "result": found.result,
        "grade": found.grade,
        "within": found.within_ms,
        "elapsed": [found.elapsed.lo_ms, found.elapsed.hi_ms],
        "slack": found.slack_ms,
        "start": found.start and found.start.op,
        "end": found.end and found.end.op,
        "why": list(found.why),
        "turns": found.turns_ms,
    }
    wanted = expand(case["expect"])
    assert {name: told[name] for name in wanted} == wanted


def exact(view: dict[str, Any], marks: dict[bytes, Timed]) -> dict[bytes, Mark]:
    """Every statement of a view proved to the ms, but for those that `marks` says otherwise of."""
    said = [(order["op"], order["issued_at"]) for order in view["orders"]]
    said += [
        (one["done"]["op"], one["done"]["at"]) for one in view["rectifications"] if one["done"]
    ]
    said += [
        (one["review"]["op"], one["review"]["at"]) for one in view["feedback"] if one["review"]
    ]
    for name in ("claims", "closes", "callbacks"):
        said += [(one["op"], one["at"]) for one in view[name]]
    return {
        op: Mark(op, marks.get(op) or Timed(at, (Bounds(at, at), None, None), ()))
        for op, at in said
    }


@pytest.mark.parametrize("case", vector_cases("verdict", "incidents"))
def test_the_clocks_of_an_incident_are_judged_as_its_story_says(case: dict[str, Any]) -> None:
    view = state_of(case["items"]).view()
    marks = exact(view, {expand(op): timed_of(*told) for op, told in case["marks"].items()})
    book = PolicyBook()
    found = judged(
        clocks(view, book),
        mark=marks.__getitem__,
        force_at=by_book(view, book),
        now_lo_ms=case["now"],
    )
    shown = [_shown(one) for one in found if "pick" not in case or one.clock in case["pick"]]
    wanted = expand(case["verdicts"])
    assert [one[: len(want)] for one, want in zip(shown, wanted, strict=True)] == wanted


def _shown(one: Judged) -> list[Any]:
    found = one.verdict
    elapsed = found.elapsed
    return [
        one.clock, one.order, found.result, found.grade, elapsed.lo_ms, elapsed.hi_ms, list(found.why)
    ]  # fmt: skip


DAY_MS, OFFSET_MS = 86_400_000, 28_800_000
NEXT_DAY = Limit(lambda at: ((at + OFFSET_MS) // DAY_MS + 2) * DAY_MS - OFFSET_MS - 1)
RUNS = 300_000 if settings().max_examples > 1_000 else 300
spans = st.integers(0, 50_000) | st.integers(0, 2_000)


@st.composite
def true_marks(draw: st.DrawFn, op: bytes, truth_ms: int, mono_ms: int) -> Mark:
    """A statement of something that happened at `truth_ms`, whose bounds do contain that moment."""
    lo, hi = truth_ms - draw(spans), truth_ms + draw(spans)
    layers: list[Bounds | None] = [
        Bounds(lo if draw(st.booleans()) else None, hi if draw(st.integers(0, 9)) else None)
    ]
    for _grade in (1, 2):
        if draw(st.booleans()):
            lo = truth_ms - draw(st.integers(0, truth_ms - lo))
            hi = truth_ms + draw(st.integers(0, hi - truth_ms))
            layers.append(Bounds(lo, hi))
        else:
            layers.append(None)
    why = draw(st.sets(st.sampled_from(["forked", "slept", "no_sample_after"]), max_size=2))
    session = draw(st.none() | st.sampled_from([b"session1", b"session2"]))
    place = None if session is None else Place(b"chain", session, mono_ms)
    zero = layers[0]
    assert zero is not None
    timed = Timed(
        truth_ms + draw(st.integers(-99_999, 99_999)),
        (zero, layers[1], layers[2]),
        tuple(sorted(why)),
        place,
    )
    return Mark(op, timed)


class Truth:
    """Two moments and what people can prove of them."""

    def __init__(self, draw: st.DrawFn) -> None:
        begins, lasts = 1_000_000, draw(st.integers(-5_000, 120_000))
        # A monotonic clock stands still while the phone sleeps, and is at most 200 ppm fast.
        awake = draw(st.integers(0, max(lasts, 0)))
        mono = awake + awake // 5_000 if lasts > 0 else -draw(st.integers(0, -lasts))
        self.lasts_ms = lasts
        self.starts = [
            draw(true_marks(b"s%d" % at, begins, 7_000)) for at in range(draw(st.integers(1, 2)))
        ]
        self.ends = [
            draw(true_marks(b"e%d" % at, begins + lasts, 7_000 + mono))
            for at in range(draw(st.integers(0, 3)))
        ]
        self.limit = within(
            draw(st.sampled_from([0, 10_000, 30_000, 60_000])) + draw(st.integers(0, 9))
        )
        self.now_lo_ms = begins + max(lasts, 0) + draw(st.integers(-500, 700_000_000))

    def judge(self) -> Verdict:
        return judge(self.starts, self.ends, self.limit, Rules(), now_lo_ms=self.now_lo_ms)


truths = st.composite(Truth)()


@settings(max_examples=RUNS)
@given(truths)
def test_vd2_no_verdict_contradicts_the_truth(truth: Truth) -> None:
    found = truth.judge()
    in_time = truth.limit.due(0) >= truth.lasts_ms
    assert found.result not in DETERMINED or in_time == (found.result == "met")
    lo_ms, hi_ms = found.elapsed.lo_ms, found.elapsed.hi_ms
    assert lo_ms is None or lo_ms <= truth.lasts_ms
    assert hi_ms is None or hi_ms >= truth.lasts_ms


@settings(max_examples=RUNS)
@given(truths, st.data())
def test_tm14_no_station_finds_anybody_late_whatever_it_says(truth: Truth, data: Any) -> None:
    def said(mark: Mark) -> Mark:
        proved = mark.timed.proved(2)
        lo_ms = 0 if proved.lo_ms is None else proved.lo_ms
        hi_ms = data.draw(st.integers(lo_ms, lo_ms + 100_000))
        if proved.hi_ms is not None and hi_ms >= proved.hi_ms:
            return mark
        layers = (*mark.timed.layers[:2], Bounds(proved.lo_ms, hi_ms))
        why = (*mark.timed.why, "station_said")
        return replace(mark, timed=replace(mark.timed, layers=layers, why=why))

    without = truth.judge()
    truth.starts = [said(mark) for mark in truth.starts]
    truth.ends = [said(mark) for mark in truth.ends]
    found = truth.judge()
    assert found.result != "missed" or truth.lasts_ms > truth.limit.due(0)
    # Nor is anybody's time up by it.
    assert found.result not in {"overdue", "unproven"} or found.result == without.result


@given(truths, st.randoms(use_true_random=False))
def test_vd4_statements_in_any_order_and_told_twice_make_the_same_verdict(
    truth: Truth, random: Any
) -> None:
    known = truth.judge()
    truth.starts += truth.starts
    truth.ends += truth.ends[:1]
    random.shuffle(truth.starts)
    random.shuffle(truth.ends)
    assert truth.judge() == known


@given(truths)
def test_vd6_time_alone_makes_no_finding_before_the_moment_that_is_named(truth: Truth) -> None:
    found = truth.judge()
    if found.turns_ms is None:
        return
    for now_lo_ms, result in ((found.turns_ms, "overdue"), (found.turns_ms + 1, "unproven")):
        truth.now_lo_ms = now_lo_ms
        assert truth.judge().result == result


def plain(mark: Mark) -> list[Any]:
    layers = [one and [one.lo_ms, one.hi_ms] for one in mark.timed.layers]
    place = mark.timed.place
    tick = place and [place.session.hex(), place.m]
    return [mark.op.hex(), mark.timed.claimed_ms, layers, list(mark.timed.why), tick]


@given(truths)
def test_vd_both_languages_judge_alike(peer: Peer, truth: Truth) -> None:
    found = truth.judge()
    answer = peer(
        "verdict",
        starts=[plain(one) for one in truth.starts],
        ends=[plain(one) for one in truth.ends],
        limit=truth.limit.within_ms,
        now=truth.now_lo_ms,
    )
    assert answer == {
        "result": found.result,
        "grade": found.grade,
        "within": found.within_ms,
        "elapsed": [found.elapsed.lo_ms, found.elapsed.hi_ms],
        "slack": found.slack_ms,
        "ops": [one and one.op.hex() for one in (found.start, found.end)],
        "why": list(found.why),
        "turns": found.turns_ms,
    }
