"""Nearly right bytes, without end: no reader fails in any way but its own, and both languages say the same.

`HYPOTHESIS_PROFILE=deep` looks fifty times harder; `make fuzz` lets coverage lead instead of a grammar.
"""

from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.kept import kept
from tests.sync.conftest import Peer
from tests.sync.hostile.grammar import damaged, hostile, tokens
from tests.sync.hostile.targets import TARGETS, answer_of_peer


@given(hostile("canon"))
def test_cb8_nearly_canonical_bytes_get_one_answer_in_both_languages(
    peer: Peer, data: bytes
) -> None:
    assert answer_of_peer(peer, "canon", data) == TARGETS["canon"](data)


@given(hostile("set"))
def test_cs7_nearly_good_envelopes_get_one_answer_in_both_languages(
    peer: Peer, data: bytes
) -> None:
    assert answer_of_peer(peer, "set", data) == TARGETS["set"](data)


@given(hostile("ruling"))
def test_rl1_nearly_good_rulings_get_one_answer_in_both_languages(peer: Peer, data: bytes) -> None:
    assert answer_of_peer(peer, "ruling", data) == TARGETS["ruling"](data)


@given(hostile("verify"))
def test_cs3_whatever_an_envelope_holds_its_signature_is_judged_and_no_more(data: bytes) -> None:
    answer = TARGETS["verify"](data)
    if answer == "signed":
        assert TARGETS["set"](data).startswith(("set ", "newer_version"))


@given(hostile("requests"))
def test_ex6_nearly_good_requests_are_read_or_refused(data: bytes) -> None:
    assert TARGETS["requests"](data)


@given(hostile("gzip"))
def test_ex6_nearly_good_streams_are_unpacked_or_refused(data: bytes) -> None:
    assert TARGETS["gzip"](data)


@given(hostile("note"))
def test_tl6_nearly_good_notes_are_read_or_refused(data: bytes) -> None:
    assert TARGETS["note"](data)


@given(hostile("snapshot"))
def test_sn1_nearly_good_snapshots_are_read_or_refused(data: bytes) -> None:
    assert TARGETS["snapshot"](data)


@given(hostile("evidence"))
def test_xp5_nearly_good_evidence_is_judged_and_what_is_wrong_is_named(data: bytes) -> None:
    assert TARGETS["evidence"](data)


@given(st.sampled_from([data for _story, data in kept("set")]), st.data())
def test_the_grammar_damages_and_its_tokens_are_the_whole(
    whole: bytes, drawn: st.DataObject
) -> None:
    assert b"".join(tokens(whole)) == whole
    assert isinstance(drawn.draw(damaged(whole, whole)), bytes)
