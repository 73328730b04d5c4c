"""Cases of CS3 and CS9: signatures that hold and that do not, keys that are keys and that are none.

Two readers that differ on one of these would keep two histories, so the odd ones are here: what a
key's owner can make with arithmetic, what libraries are known to disagree about, and what everybody must refuse.
"""

from hashlib import sha256, sha512
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.vectors.packing import tagged
from tests.vectors.sets import ED_KEY, KEYS, sign

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
P256_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
ED25519_FIELD = 2**255 - 19
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
    cases: list[Case] = [
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
        ("Ed25519, twice over", "Ed25519", KEYS["Ed25519"], a_set, ed + ed, False),
        ("no signature", "Ed25519", KEYS["Ed25519"], a_set, b"", False),
        ("no signature of a point", "ES256", KEYS["ES256"], a_set, b"", False),
        *_odd_edwards(a_set, ed),
        *_odd_nist(a_set, es),
    ]  # fmt: skip
    return [
        {
            "story": story,
            "rule": "CS9" if story.startswith("CS9") else "CS3",
            "alg": alg,
            "pub": pub.hex(),
            "set": set_id.hex(),
            "signature": made.hex(),
            "holds": holds,
        }
        for story, alg, pub, set_id, made, holds in cases
    ]


Case = tuple[str, str, bytes, bytes, bytes, bool]


def _odd_edwards(a_set: bytes, good: bytes) -> list[Case]:
    """What takes arithmetic to make: R of small order, R beside the right one, S in other forms."""
    key, neutral = KEYS["Ed25519"], _little(1)
    own = _scalar(bytes(range(32)))
    fresh, commitment = _scalar(bytes(range(1, 33))), _OTHER_ED.public_key().public_bytes_raw()
    shifted = _plus_order_two(commitment)

    def case(story: str, signature: bytes, *, holds: bool = False) -> Case:
        return story, "Ed25519", key, a_set, signature, holds

    def answering(r: bytes, secret: int) -> bytes:
        """The S that the owner of the key gives to this R."""
        asked = int.from_bytes(sha512(r + key + b"ortoo/sig/1\x00" + a_set).digest(), "little")
        return _little((secret + asked * own) % ED25519_ORDER)

    r, s = good[:32], int.from_bytes(good[32:], "little")
    wrong_sign = (1 | 1 << 255).to_bytes(32, "little")
    return [
        case("the owner's second signature with another R", commitment + answering(commitment, fresh), holds=True),
        case("CS9: R is the neutral point, and the equation holds", neutral + answering(neutral, 0), holds=True),
        case("CS9: R is the neutral point in a form beyond the field", _little(ED25519_FIELD + 1)
             + answering(_little(ED25519_FIELD + 1), 0)),
        case("CS9: R is the neutral point with a sign it cannot have", wrong_sign + answering(wrong_sign, 0)),
        case("CS9: R is off by a point of order two, which only a lenient reader forgives",
             shifted + answering(shifted, fresh)),
        case("R is the neutral point, S nothing", neutral + bytes(32)),
        case("S is the order", r + _little(ED25519_ORDER)),
        case("S is nothing", r + bytes(32)),
        case("S with its first bit set", r + _little(s | 1 << 255)),
        case("S negated", r + _little(ED25519_ORDER - s)),
        case("S and R swapped", good[32:] + r),
        case("R is no point", _little(2) + good[32:]),
        ("CS9: a key that is no point", "Ed25519", _little(2), a_set, good, False),
        ("CS9: a key beyond the field", "Ed25519", _little(2**255 - 1), a_set, good, False),
    ]  # fmt: skip


def _odd_nist(a_set: bytes, good: bytes) -> list[Case]:
    """r and s at and past the ends of their range, the encodings of others, and points off the curve."""
    key = KEYS["ES256"]
    r, s = good[:32], good[32:]
    order, one = P256_ORDER.to_bytes(32, "big"), (1).to_bytes(32, "big")
    der = b"\x30\x44\x02\x20" + r + b"\x02\x20" + s
    # A key made to fit a given small s: only then does s + n fit into 32 bytes too.
    hashed = int.from_bytes(sha256(b"ortoo/sig/1\x00" + a_set).digest(), "big")
    nonce = ec.derive_private_key(9, ec.SECP256R1()).public_key().public_numbers().x
    fitted = (5 * 9 - hashed) * pow(nonce, -1, P256_ORDER) % P256_ORDER
    fitting = ec.derive_private_key(fitted, ec.SECP256R1()).public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    small, past = nonce.to_bytes(32, "big"), (P256_ORDER + 5).to_bytes(32, "big")

    def case(story: str, signature: bytes, pub: bytes = key, *, holds: bool = False) -> Case:
        return story, "ES256", pub, a_set, signature, holds

    return [
        case("CS9: an s that is very small", small + (5).to_bytes(32, "big"), fitting, holds=True),
        case("CS9: the same s past the order", small + past, fitting),
        case("CS9: r is nothing", bytes(32) + s),
        case("CS9: s is nothing", r + bytes(32)),
        case("CS9: r is the order", order + s),
        case("CS9: s is the order", r + order),
        case("CS9: r and s are all ones", b"\xff" * 64),
        case("r and s are one", one + one),
        case("r negated", (P256_ORDER - int.from_bytes(r, "big")).to_bytes(32, "big") + s),
        case("in DER, as other protocols write it", der),
        case("in DER, cut to 64 bytes", der[:64]),
        case("CS9: a key beside the curve", good, key[:-1] + bytes([key[-1] ^ 1])),
        case("CS9: a key of zeros", good, b"\x04" + bytes(64)),
        case("CS9: a key beyond the field", good, b"\x04" + b"\xff" * 64),
        case("CS9: a key that is the point at infinity", good, b"\x00"),
    ]


_SMALL_ORDER = {
    "the neutral point": "01" + "00" * 31,
    "the point of order two": "ec" + "ff" * 30 + "7f",
    "a point of order four": "00" * 32,
    "the other point of order four": "00" * 31 + "80",
    "a point of order eight": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "a second point of order eight": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "a third point of order eight": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "the last point of order eight": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "the neutral point with a sign": "01" + "00" * 30 + "80",
    "the neutral point beyond the field": "ee" + "ff" * 30 + "7f",
    "a point of order four beyond the field": "ed" + "ff" * 30 + "7f",
    "the point of order two with a sign": "ec" + "ff" * 31,
}


def public_keys() -> list[dict[str, Any]]:
    """Public keys that may be enrolled and bytes that are none (CS9)."""
    ed, es = KEYS["Ed25519"], KEYS["ES256"]
    x, y = es[1:33], int.from_bytes(es[33:], "big")
    cases: list[tuple[str, str, bytes, bool]] = [
        ("an Ed25519 key", "Ed25519", ed, True),
        ("the base point", "Ed25519", bytes.fromhex("58" + "66" * 31), True),
        ("an ES256 key", "ES256", es, True),
        ("the same point below the axis", "ES256", b"\x04" + x + (P256_FIELD - y).to_bytes(32, "big"), True),
        *((story, "Ed25519", bytes.fromhex(encoded), False) for story, encoded in _SMALL_ORDER.items()),
        ("a key and a point of order two together", "Ed25519", _plus_order_two(ed), False),
        ("no point of the curve", "Ed25519", _little(2), False),
        ("all ones", "Ed25519", b"\xff" * 32, False),
        ("an Ed25519 key, cut off", "Ed25519", ed[:31], False),
        ("an Ed25519 key, one byte more", "Ed25519", ed + b"\x00", False),
        ("an Ed25519 key said to be ES256", "ES256", ed, False),
        ("an ES256 key said to be Ed25519", "Ed25519", es, False),
        ("beside the curve", "ES256", es[:-1] + bytes([es[-1] ^ 1]), False),
        ("x beyond the field", "ES256", b"\x04" + b"\xff" * 32 + es[33:], False),
        ("y beyond the field", "ES256", es[:33] + b"\xff" * 32, False),
        ("zeros", "ES256", b"\x04" + bytes(64), False),
        ("the point at infinity", "ES256", b"\x00", False),
        ("compressed", "ES256", bytes([2 | y & 1]) + x, False),
        ("hybrid, of the right parity", "ES256", bytes([6 | y & 1]) + es[1:], False),
        ("hybrid, of the wrong parity", "ES256", bytes([7 ^ y & 1]) + es[1:], False),
        ("without its first byte", "ES256", es[1:], False),
        ("an ES256 key, one byte more", "ES256", es + b"\x00", False),
        ("nothing", "ES256", b"", False),
        ("nothing either", "Ed25519", b"", False),
        ("an algorithm nobody has", "RS256", ed, False),
    ]  # fmt: skip
    return [
        {"story": story, "rule": "CS9", "alg": alg, "pub": pub.hex(), "usable": usable}
        for story, alg, pub, usable in cases
    ]


def _little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def _scalar(seed: bytes) -> int:
    """The secret number of a seed (RFC 8032 section 5.1.5)."""
    digest = int.from_bytes(sha512(seed).digest()[:32], "little")
    return digest & ((1 << 254) - 8) | 1 << 254


def _plus_order_two(point: bytes) -> bytes:
    """An encoded point plus (0, -1): both its coordinates negated."""
    number = int.from_bytes(point, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    return _little(ED25519_FIELD - y | (1 - sign) << 255)


def _flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ (0x80 if index == 0 else 1)]) + data[index + 1 :]
