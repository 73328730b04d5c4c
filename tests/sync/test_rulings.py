"""The centre's log entries and the heads of scopes that list them (RL, SC2)."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import rulings
from sync.canon import CanonError
from sync.rulings import Ruling, leaf_hash, read_ruling, scope_head
from tests.sync.conftest import vector_cases
from tests.sync.forms import value_of


@pytest.mark.parametrize("case", vector_cases("rulings", "rulings"))
def test_a_ruling_has_these_bytes(case: dict[str, Any]) -> None:
    ruling = Ruling(1, case["idx"], case["at_ms"], case["kind"], value_of(case["payload"]))
    data = bytes.fromhex(case["ruling"])
    assert rulings.encode_ruling(ruling) == data
    assert read_ruling(data) == ruling
    assert leaf_hash(data).hex() == case["leaf"]


def test_sc2_each_head_follows_from_the_one_before() -> None:
    head = rulings.SCOPE_HEAD_ZERO
    for case in (param.values[0] for param in vector_cases("rulings", "rulings")):
        head = scope_head(head, bytes.fromhex(case["leaf"]))
        assert head.hex() == case["head"], case["story"]


@pytest.mark.parametrize("case", vector_cases("rulings", "refused"))
def test_bytes_that_are_no_ruling_are_refused_by_name(case: dict[str, Any]) -> None:
    with pytest.raises(CanonError) as caught:
        read_ruling(bytes.fromhex(case["ruling"]))
    assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", vector_cases("rulings", "standing"))
def test_which_of_two_rulings_on_one_set_decides(case: dict[str, Any]) -> None:
    assert rulings.stands_over(case["idx"], case["other"]) is case["stands"]


@pytest.mark.parametrize("case", vector_cases("rulings", "leaving"))
def test_what_leaves_a_scope_with_a_line_of_it(case: dict[str, Any]) -> None:
    payload = value_of(case["payload"])
    left = rulings.leaving(Ruling(1, 1, 0, case["kind"], payload), case["scope"])
    assert left == (payload["e"] if case["leaves"] else None)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_ruling_or_refused(data: bytes) -> None:
    with suppress(CanonError):
        assert rulings.encode_ruling(read_ruling(data)) == data


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=6), st.data())
def test_sc2_no_entry_can_be_left_out_swapped_or_changed_unseen(
    leaves: list[bytes], data: st.DataObject
) -> None:
    def head_of(listed: list[bytes]) -> bytes:
        head = rulings.SCOPE_HEAD_ZERO
        for leaf in listed:
            head = scope_head(head, leaf)
        return head

    at = data.draw(st.integers(0, len(leaves) - 1))
    without = leaves[:at] + leaves[at + 1 :]
    changed = [*leaves[:at], bytes([leaves[at][0] ^ 1]) + leaves[at][1:], *leaves[at + 1 :]]
    assert head_of(without) != head_of(leaves)
    assert head_of(changed) != head_of(leaves)
    if leaves[at] != leaves[at - 1]:
        swapped = list(leaves)
        swapped[at], swapped[at - 1] = swapped[at - 1], swapped[at]
        assert head_of(swapped) != head_of(leaves)
