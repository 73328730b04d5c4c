"""The laws of canonical bytes: one value, one string of bytes, and every other string refused with its reason (CB)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import canon
from sync.canon import CanonError
from tests.sync.test_cross_language import values as any_values

values = any_values.filter(lambda value: canon.fault(value) is None)
# Bytes that look like MessagePack more often than chance would have it: leads of every form, and lengths that fit.
_FORMS = "90 91 92 80 81 82 c0 c1 c2 c3 05 e0 a0 a161 a162 a2c3a9 a1ff d9 c400 c401ff cc05 cc80 cd0100 d005 d0df dc0010"
_pieces = st.sampled_from([bytes.fromhex(form) for form in _FORMS.split()])
messy = st.lists(_pieces, max_size=12).map(b"".join) | st.binary(max_size=40)


@given(messy)
def test_cb6_bytes_are_accepted_only_when_they_are_their_own_re_encoding(data: bytes) -> None:
    if canon.is_canonical(data):
        assert canon.encode(canon.decode(data)) == data
        return
    with pytest.raises(CanonError) as refused:
        canon.decode(data)
    assert refused.value.code in canon.CODES - {"unsupported"}
    assert 0 <= refused.value.offset <= len(data)


@given(messy)
def test_cb8_the_reader_that_names_faults_finds_one_exactly_in_what_is_refused(data: bytes) -> None:
    # Two ways in, one fast and one strict: what either thinks of the bytes, the other thinks too.
    assert (canon.diagnose(data).code == "unsupported") is canon.is_canonical(data)


@given(messy, messy)
def test_cb8_the_first_fault_is_named_whatever_stands_behind_it(data: bytes, behind: bytes) -> None:
    fault = canon.diagnose(data)
    # What was cut off may go on behind, and what was whole may be followed by more; nothing else may change.
    if fault.code not in ("truncated", "trailing_bytes", "unsupported"):
        named = canon.diagnose(data + behind)
        assert (named.code, named.offset) == (fault.code, fault.offset)


@given(values)
def test_cb8_every_beginning_of_canonical_bytes_is_truncated(value: Any) -> None:
    data = canon.encode(value)
    for end in {0, len(data) // 2, len(data) - 1}:
        fault = canon.diagnose(data[:end])
        # Text cut in the middle of a character is cut off first of all.
        assert (fault.code, fault.offset) == ("truncated", end)
