"""Names computed from bytes, and the one way to write them as text (ID)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import ids
from tests.sync.conftest import vector_cases


@pytest.mark.parametrize("case", vector_cases("ids", "hashes"))
def test_a_tagged_hash(case: dict[str, Any]) -> None:
    parts = [bytes.fromhex(part) for part in case["parts"]]
    assert ids.tagged_hash(case["tag"], *parts).hex() == case["hash"]


@pytest.mark.parametrize("case", vector_cases("ids", "sets"))
def test_id2_a_set_is_named_by_its_header(case: dict[str, Any]) -> None:
    assert ids.set_id(bytes.fromhex(case["header"])).hex() == case["set"]


@pytest.mark.parametrize("case", vector_cases("ids", "bodies"))
def test_id4_a_body_hash(case: dict[str, Any]) -> None:
    assert ids.body_hash(bytes.fromhex(case["body"])).hex() == case["hash"]


@pytest.mark.parametrize("case", vector_cases("ids", "chains"))
def test_id3_a_chain_is_named_by_its_key(case: dict[str, Any]) -> None:
    assert (
        ids.chain_id(bytes.fromhex(case["pub"]), bytes.fromhex(case["nonce"])).hex()
        == case["chain"]
    )


@pytest.mark.parametrize("case", vector_cases("ids", "ops"))
def test_id5_an_op_is_named_by_its_set_and_place(case: dict[str, Any]) -> None:
    assert ids.op_id(bytes.fromhex(case["set"]), case["index"]).hex() == case["op"]


@pytest.mark.parametrize("case", vector_cases("ids", "text"))
def test_id1_lower_case_hex_is_an_id(case: dict[str, Any]) -> None:
    assert ids.to_hex(ids.from_hex(case["text"])) == case["text"]


@pytest.mark.parametrize("case", vector_cases("ids", "refused_text"))
def test_id1_any_other_text_is_none(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hex"):
        ids.from_hex(case["text"])


@given(st.binary(max_size=64))
def test_id1_bytes_come_back_from_their_text(data: bytes) -> None:
    assert ids.from_hex(ids.to_hex(data), len(data)) == data


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_one_purpose_never_gives_the_hash_of_another(a: bytes, b: bytes) -> None:
    assert ids.set_id(a) != ids.body_hash(b)
