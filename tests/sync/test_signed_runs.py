"""What signatures promise: no byte of a set changes unseen, and one signature is enough for a whole run (CS3 to CS6).

Keys and verification are the real ones: this is the reading that stands at the centre's door.
"""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.intake import verify
from server.intake.verify import Found, Incoming, Refused
from server.keys import SigningKey
from server.keys import verify as verify_signature
from sync import canon, changeset, ids
from sync.changeset import ChangeSet, Draft, Refusal, Writer, Written, chain_open_op
from tests.sync.histories import ENTITY, PEOPLE

NONCE = b"nonce-of-sixteen"
KEYS = {alg: SigningKey(alg, bytes(range(1, 33))) for alg in ("Ed25519", "ES256")}
algs = st.sampled_from(sorted(KEYS))


def chain_of(key: SigningKey) -> Writer:
    return Writer(ids.chain_id(key.public, NONCE))


def run_of(key: SigningKey, length: int) -> list[Written]:
    """The opening of a chain and what was written on it after."""
    writer, run = chain_of(key), []
    for seq in range(length):
        opening = [chain_open_op(key.alg, key.public, NONCE, "test/1")]
        note: list[dict[str, Any]] = [{"t": "entry.add", "kind": "note", "text": f"{seq}"}]
        said = (writer.chain, opening) if seq == 0 else (ENTITY, note)
        written = changeset.write(
            writer,
            Draft(PEOPLE[0], "org", "incident" if seq else "chain", *said),
            wall_ms=1_700_000_000_000 + seq,
            offset_ms=0,
            mono=(bytes(8), seq),
            salt=bytes(16),
            sign=key.sign,
        )
        run.append(written)
        writer = written.writer
    return run


RUNS = {alg: run_of(key, 6) for alg, key in KEYS.items()}


def sound(read: ChangeSet | Refusal, alg: str) -> ChangeSet | None:
    """The set, when it was read and its author's key signed it."""
    if isinstance(read, Refusal):
        return None
    key = KEYS[alg].public
    return read if changeset.signature_holds(read, alg, key, verify_signature) else None


@given(algs, st.integers(0, 5), st.data())
def test_cs3_a_byte_changed_on_the_way_is_refused_or_no_longer_signed(
    alg: str, seq: int, data: st.DataObject
) -> None:
    whole = RUNS[alg][seq].raw
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    assert sound(changeset.read(whole), alg) is not None
    assert sound(changeset.read(bytes(changed)), alg) is None


@given(algs, st.integers(1, 5), st.binary(max_size=60))
def test_cs4_another_body_never_stands_under_a_signed_header(
    alg: str, seq: int, other: bytes
) -> None:
    header, signature, _ = canon.decode(RUNS[alg][seq].raw)
    read = changeset.read(canon.encode([header, signature, other]))
    assert isinstance(read, Refusal)
    assert read.code == "bad_body"


@given(algs, st.binary(min_size=16, max_size=16))
def test_cs5_nobody_opens_a_chain_that_is_not_of_their_key(alg: str, nonce: bytes) -> None:
    key = KEYS[alg]
    writer = chain_of(key)
    written = changeset.write(
        writer,
        Draft(
            PEOPLE[0], "org", "chain", writer.chain, [chain_open_op(alg, key.public, nonce, "x")]
        ),
        wall_ms=0,
        offset_ms=0,
        mono=(bytes(8), 0),
        salt=bytes(16),
        sign=key.sign,
    )
    read = changeset.read(written.raw)
    if nonce == NONCE:
        assert isinstance(read, ChangeSet)
    else:
        assert isinstance(read, Refusal)
        assert read.code == "bad_chain_open"


def resigned(raw: bytes, signature: bytes) -> bytes:
    header, _, body = canon.decode(raw)
    return canon.encode([header, signature, body])


def kept(found: list[Found]) -> list[int]:
    return [at for at, one in enumerate(found) if isinstance(one, Incoming)]


@given(algs, st.lists(st.booleans(), min_size=1, max_size=6))
def test_cs6_the_last_good_signature_of_a_run_vouches_for_all_before_it_and_none_after(
    alg: str, signed: list[bool]
) -> None:
    run = [
        written.raw if is_signed else resigned(written.raw, bytes(64))
        for written, is_signed in zip(RUNS[alg], signed, strict=False)
    ]
    found = verify.examine(run, lambda _chain: (alg, KEYS[alg].public))
    vouched = len(signed) - signed[::-1].index(True) if any(signed) else 0
    assert kept(found) == list(range(vouched))
    refused = [one.result for one in found if isinstance(one, Refused)]
    assert refused == ["bad_signature"] * (len(signed) - vouched)
    handed_on = verify.examine(run, lambda _chain: (alg, KEYS[alg].public), bytes(16))
    assert kept(handed_on) == [at for at, is_signed in enumerate(signed) if is_signed]


@given(algs, st.integers(0, 5), st.booleans())
def test_cs6_a_body_is_checked_by_itself_and_a_broken_line_vouches_for_nothing_before_it(
    alg: str, spoiled: int, body_only: bool
) -> None:
    run = [written.raw for written in RUNS[alg]]
    # Nothing but the last is signed, so whatever cuts the line leaves those before the cut unsigned.
    run = [*(resigned(raw, bytes(64)) for raw in run[:-1]), run[-1]]
    if body_only:
        header, signature, _ = canon.decode(run[spoiled])
        run[spoiled] = canon.encode([header, signature, canon.encode([bytes(16)])])
    else:
        del run[spoiled]
    found = verify.examine(run, lambda _chain: (alg, KEYS[alg].public))
    last = len(run) - 1
    assert kept(found) == ([] if spoiled == 5 else list(range(spoiled + body_only, last + 1)))
