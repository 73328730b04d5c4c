"""The stories of the incident's meaning, told by `tests/vectors` (SPEC CE, ST, IN, DL, AU); the PWA runs the same.

Example: a new rule begins as a story in `tests/vectors/status.json`, and fails in both languages until both know it.
"""

import json
from typing import Any

import pytest

from sync import canon
from sync.clock import Stamp
from sync.fold import Item, effective_stamp
from sync.ids import OpId
from sync.incident import authority, shapes
from sync.incident.consistency import remarks
from sync.incident.deadlines import deadlines
from sync.incident.escalation import AT_CENTRE, ON_PHONE, steps
from sync.incident.feedback import standing
from sync.incident.moves import moves_of_order
from sync.incident.policy import PolicyBook
from sync.incident.state import IncidentState
from sync.incident.timeline import timeline
from tests.sync.conftest import VECTORS, vector_cases
from tests.sync.incident.labels import INCIDENT, expand, item_of, part, state_of

COMMANDS = frozenset(
    {may for case in vector_cases("authority", "table") for may in case.values[0]["may"]}
)
STORIES = vector_cases("cells", "cases") + vector_cases("status", "cases")


@pytest.mark.parametrize("case", STORIES)
def test_an_incident_shows_what_its_story_says(case: dict[str, Any]) -> None:
    view = state_of(case["items"]).view()
    wanted = expand(case["expect"])
    assert part(view, wanted) == wanted
    canon.encode(view)


@pytest.mark.parametrize("case", STORIES)
def test_an_incident_shows_the_same_when_told_backwards_and_twice_and_looked_at_between(
    case: dict[str, Any],
) -> None:
    state = IncidentState(INCIDENT)
    for told in [*reversed(case["items"]), *case["items"]]:
        state.add([item_of(told)])
        state.view()
    assert canon.encode(state.view()) == canon.encode(state_of(case["items"]).view())


def test_in9_the_view_has_these_keys_and_no_others() -> None:
    told = json.loads((VECTORS / "status.json").read_text(encoding="utf-8"))["whole"]
    assert state_of(told["items"]).view() == expand(told["view"])


@pytest.mark.parametrize("case", vector_cases("fold", "times"))
def test_an_item_knows_when_it_happened_and_how_late_it_came(case: dict[str, Any]) -> None:
    fields = {"t": "entry.add"} | ({} if case["at"] is None else {"at": case["at"]})
    item = Item(
        op=OpId(bytes(17)),
        t="entry.add",
        fields=fields,
        user=bytes(16),
        chain=bytes(16),
        seq=1,
        eff=Stamp(case["eff"], 3).pack(),
        idx=None if case["received"] is None else 1,
        at_ms=case["received"],
        decision=None if case["received"] is None else "accepted",
        why=None,
        flags=(),
        number=None,
    )
    known = (item.occurred_at_ms, item.late_by_ms, item.is_late_entry)
    assert known == (case["occurred"], case["late_by"], case["late_entry"])


@pytest.mark.parametrize("case", vector_cases("fold", "stamps"))
def test_a_ruling_gives_an_honest_stamp(case: dict[str, Any]) -> None:
    floor = bytes.fromhex(case["floor"]) if "floor" in case else None
    eff = effective_stamp(bytes.fromhex(case["hlc"]), case["received"], floor)
    assert eff.hex() == case["eff"]


@pytest.mark.parametrize("case", vector_cases("shapes", "cases"))
def test_an_op_has_its_shape_or_says_what_is_wrong(case: dict[str, Any]) -> None:
    assert shapes.problem(expand(case["op"])) == case["problem"]


def test_every_op_the_page_lists_has_a_good_and_a_known_shape() -> None:
    told = [case.values[0] for case in vector_cases("shapes", "cases")]
    good = {case["op"]["t"] for case in told if case["problem"] is None}
    assert good - {"drone.launch"} == shapes.REQUIRED.keys()


@pytest.mark.parametrize("case", vector_cases("moves", "cases"))
def test_a_screen_offers_what_comes_next(case: dict[str, Any]) -> None:
    assert moves_of_order(case["order"]) == case["moves"]


def book_of(case: dict[str, Any]) -> PolicyBook:
    """The policy of a story, in force from the beginning."""
    return PolicyBook([(bytes(16), 1, {"from_ms": 0, **case.get("policy", {})})])


@pytest.mark.parametrize("case", vector_cases("deadlines", "cases"))
def test_countdowns_run_from_what_happened(case: dict[str, Any]) -> None:
    found = deadlines(state_of(case["items"]).view(), book_of(case))
    shown = [one for one in found if "pick" not in case or one.id in case["pick"]]
    told = [[one.id, one.order, one.start_ms, one.due_ms, one.done_ms] for one in shown]
    assert told == expand(case["deadlines"])
    by_id = {one.id: one for one in found}
    for name, now_ms, state in case["states"]:
        assert by_id[name].state(now_ms) == state


@pytest.mark.parametrize("case", vector_cases("escalation", "cases"))
def test_who_is_told_what_and_when_to_look_again(case: dict[str, Any]) -> None:
    view = state_of(case["items"]).view()
    book = book_of(case)
    for look in case["looks"]:
        channels = {"centre": AT_CENTRE, "phone": ON_PHONE}[look["where"]]
        due, next_ms = steps(view, book, look["now"], channels)
        told = [[s.clock, s.order, s.round, s.channel, s.step, s.to, s.at_ms] for s in due]
        assert told == expand(look["due"]), look
        assert next_ms == look["next"], look


@pytest.mark.parametrize("case", vector_cases("feedback", "cases"))
def test_feedback_stands_where_its_story_says_and_what_does_not_fit_is_remarked(
    case: dict[str, Any],
) -> None:
    view = state_of(case["items"]).view()
    at = standing(view)
    assert at.state == case["state"]
    current = sorted(entry["op"] for entry in at.waiting + at.returned + at.passed)
    assert current == expand(case["current"])
    clocks = {one.id: one for one in deadlines(view, PolicyBook())}
    assert [clocks["C7r"].start_ms, clocks["C7r"].due_ms] == case["c7r"]
    assert [clocks["C8"].start_ms, clocks["C8"].due_ms, clocks["C8"].done_ms] == case["c8"]
    found = [[r.code, r.order, list(r.about), list(r.words)] for r in remarks(view, PolicyBook())]
    assert found == expand(case["remarks"])


@pytest.mark.parametrize("case", vector_cases("timeline", "cases"))
def test_the_timeline_leaves_nothing_out(case: dict[str, Any]) -> None:
    state = state_of(case["items"])
    wanted = expand(case["expect"])
    shown = timeline(state.items.values(), state.view())
    assert part(shown, wanted) == wanted
    canon.encode(shown)


@pytest.mark.parametrize("case", vector_cases("authority", "commands"))
def test_a_command_is_told_from_an_observation(case: dict[str, Any]) -> None:
    assert authority.command_of(expand(case["op"]), expand(case["user"])) == case["command"]


@pytest.mark.parametrize("case", vector_cases("authority", "table"))
def test_roles_may_what_the_table_says_and_nothing_else(case: dict[str, Any]) -> None:
    assert len(COMMANDS) == 22
    allowed = {
        command
        for command in COMMANDS
        if authority.may(
            command,
            roles=case["roles"],
            same_station=case["own_station"],
            own_self_report=case["own_report"],
        )
    }
    assert allowed == set(case["may"])
