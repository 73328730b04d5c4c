"""RD1, RD2: what is left of an op whose words were taken away."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sync import canon, rulings
from sync.incident import shapes
from sync.incident.redaction import UNKNOWN, skeleton
from sync.rulings import Ruling
from tests.sync.folding import fold, items
from tests.sync.histories import OPS, PEOPLE, Ruled, histories

WORDS = "他住在昂素镇三队第二户"


def spoken(value: Any) -> Any:
    """The value with every text in it replaced by words that must not be found again."""
    if isinstance(value, str):
        return WORDS
    if isinstance(value, list):
        return [spoken(part) for part in value]
    if isinstance(value, dict):
        return {name: spoken(part) for name, part in value.items()}
    return value


def talkative(op: dict[str, Any]) -> dict[str, Any]:
    """The op with words in every field that takes free words, and one field more than this version knows."""
    free = {
        name
        for shape in (shapes.REQUIRED.get(op["t"], {}), shapes.OPTIONAL.get(op["t"], {}))
        for name, check in shape.items()
        if check is shapes.is_text
    }
    said = {name: spoken(value) for name, value in op.items() if name in free | {"v", "data"}}
    return {**op, **said, "remark": WORDS}


@given(OPS)
def test_rd2_no_word_of_an_op_is_left_in_its_skeleton(op: dict[str, Any]) -> None:
    # References stand for op ids here, which `skeleton` reads only as shapes.
    op = op | {name: [] for name in ("p",) if name in op}
    op |= {name: bytes(17) for name in ("claim", "entry") if name in op}
    left = canon.encode(skeleton(talkative(op)))
    assert WORDS.encode() not in left
    assert b"remark" not in left


@given(OPS)
def test_rd2_a_skeleton_is_its_own_skeleton_or_lacks_only_a_value(op: dict[str, Any]) -> None:
    left = skeleton(op)
    if shapes.problem(left) is None and left["t"] != UNKNOWN:
        assert skeleton(left) == left
    else:
        assert "v" not in left


def test_rd2_what_was_done_stays() -> None:
    order, person = bytes(16), PEOPLE[0]
    issue = {
        "t": "order.issue",
        "order": order,
        "to": ["person", person],
        "kind": "dispatch",
        "round": 0,
    }
    assert skeleton(issue) == issue
    claim = {"t": "milestone.claim", "kind": "arrived", "round": 0, "via": "self", "at": 7}
    assert skeleton({**claim, "pos": [1, 2, 3], "data": {"odometer": 5}}) == claim
    final = {**claim, "kind": "feedback", "data": {"final": True, "text": WORDS, "result": WORDS}}
    assert skeleton(final) == {**claim, "kind": "feedback", "data": {"final": True}}
    assert skeleton({"t": "fact.set", "f": "place", "v": WORDS, "p": [bytes(17)]}) == {
        "t": "fact.set",
        "f": "place",
        "p": [bytes(17)],
    }
    assert skeleton({"t": "milestone.claim", "kind": WORDS}) == {"t": UNKNOWN}
    assert skeleton({"t": WORDS}) == {"t": UNKNOWN}


@given(histories(), st.data())
def test_rd1_a_redaction_changes_no_status_no_claim_and_no_order(
    history: list[Ruled], data: st.DataObject
) -> None:
    before = fold(history)
    at = data.draw(st.integers(0, len(history) - 1))
    standing = newest(history, history[at])
    if standing is None or standing.kind == rulings.KIND_REDACT:
        return
    ops = [skeleton(item.fields) for item in items(history[at])]
    payload = rulings.renewed_payload(standing, by=PEOPLE[0], ground="minor", text="", ops=ops)
    ruling = Ruling(1, 999_999, standing.at_ms + 1, rulings.KIND_REDACT, payload)
    after = fold([*history, Ruled(history[at].raw, rulings.encode_ruling(ruling))])
    kept = ("status", "round", "number", "station", "gaps", "milestones", "duplicate_of")
    assert {name: after.view()[name] for name in kept} == {
        name: before.view()[name] for name in kept
    }
    assert [claim["op"] for claim in after.view()["claims"]] == [
        claim["op"] for claim in before.view()["claims"]
    ]
    assert [order["status"] for order in after.view()["orders"]] == [
        order["status"] for order in before.view()["orders"]
    ]


def newest(history: list[Ruled], of: Ruled) -> Ruling | None:
    """The ruling that stands on a set of the history."""
    found = [
        rulings.read_ruling(ruled.ruling)
        for ruled in history
        if ruled.raw == of.raw and ruled.ruling is not None
    ]
    return max(found, key=lambda ruling: ruling.idx, default=None)
