"""Cases of CS3: signatures that hold and that do not."""

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.vectors.packing import tagged
from tests.vectors.sets import ED_KEY, KEYS, sign

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_OTHER_ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def signatures() -> list[dict[str, Any]]:
    """Signatures that hold and that do not, of both algorithms (CS3)."""
    a_set, other_set = tagged("ortoo/set/1", b"a"), tagged("ortoo/set/1", b"b")
    ed, es = sign("Ed25519", a_set), sign("ES256", a_set)
    other_pub = _OTHER_ED.public_key().public_bytes_raw()
    other_ec = ec.derive_private_key(77, ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    high = (P256_ORDER - int.from_bytes(es[32:], "big")).to_bytes(32, "big")
    large = (int.from_bytes(ed[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    cases: list[tuple[str, str, bytes, bytes, bytes, bool]] = [
        ("Ed25519", "Ed25519", KEYS["Ed25519"], a_set, ed, True),
        ("ES256", "ES256", KEYS["ES256"], a_set, es, True),
        # Why a set's id is not a hash of its signature (ID2).
        ("ES256 with the other s", "ES256", KEYS["ES256"], a_set, es[:32] + high, True),
        ("Ed25519, another set", "Ed25519", KEYS["Ed25519"], other_set, ed, False),
        ("ES256, another set", "ES256", KEYS["ES256"], other_set, es, False),
        ("Ed25519, another key", "Ed25519", other_pub, a_set, ed, False),
        ("ES256, another key", "ES256", other_ec, a_set, es, False),
        ("Ed25519, the first bit flipped", "Ed25519", KEYS["Ed25519"], a_set, _flipped(ed, 0), False),
        ("Ed25519, the last bit flipped", "Ed25519", KEYS["Ed25519"], a_set, _flipped(ed, 63), False),
        ("ES256, a bit of r flipped", "ES256", KEYS["ES256"], a_set, _flipped(es, 31), False),
        ("ES256, a bit of s flipped", "ES256", KEYS["ES256"], a_set, _flipped(es, 32), False),
        ("Ed25519 over the bare set id", "Ed25519", KEYS["Ed25519"], a_set, ED_KEY.sign(a_set), False),
        ("Ed25519 with s past the order", "Ed25519", KEYS["Ed25519"], a_set, ed[:32] + large, False),
        ("Ed25519 of zeros", "Ed25519", KEYS["Ed25519"], a_set, bytes(64), False),
        ("ES256 of zeros", "ES256", KEYS["ES256"], a_set, bytes(64), False),
        ("ES256 with r and s swapped", "ES256", KEYS["ES256"], a_set, es[32:] + es[:32], False),
        ("ES256, cut off", "ES256", KEYS["ES256"], a_set, es[:63], False),
        ("Ed25519, one byte more", "Ed25519", KEYS["Ed25519"], a_set, ed + b"\x00", False),
    ]  # fmt: skip
    return [
        {"story": story, "alg": alg, "pub": pub.hex(), "set": set_id.hex(), "signature": made.hex(), "holds": holds}
        for story, alg, pub, set_id, made, holds in cases
    ]  # fmt: skip


def _flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ (0x80 if index == 0 else 1)]) + data[index + 1 :]
