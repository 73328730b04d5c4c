"""Response zones and their versions: ``/api/zones``. For administrators; everybody at a desk may look.

Responsible for the calls. A zone is never changed in place: what began under its old borders or tier is judged by those
(SPEC PO5). What may be written is decided by `server.intake.limits`.

Example: ``POST /api/zones {"name": "昂素镇区", "note": "", "station": "...", "tier": 5, "polygon": [[382700000,
1078700000], ...]}`` answers ``{"id": "...", "idx": 42, "from_ms": 1753000000000}``."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from server.api.ids import Hex32, Ms, from_hex, hex_or_none
from server.api.policies import WRITING, Added, name_of, written
from server.api.session import NO_STORE
from server.api.spec import SESSION, SESSION_AND_CSRF, json_body, refusals
from server.auth.guards import Access, SignedIn, at_desk, may_administer
from server.intake import limits
from server.intake.door import Intake
from server.now import Clock
from sync.incident.zones import zone_of_row


class ZoneVersion(msgspec.Struct, frozen=True):
    """One version of a zone. ``zone`` is the same in all of them. ``state``: ``past``, ``in_force`` or ``to_come``;
    a zone that ``ended`` stands no more. ``polygon``: [latitude, longitude] in 1e-7 degree, null for the country
    of the station outside all borders."""

    id: Hex32
    zone: Hex32
    name: str
    station: Hex32 | None
    tier: int | None
    polygon: list[tuple[int, int]] | None
    from_ms: Ms
    ended: bool
    by: Hex32 | None
    by_name: str
    note: str
    state: str


class ZoneList(msgspec.Struct, frozen=True):
    """Every version of every zone, by name, then the newest first."""

    now_ms: Ms
    zones: list[ZoneVersion]


class NewZone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a zone, or a new zone without ``zone``. ``from_ms`` left out is now; ``tier`` 0 is as soon as
    possible; ``ended`` ends it."""

    name: str
    note: str
    station: Hex32 | None = None
    tier: int | None = None
    polygon: list[Any] | None = None
    zone: Hex32 | None = None
    from_ms: int | None = None
    ended: bool = False

    def row(self, by: bytes) -> dict[str, Any]:
        """The row it would be."""
        told: dict[str, Any] = {
            "name": self.name,
            "note": self.note,
            "by": by,
            "station": None if self.station is None else bytes.fromhex(self.station),
            "tier": self.tier,
            "polygon": self.polygon,
            "zone": None if self.zone is None else bytes.fromhex(self.zone),
            "from_ms": self.from_ms,
            "ended": True if self.ended else None,
        }
        return {name: value for name, value in told.items() if value is not None}


@get(
    "/api/zones",
    tags=["policies"],
    operation_id="listZones",
    guards=[at_desk],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def list_zones(
    access: NamedDependency[Access], clock: NamedDependency[Clock]
) -> Response[ZoneList]:
    """List every version of the zones, with borders, tier, station, author and date."""
    now_ms, directory = clock.now_ms(), access.directory()
    standing = {zone.row for zone in directory.book.zones.at(now_ms)}
    found = []
    for row_id, row in directory.of("zones").items():
        zone = zone_of_row(row_id, row)
        if zone is None:
            continue
        state = "in_force" if zone.row in standing else "past"
        found.append(
            ZoneVersion(
                id=row_id.hex(),
                zone=zone.id.hex(),
                name=zone.name,
                station=hex_or_none(zone.station),
                tier=zone.tier,
                polygon=None if zone.ring is None else list(zone.ring),
                from_ms=zone.from_ms,
                ended=zone.ended,
                by=hex_or_none(row.get("by")),
                by_name=name_of(directory, row.get("by")),
                note=str(row.get("note", "")),
                state="to_come" if zone.from_ms > now_ms else state,
            )
        )
    found.sort(key=lambda one: (one.name, one.zone, -one.from_ms, one.id))
    return Response(ZoneList(now_ms, found), headers=NO_STORE)


@post(
    "/api/zones",
    tags=["policies"],
    operation_id="addZone",
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals("bad_zone", "two_without_borders", *WRITING),
)
async def add_zone(
    data: Annotated[
        NewZone,
        json_body(
            {
                "name": "昂素镇区",
                "note": "按 2026 年建成区",
                "station": "00112233445566778899aabbccddeeff",
                "tier": 5,
                "polygon": [
                    [382_500_000, 1_078_400_000],
                    [382_500_000, 1_079_000_000],
                    [382_900_000, 1_078_700_000],
                ],
            },
            "A town and its borders",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    intake: NamedDependency[Intake],
    entropy: NamedDependency[Callable[[int], bytes]],
) -> Response[Added]:
    """Add a zone, or the next version of one. What began before it is judged by what stood then."""
    row_id, row = entropy(16), data.row(who.person.id)
    done = await written(intake, partial(limits.add_zone, row_id=row_id, row=row))
    return Response(Added(row_id.hex(), done.idx, done.from_ms), headers=NO_STORE)


@delete(
    "/api/zones/{version:str}",
    tags=["policies"],
    operation_id="withdrawZone",
    status_code=200,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(*WRITING, "has_begun"),
)
async def withdraw_zone(
    version: FromPath[str], who: NamedDependency[SignedIn], intake: NamedDependency[Intake]
) -> Response[Added]:
    """Take back a version of a zone that has not begun."""
    row_id = from_hex(version, "version")
    job = partial(limits.withdraw, what="zones", row_id=row_id, by=who.person.id)
    done = await written(intake, job)
    return Response(Added(version, done.idx, done.from_ms), headers=NO_STORE)


ROUTES: Final[list[Any]] = [list_zones, add_zone, withdraw_zone]
