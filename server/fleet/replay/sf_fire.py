"""Calls of the San Francisco fire department: one row per unit sent, unsorted, full timelines.

Source of the format: the city's open data set "Fire Department Calls for Service"; times are local
(America/Los_Angeles) `MM/DD/YYYY hh:mm:ss AM`, missing ones empty. Responsible for gathering the
rows of a `Call Number` into one call with one leg per unit; refuses to know what becomes of it.

What each column becomes: `Received` received, `Entry` ready, `Dispatch` the unit's order,
`Response` departed, `On Scene` arrived, `Transport` and `Hospital` notes, `Available` cleared. The
source records no acknowledgement, so nobody signs. It records no closing either: the desk closes
the call when its last unit is available, if every unit's time is known.

Example: a call with an engine and a medic is one incident with two orders and two first arrivals.
"""

from collections.abc import Iterator
from pathlib import Path

from server.fleet.replay.calls import Call, DeskStep, Leg, Numbers, Problems, Step, StepKind, rows
from server.fleet.replay.localtime import Zone, american

ZONE = "America/Los_Angeles"
CALL, UNIT, TYPE = "Call Number", "Unit ID", "Call Type"
RECEIVED, READY, DISPATCHED = "Received DtTm", "Entry DtTm", "Dispatch DtTm"
CLEARED = "Available DtTm"
STEPS: tuple[tuple[str, StepKind, str], ...] = (
    ("Response DtTm", "departed", ""),
    ("On Scene DtTm", "arrived", ""),
    ("Transport DtTm", "note", "Transport"),
    ("Hospital DtTm", "note", "At hospital"),
    (CLEARED, "cleared", ""),
)
ADDRESS, CITY, BATTALION, LOCATION = "Address", "City", "Battalion", "Location"
PRIORITY, DISPOSITION = "Final Priority", "Call Final Disposition"

COLUMNS = frozenset(
    {CALL, UNIT, TYPE, RECEIVED, READY, DISPATCHED, ADDRESS, CITY, BATTALION, LOCATION}
    | {PRIORITY, DISPOSITION}
    | {column for column, _, _ in STEPS}
)
LEVELS = {"E": 1, "A": 1, "3": 1, "B": 2, "2": 2, "C": 3, "1": 3}


def read(path: Path, problems: Problems, numbers: Numbers) -> Iterator[Call]:
    """Each call once all its rows are gathered, in order of first appearance."""
    by_call: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for line, row in rows(path, COLUMNS, problems):
        by_call.setdefault(row[CALL].strip() or f"line {line}", []).append((line, row))
    for number, members in by_call.items():
        call = _call(number, members, problems, numbers)
        if call is not None:
            yield call


def _call(
    number: str, members: list[tuple[int, dict[str, str]]], problems: Problems, numbers: Numbers
) -> Call | None:
    zone = Zone(ZONE)

    def at(line: int, row: dict[str, str], column: str, not_before_ms: int | None) -> int | None:
        text = row[column].strip()
        if not text:
            return None
        try:
            return zone.utc_ms(american(text), not_before_ms)
        except ValueError as error:
            problems.add(line, column, str(error))
            return None

    received = [ms for line, row in members if (ms := at(line, row, RECEIVED, None)) is not None]
    first_line, first = members[0]
    if not received:
        problems.add(first_line, RECEIVED, "no time of receipt: the call is left out")
        return None
    received_ms = min(received)
    legs = []
    for line, row in members:
        sent_ms = at(line, row, DISPATCHED, received_ms)
        floor_ms = received_ms if sent_ms is None else sent_ms
        steps = tuple(
            Step(kind, at_ms, text)
            for column, kind, text in STEPS
            if (at_ms := at(line, row, column, floor_ms)) is not None
        )
        if sent_ms is not None or steps:
            legs.append(Leg(row[UNIT].strip(), sent_ms, steps))
    disposition = first[DISPOSITION].strip()
    over_ms = [
        max((step.at_ms for step in leg.steps if step.kind == "cleared"), default=None)
        for leg in legs
    ]
    known = [ms for ms in over_ms if ms is not None]
    closes = (
        (DeskStep("close", max(known), 0, disposition),)
        if known and len(known) == len(over_ms)
        else ()
    )
    return Call(
        source_no=numbers.unique(number),
        received_ms=received_ms,
        ready_ms=at(first_line, first, READY, received_ms),
        title=first[TYPE].strip() or "UNKNOWN",
        place=", ".join(part for part in (first[ADDRESS].strip(), first[CITY].strip()) if part),
        point=_point(first_line, first[LOCATION], problems),
        level=LEVELS.get(first[PRIORITY].strip(), 4),
        area=first[BATTALION].strip(),
        narrative=disposition,
        legs=tuple(legs),
        desk=closes,
        ambiguous=zone.met_doubled_hour,
    )


def _point(line: int, text: str, problems: Problems) -> tuple[int, int] | None:
    """`(37.73, -122.42)` in 1e-7 degree."""
    if not text.strip():
        return None
    try:
        latitude, longitude = (float(part) for part in text.strip().strip("()").split(","))
    except ValueError:
        problems.add(line, LOCATION, f"{text!r} is not a pair of degrees")
        return None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        problems.add(line, LOCATION, f"{text!r} is not a place on Earth")
        return None
    return round(latitude * 10_000_000), round(longitude * 10_000_000)
