"""Copied and damaged storage: tokens, proofs, and what is written again (FK)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import keys
from sync import forks
from sync.forks import Greeted
from tests.sync.conftest import vector_cases
from tests.sync.forms import value_of


@pytest.mark.parametrize("case", vector_cases("forks", "greetings"))
def test_hellos_in_a_row_are_answered_as_the_page_says(case: dict[str, Any]) -> None:
    known: Greeted | None = None
    for hello in case["hellos"]:
        shown = None if hello["shown"] is None else bytes.fromhex(hello["shown"])
        request, chance = bytes.fromhex(hello["request"]), bytes.fromhex(hello["chance"])
        known, why = forks.greet(known, shown, request=request, chance=chance)
        assert (why, None if why else known.token.hex()) == (hello["rotate"], hello["token"])


@pytest.mark.parametrize("case", vector_cases("forks", "proofs"))
def test_a_proof_holds_or_it_does_not(case: dict[str, Any]) -> None:
    proof, pub = value_of(case["proof"]), bytes.fromhex(case["pub"])
    assert forks.proof_holds(proof, case["alg"], pub, keys.verify) is case["holds"]


@pytest.mark.parametrize("case", vector_cases("forks", "legible"))
def test_only_certain_words_are_left_of_a_damaged_set(case: dict[str, Any]) -> None:
    left = forks.legible(bytes.fromhex(case["raw"]))
    told = case["left"]
    assert (left is None) is (told is None)
    if left is not None:
        said = value_of(told)
        assert (left.kind, left.entity, left.ops) == (said["kind"], said["entity"], said["ops"])
        assert (left.scope, left.hlc) == (said["scope"], said["hlc"])


@pytest.mark.parametrize("case", vector_cases("forks", "again"))
def test_ops_are_written_again_with_what_they_were(case: dict[str, Any]) -> None:
    renamed = {bytes.fromhex(old): bytes.fromhex(new) for old, new in case["renamed"].items()}
    ops = forks.again(
        value_of(case["ops"]),
        value_of(case["orig"]),
        happened_ms=case["happened_ms"],
        renamed=renamed,
    )
    assert ops == value_of(case["expect"])


def test_fk4_a_fork_is_told_before_a_rollback_and_an_even_head_is_none() -> None:
    told = forks.must_rotate
    assert told(head=3, have=9, forked_at=4) == "forked"
    assert told(head=3, have=9, forked_at=None) == "rolled_back"
    assert told(head=9, have=9, forked_at=None) is None
    assert told(head=12, have=-1, forked_at=None) is None


class Phone:
    """A device's side of FK3: what it shows, what it keeps, and what of its answers arrives."""

    def __init__(self, name: int) -> None:
        self.name, self.token, self.request, self.made = name, None, None, 0  # type: tuple[int, Any, Any, int]
        self.rotated = False

    def hello(self, known: Greeted | None, chance: bytes, *, arrives: bool) -> Greeted:
        if self.request is None:
            self.made += 1
            self.request = bytes([self.name]) + self.made.to_bytes(15)
        known, why = forks.greet(known, self.token, request=self.request, chance=chance)
        if why is not None:
            self.rotated = True
        elif arrives:
            self.token, self.request = known.token, None
        return known


@given(st.lists(st.booleans(), max_size=30), st.data())
def test_fk3_no_loss_of_answers_makes_one_phone_look_like_two(
    arrivals: list[bool], data: st.DataObject
) -> None:
    phone, known = Phone(1), None
    for arrives in arrivals:
        known = phone.hello(known, data.draw(st.binary(min_size=8, max_size=8)), arrives=arrives)
    assert not phone.rotated


@given(st.lists(st.sampled_from((0, 1)), min_size=2, max_size=20), st.integers(0, 5), st.data())
def test_fk3_of_a_phone_and_its_copy_the_second_to_greet_is_found_at_once(
    turns: list[int], before: int, data: st.DataObject
) -> None:
    chance = st.binary(min_size=8, max_size=8)
    one, known = Phone(1), None
    for _ in range(before):
        known = one.hello(known, data.draw(chance), arrives=True)
    other = Phone(2)
    other.token = one.token
    for turn in turns:
        known = (one, other)[turn].hello(known, data.draw(chance), arrives=True)
    first = (one, other)[turns[0]]
    assert not first.rotated
    assert (one, other)[1 - turns[0]].rotated is (1 - turns[0] in turns)
