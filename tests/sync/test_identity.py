"""A set is its bytes: named by what was received, once is enough, two at one place are two (CB7, CS8)."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import canon, changeset, ids
from sync.changeset import ChangeSet, Draft, Refusal, Writer
from sync.fold import items_of
from sync.ids import ChainId, SetId
from sync.incident.state import IncidentState
from tests.sync.conftest import vector_cases
from tests.sync.forms import data_of
from tests.sync.histories import ENTITY, PEOPLE


def note(text: str, seq: int = 1) -> ChangeSet:
    """A note at one place of one chain, as read."""
    written = changeset.write(
        Writer(ChainId(PEOPLE[0]), seq, SetId(bytes(32))),
        Draft(PEOPLE[0], "org", "incident", ENTITY, [{"t": "entry.add", "kind": "note", "text": text}]),
        wall_ms=1_700_000_000_000,
        offset_ms=0,
        mono=(bytes(8), 0),
        salt=bytes(16),
        sign=lambda _message: bytes(64),
    )  # fmt: skip
    read = changeset.read(written.raw)
    assert isinstance(read, ChangeSet)
    return read


@pytest.mark.parametrize(
    "case",
    vector_cases("changeset", "written")
    + vector_cases("changeset", "read")
    + vector_cases("changeset", "newer"),
)
def test_cb7_a_name_is_the_hash_of_the_header_as_it_came(case: dict[str, Any]) -> None:
    raw = data_of(case["raw"])
    header, _signature, body = canon.decode(raw)
    read = changeset.read(raw)
    assert read.set_id == sha256(b"ortoo/set/1\x00" + header).digest()
    # A header of a later version has parts nobody here could write again, so only its bytes can name it.
    if isinstance(read, Refusal):
        assert read.code == "newer_version"
    elif body is not None:
        assert read.header.body_hash == sha256(b"ortoo/body/1\x00" + body).digest()


@given(st.lists(st.sampled_from(["到了", "在路上"]), min_size=1, max_size=6))
def test_cs8_a_set_that_comes_again_is_known_by_its_name(texts: list[str]) -> None:
    state = IncidentState(ENTITY)
    for text in texts:
        state.add(items_of(note(text), None))
    shown = [entry["text"] for entry in state.view()["entries"]]
    assert sorted(shown) == sorted(set(texts))


def test_cs8_two_sets_at_one_place_of_a_chain_are_two_and_both_are_kept() -> None:
    one, other = note("到了"), note("在路上")
    assert (one.header.chain, one.header.seq) == (other.header.chain, other.header.seq)
    assert one.set_id != other.set_id
    state = IncidentState(ENTITY)
    state.add(items_of(one, None) + items_of(other, None))
    assert {entry["op"] for entry in state.view()["entries"]} == {
        ids.op_id(one.set_id, 0),
        ids.op_id(other.set_id, 0),
    }
