"""Cases of CS: sets as they are written, read, and kept unread, with fixed keys.

The keys are for these files alone. ECDSA is made deterministic (RFC 6979), so that a second forging gives the same
bytes; verifiers cannot tell.

Example: `chain_of("Ed25519")` is the chain that the Ed25519 key opens.
"""

from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.vectors.clocks import hex_of
from tests.vectors.packing import pack, squeezed, tagged, value_json

WALL_MS = 1_764_000_000_000
USER, STATION, INCIDENT, NONCE, SALT = (bytes([n]) * 16 for n in (0x55, 0x44, 0x11, 0x66, 0x77))
SESSION = b"session8"

ED_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_EC = ec.derive_private_key(0x0123456789ABCDEF0123456789ABCDEF, ec.SECP256R1())

KEYS = {
    "Ed25519": ED_KEY.public_key().public_bytes_raw(),
    "ES256": _EC.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    ),
}
OPEN = {
    alg: {"t": "chain.open", "alg": alg, "pub": pub, "nonce": NONCE, "app": "forge"}
    for alg, pub in KEYS.items()
}
NOTE = {"t": "entry.add", "kind": "note", "text": "到达现场，两车相撞"}


def chain_of(alg: str) -> bytes:
    """The chain that a key and the common nonce open (ID3)."""
    return tagged("ortoo/chain/1", KEYS[alg], NONCE)[:16]


def sign(alg: str, set_id: bytes) -> bytes:
    """A signature of 64 bytes over the signing bytes of a set (CS3)."""
    message = b"ortoo/sig/1\x00" + set_id
    if alg == "Ed25519":
        return ED_KEY.sign(message)
    r, s = decode_dss_signature(
        _EC.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    )
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def header(body: bytes, **changed: Any) -> list[Any]:
    """The sixteen items of a header in order; by default the second set of the Ed25519 chain."""
    items = {
        "v": 1,
        "chain": chain_of("Ed25519"),
        "seq": 1,
        "prev": bytes(32),
        "hlc": bytes.fromhex(hex_of((WALL_MS, 0))),
        "wall_ms": WALL_MS,
        "mono": [SESSION, 5000],
        "user": USER,
        "seen": None,
        "beacon": None,
        "scope": f"station:{STATION.hex()}:2025-11",
        "lane": 0,
        "schema": [1, 1],
        "flags": 0,
        "body_hash": tagged("ortoo/body/1", body),
        "continues": None,
    }
    assert changed.keys() <= items.keys()
    return list((items | changed).values())


def body_of(ops: list[Any], kind: str = "incident", entity: bytes = INCIDENT) -> bytes:
    """The bytes of a body."""
    return pack([SALT, kind, entity, ops])


def envelope(header_bytes: bytes, body: bytes | None, signature: bytes = bytes(64)) -> bytes:
    """The bytes of an envelope; the signature is zeros where nobody looks at it."""
    return pack([header_bytes, signature, body])


# story, algorithm, draft, circumstances; in order, each on the chain that the one before left
_DRAFTS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("a phone opens its chain", "Ed25519", {"kind": "chain", "entity": chain_of("Ed25519"), "ops": [OPEN["Ed25519"]]},
     {"hlc": (WALL_MS, 0)}),
    ("an officer reports an incident", "Ed25519", {"lane": 1, "ops": [
        {"t": "incident.create", "source": "self", "station": STATION, "tag": "K-7"},
        {"t": "fact.set", "f": "title", "v": "国道 216 车祸", "p": []},
        {"t": "fact.set", "f": "point", "v": [478_412_345, 881_234_567], "p": []},
    ]}, {"wall_ms": WALL_MS + 60_000, "hlc": (WALL_MS + 60_000, 0)}),
    ("the clock stands still, the counter goes on", "Ed25519", {"ops": [NOTE]},
     {"wall_ms": WALL_MS + 60_000, "seen": [128, bytes(range(16))], "beacon": bytes(range(16, 32)),
      "hlc": (WALL_MS + 60_000, 1)}),
    ("the date was wrong by days and is put right", "Ed25519", {"ops": [NOTE]},
     {"wall_ms": WALL_MS - 300_000_000, "offset_ms": 1000, "reset": True, "hlc": (WALL_MS - 299_999_000, 0)}),
    ("a new phone goes on where the old one stopped", "ES256",
     {"kind": "chain", "entity": chain_of("ES256"), "scope": "org", "ops": [OPEN["ES256"]]},
     {"flags": 2, "continues": [chain_of("Ed25519"), 3, bytes(32), "new device"], "hlc": (WALL_MS, 0)}),
    ("a P-256 key signs a note", "ES256", {"scope": "org", "ops": [NOTE]}, {"offset_ms": None, "hlc": (WALL_MS, 1)}),
]  # fmt: skip


def written() -> list[dict[str, Any]]:
    """Two chains as their devices write them."""
    cases: list[dict[str, Any]] = []
    at: dict[str, tuple[int, bytes | None, tuple[int, int]]] = dict.fromkeys(
        KEYS, (0, None, (0, 0))
    )
    for story, alg, said, when in _DRAFTS:
        seq, prev, last = at[alg]
        draft: dict[str, Any] = {
            "user": USER,
            "scope": f"station:{STATION.hex()}:2025-11",
            "kind": "incident",
            "entity": INCIDENT,
            "lane": 0,
        } | said
        now: dict[str, Any] = {
            "wall_ms": WALL_MS,
            "offset_ms": 0,
            "mono": [SESSION, 5000],
            "seen": None,
            "beacon": None,
            "continues": None,
            "flags": 0,
        } | when
        hlc, reset = now.pop("hlc"), now.pop("reset", False)
        body = body_of(draft["ops"], draft["kind"], draft["entity"])
        from_now = {name: now[name] for name in ("wall_ms", "mono", "seen", "beacon", "continues")}
        head = pack(header(
            body, chain=chain_of(alg), seq=seq, prev=prev, hlc=bytes.fromhex(hex_of(hlc)), scope=draft["scope"],
            lane=draft["lane"], flags=now["flags"] | (1 if reset else 0), **from_now,
        ))  # fmt: skip
        set_id = tagged("ortoo/set/1", head)
        signature = sign(alg, set_id)
        cases.append({
            "story": story,
            "alg": alg,
            "pub": KEYS[alg].hex(),
            "writer": {"chain": chain_of(alg).hex(), "seq": seq, "prev": prev and prev.hex(), "stamp": hex_of(last)},
            "draft": value_json(draft),
            "now": value_json(now | {"salt": SALT}),
            "header": head.hex(),
            "body": body.hex(),
            "set": set_id.hex(),
            "signature": signature.hex(),
            "raw": envelope(head, body, signature).hex(),
            "stamp": hex_of(hlc),
        })  # fmt: skip
        at[alg] = (seq + 1, set_id, hlc)
    return cases


def _readable() -> list[tuple[str, str, bytes]]:
    note = body_of([NOTE])
    head = pack(header(note))
    twenty, odd = body_of([NOTE] * 20), body_of([{"t": "later.thing", "x": {"y": [1]}}], "parcel")
    return [
        ("a redacted set still has its place", "CS4", envelope(head, None)),
        ("twenty ops", "CS2", envelope(pack(header(twenty)), twenty)),
        ("an op and a kind of later versions", "IN1", envelope(pack(header(odd)), odd)),
        (
            "a wall clock before 1970",
            "CS1",
            envelope(pack(header(note, wall_ms=-1, flags=7)), note),
        ),
        ("a scope of 128 characters", "CS1", envelope(pack(header(note, scope="中" * 128)), note)),
    ]


def _set_json(raw: bytes, head: bytes) -> dict[str, Any]:
    return {"raw": squeezed(raw), "set": tagged("ortoo/set/1", head).hex()}


def read() -> list[dict[str, Any]]:
    """Sets at the edge of what can be read."""
    found = []
    for story, rule, raw in _readable():
        # The header's length stands in one or two bytes behind `93 c4` or `93 c5`.
        start, size = (3, raw[2]) if raw[1] == 0xC4 else (4, int.from_bytes(raw[2:4], "big"))
        found.append({"story": story, "rule": rule, **_set_json(raw, raw[start : start + size])})
    return found


def newer() -> list[dict[str, Any]]:
    """Sets of later versions: opaque and kept, their place in the chain known (CS1, CS7)."""
    note = body_of([NOTE])
    heads: list[tuple[str, list[Any], int]] = [
        ("version 2 with other items behind", [2, INCIDENT, 9, bytes(32), "later", {"x": 1}], 80),
        ("version 2 with nothing behind the fourth", [2, INCIDENT, 0, None], 64),
        ("version 1 that asks for a later reader", header(note, schema=[2, 2]), 64),
        ("a later reader and another signature", header(note, schema=[2, 2]), 80),
    ]
    return [
        {
            "story": story,
            **_set_json(envelope(pack(head), note, bytes(signed)), pack(head)),
            "chain": head[1].hex(),
            "seq": head[2],
            "prev": head[3] and head[3].hex(),
        }
        for story, head, signed in heads
    ]


def cases() -> dict[str, Any]:
    """All of them as JSON."""
    return {
        "written": written(),
        "read": read(),
        "newer": newer(),
    }
