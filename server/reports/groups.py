"""Which group of a table a clock belongs to: by tier, zone, station, or whom its order went to.

Responsible for keys. Refuses to know names: whoever shows a key looks it up.

>>> key_of("tier", Place(tier=5)), key_of("station", Place()), key_of("target", Place(to_kind="unit", to_id=b"u" * 16))
('5', '', 'unit:75757575757575757575757575757575')
"""

from typing import Final

import msgspec

BY: Final = ("station", "target", "tier", "zone")
ALL: Final = "*"
"""The key of everything together."""
NONE: Final = ""
"""The key of what belongs to none: no tier, no zone, an incident that is nobody's alone."""


class Place(msgspec.Struct, frozen=True):
    """What a clock can be grouped by."""

    station: bytes | None = None
    to_kind: str | None = None
    to_id: bytes | None = None
    tier: int | None = None
    zone: bytes | None = None


def key_of(by: str, place: Place) -> str:
    """The key of a clock in a table by `station`, `target`, `tier` or `zone`."""
    if by == "tier":
        return NONE if place.tier is None else str(place.tier)
    if by == "target":
        return NONE if place.to_id is None else f"{place.to_kind}:{place.to_id.hex()}"
    found = place.zone if by == "zone" else place.station
    return NONE if found is None else found.hex()
