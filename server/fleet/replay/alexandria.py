"""Calls of the Alexandria (Virginia) emergency centre: one row per call, full timeline.

Source of the format: the weekly files of the centre's own reports, 48 columns; times are local
(America/New_York) `YYYY-MM-DD hh:mm:ss.mmm`, missing ones the text NULL. Responsible for reading
one row into one call; refuses to know what becomes of it.

What each column becomes: `Incident_Start_Time` received, `Incident_Queue_Time` ready,
`Incident_Dispatch_Time` the order, `TimeFirstUnitDispatchAcknowledged` signed,
`Incident_Enroute_Time` departed, `Incident_Arrival_Time` arrived, `TimeFirstCallCleared` cleared,
`Incident_First_Close_Time` close, `First_Reopen_Time` a new round, `Final_Closed_Time` the close of
that round. A final closing before the reopening leaves the new round open, as the source does; a
first closing after it closes the new round.

A call received in the hour that clocks run through twice, with a step after that hour, was received in
its second pass: of two readings the shorter call is the likely one.

Example: a row with acknowledgement after en route gives a `signed` step later than its `departed`.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from server.fleet.replay.calls import Call, DeskStep, Leg, Numbers, Problems, Step, StepKind, rows
from server.fleet.replay.localtime import Zone, iso

ZONE = "America/New_York"
MISSING = frozenset({"", "NULL"})
RECEIVED = "Incident_Start_Time"
READY = "Incident_Queue_Time"
DISPATCHED = "Incident_Dispatch_Time"
STEPS: tuple[tuple[str, StepKind], ...] = (
    ("TimeFirstUnitDispatchAcknowledged", "signed"),
    ("Incident_Enroute_Time", "departed"),
    ("Incident_Arrival_Time", "arrived"),
    ("TimeFirstCallCleared", "cleared"),
)
CLOSED = "Incident_First_Close_Time"
REOPENED = "First_Reopen_Time"
FINAL = "Final_Closed_Time"
NUMBER = "Master_Incident_Number"
TEXTS = ("Problem", "Priority_Number", "Agency", "Call_Reception", "Disposition")

COLUMNS = frozenset(
    {NUMBER, RECEIVED, READY, DISPATCHED, CLOSED, REOPENED, FINAL}
    | {column for column, _ in STEPS}
    | set(TEXTS)
)


def read(path: Path, problems: Problems, numbers: Numbers) -> Iterator[Call]:
    """Each row as a call, in file order. Raises SourceError for another format."""
    for line, row in rows(path, COLUMNS, problems):
        call = _call(line, row, problems, numbers)
        if call is not None:
            yield call


def _call(line: int, row: dict[str, str], problems: Problems, numbers: Numbers) -> Call | None:
    zone = Zone(ZONE)

    def at(column: str, not_before_ms: int | None) -> int | None:
        text = row[column].strip()
        if text in MISSING:
            return None
        try:
            return zone.utc_ms(iso(text), not_before_ms)
        except ValueError as error:
            problems.add(line, column, str(error))
            return None

    zone.second_pass = _runs_out_of_the_doubled_hour(row, zone)
    received_ms = at(RECEIVED, None)
    if received_ms is None:
        problems.add(line, RECEIVED, "no time of receipt: the row is left out")
        return None
    dispatched_ms = at(DISPATCHED, received_ms)
    sent_ms = received_ms if dispatched_ms is None else dispatched_ms
    closed_ms = at(CLOSED, sent_ms)
    reopened_ms = at(REOPENED, closed_ms)
    final_ms = at(FINAL, closed_ms if reopened_ms is None else reopened_ms)
    steps = tuple(
        Step(kind, at_ms) for column, kind in STEPS if (at_ms := at(column, sent_ms)) is not None
    )
    disposition = row["Disposition"].strip()
    sent_in_round = (
        1
        if reopened_ms is not None and dispatched_ms is not None and dispatched_ms >= reopened_ms
        else 0
    )
    legs = (Leg("", dispatched_ms, steps, sent_in_round),) if steps or dispatched_ms else ()
    return Call(
        source_no=numbers.unique(row[NUMBER]),
        received_ms=received_ms,
        ready_ms=at(READY, received_ms),
        title=row["Problem"].strip() or "UNKNOWN",
        level=_level(row["Priority_Number"]),
        area=row["Agency"].strip(),
        narrative=f"{row['Agency'].strip()} · {row['Call_Reception'].strip()}",
        legs=legs,
        desk=_desk(closed_ms, reopened_ms, final_ms, disposition),
        ambiguous=zone.met_doubled_hour,
    )


def _runs_out_of_the_doubled_hour(row: dict[str, str], zone: Zone) -> bool:
    doubled = []
    for column in (RECEIVED, DISPATCHED, *(column for column, _ in STEPS)):
        with suppress(ValueError):  # said where the cell is read
            doubled.append(zone.doubled(iso(row[column].strip())))
    return doubled[:1] == [True] and not all(doubled)


def _desk(
    closed_ms: int | None, reopened_ms: int | None, final_ms: int | None, disposition: str
) -> tuple[DeskStep, ...]:
    if reopened_ms is None:
        only_ms = final_ms if closed_ms is None else closed_ms
        return () if only_ms is None else (DeskStep("close", only_ms, 0, disposition),)
    steps = [DeskStep("reopen", reopened_ms, 1, "reopened in the source")]
    if closed_ms is not None and closed_ms <= reopened_ms:
        steps.insert(0, DeskStep("close", closed_ms, 0, disposition))
    again_ms = max((ms for ms in (closed_ms, final_ms) if ms is not None), default=reopened_ms)
    if again_ms > reopened_ms or final_ms == reopened_ms:
        steps.append(DeskStep("close", again_ms, 1, disposition))
    return tuple(steps)


def _level(priority: str) -> int:
    """1 (highest) to 4; the source's 5 to 10 are all below its 4."""
    return min(max(int(priority), 1), 4) if priority.strip().isdecimal() else 4
