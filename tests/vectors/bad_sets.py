"""Cases of CS7: bytes that are no set, each with its one code."""

from typing import Any

from tests.vectors.packing import pack, squeezed
from tests.vectors.sets import (
    INCIDENT,
    KEYS,
    NOTE,
    OPEN,
    SALT,
    body_of,
    chain_of,
    envelope,
    header,
)

_BAD_VALUES = {
    "float": b"\xca\x3f\xc0\x00\x00",
    "extension": b"\xd4\x01\x00",
    "integer_range": b"\xcf\x00\x20\x00\x00\x00\x00\x00\x00",
    "not_shortest": b"\xcc\x05",
    "key_order": b"\x82\xa1b\xc0\xa1a\xc0",
    "key_type": b"\x81\x01\xc0",
    "duplicate_key": b"\x82\xa1a\xc0\xa1a\xc0",
    "utf8": b"\xa1\xff",
    "depth": b"\x91" * 6 + b"\xc0",
    "text_too_long": b"\xda\x40\x01" + b"a" * 16_385,
    "truncated": b"\xa5a",
    "reserved": b"\xc1",
}


def _not_canonical() -> list[tuple[str, bytes, str]]:
    note = body_of([NOTE])
    head = pack(header(note))
    whole = envelope(head, note)
    opening = pack([SALT, "incident", INCIDENT, []])[:-1] + b"\x91\x82\xa1t\xa1x\xa1v"
    bodies = [(f"{code} in an op", opening + bad, code) for code, bad in _BAD_VALUES.items()]
    bodies.append(("something behind the body", note + b"\xc0", "trailing_bytes"))
    bodies.append(
        ("a kind of 16 385 bytes", pack([SALT, "k" * 16_385, INCIDENT, [NOTE]]), "text_too_long")
    )
    many = pack([SALT, "incident", INCIDENT, []])[:-1] + b"\xdc\x00\x15" + pack(NOTE) * 20
    bodies.append(("21 ops, the last one a float", many + _BAD_VALUES["float"], "float"))
    found = [(story, envelope(pack(header(body)), body), code) for story, body, code in bodies]
    return [
        *found,
        ("something behind the envelope", whole + b"\n", "trailing_bytes"),
        ("an envelope cut off", whole[:-1], "truncated"),
        ("an empty file", b"", "truncated"),
        ("a header in a long form", whole.replace(b"\x93\xc4", b"\x93\xc5\x00", 1), "not_shortest"),
        ("seq in a long form", envelope(_spliced(head, 2, b"\xcc\x01"), note), "not_shortest"),
        (
            "a float for the wall clock",
            envelope(_spliced(head, 5, b"\xcb\x3f\xf8" + bytes(6)), note),
            "float",
        ),
        ("a scope that is not UTF-8", envelope(_spliced(head, 10, b"\xa2\xc3\x28"), note), "utf8"),
        ("something behind the header", envelope(head + b"\xc0", note), "trailing_bytes"),
    ]


def _spliced(head: bytes, index: int, packed: bytes) -> bytes:
    items = header(body_of([NOTE]))
    parts = [pack(item) for item in items]
    assert b"\xdc\x00\x10" + b"".join(parts) == head
    parts[index] = packed
    return b"\xdc\x00\x10" + b"".join(parts)


_BAD_HEADERS: list[tuple[str, dict[str, Any]]] = [
    ("version 0", {"v": 0}),
    ("version true", {"v": True}),
    ("a chain of 15 bytes", {"chain": bytes(15)}),
    ("a chain as text", {"chain": "c" * 16}),
    ("seq -1", {"seq": -1}),
    ("no set before seq 1", {"prev": None}),
    ("a set before seq 0", {"seq": 0}),
    ("a set before of 31 bytes", {"prev": bytes(31)}),
    ("a stamp of 7 bytes", {"hlc": bytes(7)}),
    ("a wall clock as text", {"wall_ms": "12:00"}),
    ("a monotonic clock without its session", {"mono": [5]}),
    ("a monotonic session of 9 bytes", {"mono": [bytes(9), 5]}),
    ("nobody acted", {"user": None}),
    ("seen before the log began", {"seen": [-1, bytes(16)]}),
    ("seen with a whole hash", {"seen": [1, bytes(32)]}),
    ("a beacon of 15 bytes", {"beacon": bytes(15)}),
    ("a scope as bytes", {"scope": b"org"}),
    ("a scope of 129 characters", {"scope": "中" * 129}),
    ("lane 2", {"lane": 2}),
    ("lane true", {"lane": True}),
    ("a schema without a reader", {"schema": [1]}),
    ("flags -1", {"flags": -1}),
    ("a body hash of 31 bytes", {"body_hash": bytes(31)}),
    ("a later set that continues a chain", {"continues": [bytes(16), 3, bytes(32), "lost"]}),
    ("a continuation without a reason", {"seq": 0, "prev": None, "continues": [bytes(16), 3, bytes(32)]}),
]  # fmt: skip


def _bad_shapes() -> list[tuple[str, bytes]]:
    note = body_of([NOTE])
    items = header(note)
    head = pack(items)
    bodies: list[tuple[str, Any]] = [
        ("a body that is a map", {"ops": []}),
        ("a body of three items", [SALT, "incident", INCIDENT]),
        ("a body of five items", [SALT, "incident", INCIDENT, [NOTE], None]),
        ("a salt of 15 bytes", [bytes(15), "incident", INCIDENT, [NOTE]]),
        ("a kind of 33 characters", [SALT, "k" * 33, INCIDENT, [NOTE]]),
        ("an entity of 15 bytes", [SALT, "incident", bytes(15), [NOTE]]),
        ("no ops", [SALT, "incident", INCIDENT, []]),
        ("21 ops", [SALT, "incident", INCIDENT, [NOTE] * 21]),
        ("ops that are a map", [SALT, "incident", INCIDENT, NOTE]),
        ("an op that is an array", [SALT, "incident", INCIDENT, [["entry.add"]]]),
        ("an op without t", [SALT, "incident", INCIDENT, [{"text": "x"}]]),
        ("an op whose t is a number", [SALT, "incident", INCIDENT, [{"t": 1}]]),
    ]
    return [
        *((story, envelope(pack(header(note, **changed)), note)) for story, changed in _BAD_HEADERS),
        *((story, envelope(pack(header(pack(body))), pack(body))) for story, body in bodies),
        ("an envelope of two items", pack([head, bytes(64)])),
        ("an envelope of four items", pack([head, bytes(64), note, None])),
        ("an envelope that is a map", pack({"header": head})),
        ("an envelope that is a number", b"\x05"),
        ("a header as text", pack(["header", bytes(64), note])),
        ("a body as text", pack([head, bytes(64), "body"])),
        ("no signature", pack([head, None, note])),
        ("a signature of 63 bytes", envelope(head, note, bytes(63))),
        ("a signature of 65 bytes", envelope(head, note, bytes(65))),
        ("a header of 15 items", envelope(pack(items[:15]), note)),
        ("a header of 17 items", envelope(pack([*items, None]), note)),
        ("a header of three items", envelope(pack(items[:3]), note)),
        ("a header that is a map", envelope(pack({"v": 1}), note)),
        ("a later version whose chain has 15 bytes", envelope(pack([2, bytes(15), 1, bytes(32)]), note)),
        ("a later version without the set before it", envelope(pack([2, bytes(16), 1, None]), note)),
    ]  # fmt: skip


def _bad_opens() -> list[tuple[str, bytes]]:
    chain, good = chain_of("Ed25519"), OPEN["Ed25519"]
    bodies = [
        ("an incident opens a chain", body_of([good], "incident", chain)),
        ("a chain opened under another id", body_of([good], "chain", INCIDENT)),
        ("a note opens a chain", body_of([NOTE], "chain", chain)),
        ("an unknown algorithm", body_of([good | {"alg": "RS256"}], "chain", chain)),
        ("an algorithm named like a method", body_of([good | {"alg": "toString"}], "chain", chain)),
        (
            "a P-256 key said to be Ed25519",
            body_of([good | {"pub": KEYS["ES256"]}], "chain", chain),
        ),
        ("a key as text", body_of([good | {"pub": "k" * 32}], "chain", chain)),
        ("a nonce of 15 bytes", body_of([good | {"nonce": bytes(15)}], "chain", chain)),
        ("another nonce than the chain's", body_of([good | {"nonce": bytes(16)}], "chain", chain)),
        ("no app", body_of([{key: good[key] for key in good if key != "app"}], "chain", chain)),
    ]
    return [(story, envelope(pack(header(body, seq=0, prev=None)), body)) for story, body in bodies]


def _too_large() -> list[tuple[str, bytes]]:
    note = body_of([NOTE])
    long_op = body_of([{"t": "x", "v": bytes(65_536)}])
    wordy = pack(header(note, seq=0, prev=None, continues=[bytes(16), 1, bytes(32), "a" * 4_096]))
    return [
        ("an op of more than 65 536 bytes", envelope(pack(header(long_op)), long_op)),
        ("an envelope of 262 145 bytes", b"\x00" * 262_145),
        ("a header of more than 4 096 bytes", envelope(wordy, note)),
    ]


def refused() -> list[dict[str, Any]]:
    """Bytes that are no set, with the one code each (CS7), and for `not_canonical` the code of CB8."""
    note, other = body_of([NOTE]), body_of([NOTE | {"text": "另"}])
    plain: dict[str, list[tuple[str, bytes]]] = {
        "bad_shape": _bad_shapes(),
        "too_large": _too_large(),
        "bad_body": [
            ("another body than the header says", envelope(pack(header(note)), other)),
            ("an empty body", envelope(pack(header(note)), b"")),
        ],
        "bad_chain_open": _bad_opens(),
    }
    return [
        *(
            {"story": story, "code": "not_canonical", "canon": code, "raw": squeezed(raw)}
            for story, raw, code in _not_canonical()
        ),
        *(
            {"story": story, "code": code, "raw": squeezed(raw)}
            for code, cases in plain.items()
            for story, raw in cases
        ),
    ]
