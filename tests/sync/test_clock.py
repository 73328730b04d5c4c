"""The cases of the clock: what it says next and whom it believes, worked out by hand (HL)."""

from typing import Any

import pytest

from sync.clock import Stamp, receive, send
from tests.sync.conftest import vector_cases


def _stamp(digits: str) -> Stamp:
    return Stamp.unpack(bytes.fromhex(digits))


@pytest.mark.parametrize("case", vector_cases("clock", "packed"))
def test_a_stamp_is_eight_bytes(case: dict[str, Any]) -> None:
    stamp = Stamp(case["ms"], case["counter"])
    assert stamp.pack().hex() == case["stamp"]
    assert _stamp(case["stamp"]) == stamp


@pytest.mark.parametrize("case", vector_cases("clock", "sends"))
def test_hl1_sending(case: dict[str, Any]) -> None:
    stamp, reset = send(_stamp(case["last"]), case["wall_ms"], case["offset_ms"])
    assert (stamp.pack().hex(), reset) == (case["stamp"], case["reset"])


@pytest.mark.parametrize("case", vector_cases("clock", "receives"))
def test_hl2_receiving(case: dict[str, Any]) -> None:
    remotes = [_stamp(remote) for remote in case["remotes"]]
    stamp, ahead = receive(_stamp(case["last"]), case["wall_ms"], case["offset_ms"], remotes)
    assert (stamp.pack().hex(), ahead) == (case["stamp"], case["ahead"])
