"""The laws of the fold: any order, any grouping, any repetition gives one state (CE6)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync import canon
from sync.incident.state import IncidentState
from sync.incident.timeline import timeline
from tests.sync.folding import fold, items
from tests.sync.histories import ENTITY, Ruled, histories


@given(histories(), st.randoms(use_true_random=False))
def test_ce6_any_order_and_any_repetition_give_the_same_bytes(
    history: list[Ruled], random: Any
) -> None:
    shuffled = history * 2
    random.shuffle(shuffled)
    assert canon.encode(fold(shuffled).view()) == canon.encode(fold(history).view())


@given(histories(), st.data())
def test_ce6_any_grouping_gives_the_same_bytes(history: list[Ruled], data: st.DataObject) -> None:
    together = IncidentState(ENTITY)
    together.add([item for ruled in history for item in items(ruled)])
    looked_between = IncidentState(ENTITY)
    for ruled in history:
        looked_between.add(items(ruled))
        if data.draw(st.booleans()):
            looked_between.view()
    assert canon.encode(together.view()) == canon.encode(looked_between.view())


@given(histories(), st.randoms(use_true_random=False))
def test_ce6_the_ruling_of_a_set_may_come_before_or_after_its_own_unruled_copy(
    history: list[Ruled], random: Any
) -> None:
    doubled = [*history, *(Ruled(ruled.raw, None) for ruled in history)]
    random.shuffle(doubled)
    assert canon.encode(fold(doubled).view()) == canon.encode(fold(history).view())


@given(histories())
def test_rl4_what_is_held_or_rejected_changes_no_view_but_stays_in_the_timeline(
    history: list[Ruled],
) -> None:
    state = fold(history)
    refused = {op for op, item in state.items.items() if not item.counts}
    counting = [ruled for ruled in history if not any(i.op in refused for i in items(ruled))]
    assert canon.encode(fold(counting).view()) == canon.encode(state.view())
    ops = {item.op for ruled in history for item in items(ruled)}
    assert {entry["op"] for entry in timeline(state.items.values(), state.view())} == ops


@given(histories())
def test_in4_status_never_goes_beyond_what_was_claimed_or_commanded(history: list[Ruled]) -> None:
    state = fold(history)
    view = state.view()
    kinds = {
        claim["kind"]
        for claim in view["claims"]
        if claim["counts"] and claim["round"] == view["round"]
    }
    explained = {
        "reported": True,
        "assigned": any(order["open"] for order in view["orders"]),
        "closed": any(close["round"] == view["round"] for close in view["closes"]),
        "withdrawn": view["withdrawn"] is not None,
        "duplicate": view["duplicate_of"] is not None,
    }
    assert explained.get(view["status"], view["status"] in kinds)


@given(histories())
def test_st4_nothing_happened_after_it_was_received(history: list[Ruled]) -> None:
    state = fold(history)
    for entry in timeline(state.items.values(), state.view()):
        assert entry["received_at"] is None or entry["at"] <= entry["received_at"]
        assert entry["late_by"] is None or entry["late_by"] > 60_000
