"""The organisation as a page needs it: ``/api/org``. Names, never secrets; small enough to be sent
whole.

Reads the directory the intake holds in memory and shapes it; changes nothing. Devices receive the
same picture at enrolment.

Example: ``GET /api/org`` answers ``{"stations": [{"id": "...", "name": "昂素派出所"}], "units":
[...], ...}``."""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from server.api.ids import Hex32, hex_or_none, plain
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.auth.guards import Access, signed_in
from server.now import Clock
from server.store.people import Directory, Row


class StationRow(msgspec.Struct, frozen=True):
    """A police station."""

    id: Hex32
    name: str


class UnitRow(msgspec.Struct, frozen=True):
    """A unit that takes orders."""

    id: Hex32
    name: str
    station: Hex32 | None


class PersonRow(msgspec.Struct, frozen=True):
    """A person and the role they act in."""

    id: Hex32
    name: str
    role: str
    station: Hex32 | None
    unit: Hex32 | None


class VehicleRow(msgspec.Struct, frozen=True):
    """A vehicle that takes orders."""

    id: Hex32
    name: str
    unit: Hex32 | None
    station: Hex32 | None


class ZoneRow(msgspec.Struct, frozen=True):
    """A response zone that stands now; ``tier`` is minutes to arrival, 0 as soon as possible."""

    id: Hex32
    name: str
    station: Hex32 | None
    tier: int | None


class CodeRow(msgspec.Struct, frozen=True):
    """A code and its words."""

    code: str
    zh: str
    en: str


class Limits(msgspec.Struct, frozen=True):
    """The rows that limits are made of, with their ids, as the rulings hold them (SPEC PO): bytes as hex."""

    policies: list[tuple[Hex32, dict[str, Any]]]
    zones: list[tuple[Hex32, dict[str, Any]]]
    modes: list[tuple[Hex32, dict[str, Any]]]


class Org(msgspec.Struct, frozen=True):
    """Everything the organisation is. ``limits`` are all versions of policies, zones and modes."""

    idx: int
    stations: list[StationRow]
    units: list[UnitRow]
    people: list[PersonRow]
    vehicles: list[VehicleRow]
    zones: list[ZoneRow]
    categories: list[CodeRow]
    results: list[CodeRow]
    limits: Limits


def _sorted(directory: Directory, what: str) -> list[tuple[bytes, Row]]:
    rows = directory.of(what).items()
    return sorted(
        rows, key=lambda item: (str(item[1].get("name", item[1].get("code", ""))), item[0])
    )


def snapshot(directory: Directory, now_ms: int) -> Org:
    """The organisation as JSON rows, each list in order of its names."""
    return Org(
        idx=directory.idx,
        stations=[StationRow(at.hex(), row["name"]) for at, row in _sorted(directory, "stations")],
        units=[
            UnitRow(at.hex(), row["name"], hex_or_none(row.get("station")))
            for at, row in _sorted(directory, "units")
        ],
        people=[
            PersonRow(
                at.hex(),
                row["name"],
                row["role"],
                hex_or_none(row.get("station")),
                hex_or_none(row.get("unit")),
            )
            for at, row in _sorted(directory, "people")
        ],
        vehicles=[
            VehicleRow(
                at.hex(), row["name"], hex_or_none(row.get("unit")), hex_or_none(row.get("station"))
            )
            for at, row in _sorted(directory, "vehicles")
        ],
        zones=[
            ZoneRow(zone.id.hex(), zone.name, hex_or_none(zone.station), zone.tier)
            for zone in sorted(
                directory.book.zones.at(now_ms), key=lambda zone: (zone.name, zone.id)
            )
        ],
        categories=_codes(directory, "categories"),
        results=_codes(directory, "results"),
        limits=Limits(
            _raw(directory, "policies"), _raw(directory, "zones"), _raw(directory, "modes")
        ),
    )


def _raw(directory: Directory, what: str) -> list[tuple[str, dict[str, Any]]]:
    return [(at.hex(), plain(row)) for at, row in sorted(directory.of(what).items())]


def _codes(directory: Directory, what: str) -> list[CodeRow]:
    rows = [CodeRow(row["code"], row["zh"], row["en"]) for row in directory.of(what).values()]
    return sorted(rows, key=lambda row: row.code)


@get(
    "/api/org",
    tags=["organisation"],
    operation_id="getOrg",
    guards=[signed_in],
    security=SESSION,
    responses=refusals("not_signed_in"),
)
async def org(access: NamedDependency[Access], clock: NamedDependency[Clock]) -> Response[Org]:
    """Show the organisation: stations, units, people, vehicles, zones, codes, and every limit there is or was."""
    return Response(snapshot(access.directory(), clock.now_ms()), headers=NO_STORE)


ROUTES: Final[list[Any]] = [org]
