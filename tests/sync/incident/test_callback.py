"""The callback and the ladder after it (SPEC CK): its stories, and what holds of every history.

Example: a file with an open step is never finished, whatever else was written.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.incident.calendar import DAY_MS, day_of, end_of_next_day, end_of_working_day
from sync.incident.callback import Called, call_again_ms
from sync.incident.clocks import clocks
from sync.incident.judging import by_book, judged
from sync.incident.ladder import STEPS, Complaint, standing
from sync.incident.policy import PolicyBook
from sync.incident.state import IncidentState
from sync.time import at_centre
from sync.verdict import Mark
from tests.sync.conftest import vector_cases
from tests.sync.folding import fold
from tests.sync.histories import Ruled, histories
from tests.sync.incident.labels import expand, state_of

MONTH_MS = 31 * DAY_MS


def plain(found: Called | None) -> dict[str, Any] | None:
    return (
        None if found is None else {name: getattr(found, name) for name in Called.__struct_fields__}
    )


def told(complaint: Complaint) -> dict[str, Any]:
    """A complaint as a vector tells it."""

    def op(one: dict[str, Any] | None) -> bytes | None:
        return None if one is None else one["op"]

    return {
        "attempt": op(complaint.attempt),
        "again": complaint.again,
        "rectification": op(complaint.rectification),
        "supervision": op(complaint.supervision),
        "call": plain(complaint.call),
        "step": complaint.step,
        "countdown": [complaint.start_ms, complaint.due_ms, complaint.done_ms],
    }


@pytest.mark.parametrize("case", vector_cases("callback", "cases"))
def test_callback_and_ladder_stand_where_the_story_says(case: dict[str, Any]) -> None:
    book = PolicyBook([(bytes(16), 1, {"from_ms": 0, **case.get("policy", {})})])
    for items in (case["items"], [*reversed(case["items"]), *case["items"]]):
        view, wanted = state_of(items).view(), expand(case["expect"])
        found = standing(view, book)
        assert plain(found.callback) == wanted["callback"]
        assert [told(one) for one in found.complaints] == wanted["complaints"]
        assert (found.step, found.finished) == (wanted["step"], wanted["finished"])
        if "call_again_ms" in wanted:
            assert call_again_ms(view["callbacks"], book.at(0)) == wanted["call_again_ms"]


@pytest.mark.parametrize("case", vector_cases("callback", "verdicts"))
def test_the_clocks_of_callback_and_rectification_are_judged_by_the_book(
    case: dict[str, Any],
) -> None:
    state = state_of(case["items"])
    view = state.view()
    found = judged(
        clocks(view, PolicyBook()),
        mark=lambda op: Mark(op, at_centre(*[state.items[op].occurred_at_ms] * 2)),
        force_at=by_book(view, PolicyBook()),
        now_lo_ms=case["now"],
    )
    told = [[one.clock, one.round, one.verdict.result] for one in found]
    assert told == case["verdicts"]


def seen(state: IncidentState) -> Any:
    return standing(state.view(), PolicyBook())


@given(histories(), st.randoms(use_true_random=False))
def test_the_ladder_is_the_same_in_any_order_and_however_often_it_is_told(
    history: list[Ruled], chance: Any
) -> None:
    other = [*history, *history]
    chance.shuffle(other)
    assert seen(fold(other)) == seen(fold(history))


@given(histories())
def test_an_open_step_always_keeps_the_file_from_being_finished(history: list[Ruled]) -> None:
    found = seen(fold(history))
    steps = {one.step for one in found.complaints} - {None}
    assert not (steps and found.finished)
    assert found.step in steps if steps else found.step is None
    assert steps <= set(STEPS)


@given(histories())
def test_a_caller_who_was_not_satisfied_leaves_the_file_open_until_somebody_acted(
    history: list[Ruled],
) -> None:
    view = fold(history).view()
    acted = {one["attempt"] for one in (*view["rectifications"], *view["supervisions"])}
    if any(one["score"] == 3 and one["op"] not in acted for one in view["callbacks"]):
        assert not standing(view, PolicyBook()).finished


DAYS = st.dates().map(lambda day: day.isoformat())


@given(st.integers(0, 2**48 - 1), st.integers(1, 30), st.sets(DAYS, max_size=3))
def test_a_working_day_ends_where_a_day_ends_and_never_sooner_than_a_day_each(
    at_ms: int, count: int, rest: set[str]
) -> None:
    end = end_of_working_day(at_ms, count, rest, ())
    assert (end + 1) % DAY_MS == end_of_next_day(0) % DAY_MS + 1
    assert count <= day_of(end) - day_of(at_ms) <= MONTH_MS // DAY_MS * 2
    assert (day_of(end) + 3) % 7 < 5, "a weekend is not worked"
