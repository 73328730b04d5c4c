"""The log as a tree, its checkpoints, and the devices that watch it (TL). The TypeScript tests run the same vectors."""

from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server import keys
from sync import merkle, note, rulings, witness
from sync.merkle import Frontier, Levels, Tile
from sync.note import NoteError
from sync.witness import Held, Log
from tests.sync.conftest import Peer, vector_cases

hashes = st.binary(min_size=32, max_size=32)
logs = st.lists(hashes, max_size=70)


def hexes(written: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in written]


@pytest.mark.parametrize("case", vector_cases("log", "trees"))
def test_tl1_a_root_stands_for_these_leaves(case: dict[str, Any]) -> None:
    leaves, root = hexes(case["leaves"]), bytes.fromhex(case["root"])
    assert Frontier().extended(leaves).root() == root
    assert Levels(leaves).root() == root


@pytest.mark.parametrize("case", vector_cases("log", "inclusion"))
def test_tl2_a_proof_leads_to_the_root(case: dict[str, Any]) -> None:
    told = case["index"], case["size"], bytes.fromhex(case["leaf"]), hexes(case["proof"])
    assert merkle.root_from_inclusion(*told) == bytes.fromhex(case["root"])
    assert merkle.root_before(*told) == bytes.fromhex(case["before"])


@pytest.mark.parametrize("case", vector_cases("log", "inclusion_refused"))
def test_tl2_a_wrong_proof_leads_elsewhere(case: dict[str, Any]) -> None:
    told = case["index"], case["size"], bytes.fromhex(case["leaf"]), hexes(case["proof"])
    assert merkle.root_from_inclusion(*told) != bytes.fromhex(case["root"])


@pytest.mark.parametrize("case", vector_cases("log", "consistency"))
def test_tl3_one_log_grew_out_of_the_other_or_not(case: dict[str, Any]) -> None:
    first_root, root = bytes.fromhex(case["first_root"]), bytes.fromhex(case["root"])
    proof = hexes(case["proof"])
    found = merkle.is_consistent(case["first"], first_root, case["size"], root, proof)
    assert found == case["holds"]


@pytest.mark.parametrize("case", vector_cases("log", "tiles"))
def test_tl4_a_tile_has_one_name(case: dict[str, Any]) -> None:
    tile = Tile(case["level"], case["n"], case["width"])
    assert tile.path == case["path"]
    assert merkle.read_tile_path(case["path"]) == tile


@pytest.mark.parametrize("case", vector_cases("log", "tiles_refused"))
def test_tl4_no_other_spelling_names_a_tile(case: dict[str, Any]) -> None:
    assert merkle.read_tile_path(case["path"]) is None


@pytest.mark.parametrize("case", vector_cases("log", "keys"))
def test_tl5_a_key_has_an_id_and_a_fingerprint(case: dict[str, Any]) -> None:
    public = bytes.fromhex(case["pub"])
    assert note.key_id(case["name"], public).hex() == case["id"]
    assert note.verifier_key(case["name"], public) == case["key"]
    assert note.fingerprint(public) == case["fingerprint"]


@pytest.mark.parametrize("case", vector_cases("log", "notes"))
def test_tl5_a_note_is_signed_or_not(case: dict[str, Any]) -> None:
    read = note.read_note(case["note"])
    public = bytes.fromhex(case["pub"])
    assert note.is_signed(read, case["name"], public, keys.verify) == case["holds"]


def test_tl5_a_note_made_elsewhere_holds() -> None:
    """The example of the format's first implementation, golang.org/x/mod/sumdb/note."""
    public = bytes.fromhex("1a5cd907143c384c41e830c5bce12aa8817ec5649aaabf2c31388b35b2d744d6")
    name = "PeterNeumann"
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    read = note.read_note(f"{text}\n— {name} {line}\n")
    assert read.text == text
    assert note.is_signed(read, name, public, keys.verify)
    assert note.verifier_key(name, public).startswith("PeterNeumann+c74f20a3+ARpc2Q")


@pytest.mark.parametrize("case", vector_cases("log", "notes_refused"))
def test_tl5_what_is_not_written_as_a_note_is_none(case: dict[str, Any]) -> None:
    with pytest.raises(NoteError) as caught:
        note.read_note(case["note"])
    assert caught.value.code == "bad_note"


@pytest.mark.parametrize("case", vector_cases("log", "checkpoints"))
def test_tl6_a_checkpoint_says_how_far_the_log_has_come(case: dict[str, Any]) -> None:
    read = note.read_checkpoint(case["text"])
    assert (read.origin, read.size, read.root.hex()) == (case["origin"], case["size"], case["root"])
    assert list(read.extensions) == case["extensions"]
    assert note.checkpoint_text(read) == case["text"]


@pytest.mark.parametrize("case", vector_cases("log", "checkpoints_refused"))
def test_tl6_other_text_is_no_checkpoint(case: dict[str, Any]) -> None:
    with pytest.raises(NoteError) as caught:
        note.read_checkpoint(case["text"])
    assert caught.value.code == "bad_checkpoint"


@pytest.mark.parametrize("case", vector_cases("log", "witness"))
def test_tl8_tl9_a_witness_says_what_it_holds_or_raises_an_alarm(case: dict[str, Any]) -> None:
    row = case["row"]
    server = bytes.fromhex(case["server"])
    log = witness.log_of(
        server,
        {
            "pub": bytes.fromhex(row["pub"]),
            "epoch": bytes.fromhex(row["epoch"]),
            "lost": [{"epoch": bytes.fromhex(one)} for one in row["lost"]],
        },
    )
    assert log is not None
    held = None
    if case["held"] is not None:
        before = note.read_checkpoint(note.read_note(case["held"]).text)
        public = bytes.fromhex(vector_cases("log", "keys")[0].values[0]["pub"])
        held = Held(before.origin, public, before.size, before.root, case["held"])
    found = witness.judge(held, case["note"], hexes(case["proof"]), log=log, verify=keys.verify)
    assert (found if isinstance(found, str) else found.size) == case["result"]


def test_tl8_a_row_of_another_shape_names_no_log() -> None:
    assert witness.log_of(bytes(16), {"pub": "key", "epoch": bytes(8)}) is None


def test_tl10_each_ruling_names_those_before_it() -> None:
    head = rulings.ENTITY_HEAD_ZERO
    for case in (param.values[0] for param in vector_cases("log", "entities")):
        assert head.hex() == case["eh"], case["story"]
        head = rulings.entity_head(head, bytes.fromhex(case["leaf"]))


# ---- laws ----------------------------------------------------------------------------------------


@given(logs, st.data())
def test_tl1_it_does_not_matter_in_which_steps_a_log_grew(
    leaves: list[bytes], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(leaves)))
    stepwise = Frontier().extended(leaves[:cut]).extended(leaves[cut:])
    assert stepwise == Frontier().extended(leaves)
    assert stepwise.root() == Levels(leaves).root()
    assert len(stepwise.hashes) == len(leaves).bit_count()


@given(st.lists(hashes, min_size=1, max_size=70), st.data())
def test_tl2_every_entry_is_proved_and_no_other_in_its_place(
    leaves: list[bytes], data: st.DataObject
) -> None:
    tree = Levels(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, tree.node)
    assert merkle.root_from_inclusion(index, size, leaves[index], proof) == tree.root(size)
    assert merkle.root_before(index, size, leaves[index], proof) == tree.root(index + 1)
    other = data.draw(hashes)
    if other != leaves[index]:
        assert merkle.root_from_inclusion(index, size, other, proof) != tree.root(size)
    for at in range(len(proof)):
        bent = [*proof[:at], bytes(32), *proof[at + 1 :]]
        if bent != proof:
            assert merkle.root_from_inclusion(index, size, leaves[index], bent) != tree.root(size)


@given(logs, logs, st.data())
def test_tl3_a_log_is_consistent_with_its_own_past_and_with_no_other(
    leaves: list[bytes], others: list[bytes], data: st.DataObject
) -> None:
    tree = Levels(leaves)
    first = data.draw(st.integers(0, len(leaves)))
    proof = merkle.consistency_proof(first, len(leaves), tree.node)
    told = first, tree.root(first), len(leaves), tree.root()
    assert merkle.is_consistent(*told, proof)
    past = Levels(others).root()
    if past != tree.root(first):
        assert not merkle.is_consistent(first, past, len(leaves), tree.root(), proof)
    if proof:
        assert not merkle.is_consistent(*told, proof[:-1])


@given(st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256))
def test_tl4_every_tile_can_be_named_and_read(level: int, n: int, width: int) -> None:
    tile = Tile(level, n, width)
    assert merkle.read_tile_path(tile.path) == tile


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2**30))
def test_tl4_tiles_hold_every_complete_subtree_once(level: int, n: int, size: int) -> None:
    width = merkle.tile_width(level, n, size)
    assert 0 <= width <= 256
    assert sum(merkle.tile_width(level, at, size) for at in range(n + 1)) == min(
        size >> (8 * level), 256 * (n + 1)
    )


@given(st.text(max_size=60), st.text(max_size=60))
def test_tl5_any_text_is_a_note_or_refused(head: str, tail: str) -> None:
    for text in (head, f"{head}\n\n— {tail}\n", f"{head}\n\n— {tail} AAAAAAAA\n"):
        with suppress(NoteError):
            read = note.read_note(text)
            lines = "".join(
                f"— {one.name} {b64encode(one.key_id + one.signature).decode()}\n"
                for one in read.signatures
            )
            assert f"{read.text}\n{lines}" == text


@given(st.lists(hashes, min_size=2, max_size=40), st.data())
def test_tl9_an_honest_log_never_alarms_and_a_forked_one_always_does(
    leaves: list[bytes], data: st.DataObject
) -> None:
    key = keys.SigningKey(keys.ED25519, bytes(32))
    log = Log("ortoo/a/b", key.public)

    def signed(listed: list[bytes]) -> str:
        root = Levels(listed).root()
        text = note.checkpoint_text(note.Checkpoint(log.origin, len(listed), root))
        return note.sign_note(text, log.origin, key.public, key.sign)

    cut = data.draw(st.integers(1, len(leaves)))
    held = witness.judge(None, signed(leaves[:cut]), [], log=log, verify=keys.verify)
    assert isinstance(held, Held)
    proof = merkle.consistency_proof(cut, len(leaves), Levels(leaves).node)
    grown = witness.judge(held, signed(leaves), proof, log=log, verify=keys.verify)
    assert isinstance(grown, Held)
    assert grown.size == len(leaves)
    at = data.draw(st.integers(0, cut - 1))
    forked = [*leaves[:at], sha256(leaves[at]).digest(), *leaves[at + 1 :]]
    lie = merkle.consistency_proof(cut, len(leaves), Levels(forked).node)
    assert witness.judge(held, signed(forked), lie, log=log, verify=keys.verify) in {
        "split",
        "inconsistent",
    }


@given(logs, st.data())
def test_tl2_tl3_both_languages_judge_proofs_alike(
    peer: Peer, leaves: list[bytes], data: st.DataObject
) -> None:
    tree = Levels(leaves)
    first = data.draw(st.integers(0, len(leaves)))
    index = data.draw(st.integers(0, max(0, len(leaves) - 1)))
    proof = merkle.consistency_proof(first, len(leaves), tree.node)
    way = merkle.inclusion_proof(index, len(leaves), tree.node) if leaves else []
    if data.draw(st.booleans()) and proof:
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    if data.draw(st.booleans()) and way:
        way.pop(data.draw(st.integers(0, len(way) - 1)))
    leaf = leaves[index] if leaves else bytes(32)
    told = first, tree.root(first), len(leaves), tree.root(), proof
    climbed = merkle.root_from_inclusion(index, len(leaves), leaf, way)
    before = merkle.root_before(index, len(leaves), leaf, way)
    assert peer(
        "merkle",
        first=first,
        firstRoot=tree.root(first).hex(),
        size=len(leaves),
        root=tree.root().hex(),
        proof=[one.hex() for one in proof],
        index=index,
        leaf=leaf.hex(),
        way=[one.hex() for one in way],
    ) == {
        "consistent": merkle.is_consistent(*told),
        "root": climbed.hex() if climbed else None,
        "before": before.hex() if before else None,
    }
