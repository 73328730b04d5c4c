"""Cases of EX: one example of every message as a device or the centre would send it.

Example: `("asking for time", "TimeRequest", {"t1": 5})`.
"""

from typing import Any

from tests.vectors.packing import pack
from tests.vectors.records import AT_MS, CHAIN, PERSON, STATION

_ENVELOPE = [b"\x01" * 40, b"\x02" * 64, b"\x03" * 30]
_REDACTED = [b"\x01" * 40, b"\x02" * 64, None]
_HELLO = {
    "v": 1,
    "app": "pwa 0.1.0",
    "chain": CHAIN,
    "head": -1,
    "pending": 0,
    "oldest_ms": None,
    "wall_ms": AT_MS,
    "mono": [b"session8", 1234],
    "request_id": bytes(16),
}

# story, message, value
MESSAGES: list[tuple[str, str, dict[str, Any]]] = [
    ("the first hello of a phone", "HelloRequest", _HELLO),
    ("a hello after a night in the mountains", "HelloRequest",
     {**_HELLO, "head": 41, "pending": 12, "oldest_ms": AT_MS - 40_000_000}),
    ("a hello that shows the token of the last one", "HelloRequest",
     {**_HELLO, "token": bytes(7) + b"\x05" + b"chance-8"}),
    ("a suspended phone is about to clear itself, and two sets go with it", "HelloRequest",
     {**_HELLO, "pending": 2, "oldest_ms": AT_MS - 60_000, "wiping": 2}),
    ("a hello of a phone that has little room left (EX13)", "HelloRequest", {**_HELLO, "storage": 97}),
    ("a hello of a phone that was told of three sets what the centre contradicted (EX14)", "HelloRequest",
     {**_HELLO, "contradicted": 3}),
    ("a hello with keys of a later version", "HelloRequest", {**_HELLO, "battery": 80}),
    ("the centre answers", "HelloReply", {
        "request_id": bytes(16),
        "wall_ms": AT_MS - 8_000,
        "role": "centre",
        "server": STATION,
        "now_ms": AT_MS,
        "uncertainty_ms": 20,
        "log": {"origin": "ortoo.example", "epoch": b"epoch--8", "size": 65_539},
        "have": 29,
        "person": PERSON,
        "scopes": [["org", 1, 300], [f"device:{CHAIN.hex()}", 1, 2]],
        "limits": {"set_bytes": 262_144, "batch_bytes": 1_048_576, "batch_sets": 200},
        "retry_after_ms": None,
        "beacon": b"\x00" * 6 + b"code------",
    }),
    ("the centre tells a copied phone to leave its chain", "HelloReply", {
        "request_id": bytes(16),
        "wall_ms": AT_MS - 8_000,
        "role": "centre",
        "server": STATION,
        "now_ms": AT_MS,
        "uncertainty_ms": 20,
        "log": {"origin": "ortoo.example", "epoch": b"epoch--8", "size": 65_539},
        "have": 29,
        "person": PERSON,
        "scopes": [],
        "limits": {"set_bytes": 262_144, "batch_bytes": 1_048_576, "batch_sets": 200},
        "retry_after_ms": None,
        "token": None,
        "rotate": "copied",
    }),
    ("a chain asks for the place of another", "RotateRequest", {"set": _ENVELOPE}),
    ("and is given its own token", "RotateReply", {"chain": CHAIN, "token": "ortoo_d1_x"}),
    ("two sets, one of them redacted", "PushRequest", {"sets": [_ENVELOPE, _REDACTED]}),
    ("one stored, one twice, one refused", "PushReply", {
        "results": [
            {"id": bytes(32), "r": "stored", "idx": 5, "at_ms": AT_MS, "d": "accepted", "no": "251125-0001"},
            {"id": bytes(32), "r": "duplicate", "idx": 3, "at_ms": AT_MS - 9, "d": "rejected", "why": "no_authority"},
            {"r": "malformed", "why": "not_canonical"},
        ],
        "have": 30,
    }),
    ("asking for two scopes", "PullRequest",
     {"cursors": [["org", 1, 0], [f"device:{CHAIN.hex()}", 1, 2]], "budget": 65_536}),
    ("a page of one scope", "PullReply", {
        "size": 65_539,
        "leaf": bytes(range(16)),
        "now_ms": AT_MS,
        "scopes": [{
            "scope": "org",
            "epoch": 1,
            "from": 1,
            "to": 2,
            "n": 300,
            "head": bytes(16),
            "entries": [[1, pack([1, 1, AT_MS, "org", {}]), None], [2, pack([1, 2, AT_MS, "set", {}]), _ENVELOPE]],
        }],
        "complete": False,
        "beacon": b"\x00" * 6 + b"code------",
    }),
    ("asking for time", "TimeRequest", {"t1": AT_MS}),
    ("time", "TimeReply", {"t1": AT_MS, "t2": AT_MS + 40, "t3": AT_MS + 41, "uncertainty_ms": 20}),
]  # fmt: skip


def _without(message: dict[str, Any], key: str) -> bytes:
    return pack({name: value for name, value in message.items() if name != key})


# story, message, bytes; what a server must not take for a message
REFUSED: list[tuple[str, str, bytes]] = [
    ("a hello without its chain", "HelloRequest", _without(_HELLO, "chain")),
    ("a chain of 15 bytes", "HelloRequest", pack({**_HELLO, "chain": bytes(15)})),
    ("a token of 15 bytes", "HelloRequest", pack({**_HELLO, "token": bytes(15)})),
    ("a rotation without its set", "RotateRequest", b"\x80"),
    ("fewer than no sets waiting", "HelloRequest", pack({**_HELLO, "pending": -1})),
    ("a time beyond 2^53", "HelloRequest",
     _without(_HELLO, "wall_ms").replace(b"\x88", b"\x89", 1) + b"\xa7wall_ms\xcf" + b"\xff" * 8),
    ("sets that are no array", "PushRequest", pack({"sets": 3})),
    ("a cursor before the beginning", "PullRequest", pack({"cursors": [["org", 1, -1]], "budget": 1})),
    ("a cursor without its epoch", "PullRequest", pack({"cursors": [["org", 1]], "budget": 1})),
    ("a time as text", "TimeRequest", pack({"t1": "now"})),
    ("a time as float", "TimeRequest", b"\x81\xa2t1\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
    ("a text that is not UTF-8", "HelloRequest", pack({**_HELLO, "app": "????"}).replace(b"????", b"\xff\xff\xff\xff")),
    ("a message cut off", "TimeRequest", b"\x81\xa2t1"),
    ("a web page", "TimeRequest", b"<!doctype html><title>Sign in to the hotel network</title>"),
    ("nothing", "TimeRequest", b""),
    ("ten thousand arrays in one another", "PushRequest", b"\x81\xa4sets" + b"\x91" * 10_000 + b"\xc0"),
]  # fmt: skip
