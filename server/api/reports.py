"""Figures about every clock: ``GET /api/reports/figures``, and what a number is made of.

Counted at read time from verdicts (SPEC VD) for a period and a grouping; nothing is stored. Drills are counted
nowhere, what is undetermined is in no denominator, and every answer carries how complete it can be. A station reads of
its own incidents alone. What each number means stands in docs/reports.md.

Example: ``GET /api/reports/figures?period=week&by=station&clocks=C2`` answers with this week's table of signing.
"""

from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy import Connection

from server.api.reportasked import WANTED, Wanted, asked_of, clocks_of, own_of
from server.api.reportshapes import (
    Line,
    Lines,
    Report,
    block_of,
    edges_of,
    line_of,
    measured,
    period_shown,
)
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.auth.guards import Access, SignedIn, may_read_figures
from server.reports.groups import ALL
from server.store import reports
from server.store.engine import Database
from server.store.people import Directory
from server.store.reports import Judged

MAX_LINES: Final = 500
"""Clocks listed behind one number."""


def read_report(
    connection: Connection,
    want: Wanted,
    clocks: tuple[str, ...],
    who: SignedIn,
    directory: Directory,
) -> tuple[Report, list[Line]]:
    """The figures of some clocks, and every line they are made of."""
    asked, station = asked_of(connection, want, who, directory), own_of(who)
    span = (want.period.from_ms, want.period.to_ms)
    rows, cut = reports.verdicts_in(connection, clocks, span, station=station)
    by_clock: dict[str, list[Judged]] = {clock: [] for clock in clocks}
    for row in rows:
        by_clock[row.clock].append(row)
    blocks, lines = [], []
    for clock, found in by_clock.items():
        edges = edges_of(directory.book, clock, want.period)
        told = [(line_of(row, asked, edges), measured(row)) for row in found]
        blocks.append(block_of(clock, told, edges, asked))
        lines += [line for line, _ in told]
    counted = reports.counted(connection, span, station=station)
    mark = asked.completeness()
    assert mark is not None
    report = Report(
        now_ms=want.now_ms,
        period=period_shown(want.period, want.now_ms),
        by=want.by,
        station=None if station is None else station.hex(),
        incidents=counted.incidents,
        drills=counted.drills,
        dropped=counted.dropped,
        cut=cut,
        completeness=mark,
        blocks=blocks,
    )
    return report, lines


@get(
    "/api/reports/figures",
    tags=["reports"],
    operation_id="getFigures",
    guards=[may_read_figures],
    security=SESSION,
    responses=refusals("bad_request", "not_signed_in", "not_allowed"),
    dependencies=WANTED,
)
async def read_figures(
    *,
    wanted: NamedDependency[Wanted],
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clocks: Annotated[
        str | None, QueryParameter(max_length=64, description="`C2,C5`; all when left out")
    ] = None,
) -> Response[Report]:
    """Show the figures of a period, clock by clock and group by group."""
    named, directory = clocks_of(clocks), access.directory()

    def read(connection: Connection) -> Report:
        return read_report(connection, wanted, named, who, directory)[0]

    return Response(await db.reading(read), headers=NO_STORE)


@get(
    "/api/reports/lines",
    tags=["reports"],
    operation_id="listFigureLines",
    guards=[may_read_figures],
    security=SESSION,
    responses=refusals("bad_request", "not_signed_in", "not_allowed"),
    dependencies=WANTED,
)
async def read_lines(
    *,
    wanted: NamedDependency[Wanted],
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock_id: Annotated[str, QueryParameter(name="clock", max_length=4)],
    group: Annotated[str, QueryParameter(max_length=48, description="its key; `*` for all")] = ALL,
) -> Response[Lines]:
    """List the clocks behind one number, each with its incident."""
    named, directory = clocks_of(clock_id), access.directory()

    def read(connection: Connection) -> Lines:
        _report, lines = read_report(connection, wanted, named, who, directory)
        found = [line for line in lines if group in (ALL, line.group)]
        return Lines(wanted.now_ms, found[:MAX_LINES], max(0, len(found) - MAX_LINES))

    return Response(await db.reading(read), headers=NO_STORE)


ROUTES: Final[list[Any]] = [read_figures, read_lines]
