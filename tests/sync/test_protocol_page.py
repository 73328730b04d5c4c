"""The worked example of `docs/protocol.md`: every byte on the page is what these rules make of the same beginning.

Refuses to know the words of the page. Its blocks begin with a name and ` =`; the bytes behind are hex.
"""

import re
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sync import canon, changeset, clock, ids, merkle, note, rulings, samples, snapshot, witness
from tests.sync.conftest import ROOT, vector_cases

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NONCE, SALT, SESSION = b"\x66" * 16, b"\x77" * 16, b"session8"
PERSON, STATION, INCIDENT = b"\x55" * 16, b"\x44" * 16, b"\x11" * 16
WALL_MS = 1_764_000_000_000
MONTH = f"station:{STATION.hex()}:2025-11"


def written(
    chain: bytes, at: int, prev: bytes | None, kind: str, ops: list[Any], **more: Any
) -> tuple[bytes, ...]:
    """Header, body and envelope of the set with seq `at`, put together by hand."""
    entity = chain if kind == "chain" else INCIDENT
    wall_ms = WALL_MS + at * 60_000
    body = canon.encode([SALT, kind, entity, ops])
    stamp = clock.Stamp(wall_ms, 0).pack()
    header = canon.encode(
        [1, chain, at, prev, stamp, wall_ms, [SESSION, 5_000], PERSON, None, None, MONTH, int(kind == "incident"),
         [1, 1], more.get("flags", 0), ids.body_hash(body), more.get("continues")]
    )  # fmt: skip
    signature = KEY.sign(changeset.signing_bytes(ids.set_id(header)))
    return header, body, canon.encode([header, signature, body])


def worked() -> dict[str, bytes]:
    """Every block of the page by its name."""
    public = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    chain = ids.chain_id(public, NONCE)
    opened = changeset.chain_open_op("Ed25519", public, NONCE, "forge")
    header, body, first = written(chain, 0, None, "chain", [opened])
    facts = [
        {"t": "incident.create", "source": "self", "station": STATION, "tag": "K-7"},
        {"t": "fact.set", "f": "title", "v": "国道 216 车祸", "p": []},
        {"t": "fact.set", "f": "point", "v": [478_412_345, 881_234_567], "p": []},
    ]
    _, _, second = written(chain, 1, ids.set_id(header), "incident", facts)
    second_id = ids.set_id(canon.decode(second)[0])
    read = changeset.read(second)
    assert isinstance(read, changeset.ChangeSet)
    ruling = bytes.fromhex(vector_cases("rulings", "rulings")[0].values[0]["ruling"])
    leaf = rulings.leaf_hash(ruling)
    ruling_2 = canon.encode([1, 2, WALL_MS, "scope", {"e": INCIDENT, "add": MONTH}])
    leaf_2 = rulings.leaf_hash(ruling_2)
    head = rulings.scope_head(bytes(16), leaf)
    origin = witness.origin_of(bytes(range(16)), bytes(range(8)))
    root = merkle.node_hash(leaf, leaf_2)
    text = note.checkpoint_text(note.Checkpoint(origin, 2, root, (f"time {WALL_MS}",)))
    empty = canon.encode(
        {"v": 1, "scope": "org", "epoch": 1, "n": 0, "head": bytes(16), "salt": bytes(range(16)), "org": [],
         "entities": [], "asides": []}
    )  # fmt: skip
    new_chain = ids.chain_id(public, b"\x67" * 16)
    left: Any = [chain, 1, second_id, "copied"]
    measured = samples.sample(
        m1=1_234, wall1_ms=WALL_MS, server_ms=WALL_MS - 2_400_000, uncertainty_ms=50,
        m4=1_434, wall4_ms=WALL_MS + 200, hidden=False,
    )  # fmt: skip
    assert isinstance(measured, samples.Sample)
    opened_anew = opened | {"nonce": b"\x67" * 16}
    new, _, _ = written(new_chain, 0, None, "chain", [opened_anew], flags=2, continues=left)
    return {
        "canon": canon.encode({"b": 1, "a": [True, None]}),
        "public key": public,
        "chain": chain,
        "stamp": clock.Stamp(WALL_MS, 0).pack(),
        "body": body,
        "body_hash": ids.body_hash(body),
        "header": header,
        "set": ids.set_id(header),
        "signed": changeset.signing_bytes(ids.set_id(header)),
        "signature": canon.decode(first)[1],
        "push": b"\x81" + canon.encode("sets") + b"\x91" + first,
        "second set": second_id,
        "title": ids.op_id(second_id, 1),
        "hello": bytes.fromhex(vector_cases("exchange", "messages")[0].values[0]["hex"]),
        "ruling": ruling,
        "leaf": leaf,
        "head 1": head,
        "ruling 2": ruling_2,
        "leaf 2": leaf_2,
        "head 2": rulings.scope_head(head, leaf_2),
        "root": root,
        "checkpoint": note.sign_note(text, origin, public, KEY.sign).encode(),
        "snapshot": empty,
        "snapshot hash": snapshot.snapshot_hash(empty),
        "clock op": canon.encode(
            samples.op_of(SESSION, samples.Kept(measured, samples.Beats(1, 0, 0, 1_234)))
        ),
        "new header": new,
        "redacted": changeset.without_body(read),
    }


def shown() -> dict[str, bytes]:
    """The blocks as they stand on the page."""
    page = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^([a-z_ 0-9]+) =\n((?:  [0-9a-f]+\n)+)", page, re.MULTILINE)
    return {name: bytes.fromhex("".join(hexes.split())) for name, hexes in blocks}


def test_every_byte_on_the_page_is_what_the_rules_make() -> None:
    assert shown() == worked()


def test_the_example_goes_on_from_the_vectors() -> None:
    first, second = (vector_cases("changeset", "written")[at].values[0] for at in (0, 1))
    made = worked()
    assert made["push"].hex().endswith(first["raw"])
    assert made["second set"].hex() == second["set"]
    assert made["snapshot"].hex() == vector_cases("snapshot", "snapshots")[0].values[0]["hex"]
