"""Ops in any shape whatever: both languages keep and pass over the same ones, and nothing is thrown (CE6, IN1, RL4).

The generator of histories writes mostly what a good app writes. Here a field of a good op is taken out, or replaced
by a value of any type, at any limit.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync import canon, changeset, rulings
from sync.changeset import ChangeSet, Draft, Writer
from sync.fold import items_of
from sync.ids import ChainId, SetId
from sync.incident import shapes
from sync.incident.deadlines import deadlines
from sync.incident.policy import PolicyBook
from sync.incident.state import IncidentState
from sync.incident.timeline import timeline
from tests.sync.conftest import Peer
from tests.sync.histories import BASE_MS, ENTITY, OPS, ORDERS, PEOPLE, STATION

_INT = 2**53 - 1
odd_values: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, 1, 3, 4, 5, -1, 1440, 1441, _INT, -_INT),
        *("", "arrived", "reached", "constructor", "__proto__", "level", "point"),
        *(b"", bytes(16), bytes(17), ENTITY, ORDERS[0]),
        *([], [bytes(17)], [bytes(16)], ["unit", STATION], ["unit", bytes(17)], ["ship", STATION]),
        *([900_000_000, 1_800_000_000, 0], [900_000_001, 0], [1, 2], [1, True], [1, 2, -1]),
        *({}, {"final": True}, {"final": 1}, {"final": False, "text": 1}),
        *({"final": True, "result": "x", "toString": None}, {"__proto__": {"final": True}}),
    ]
)
_NAMES = (
    "f v p at kind round via by order to new data pos unit claim entry text why ok station source tag "
    "exercise outcome score minutes result t2"
)
names = st.sampled_from(_NAMES.split())
changes = st.lists(st.tuples(names, st.just("take out") | st.tuples(odd_values)), max_size=3)


def _changed(op: dict[str, Any], made: list[tuple[str, Any]]) -> dict[str, Any]:
    changed = dict(op)
    for name, change in made:
        if change == "take out":
            changed.pop(name, None)
        else:
            changed[name] = change[0]
    return changed


odd_ops = st.builds(_changed, OPS, changes)


def _set(op: dict[str, Any], at: int) -> tuple[bytes, bytes]:
    """An accepted set of one op, and its ruling."""
    person = PEOPLE[at % 3]
    written = changeset.write(
        Writer(ChainId(person), at + 1, SetId(bytes(32))),
        Draft(person, "org", "incident", ENTITY, [op]),
        wall_ms=BASE_MS + at,
        offset_ms=0,
        mono=(bytes(8), at),
        salt=bytes(16),
        sign=lambda _message: bytes(64),
    )
    payload = rulings.set_payload(
        set_id=written.set_id,
        chain=person,
        seq=at + 1,
        entity=ENTITY,
        decision=rulings.ACCEPTED,
        why=None,
        eff=written.writer.stamp.pack(),
        flags=[],
        facts={},
    )
    ruling = rulings.Ruling(1, at + 1, BASE_MS + at + 100_000, "set", payload)
    return written.raw, rulings.encode_ruling(ruling)


@given(st.lists(odd_ops, min_size=1, max_size=8))
def test_ce6_in1_both_languages_make_the_same_of_ops_in_any_shape(
    peer: Peer, ops: list[dict[str, Any]]
) -> None:
    state = IncidentState(ENTITY)
    sets = [_set(op, at) for at, op in enumerate(ops)]
    for raw, ruling in sets:
        read = changeset.read(raw)
        assert isinstance(read, ChangeSet)
        state.add(items_of(read, rulings.read_ruling(ruling)))
    view = state.view()
    answer = peer(
        "fold",
        entity=ENTITY.hex(),
        sets=[[raw.hex(), ruling.hex()] for raw, ruling in sets],
        policies=[],
        zones=[],
    )
    assert answer["view"] == canon.encode(view).hex()
    assert answer["deadlines"] == [
        [d.id, d.order.hex() if d.order else None, d.start_ms, d.due_ms, d.done_ms]
        for d in deadlines(view, PolicyBook())
    ]
    assert len(timeline(state.items.values(), view)) == len(ops)


@given(odd_ops)
def test_in1_whatever_an_op_is_made_of_its_shape_is_judged_and_named(op: dict[str, Any]) -> None:
    problem = shapes.problem(op)
    assert problem is None or problem.startswith(op["t"] + ".")
