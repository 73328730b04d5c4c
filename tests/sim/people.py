"""Who lives in the simulated world: two stations, their officers, and the desks of the centre.

Responsible for the rows the organisation begins with. Refuses to know what becomes of them.

Example: `ROWS` gives `("people", OFFICERS[0].id, {"name": "officer-0", …})` among others.
"""

from typing import Any

import msgspec

from sync import ids

OrgRow = tuple[str, bytes, dict[str, Any]]


def _id(name: str) -> bytes:
    return ids.tagged_hash("ortoo/sim/1", name.encode())[:16]


class Person(msgspec.Struct, frozen=True):
    """Somebody with a role."""

    name: str
    role: str
    station: bytes | None

    @property
    def id(self) -> bytes:
        """16 bytes that follow from the name."""
        return _id(self.name)

    def row(self, **changed: Any) -> dict[str, Any]:
        """The row of the organisation, with changes."""
        row: dict[str, Any] = {"name": self.name, "role": self.role, "station": self.station}
        return {key: value for key, value in (row | changed).items() if value is not None}


STATIONS = (_id("station-0"), _id("station-1"))
VEHICLE = _id("vehicle-0")
UNITS = (_id("unit-0"), _id("unit-1"))
OFFICERS = (
    Person("officer-0", "officer", STATIONS[0]),
    Person("officer-1", "officer", STATIONS[0]),
    Person("officer-2", "officer", STATIONS[1]),
)
LEAD = Person("lead-0", "station", STATIONS[0])
DISPATCHER = Person("dispatcher", "dispatcher", None)
COMMANDER = Person("commander", "commander", None)
EVERYBODY = (*OFFICERS, LEAD, DISPATCHER, COMMANDER)

ROWS: tuple[OrgRow, ...] = (
    *(("stations", at, {"name": f"station-{n}"}) for n, at in enumerate(STATIONS)),
    *(
        ("units", at, {"name": f"unit-{n}", "station": station})
        for n, (at, station) in enumerate(zip(UNITS, STATIONS, strict=True))
    ),
    *(("people", person.id, person.row()) for person in EVERYBODY),
)
