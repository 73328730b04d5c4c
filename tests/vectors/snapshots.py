"""Cases of SN: one snapshot with everything in it, an empty one, and bytes that are none.

Example: `cases()["snapshots"][0]["hash"]` is the tagged hash of its bytes.
"""

from typing import Any

from tests.vectors.packing import pack, tagged, value_json
from tests.vectors.records import AT_MS, CHAIN, EFF, INCIDENT, PERSON, STATION

_NOTE = {"t": "entry.add", "kind": "note", "text": "到了"}
_LEFT = {"t": "entry.add", "kind": "note", "text": ""}


def _record(set_id: bytes, seq: int, idx: int, *rest: Any) -> list[Any]:
    return [set_id, PERSON, CHAIN, seq, EFF, idx, AT_MS, *rest]


_RECORDS = [
    _record(bytes(32), 7, 3, "accepted", None, [], "251125-0001", pack([_NOTE]), None),
    _record(bytes([1]) * 32, 8, 9, "held", "fork", ["fork", "gap"], None, pack([_NOTE]), None),
    _record(bytes([2]) * 32, 9, 12, "accepted_late", None, [], None, pack([_LEFT]), [PERSON, "minor", AT_MS + 5]),
]  # fmt: skip


def _snapshot(**parts: Any) -> dict[str, Any]:
    whole = {
        "asides": [],
        "entities": [],
        "epoch": 1,
        "head": bytes(16),
        "n": 0,
        "org": [],
        "salt": bytes(range(16)),
        "scope": "org",
        "v": 1,
    }
    return whole | parts


SNAPSHOTS: list[tuple[str, dict[str, Any], list[list[Any]]]] = [
    ("SN1: of a scope without entries", _snapshot(), []),
    (
        "SN1: an organisation, an incident of three sets, and a ruling beside them",
        _snapshot(
            scope=f"station:{STATION.hex()}:2025-11",
            n=12,
            head=bytes([7]) * 16,
            org=[["people", PERSON, {"name": "艾力江"}]],
            entities=[[INCIDENT, pack(_RECORDS)]],
            asides=[pack([1, 5, AT_MS, "scope", {"add": "org", "e": INCIDENT}])],
        ),
        _RECORDS,
    ),
]


def cases() -> dict[str, Any]:
    """Snapshots with their bytes, hashes and records."""
    return {
        "snapshots": [
            {
                "story": story,
                "value": value_json(whole),
                "records": value_json(records),
                "hex": pack(whole).hex(),
                "hash": tagged("ortoo/snapshot/1", pack(whole)).hex(),
            }
            for story, whole, records in SNAPSHOTS
        ],
        "refused": [
            {"story": "SN1: a later version", "hex": pack(_snapshot(v=2)).hex()},
            {"story": "SN1: cut off", "hex": pack(_snapshot())[:-1].hex()},
            {"story": "SN1: no map", "hex": "c0"},
        ],
    }
