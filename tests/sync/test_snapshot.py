"""SN1, SN2: a snapshot and the entries after it come to what all the entries come to."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import canon, changeset, rulings, snapshot
from sync.changeset import ChangeSet
from sync.incident.state import IncidentState
from sync.rulings import Ruling
from sync.snapshot import Gathered, snapshot_hash
from tests.sync.conftest import Peer, vector_cases
from tests.sync.folding import fold, items
from tests.sync.forms import value_of
from tests.sync.histories import ENTITY, Ruled, histories

SALT = bytes(range(16))


def ruled_only(history: list[Ruled]) -> list[Ruled]:
    """What a scope can list: sets with their rulings, in the order they were ruled."""
    listed = [ruled for ruled in history if ruled.ruling is not None]
    return sorted(listed, key=lambda ruled: rulings.read_ruling(ruled.ruling or b"").idx)


def gathered(listed: list[Ruled]) -> Gathered:
    """Everything these entries come to."""
    all_of_it = Gathered("org")
    for ruled in listed:
        assert ruled.ruling is not None
        read = changeset.read(ruled.raw)
        assert isinstance(read, ChangeSet)
        all_of_it.take(rulings.read_ruling(ruled.ruling), ruled.ruling, read)
    return all_of_it


def snapshot_of(listed: list[Ruled]) -> bytes:
    """The snapshot of these entries."""
    head = rulings.SCOPE_HEAD_ZERO
    return gathered(listed).snapshot(epoch=1, n=len(listed), head=head, salt=SALT)


@given(histories(), st.data())
def test_sn1_a_snapshot_at_any_cut_and_the_rest_come_to_the_same(
    history: list[Ruled], data: st.DataObject
) -> None:
    listed = ruled_only(history)
    cut = data.draw(st.integers(0, len(listed)))
    raw = snapshot_of(listed[:cut])
    canon.decode(raw)  # canonical, whatever is in it
    state = IncidentState(ENTITY)
    tail = listed[cut:]
    if data.draw(st.booleans()):
        for ruled in tail:
            state.add(items(ruled))
    for entity, records in snapshot.read(raw).records():
        assert entity == ENTITY
        for record in records:
            state.add(record.items())
    for ruled in tail:
        state.add(items(ruled))
    assert canon.encode(state.view()) == canon.encode(fold(listed).view())


@given(histories(), st.data())
def test_sn1_sc6_a_snapshot_on_either_side_of_a_move_and_the_rest_come_to_the_same(
    history: list[Ruled], data: st.DataObject
) -> None:
    """It leaves after some lines, and is perhaps appended anew later; lines before that are sent without their sets."""
    listed, scope = ruled_only(history), "station:" + "44" * 16 + ":2025-11"
    gone = data.draw(st.integers(0, len(listed)))
    raw = rulings.encode_ruling(Ruling(1, 10**9, 0, "scope", {"e": ENTITY, "del": [scope]}))
    lines = [*listed[:gone], None, *(listed if data.draw(st.booleans()) else [])]
    cut = data.draw(st.integers(0, len(lines)))

    before = Gathered(scope)
    for place, ruled in enumerate(lines[:cut]):
        if ruled is None:
            before.take(rulings.read_ruling(raw), raw, None)
        elif ruled.ruling is not None:
            read = changeset.read(ruled.raw) if cut <= gone or place > gone else None
            change = read if isinstance(read, ChangeSet) else None
            before.take(rulings.read_ruling(ruled.ruling), ruled.ruling, change)
    begun = snapshot.read(before.snapshot(epoch=1, n=cut, head=bytes(16), salt=SALT))

    def after(place: int, state: IncidentState) -> bytes:
        for at, ruled in enumerate(lines[place:], place):
            if ruled is None:
                assert rulings.leaving(rulings.read_ruling(raw), scope) == ENTITY
                state = IncidentState(ENTITY)
            elif at > gone:
                state.add(items(ruled))
        return canon.encode(state.view())

    state = IncidentState(ENTITY)
    for _entity, records in begun.records():
        for record in records:
            state.add(record.items())
    assert after(cut, state) == after(0, IncidentState(ENTITY))


@given(histories(), st.integers(0, 14))
def test_sn1_a_snapshot_of_a_snapshot_adds_nothing(history: list[Ruled], cut: int) -> None:
    listed = ruled_only(history)
    again = listed[:cut] + listed  # an entry may be listed again (SC3)
    assert snapshot.read(snapshot_of(again)).entities == snapshot.read(snapshot_of(listed)).entities


@pytest.mark.parametrize("kind", [rulings.KIND_VERDICT, "omen"])
def test_sn1_what_decides_about_no_set_stands_beside_the_sets_and_unknown_kinds_do_too(
    kind: str,
) -> None:
    all_of_it = Gathered("org")
    payload = {"e": ENTITY, "clock": "C2", "result": "met", "en": 3, "eh": bytes(16)}
    raw = rulings.encode_ruling(Ruling(1, 7, 1_000, kind, payload))
    all_of_it.take(rulings.read_ruling(raw), raw, None)
    whole = all_of_it.snapshot(epoch=1, n=1, head=rulings.SCOPE_HEAD_ZERO, salt=SALT)
    assert snapshot.read(whole).asides == [raw]
    assert list(snapshot.read(whole).records()) == []


def test_sn1_the_organisation_is_kept_as_it_stands() -> None:
    all_of_it = Gathered("org")
    rows = [
        ("people", b"a" * 16, {"name": "王"}),
        ("units", b"b" * 16, {"name": "一组"}),
        ("people", b"a" * 16, {"name": "王强"}),
        ("units", b"b" * 16, None),
    ]
    for idx, (what, row_id, row) in enumerate(rows, 1):
        ruling = Ruling(1, idx, 0, "org", {"what": what, "id": row_id, "row": row})
        all_of_it.take(ruling, rulings.encode_ruling(ruling), None)
    aside = Ruling(1, 5, 0, "scope", {"e": bytes(16), "add": "org"})
    all_of_it.take(aside, rulings.encode_ruling(aside), None)
    read = snapshot.read(all_of_it.snapshot(epoch=1, n=5, head=bytes(16), salt=SALT))
    assert read.org == [("people", b"a" * 16, {"name": "王强"})]
    assert read.asides == [rulings.encode_ruling(aside)]
    assert list(read.records()) == []


def test_sn2_the_hash_covers_every_byte_and_the_salt() -> None:
    empty = Gathered("org")
    at = {"epoch": 1, "n": 0, "head": bytes(16)}
    raw = empty.snapshot(**at, salt=SALT)  # type: ignore[arg-type]  # the three have their types
    other = empty.snapshot(**at, salt=bytes(16))  # type: ignore[arg-type]  # as above
    assert snapshot_hash(raw) != snapshot_hash(other)
    assert len(snapshot_hash(raw)) == 32
    with pytest.raises(msgspec.MsgspecError):
        snapshot.read(raw[:-1])


@pytest.mark.parametrize("case", vector_cases("snapshot", "snapshots"))
def test_a_snapshot_has_these_bytes_this_hash_and_these_records(case: dict[str, Any]) -> None:
    raw, told = bytes.fromhex(case["hex"]), value_of(case["value"])
    assert snapshot_hash(raw).hex() == case["hash"]
    read = snapshot.read(raw)
    assert canon.ENCODER.encode(read) == raw
    assert canon.decode(raw) == told
    records = [record for _entity, of_it in read.records() for record in of_it]
    packed = [part for _entity, part in read.entities]
    assert [canon.decode(part) for part in packed] == [value_of(case["records"])] * len(packed)
    for record in records:
        assert [item.op for item in record.items()] == [record.set[:16] + bytes(1)]


@pytest.mark.parametrize("case", vector_cases("snapshot", "refused"))
def test_bytes_that_are_no_snapshot_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(msgspec.MsgspecError):
        snapshot.read(bytes.fromhex(case["hex"]))


@given(histories(), st.data())
def test_sn1_a_phone_that_began_with_a_snapshot_shows_the_same_bytes(
    peer: Peer, history: list[Ruled], data: st.DataObject
) -> None:
    listed = ruled_only(history)
    cut = data.draw(st.integers(0, len(listed)))
    raw = snapshot_of(listed[:cut])
    answer = peer(
        "fold",
        entity=ENTITY.hex(),
        snapshot=raw.hex(),
        sets=[[ruled.raw.hex(), (ruled.ruling or b"").hex()] for ruled in listed[cut:]],
        policies=[],
        zones=[],
    )
    assert answer["view"] == canon.encode(fold(listed).view()).hex()
    assert peer("snapshot.hash", hex=raw.hex()) == {"hash": snapshot_hash(raw).hex()}
