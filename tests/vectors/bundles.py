"""Cases of BU: bundles that are whole, ones that something happened to, and what the rulings in one prove.

Example: `whole()` carries two sets of one phone, signed by it.
"""

import hmac
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors import exports, logs, sets
from tests.vectors.packing import pack, squeezed, tagged

Case = dict[str, Any]
Found = list[tuple[int, int, str, str]]
"""(place, byte, code, kind) of each record; the kind only where it is whole."""

MAGIC = b"ortoo/bundle/1\n"
ES = sets.chain_of("ES256")
MANIFEST: Case = {
    "by": "forge",
    "at_ms": sets.WALL_MS,
    "chain": sets.chain_of("Ed25519"),
    "alg": "Ed25519",
    "pub": sets.KEYS["Ed25519"],
    "nonce": sets.NONCE,
}
SETS = [bytes.fromhex(case["raw"]) for case in sets.written()[:2]]


def framed(payload: bytes) -> bytes:
    """A record with its length and its hash."""
    return len(payload).to_bytes(4, "big") + tagged("ortoo/bundle/record/1", payload) + payload


def record(kind: str, value: Any) -> bytes:
    """A good record."""
    return framed(pack([kind, value]))


def end_of(records: list[bytes]) -> bytes:
    """The end behind these records, signed by the phone of the manifest."""
    head = bytes(32)
    for one in records:
        head = tagged("ortoo/bundle/head/1", head, one[4:36])
    return record("end", [head, sets.ED_KEY.sign(b"ortoo/bundle/end/1\x00" + head)])


def file_of(*records: bytes) -> bytes:
    """A whole file of these records."""
    return MAGIC + b"".join(records) + end_of(list(records))


FIRST = record("manifest", MANIFEST | {"to": logs.SERVER, "counts": {"set": 2}})
CARRIED = [record("set", raw) for raw in SETS]
WHOLE = file_of(FIRST, *CARRIED)


def _places(*records: bytes) -> list[int]:
    at, places = len(MAGIC), []
    for one in records:
        places.append(at)
        at += len(one)
    return [*places, at]


def _found(records: list[bytes], codes: dict[int, str], kinds: list[str]) -> Found:
    """What is found of records that stand one behind the other, the end included."""
    places = _places(*records)
    return [
        (at + 1, places[at], codes.get(at, ""), "" if at in codes else kind)
        for at, kind in enumerate(kinds)
    ]


def _changed(data: bytes, at: int, to: int | None = None) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 if to is None else to]) + data[at + 1 :]


KINDS = ["manifest", "set", "set", "end"]


def _files() -> list[tuple[str, str, bytes, Found]]:
    plain = [FIRST, *CARRIED]
    at = _places(*plain, end_of(plain))
    good = _found(plain, {}, KINDS)
    other_nonce = record("manifest", MANIFEST | {"nonce": bytes(16)})
    full = record("manifest", MANIFEST | {
        "to": logs.SERVER, "counts": {}, "reply": b"\x04" + bytes(64), "signed": [logs.ORIGIN, 12],
        "beacon": bytes(range(16)), "later": [1],
    })  # fmt: skip
    odd = record("blob", bytes(3))
    shapeless = record("set", "text")
    uncanonical = framed(b"\x92\xd9\x03set\xc4\x00")
    bundle_in_set = record("set", WHOLE)

    def with_(one: bytes, code: str, kind: str = "") -> tuple[bytes, Found]:
        records = [FIRST, one, CARRIED[1]]
        kinds = ["manifest", kind, "set", "end"]
        return file_of(*records), _found(records, {1: code} if code else {}, kinds)

    def begun(one: bytes, code: str) -> tuple[bytes, Found]:
        records = [one, *CARRIED]
        return file_of(*records), _found(records, {0: code, 3: "bad_end"}, KINDS)

    wrong_end = record("end", [bytes(32), bytes(64)])
    unsigned = _changed(WHOLE, len(WHOLE) - 1)
    tail = end_of(plain)[36:]
    return [
        ("two sets of one phone", "BU4", WHOLE, good),
        ("nothing is carried", "BU3", file_of(FIRST), _found([FIRST], {}, ["manifest", "end"])),
        ("a manifest with all there is, and what a later version adds", "BU3", file_of(full),
         _found([full], {}, ["manifest", "end"])),
        ("something else", "BU5", b"ortoo/export/1\n" + bytes(40), [(0, 0, "not_a_bundle", "")]),
        ("nothing", "BU5", b"", [(0, 0, "truncated", "")]),
        ("half of the first line", "BU5", MAGIC[:7], [(0, 0, "truncated", "")]),
        ("a little of something else", "BU5", b"%PDF", [(0, 0, "not_a_bundle", "")]),
        ("the end is missing", "BU2", WHOLE[: at[3]], [*good[:3], (4, at[3], "truncated", "")]),
        ("cut inside the second set", "BU2", WHOLE[: at[2] + 50], [*good[:2], (3, at[2], "truncated", "")]),
        ("cut inside a length", "BU2", WHOLE[: at[1] + 2], [*good[:1], (2, at[1], "truncated", "")]),
        ("cut behind the first line", "BU2", MAGIC, [(1, 15, "truncated", "")]),
        ("a bit of a set fell over", "BU2", _changed(WHOLE, at[2] - 9),
         _found(plain, {1: "damaged"}, KINDS)),
        ("a bit of a hash fell over", "BU4", _changed(WHOLE, at[1] + 4),
         _found(plain, {1: "damaged", 3: "bad_end"}, KINDS)),
        ("a length of four gigabytes", "BU1", _changed(WHOLE, at[1], 0xFF), [*good[:1], (2, at[1], "bad_length", "")]),
        ("a length one above the limit", "BU1", WHOLE[: at[1]] + (270_337).to_bytes(4, "big") + bytes(40),
         [*good[:1], (2, at[1], "bad_length", "")]),
        ("no length at all", "BU1", WHOLE[: at[1]] + bytes(40), [*good[:1], (2, at[1], "bad_length", "")]),
        ("a record of a later version", "BU5", *with_(odd, "unknown_kind")),
        ("a set that is a text", "BU5", *with_(shapeless, "bad_record")),
        ("a record that is no pair", "BU5", *with_(framed(b"\xc0"), "bad_record")),
        ("a record in a longer form", "BU5", *with_(uncanonical, "not_canonical")),
        ("a bundle in the place of a set is read by nobody", "BU5", *with_(bundle_in_set, "", "set")),
        ("a second manifest", "BU3", *with_(FIRST, "out_of_place")),
        ("a manifest of somebody else's chain", "BU3", *begun(other_nonce, "bad_manifest")),
        ("a manifest without a maker", "BU3", *begun(record("manifest", {"by": "forge"}), "bad_manifest")),
        ("a beacon that is none", "BU3", *begun(record("manifest", MANIFEST | {"beacon": bytes(15)}), "bad_manifest")),
        ("a key to answer to that is none", "BU3",
         *begun(record("manifest", MANIFEST | {"reply": bytes(64)}), "bad_manifest")),
        ("the head is another one", "BU4", MAGIC + FIRST + wrong_end,
         _found([FIRST], {1: "bad_end"}, ["manifest", "end"])),
        ("a bit of the last signature fell over, and its hash with it", "BU5", unsigned,
         [*good[:3], (4, at[3], "damaged", ""), (5, at[4], "truncated", "")]),
        ("another signature", "BU4", WHOLE[: at[3]] + framed(_changed(tail, len(tail) - 1)),
         [*good[:3], (4, at[3], "bad_end", "")]),
        ("something follows the end", "BU5", WHOLE + b"\x00", [*good, (5, at[4], "trailing", "")]),
        ("two bundles in one file", "BU5", WHOLE + WHOLE, [*good, (5, at[4], "trailing", "")]),
    ]  # fmt: skip


def files() -> list[Case]:
    """Files, and what is found of each record."""
    return [
        {
            "story": story,
            "rule": rule,
            "file": squeezed(data),
            "records": [list(one) for one in found],
        }
        for story, rule, data, found in _files()
    ]


def proofs() -> list[Case]:
    """A checkpoint, a ruling with its proof, and what they come to for who knows the log's key."""
    entries = exports.LOG[0]
    leaves = [sha256(b"\x00" + raw).digest() for raw in entries]
    size = len(leaves)
    ten = [
        pack([logs.signed(10, logs.mth(leaves[:10])), 0, []]),
        pack([entries[6], logs.path(6, leaves[:10])]),
    ]
    note = logs.signed(size, logs.mth(leaves))
    foreign = "ortoo/" + "99" * 16 + "/" + logs.EPOCH.hex()
    good = [note, 0, []]

    def entry(at: int, raw: bytes | None = None) -> list[Any]:
        return [entries[at] if raw is None else raw, logs.path(at, leaves)]

    told: list[tuple[str, list[Any], list[Any], str, str]] = [
        ("a ruling that is in the log", good, entry(6), "", ""),
        ("the last ruling there is", good, entry(size - 1), "", ""),
        ("a ruling that was changed", good, entry(6, entries[6].replace(b"accepted", b"rejected")), "", "not_in_log"),
        ("a ruling with another one's proof", good, [entries[6], entry(7)[1]], "", "not_in_log"),
        ("a ruling without a proof", good, [entries[6], []], "", "not_in_log"),
        ("no ruling at all", good, [b"\xc0", []], "", "bad_ruling"),
        ("a ruling after the checkpoint", [logs.signed(3, logs.mth(leaves[:3])), 0, []], entry(6), "", "not_in_log"),
        ("a checkpoint of another root", [logs.signed(size, bytes(32)), 0, []], entry(6), "", "not_in_log"),
        ("a checkpoint of another log", [logs.signed(size, logs.mth(leaves), foreign), 0, []], entry(6), "other_log",
         "not_in_log"),
        ("a checkpoint that nobody signed", [_resigned(note), 0, []], entry(6), "bad_signature", "not_in_log"),
        ("a note that is none", ["ortoo", 0, []], entry(6), "bad_note", "not_in_log"),
    ]  # fmt: skip
    cases = [
        {
            "story": story,
            "rule": "BU6",
            "checkpoint": pack(one).hex(),
            "entry": pack(two).hex(),
            "rests": rests,
            "code": code,
        }
        for story, one, two, rests, code in told
    ]
    older = {"story": "an older checkpoint proves what it covers", "rests": "", "code": ""}
    return [*cases, older | {"checkpoint": ten[0].hex(), "entry": ten[1].hex()}]


def _resigned(note: str) -> str:
    """The same note, its last signature over something else."""
    other = logs.signed(1, bytes(32))
    return note.rpartition("\n\n")[0] + "\n\n" + other.rpartition("\n\n")[2]


# ---- sealed (BU8); HPKE word for word from RFC 9180, sections 4.1 and 5.1 -------------------------

READER, OTHER, FRESH = (ec.derive_private_key(n, ec.SECP256R1()) for n in (0x5EA1, 0x07E8, 0xF8E5))
CONTENT_KEY = bytes(range(100, 132))
_KEM, _HPKE = b"KEM\x00\x10", b"HPKE\x00\x10\x00\x01\x00\x02"


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half, 65 bytes."""
    x962, whole = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(x962, whole)


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, size: int) -> bytes:
    said = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\x01"
    return hmac.digest(prk, said, "sha256")[:size]


def wrapped_for(reader: ec.EllipticCurvePrivateKey) -> bytes:
    """The content key for one reader, under the one fresh key of these vectors."""
    enc, pub = point(FRESH), point(reader)
    dh = FRESH.exchange(ec.ECDH(), reader.public_key())
    shared = _expand(_KEM, _extract(_KEM, b"", b"eae_prk", dh), b"shared_secret", enc + pub, 32)
    context = b"\x00" + _extract(_HPKE, b"", b"psk_id_hash", b"")
    context += _extract(_HPKE, b"", b"info_hash", b"ortoo/sealed/1")
    secret = _extract(_HPKE, shared, b"secret", b"")
    key = _expand(_HPKE, secret, b"key", context, 32)
    return enc + AESGCM(key).encrypt(
        _expand(_HPKE, secret, b"base_nonce", context, 12), CONTENT_KEY, b""
    )


def sealed_for(*readers: ec.EllipticCurvePrivateKey, plain: bytes) -> bytes:
    """A sealed file."""
    ids = [tagged("ortoo/bundle/key/1", point(reader))[:8] for reader in readers]
    header = pack([[at, wrapped_for(reader)] for at, reader in zip(ids, readers, strict=True)])
    bound = tagged("ortoo/sealed/1", header)
    out = b"ortoo/sealed/1\n" + len(header).to_bytes(2, "big") + header
    parts = [plain[at : at + 16_384] for at in range(0, len(plain), 16_384)] or [b""]
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        nonce = number.to_bytes(11, "big") + bytes([is_last])
        out += AESGCM(CONTENT_KEY).encrypt(nonce, part, bound)
    return out


def seals() -> list[Case]:
    """Sealed files, and what the holder of the key finds in them."""
    two_pieces = bytes(16_384) + b"ortoo"
    exact = bytes(16_384)
    whole = sealed_for(READER, plain=two_pieces)
    for_both = sealed_for(OTHER, READER, plain=WHOLE)
    start = len(whole) - 5 - 16
    told = [
        ("a bundle for two", for_both, WHOLE, ""),
        ("nothing", sealed_for(READER, plain=b""), b"", ""),
        ("two pieces", whole, two_pieces, ""),
        ("one whole piece", sealed_for(READER, plain=exact), exact, ""),
        ("the last piece is missing", whole[:start], b"", ""),
        ("the last piece was cut", whole[:-1], exact, ""),
        ("a bit of the last piece fell over", _changed(whole, len(whole) - 1), exact, ""),
        ("a bit of the first piece fell over", _changed(whole, 200), b"", ""),
        ("something follows", whole + b"x", exact, ""),
        ("for somebody else", sealed_for(OTHER, plain=WHOLE), b"", "sealed_to_others"),
        ("a bit of the wrapped key fell over", _changed(whole, 15 + 2 + 100), b"", "sealed_to_others"),
        ("a bit of the key's name fell over", _changed(whole, 15 + 2 + 4), b"", "sealed_to_others"),
        ("a header cut off", whole[:100], b"", "bad_seal_header"),
        ("a header of another shape", whole[:15] + b"\x00\x01\x90" + whole[16:], b"", "bad_seal_header"),
        ("no sealed file", WHOLE, b"", "bad_seal_header"),
    ]  # fmt: skip
    return [
        {
            "story": story,
            "rule": "BU8",
            "file": squeezed(data),
            "plain": squeezed(plain),
            "code": code,
        }
        for story, data, plain, code in told
    ]


def cases() -> Case:
    """All of `bundle.json`; `pub` is the log's key, `reader` the private key that sealed files are opened with."""
    return {
        "origin": logs.ORIGIN,
        "pub": logs.PUB.hex(),
        "manifest": FIRST[36:].hex(),
        "files": files(),
        "proofs": proofs(),
        "reader": f"{0x5EA1:064x}",
        "readers_point": point(READER).hex(),
        "seals": seals(),
    }
