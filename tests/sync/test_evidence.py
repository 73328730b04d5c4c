"""Evidence files told byte by byte (XP); the TypeScript tests run the same vectors, and must find the same."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server import keys
from sync.evidence.check import check
from sync.evidence.compare import compare
from sync.evidence.report import Report, people_of
from tests.sync.conftest import VECTORS, Peer, vector_cases

KEY = bytes.fromhex(json.loads((VECTORS / "evidence.json").read_text(encoding="utf-8"))["key"])
SOUND = bytes.fromhex(vector_cases("evidence", "sound")[-1].values[0]["file"])


def judged(data: bytes) -> Report:
    return check(data, verify=keys.verify, key=KEY)


def codes(data: bytes) -> list[str]:
    return sorted({finding.code for finding in judged(data).findings})


@pytest.mark.parametrize("case", vector_cases("evidence", "sound"))
def test_a_sound_file_says_what_it_holds(case: dict[str, Any]) -> None:
    report = judged(bytes.fromhex(case["file"]))
    assert report.findings == []
    assert report.checkpoint is not None
    assert report.checkpoint.size == case["size"]
    assert len(report.about) == case["rulings"]
    assert len(report.shown) == case["sets"]
    assert {at.hex(): name for at, name in people_of(report).items()} == case["people"]


@pytest.mark.parametrize("case", vector_cases("evidence", "unsound"))
def test_what_is_wrong_with_a_file_is_found(case: dict[str, Any]) -> None:
    assert codes(bytes.fromhex(case["file"])) == case["codes"]


@pytest.mark.parametrize("case", vector_cases("evidence", "beside"))
def test_an_earlier_file_tells_on_a_later_one(case: dict[str, Any]) -> None:
    later, earlier = (judged(bytes.fromhex(case[name])) for name in ("later", "earlier"))
    assert sorted({finding.code for finding in compare(later, earlier)}) == case["codes"]


def test_xp2_every_bit_of_the_file_is_covered() -> None:
    for at in range(len(SOUND)):
        bent = bytearray(SOUND)
        bent[at] ^= 1 << (at % 8)
        assert codes(bytes(bent)), f"byte {at}"


@settings(max_examples=25)
@given(st.data())
def test_xp5_both_languages_find_the_same_in_damaged_files(peer: Peer, data: st.DataObject) -> None:
    bent = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 3))):
        bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    bent = bent[: len(bent) - data.draw(st.sampled_from([0, 0, 0, 1, 40]))]
    found = [[finding.code, finding.where] for finding in judged(bytes(bent)).findings]
    assert peer("evidence.check", hex=bent.hex(), key=KEY.hex()) == {"findings": found}
