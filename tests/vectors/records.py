"""Cases of RL: rulings of every kind, listed in one scope in this order, and bytes that are none.

Example: the third ruling's head is the hash of the second head and the third leaf (SC2).
"""

from typing import Any

from tests.vectors.packing import pack

AT_MS = 1_764_000_000_000
EFF = bytes.fromhex("019ab697e8000007")
INCIDENT, CHAIN, PERSON, STATION = (bytes([n]) * 16 for n in (0x11, 0x22, 0x33, 0x44))


def _set_ruling(
    decision: str,
    why: str | None = None,
    flags: list[str] | None = None,
    facts: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        "set": bytes(range(32)),
        "chain": CHAIN,
        "seq": 7,
        "e": INCIDENT,
        "d": decision,
        "why": why,
        "eff": EFF,
        "flags": flags or [],
        "no": None,
        "in": {"lo": AT_MS - 60_000} if facts is None else facts,
        **more,
    }


def _review(decision: str, why: str | None, by: bytes | None, text: str) -> dict[str, Any]:
    later = _set_ruling(decision, why) | {"at": AT_MS, "by": by, "text": text}
    del later["in"]
    return later


# story, idx, at_ms, kind, payload
RULINGS: list[tuple[str, int, int, str, dict[str, Any]]] = [
    ("a create that earned a number", 1, AT_MS, "set", _set_ruling("accepted", no="251125-0001")),
    ("heard an hour late, with a gap before it", 2, AT_MS + 3_600_000, "set",
     _set_ruling("accepted_late", flags=["clock_ahead", "gap"])),
    ("held: nobody knows the chain", 3, AT_MS + 1, "set",
     _set_ruling("held", "unenrolled", facts={"lo": AT_MS, "stranger": True})),
    ("a command of somebody whose role changed meanwhile, with the facts", 4, AT_MS + 1, "set",
     _set_ruling("held", "authority_straddles", facts={
         "grants": [[["officer"], STATION], [["dispatcher"], None]],
         "incident": [CHAIN, PERSON, "self", STATION],
         "lo": AT_MS - 9,
     })),
    ("a person admits it", 5, AT_MS + 9, "review", _review("accepted_late", None, PERSON, "核实过")),
    ("the centre reads what it could not", 6, AT_MS + 9, "review", _review("rejected", "bad_op", None, "")),
    ("a question to its author", 7, AT_MS + 8, "ask",
     {"set": bytes(range(32)), "chain": CHAIN, "e": INCIDENT, "by": PERSON, "text": "是您本人写的吗？"}),
    ("rejected: no authority", 128, AT_MS + 2, "set", _set_ruling("rejected", "no_authority", ["gap"])),
    ("opaque: about no incident that can be read", 65_536, AT_MS + 3, "set",
     _set_ruling("opaque", "newer_version", e=None)),
    ("a person joins", 65_537, AT_MS + 4, "org",
     {"what": "people", "id": PERSON, "row": {"name": "艾力江", "station": STATION}}),
    ("a person is gone", 65_538, AT_MS + 5, "org", {"what": "people", "id": PERSON, "row": None}),
    ("a chain has two writers", 65_538, AT_MS + 5, "fork", {
        "chain": CHAIN, "seq": 7, "a": [b"\x01" * 40, b"\x02" * 64], "b": [b"\x03" * 40, b"\x04" * 64],
    }),
    ("an incident moves to another station", 65_539, AT_MS + 6, "scope",
     {"e": INCIDENT, "add": f"station:{STATION.hex()}:2025-11"}),
    ("it leaves the one it came from, at the same index", 65_540, AT_MS + 6, "scope",
     {"e": INCIDENT, "add": f"station:{STATION.hex()}:2025-11", "del": [f"station:{PERSON.hex()}:2025-11"]}),
    ("a kind of later versions is kept", 2**32, AT_MS + 7, "seal", {"upto": 9}),
]  # fmt: skip

_GOOD = pack([1, 1, AT_MS, "scope", {}])

# story, bytes, code
REFUSED: list[tuple[str, bytes, str]] = [
    ("four items", pack([1, 1, AT_MS, "scope"]), "unsupported"),
    ("six items", pack([1, 1, AT_MS, "scope", {}, None]), "unsupported"),
    ("another version", pack([2, 1, AT_MS, "scope", {}]), "unsupported"),
    ("an index of 0", pack([1, 0, AT_MS, "scope", {}]), "unsupported"),
    ("a time as text", pack([1, 1, "now", "scope", {}]), "unsupported"),
    ("a kind that is no text", pack([1, 1, AT_MS, b"scope", {}]), "unsupported"),
    ("a kind of 33 characters", pack([1, 1, AT_MS, "s" * 33, {}]), "unsupported"),
    ("a payload that is no map", pack([1, 1, AT_MS, "scope", []]), "unsupported"),
    ("a map instead of an array", pack({"v": 1}), "unsupported"),
    ("something behind it", _GOOD + b"\xc0", "trailing_bytes"),
    ("cut off", _GOOD[:-1], "truncated"),
    (
        "an index in a long form",
        _GOOD.replace(b"\x95\x01\x01", b"\x95\x01\xcc\x01"),
        "not_shortest",
    ),
    ("a float in the payload", _GOOD[:-1] + b"\x81\xa1a\xca\x3f\xc0\x00\x00", "float"),
    ("text that is not UTF-8", _GOOD[:-1] + b"\x81\xa1a\xa1\xff", "utf8"),
    ("a payload too deep", _GOOD[:-1] + b"\x81\xa1a" + b"\x91" * 7 + b"\xc0", "depth"),
]

# Of two rulings on one set: story, the index of one, that of the other, whether the one decides
_OF_STATION = 2**52
STANDING: list[tuple[str, int | None, int | None, bool]] = [
    ("RL6: the newer of two rulings of the centre", 9, 4, True),
    ("RL6: the older of two", 4, 9, False),
    ("RL6: one ruling beside itself", 4, 4, False),
    ("RL6: any ruling before none", 4, None, True),
    ("RL6: none before any", None, 4, False),
    ("HB3: the centre's before a station's, however low its number", 1, _OF_STATION, True),
    ("HB3: a station's never before the centre's", _OF_STATION + 7, 1, False),
    ("HB3: the newer of two of stations", _OF_STATION + 2, _OF_STATION + 1, True),
    ("HB3: a station's before none", _OF_STATION, None, True),
    ("HB3: the last index before a station's is the centre's", _OF_STATION - 1, _OF_STATION, True),
]

_THERE, _GONE = f"station:{STATION.hex()}:2025-11", f"station:{PERSON.hex()}:2025-11"
_MOVED = {"e": INCIDENT, "add": _THERE, "del": [_GONE]}
_BESIDE = f"hub:{CHAIN.hex()}:{_GONE}"

# A line of a scope: story, kind and payload of its ruling, the scope, whether the incident leaves that with it
LEAVING: list[tuple[str, str, dict[str, Any], str, bool]] = [
    ("SC6: it leaves the scope that is named", "scope", _MOVED, _GONE, True),
    ("SC6: it stays in the one it is added to", "scope", _MOVED, _THERE, False),
    ("SC6: it leaves what a station lists beside that scope", "scope", _MOVED, _BESIDE, True),
    ("SC6: it is only added", "scope", {"e": INCIDENT, "add": _THERE}, _THERE, False),
    (
        "SC6: it leaves one and is added nowhere",
        "scope",
        {"e": INCIDENT, "del": [_GONE]},
        _GONE,
        True,
    ),
    ("SC6: another month of the same station", "scope", _MOVED, _GONE[:-2] + "12", False),
    ("SC6: a kind of later versions", "scopes", _MOVED, _GONE, False),
]
