"""The cases of canonical bytes: these values have these bytes, and these bytes and values are refused by name (CB)."""

from decimal import Decimal
from typing import Any

import pytest

from sync import canon
from sync.canon import CanonError, decode, encode
from tests.sync.conftest import vector_cases
from tests.sync.forms import data_of, value_of


@pytest.mark.parametrize("case", vector_cases("canon", "values"))
def test_a_value_has_these_bytes_and_no_others(case: dict[str, Any]) -> None:
    value, data = value_of(case["value"]), bytes.fromhex(case["hex"])
    assert encode(value) == data
    assert decode(data) == value


@pytest.mark.parametrize("case", vector_cases("canon", "accepted"))
def test_bytes_at_the_limit_are_taken(case: dict[str, Any]) -> None:
    data = data_of(case["hex"])
    assert encode(decode(data)) == data


@pytest.mark.parametrize("case", vector_cases("canon", "refused"))
def test_bad_bytes_are_refused_with_the_code_and_the_place(case: dict[str, Any]) -> None:
    with pytest.raises(CanonError) as caught:
        decode(data_of(case["hex"]))
    assert (caught.value.code, caught.value.offset) == (case["code"], case["offset"])
    assert not canon.is_canonical(data_of(case["hex"]))


@pytest.mark.parametrize("case", vector_cases("canon", "unwritable"))
def test_a_value_outside_the_profile_is_never_written(case: dict[str, Any]) -> None:
    with pytest.raises(CanonError) as caught:
        encode(value_of(case["value"]))
    assert caught.value.code == case["code"]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ((1, 2), "unsupported"),
        ({1, 2}, "unsupported"),
        (bytearray(b"a"), "unsupported"),
        (Decimal(1), "unsupported"),
        ({1: "a"}, "key_type"),
        ({b"a": 1}, "key_type"),
    ],
)
def test_what_only_python_has_is_never_written(value: Any, code: str) -> None:
    with pytest.raises(CanonError, match=code):
        encode(value)


def test_cb8_every_code_has_a_case() -> None:
    cases = [*vector_cases("canon", "refused"), *vector_cases("canon", "unwritable")]
    told = {case.values[0]["code"] for case in cases}
    assert told | {"unsupported"} == canon.CODES
