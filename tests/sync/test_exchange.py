"""The messages of the exchange: what devices and the centre say, and what is no message (EX)."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import changeset, exchange
from tests.sync.conftest import vector_cases
from tests.sync.forms import data_of, value_of


def _known(value: Any, told: Any) -> bool:
    """Whether all that `told` says stands in `value`; what only `value` has are fields left at their defaults."""
    if isinstance(told, dict):
        return all(key in value and _known(value[key], item) for key, item in told.items())
    if isinstance(told, list):
        return len(value) == len(told) and all(map(_known, value, told))
    return bool(value == told)


@pytest.mark.parametrize("case", vector_cases("exchange", "messages"))
def test_a_message_of_the_page_is_understood_and_said_again(case: dict[str, Any]) -> None:
    kind = getattr(exchange, case["message"])
    told = value_of(case["value"])
    told.pop("battery", None)  # the key of a later version, which is ignored
    message = exchange.decode(kind, bytes.fromhex(case["hex"]))
    said = exchange.encode(message)
    assert _known(msgspec.msgpack.decode(said), told)
    assert exchange.decode(kind, said) == message


@pytest.mark.parametrize("case", vector_cases("exchange", "refused"))
def test_what_is_no_message_is_refused_with_one_kind_of_error(case: dict[str, Any]) -> None:
    with pytest.raises(msgspec.MsgspecError):
        exchange.decode(getattr(exchange, case["message"]), data_of(case["hex"]))


def test_pushed_envelopes_are_kept_as_the_bytes_received() -> None:
    # A long form that no writer of ours uses: it must reach `read` unmended, to be refused there.
    odd = b"\x93\xc5\x00\x01h\xc4\x01s\xc0"
    request = exchange.decode(exchange.PushRequest, b"\x81\xa4sets\x91" + odd)
    assert [bytes(raw) for raw in request.sets] == [odd]
    refusal = changeset.read(bytes(request.sets[0]))
    assert isinstance(refusal, changeset.Refusal)
    assert refusal.code == "not_canonical"


def test_ex2_every_result_says_whether_the_bytes_are_safe() -> None:
    assert exchange.DURABLE.isdisjoint(exchange.REFUSED)
    told = "stored duplicate fork held rejected opaque bad_signature too_large malformed"
    assert set(told.split()) == exchange.DURABLE | exchange.REFUSED


@given(
    st.binary(max_size=80),
    st.sampled_from(["HelloRequest", "PushRequest", "PullRequest", "TimeRequest"]),
)
def test_any_bytes_are_a_message_or_refused(data: bytes, name: str) -> None:
    with suppress(msgspec.MsgspecError):
        assert isinstance(exchange.decode(getattr(exchange, name), data), getattr(exchange, name))
