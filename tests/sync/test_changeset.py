"""The cases of change sets: written to the byte, read, and refused for exactly one reason (CS)."""

from typing import Any

import pytest

from server import keys
from sync import canon, ids
from sync.changeset import (
    ChangeSet,
    Draft,
    Refusal,
    Writer,
    read,
    signature_holds,
    signing_bytes,
    without_body,
    write,
)
from sync.clock import Stamp
from tests.sync.conftest import vector_cases
from tests.sync.forms import data_of, value_of

WRITTEN = vector_cases("changeset", "written")


def _bytes(digits: str | None) -> bytes | None:
    return None if digits is None else bytes.fromhex(digits)


def _read(raw: bytes) -> ChangeSet:
    found = read(raw)
    assert isinstance(found, ChangeSet), found
    return found


def _refusal(raw: bytes) -> Refusal:
    found = read(raw)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize("case", WRITTEN)
def test_a_draft_becomes_these_bytes(case: dict[str, Any]) -> None:
    state = case["writer"]
    stamp = Stamp.unpack(bytes.fromhex(state["stamp"]))
    prev = _bytes(state["prev"])
    writer = Writer(
        ids.ChainId(bytes.fromhex(state["chain"])),
        state["seq"],
        None if prev is None else ids.SetId(prev),
        stamp,
    )
    now = value_of(case["now"])
    for pair in ("mono", "seen", "continues"):
        now[pair] = None if now[pair] is None else tuple(now[pair])
    asked: list[bytes] = []

    def sign(message: bytes) -> bytes:
        asked.append(message)
        return bytes.fromhex(case["signature"])

    written = write(writer, Draft(**value_of(case["draft"])), **now, sign=sign)
    assert written.raw.hex() == case["raw"]
    assert written.set_id.hex() == case["set"]
    assert asked == [signing_bytes(written.set_id)]
    after = written.writer
    assert (after.seq, after.prev, after.stamp.pack().hex()) == (
        writer.seq + 1,
        written.set_id,
        case["stamp"],
    )


@pytest.mark.parametrize("case", WRITTEN)
def test_these_bytes_are_read_back_and_their_signature_holds(case: dict[str, Any]) -> None:
    found = _read(bytes.fromhex(case["raw"]))
    assert found.set_id.hex() == case["set"]
    assert found.header_bytes.hex() == case["header"]
    assert found.body is not None
    assert list(found.body.ops) == value_of(case["draft"]["ops"])
    assert signature_holds(found, case["alg"], bytes.fromhex(case["pub"]), keys.verify)


@pytest.mark.parametrize("case", vector_cases("changeset", "read"))
def test_a_set_at_the_edge_is_still_read(case: dict[str, Any]) -> None:
    assert _read(data_of(case["raw"])).set_id.hex() == case["set"]


@pytest.mark.parametrize("case", vector_cases("changeset", "refused"))
def test_cs7_bytes_that_are_no_set_are_refused_with_the_one_code(case: dict[str, Any]) -> None:
    refusal = _refusal(data_of(case["raw"]))
    assert refusal.code == case["code"], refusal
    assert refusal.detail.startswith(case.get("canon", "")), refusal


def test_cs7_cb8_every_refusal_and_every_code_under_it_has_a_case() -> None:
    cases = [case.values[0] for case in vector_cases("changeset", "refused")]
    assert {case["code"] for case in cases} == {
        "not_canonical",
        "bad_shape",
        "too_large",
        "bad_body",
        "bad_chain_open",
    }
    assert {case["canon"] for case in cases if "canon" in case} == canon.CODES - {"unsupported"}


@pytest.mark.parametrize("case", vector_cases("changeset", "newer"))
def test_cs1_a_set_of_a_later_version_is_opaque_but_its_place_is_known(
    case: dict[str, Any],
) -> None:
    refusal = _refusal(data_of(case["raw"]))
    assert refusal.code == "newer_version"
    assert refusal.set_id == bytes.fromhex(case["set"])
    assert refusal.chain == bytes.fromhex(case["chain"])
    assert (refusal.seq, refusal.prev) == (case["seq"], _bytes(case["prev"]))


@pytest.mark.parametrize("case", vector_cases("changeset", "signatures"))
def test_cs3_a_signature_holds_or_not(case: dict[str, Any]) -> None:
    pub, made, of_set = (bytes.fromhex(case[name]) for name in ("pub", "signature", "set"))
    assert keys.verify(case["alg"], pub, signing_bytes(of_set), made) is case["holds"]


@pytest.mark.parametrize("case", vector_cases("changeset", "keys"))
def test_cs9_bytes_are_a_key_or_not(case: dict[str, Any]) -> None:
    assert keys.is_public_key(case["alg"], bytes.fromhex(case["pub"])) is case["usable"]


def test_a_value_that_has_no_bytes_is_refused_before_anything_is_signed() -> None:
    def sign(message: bytes) -> bytes:
        raise AssertionError(message)

    draft = Draft(bytes(16), "org", "incident", bytes(16), [{"t": "x", "v": 1.5}])
    with pytest.raises(canon.CanonError, match="float"):
        write(
            Writer(ids.ChainId(bytes(16))),
            draft,
            wall_ms=1,
            offset_ms=0,
            mono=(bytes(8), 1),
            salt=bytes(16),
            sign=sign,
        )


@pytest.mark.parametrize("case", WRITTEN)
def test_a_set_loses_its_words_and_nothing_else(case: dict[str, Any]) -> None:
    """RD1: header and signature stay to the byte, nil stands where the words were."""
    head, _words = case["raw"].split(case["signature"])
    assert without_body(_read(bytes.fromhex(case["raw"]))).hex() == head + case["signature"] + "c0"
