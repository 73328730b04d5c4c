"""Bytes made to hurt: a reader answers with a code, and spends what came, not what was claimed (CB5, CB8, CS2, CS7).

Nothing here is timed. Work is counted in steps of the reader that names faults, memory by the interpreter's own ledger.
"""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from sync import canon, changeset, exchange, ids, rulings
from sync.canon import CanonError
from sync.changeset import ChangeSet, Draft, Refusal, Writer
from sync.ids import ChainId, SetId
from tests.sync.conftest import vector_cases
from tests.sync.forms import data_of

FLOOR_BYTES = 256 * 1024
PER_BYTE = 96
"""What one byte may cost: an empty map is one byte on the wire and a 64-byte object, with its place in a list."""


@contextmanager
def memory_within(received: bytes) -> Iterator[None]:
    """Fail when more was allocated at once than the received bytes can explain."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= FLOOR_BYTES + PER_BYTE * len(received)


@pytest.mark.parametrize("case", vector_cases("hostile", "bytes"))
def test_cb8_hostile_bytes_get_their_code_in_bounded_memory(case: dict[str, Any]) -> None:
    data = data_of(case["hex"])
    with memory_within(data), pytest.raises(CanonError) as refused:
        canon.decode(data)
    assert (refused.value.code, refused.value.offset) == (case["code"], case["offset"])


@pytest.mark.parametrize("case", vector_cases("hostile", "bytes"))
def test_cb8_naming_a_fault_takes_at_most_one_step_per_byte(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    value: Callable[..., tuple[int, str]] = canon._Reader.value

    def counted(reader: canon._Reader, at: int, depth: int) -> tuple[int, str]:
        nonlocal steps
        steps += 1
        return value(reader, at, depth)

    monkeypatch.setattr(canon._Reader, "value", counted)
    data = data_of(case["hex"])
    canon.diagnose(data)
    assert 0 < steps <= len(data) + 1


@pytest.mark.parametrize("case", vector_cases("hostile", "envelopes"))
def test_cs7_hostile_envelopes_get_their_code_in_bounded_memory(case: dict[str, Any]) -> None:
    data = data_of(case["hex"])
    with memory_within(data):
        read = changeset.read(data)
    assert isinstance(read, Refusal)
    assert read.code == case["refused"]


def wrapped(body: bytes) -> bytes:
    """An envelope whose header is good and vouches for these body bytes."""
    written = changeset.write(
        Writer(ChainId(bytes(16)), 1, SetId(bytes(32))),
        Draft(bytes(16), "org", "incident", bytes(16), [{"t": "x"}]),
        wall_ms=0,
        offset_ms=0,
        mono=(bytes(8), 0),
        salt=bytes(16),
        sign=lambda _message: bytes(64),
    )
    good = changeset.read(written.raw)
    assert isinstance(good, ChangeSet)
    header = msgspec.structs.replace(good.header, body_hash=ids.body_hash(body))
    return canon.ENCODER.encode([canon.ENCODER.encode(header), bytes(64), body])


@pytest.mark.parametrize("case", vector_cases("hostile", "bodies"))
def test_cs2_hostile_bodies_under_a_good_header_get_their_code_in_bounded_memory(
    case: dict[str, Any],
) -> None:
    data = wrapped(data_of(case["hex"]))
    with memory_within(data):
        read = changeset.read(data)
    assert (read.code if isinstance(read, Refusal) else None) == case["refused"]


@pytest.mark.parametrize("case", vector_cases("hostile", "bytes"))
def test_rl1_a_ruling_that_is_none_is_refused_by_the_same_codes(case: dict[str, Any]) -> None:
    with pytest.raises(CanonError) as refused:
        rulings.read_ruling(data_of(case["hex"]))
    assert (refused.value.code, refused.value.offset) == (case["code"], case["offset"])


LISTS: dict[type[Any], str] = {
    exchange.PushRequest: "sets",
    exchange.PullRequest: "cursors",
    exchange.HelloRequest: "mono",
}


@pytest.mark.parametrize("case", vector_cases("hostile", "bytes"))
def test_ex6_no_request_can_be_made_to_hurt(case: dict[str, Any]) -> None:
    hostile = data_of(case["hex"])
    for message, field in LISTS.items():
        for data in (hostile, b"\x81" + canon.encode(field) + hostile, b"\x81\xa1?" + hostile):
            with memory_within(data):
                try:
                    push = exchange.decode(message, data)
                except msgspec.MsgspecError:
                    continue
            # Sets are cut apart and not looked into: each is refused by itself later (EX1).
            assert isinstance(push, exchange.PushRequest)
            assert isinstance(changeset.read(bytes(push.sets[-1])), Refusal)
