"""Calls of the San Diego police: one row per call and ONE time stamp.

Source of the format: the city's open data set "Police Calls for Service"; `date_time` is local
(America/Los_Angeles) `YYYY-MM-DD hh:mm:ss`. Responsible for reading one row into one call; refuses
to invent times the source does not have.

What becomes of a row: the call is received at its one time. Its disposition is the unit's own
word on how it ended, so a unit is sent and reports it (`feedback`) at that same time. Nothing is
known of signing, departure, arrival or closing, so none is made: the measured intervals are empty.
A call cancelled or never dispatched (`CAN`, `W`) is withdrawn; a duplicate (`DUP`, `V`) or a call
without a disposition gets no unit.

Example: `"…","2023-01-01 00:00:05",…,"FD","CAN",…` is a withdrawn incident without an order.
"""

from collections.abc import Iterator
from pathlib import Path

from server.fleet.replay.calls import Call, DeskStep, Leg, Numbers, Problems, Step, rows
from server.fleet.replay.localtime import Zone, iso

ZONE = "America/Los_Angeles"
NUMBER, TIME, TYPE = "incident_num", "date_time", "call_type"
DISPOSITION, BEAT, PRIORITY = "disposition", "beat", "priority"
ADDRESS = ("address_number_primary", "address_dir_primary", "address_road_primary")
ADDRESS_END = "address_sfx_primary"
CROSSING = ("address_dir_intersecting", "address_road_intersecting", "address_sfx_intersecting")
COLUMNS = frozenset(
    {NUMBER, TIME, TYPE, DISPOSITION, BEAT, PRIORITY, *ADDRESS, ADDRESS_END, *CROSSING}
)
WITHDRAWN = {"CAN": "cancelled", "W": "cancelled before a unit was dispatched"}
WITHOUT_UNIT = frozenset({"", "DUP", "V", *WITHDRAWN})


def read(path: Path, problems: Problems, numbers: Numbers) -> Iterator[Call]:
    """Each row as a call, in file order. Raises SourceError for another format."""
    for line, row in rows(path, COLUMNS, problems):
        zone = Zone(ZONE)
        try:
            received_ms = zone.utc_ms(iso(row[TIME].strip()))
        except ValueError as error:
            problems.add(line, TIME, f"{error}: the row is left out")
            continue
        disposition = row[DISPOSITION].strip()
        beat = row[BEAT].strip()
        yield Call(
            source_no=numbers.unique(row[NUMBER]),
            received_ms=received_ms,
            title=row[TYPE].strip() or "UNKNOWN",
            place=_place(row),
            level=_level(row[PRIORITY]),
            area="" if beat in ("", "-1") else f"beat {beat[:-2] or '0'}xx",
            narrative=disposition,
            legs=(
                ()
                if disposition in WITHOUT_UNIT
                else (Leg("", received_ms, (Step("feedback", received_ms, disposition),)),)
            ),
            desk=(
                (DeskStep("withdraw", received_ms, 0, WITHDRAWN[disposition]),)
                if disposition in WITHDRAWN
                else ()
            ),
            ambiguous=zone.met_doubled_hour,
        )


def _place(row: dict[str, str]) -> str:
    """`700 W MARKET ST`, with `/ 05TH AVE` at a corner; house number 0 means none."""
    number, *rest = (row[column].strip() for column in ADDRESS)
    street = [part for part in (*rest, row[ADDRESS_END].strip()) if part]
    if street and number not in ("", "0"):
        street.insert(0, number)
    crossing = [part for part in (row[column].strip() for column in CROSSING) if part]
    return " / ".join(" ".join(parts) for parts in (street, crossing) if parts)


def _level(priority: str) -> int:
    """1 (highest) to 4 from the source's 0 to 4; its 9 is informational."""
    return min(int(priority) + 1, 4) if priority.strip().isdecimal() else 4
