"""Bundles told byte by byte (BU); the TypeScript tests run the same vectors, and must find the same."""

import json
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import keys, seal
from server.seal import SealKey
from sync import bundle, canon
from sync.bundle import Manifest, Proving, Record
from sync.sealed import SealError
from sync.witness import Log
from tests.sync.conftest import VECTORS, Peer, vector_cases
from tests.sync.forms import data_of

TOLD = json.loads((VECTORS / "bundle.json").read_text(encoding="utf-8"))
WHOLE = data_of(TOLD["files"][0]["file"])
LOG = Log(TOLD["origin"], bytes.fromhex(TOLD["pub"]))
SETS = [one.value for one in bundle.read([WHOLE], verify=keys.verify) if one.kind == bundle.SET]
READER, OTHER = SealKey(int(TOLD["reader"], 16)), SealKey(7)
KEY = keys.SigningKey(keys.ED25519, bytes(range(32)))


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def told(found: list[Record]) -> list[list[Any]]:
    return [[one.n, one.offset, one.code, "" if one.code else one.kind] for one in found]


def found_in(data: bytes, size: int = 4_096) -> list[Record]:
    return list(bundle.read(pieces_of(data, size), verify=keys.verify))


@pytest.mark.parametrize("case", vector_cases("bundle", "files"))
def test_each_record_is_told_by_itself(case: dict[str, Any]) -> None:
    data = data_of(case["file"])
    for size in (1, 37, 1 << 20):
        assert told(found_in(data, size)) == case["records"]


@pytest.mark.parametrize("case", vector_cases("bundle", "proofs"))
def test_bu6_only_the_log_proves_a_ruling(case: dict[str, Any]) -> None:
    checkpoint = msgspec.convert(canon.decode(bytes.fromhex(case["checkpoint"])), bundle.Checkpoint)
    entry = msgspec.convert(canon.decode(bytes.fromhex(case["entry"])), bundle.Entry)
    proving = Proving(LOG, keys.verify)
    assert proving.proven(entry) in {"not_in_log", "bad_ruling"}, "nothing rests on nothing"
    assert proving.rest_on(checkpoint) == case["rests"]
    proven = proving.proven(entry)
    assert (proven if isinstance(proven, str) else "") == case["code"]


def test_a_bundle_is_written_as_the_witness_writes_it() -> None:
    made = msgspec.convert(canon.decode(bytes.fromhex(TOLD["manifest"]))[1], Manifest)
    writer = bundle.BundleWriter()
    written = writer.begin(made) + b"".join(writer.add(bundle.SET, raw) for raw in SETS)
    assert written + writer.end(KEY.sign) == WHOLE


def unsealed(data: bytes, size: int) -> tuple[bytes, str]:
    try:
        return b"".join(seal.opened(pieces_of(data, size), READER)), ""
    except SealError as error:
        return b"", error.code


@pytest.mark.parametrize("case", vector_cases("bundle", "seals"))
def test_a_sealed_file_gives_what_is_whole_to_its_reader(case: dict[str, Any]) -> None:
    for size in (1_000, 1 << 20):
        assert unsealed(data_of(case["file"]), size) == (data_of(case["plain"]), case["code"])


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 50_000])
def test_bu8_what_one_language_seals_the_other_opens(peer: Peer, size: int) -> None:
    plain = bytes(range(256)) * 200
    made = seal.sealed_to(pieces_of(plain[:size], 999), [OTHER.public, READER.public], os.urandom)
    asked = {"key": TOLD["reader"], "pub": READER.public.hex()}
    assert peer("sealed.open", hex=b"".join(made).hex(), **asked) == {"plain": plain[:size].hex()}
    theirs = peer("sealed.seal", hex=plain[:size].hex(), to=[READER.public.hex()])
    assert unsealed(bytes.fromhex(theirs["sealed"]), 1_000) == (plain[:size], "")


def test_bu2_cut_anywhere_it_gives_what_is_whole() -> None:
    whole = found_in(WHOLE)
    for size in range(len(bundle.MAGIC), len(WHOLE)):
        found = found_in(WHOLE[:size])
        assert found[:-1] == whole[: len(found) - 1]
        assert found[-1].code == "truncated"


def test_bu4_no_byte_can_change_unseen() -> None:
    values = [one.value for one in found_in(WHOLE)]
    for at in range(len(WHOLE)):
        bent = bytearray(WHOLE)
        bent[at] ^= 1 << (at % 8)
        found = found_in(bytes(bent))
        assert any(one.code for one in found), f"byte {at}"
        assert all(one.value in values for one in found if not one.code), f"byte {at}"


def test_bu1_a_hundred_thousand_tiny_records_are_read_one_by_one() -> None:
    writer = bundle.BundleWriter()
    start = writer.begin(Manifest("test", 1, bytes(16), "Ed25519", KEY.public, bytes(16)))
    record = writer.add(bundle.SET, b"")
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        yield start
        for _ in range(100_000):
            taken += 1
            yield record

    seen, last = 0, ""
    for one in bundle.read(pieces(), verify=keys.verify):
        assert taken <= seen + 1, "nothing is read ahead"
        seen, last = seen + 1, one.code
    assert (seen, last) == (100_002, "truncated")


@settings(max_examples=30)
@given(st.data())
def test_bu5_both_languages_find_the_same_in_damaged_files(peer: Peer, data: st.DataObject) -> None:
    bent = bytearray(WHOLE * data.draw(st.sampled_from([1, 1, 2])))
    for _ in range(data.draw(st.integers(0, 3))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    bent = bent[: len(bent) - data.draw(st.sampled_from([0, 0, 1, 40, 200]))]
    found = told(found_in(bytes(bent)))
    assert peer("bundle.read", hex=bent.hex()) == {"records": found}
