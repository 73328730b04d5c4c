"""Zones: pieces of country with a tier of their own, and which of them an incident lies in (SPEC PO5, PO6).

Responsible for versions of zones, for points inside polygons (integers only, the edge is inside) and for the zone of a
view. Refuses to know limits: a zone names a tier, the policy says what that means.

>>> contains([(0, 0), (0, 10), (10, 10), (10, 0)], (10, 5)), contains([(0, 0), (0, 10), (10, 0)], (6, 6))
(True, False)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from sync.canon import INT_MAX

Point = tuple[int, int]
"""Latitude and longitude in WGS-84, in 1e-7 degree."""

RING_MIN, RING_MAX = 3, 500
_LAT_MAX: Final = 900_000_000
_LON_MAX: Final = 1_800_000_000
TIER_MAX: Final = 1_440
_FOUND_LIMIT: Final = 4_096


class Zone(Struct, frozen=True):
    """One version of a zone. `id` is the same in all of its versions, `row` names this one."""

    id: bytes
    row: bytes
    from_ms: int
    name: str
    station: bytes | None
    tier: int | None
    ring: tuple[Point, ...] | None
    ended: bool


def contains(ring: Sequence[Point], point: Point) -> bool:
    """Whether a point lies inside a ring or on its edge. Even-odd; the ring does not cross the 180th meridian."""
    lat, lon = point
    inside = False
    before = ring[-1]
    for corner in ring:
        (lat_a, lon_a), (lat_b, lon_b) = before, corner
        turn = (lat_b - lat_a) * (lon - lon_a) - (lon_b - lon_a) * (lat - lat_a)
        if (
            turn == 0
            and min(lat_a, lat_b) <= lat <= max(lat_a, lat_b)
            and min(lon_a, lon_b) <= lon <= max(lon_a, lon_b)
        ):
            return True
        if (lat_a > lat) != (lat_b > lat) and (turn > 0) == (lat_b > lat_a):
            inside = not inside
        before = corner
    return inside


def ring_fault(value: Any) -> str | None:
    """What is wrong with a polygon: a list of [lat, lon], its end not repeated. None for a good one."""
    if not isinstance(value, list):
        return "wrong_type"
    if not RING_MIN <= len(value) <= RING_MAX:
        return "too_many" if len(value) > RING_MAX else "too_few"
    for point in value:
        if not (isinstance(point, list) and len(point) == 2):
            return "wrong_type"
        if not all(type(part) is int for part in point):
            return "wrong_type"
        if abs(point[0]) > _LAT_MAX or abs(point[1]) > _LON_MAX:
            return "out_of_range"
    return None


def _natural(value: Any, high: int = INT_MAX) -> int | None:
    return value if type(value) is int and 0 <= value <= high else None


def _id(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) and len(value) == 16 else None


def zone_of_row(row_id: bytes, row: dict[str, Any]) -> Zone | None:
    """Read a row of `zones`; what cannot be read counts as left out. None when its time or its place cannot (PO5)."""
    ring = row.get("polygon")
    from_ms = _natural(row.get("from_ms", 0))
    if from_ms is None or (ring is not None and ring_fault(ring) is not None):
        return None
    name = row.get("name")
    return Zone(
        id=_id(row.get("zone")) or row_id,
        row=row_id,
        from_ms=from_ms,
        name=name if isinstance(name, str) else "",
        station=_id(row.get("station")),
        tier=_natural(row.get("tier"), TIER_MAX),
        ring=None if ring is None else tuple((point[0], point[1]) for point in ring),
        ended=row.get("ended") is True,
    )


class Zones:
    """All versions of all zones; what stood at a time does not depend on the order they are given in."""

    def __init__(self, rows: Iterable[tuple[bytes, dict[str, Any]]]) -> None:
        """Read the rows of `zones`."""
        read = (zone_of_row(row_id, row) for row_id, row in rows)
        self._all = sorted(
            (zone for zone in read if zone is not None), key=lambda zone: (zone.from_ms, zone.row)
        )
        self._starts = [zone.from_ms for zone in self._all]
        self._known: dict[int, list[Zone]] = {}
        self._found: dict[tuple[int, Point | None, bytes | None], Zone | None] = {}

    def at(self, ms: int) -> list[Zone]:
        """The zones that stand at a time, the shortest tier that sets a limit first, then by id."""
        begun = bisect_right(self._starts, ms)
        known = self._known.get(begun)
        if known is None:
            newest = {zone.id: zone for zone in self._all[:begun]}
            known = self._known[begun] = sorted(
                (zone for zone in newest.values() if not zone.ended),
                key=lambda zone: (zone.tier or TIER_MAX + 1, zone.id),
            )
        return known

    def of(self, view: Mapping[str, Any], ms: int) -> Zone | None:
        """The zone an incident lies in at a time: by its newest point, else the one zone without borders of its
        station (PO6). None when there is none, or no saying which.
        """
        if not self._all:
            return None
        points = view["fields"].get("point")
        point = (points[-1]["v"][0], points[-1]["v"][1]) if points else None
        key = (bisect_right(self._starts, ms), point, view["station"])
        if key not in self._found:  # each clock of an incident asks for the same one
            if len(self._found) >= _FOUND_LIMIT:
                self._found.clear()
            self._found[key] = self._of(point, view["station"], ms)
        return self._found[key]

    def _of(self, point: Point | None, station: bytes | None, ms: int) -> Zone | None:
        standing = self.at(ms)
        if point is not None:
            for zone in standing:
                if zone.ring is not None and contains(zone.ring, point):
                    return zone
        rest = [zone for zone in standing if zone.ring is None and zone.station == station]
        return rest[0] if len(rest) == 1 and station is not None else None
