"""The laws of nudging (SPEC NU): whoever has answered is left alone, and nobody is told the same twice.

Histories are generated whole; time is walked through by `next_ms` alone, as the centre does.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync.incident.escalation import (
    AT_CENTRE,
    CENTRE,
    LAPSES_AFTER_MS,
    ON_PHONE,
    Step,
    steps,
    taken_of,
)
from sync.incident.policy import PolicyBook
from tests.sync.folding import fold
from tests.sync.histories import BASE_MS, ORDERS, Ruled, histories

BOOK = PolicyBook()
moments = st.integers(BASE_MS - 10_000, BASE_MS + 90_000_000)


def taken(step: Step) -> dict[str, Any]:
    """The entry that the centre writes of a step it took."""
    return {"by": CENTRE, "kind": "nudge", "data": step.data()}


def claim(kind: str) -> dict[str, Any]:
    return {"op": bytes(17), "by": bytes(16), "at": BASE_MS, "via": "self", "kind": kind}


@given(histories(), moments, st.sampled_from(ORDERS))
def test_nu3_whoever_signed_is_asked_for_nothing_that_signing_answers(
    history: list[Ruled], now_ms: int, order: bytes
) -> None:
    view = fold(history).view()
    for one in view["orders"]:
        if one["id"] == order:
            one["milestones"] = one["milestones"] | {"signed": claim("signed")}
    for at_ms in (now_ms, BASE_MS + 10**9):
        for channels in (AT_CENTRE, ON_PHONE):
            due, _next = steps(view, BOOK, at_ms, channels)
            assert not [s for s in due if s.order == order and s.clock in ("C1", "C2", "C2i")]


@given(
    histories(), moments, st.sampled_from(["order.withdraw", "closed", "withdrawn", "duplicate"])
)
def test_nu3_what_was_taken_back_or_ended_has_nothing_pending(
    history: list[Ruled], now_ms: int, how: str
) -> None:
    view = fold(history).view()
    for one in view["orders"]:
        one["open"] = False
    if how != "order.withdraw":
        view["status"] = how
    due, next_ms = steps(view, BOOK, now_ms)
    assert not [step for step in due if step.order is not None]
    if how == "closed":
        assert not [step for step in due if step.clock != "C9"]
    elif how != "order.withdraw":
        assert (due, next_ms) == ([], None)


@given(histories(), moments)
def test_nu4_each_step_is_taken_once_and_at_its_moment(history: list[Ruled], now_ms: int) -> None:
    """Walk from look to look as the centre does: each look takes what is due, then waits for `next_ms`."""
    view = fold(history).view()
    entries = view["entries"]
    seen = taken_of(entries)
    for _look in range(200):
        due, next_ms = steps(view, BOOK, now_ms)
        assert len({step.key for step in due}) == len(due)
        for step in due:
            assert step.key not in seen, "told twice"
            assert step.at_ms <= now_ms < step.at_ms + LAPSES_AFTER_MS
            seen.add(step.key)
            entries.append(taken(step))
        assert steps(view, BOOK, now_ms) == ([], next_ms), "what was taken is gone, the rest stands"
        if next_ms is None:
            break
        assert next_ms > now_ms
        assert steps(view, BOOK, next_ms - 1)[0] == [], "nothing falls due between two looks"
        now_ms = next_ms
        assert steps(view, BOOK, now_ms)[0], "and at the next something does"
    else:
        raise AssertionError("the plan has no end")


@given(histories(), moments)
def test_nu5_the_phone_and_the_centre_never_take_the_same_step(
    history: list[Ruled], now_ms: int
) -> None:
    view = fold(history).view()
    ours = {step.key for step in steps(view, BOOK, now_ms)[0]}
    theirs = {step.key for step in steps(view, BOOK, now_ms, ON_PHONE)[0]}
    assert not ours & theirs
