"""Figures as files: ``GET /api/reports/export``, CSV or XLSX, of every clock or of two instants.

Responsible for naming the file and choosing what goes into it; the same numbers as on the screen, counted anew. CSV
holds one table (``what``: ``figures`` or ``lines``), XLSX both.

Example: ``GET /api/reports/export?format=xlsx&period=month&by=target&lang=en``.
"""

from typing import Annotated, Any, Final, Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy import Connection

from server.api.reportasked import WANTED, Wanted, clocks_of, names_of
from server.api.reportpairs import read_between
from server.api.reports import read_report
from server.api.reportshapes import Between, Block, Line, Report
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories
from server.auth.guards import Access, SignedIn, may_read_figures
from server.reports import export, sheets, words
from server.reports.completeness import Watermark
from server.reports.export import About, FigureRow, LineRow
from server.reports.periods import Period, local_day
from server.settings import Settings
from server.store.engine import Database

MAX_LINES: Final = 20_000
"""Clocks listed in one file; beyond that it says that there are more."""
TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def figure_rows(block: Block, name: str, mark: Watermark) -> list[FigureRow]:
    """The rows of a table, everything together first; a group without a completeness of its own carries that of all."""
    return [
        FigureRow(
            block.clock,
            name,
            group.key,
            group.name,
            block.edges_ms,
            group.figures,
            group.completeness or mark,
        )
        for group in (block.all, *block.groups)
    ]


def line_rows(lines: list[Line], name: str, origin: str) -> list[LineRow]:
    """Details, each with the address of its timeline."""
    return [
        LineRow(
            clock=name or line.clock,
            number=line.number or line.tag,
            title=line.title,
            target=line.target,
            start_ms=line.start_ms,
            result=line.result,
            lo_ms=line.lo_ms,
            hi_ms=line.hi_ms,
            grade=line.grade,
            why=line.why,
            override=line.override,
            claimed_ms=line.claimed_ms,
            link=f"{origin}/desk/timeline/{line.incident}",
        )
        for line in lines[:MAX_LINES]
    ]


def tables_of(
    found: tuple[Report, list[Line]] | Between, period: Period, language: str, origin: str
) -> tuple[sheets.Sheet, sheets.Sheet]:
    """The table of figures and the table of details."""
    t = words.of(language)
    if isinstance(found, Between):
        name = f"{t[found.start]} → {t[found.end]}"
        blocks, lines, notes = [found.block], found.lines, [name]
        if found.looked < found.of:
            notes.append(t["bounded"].format(found.looked, found.of))
        mark, drills, now_ms = found.completeness, found.drills, found.now_ms
    else:
        report, lines = found
        name, blocks, notes = "", report.blocks, [t["cut"]] if report.cut else []
        mark, drills, now_ms = report.completeness, report.drills, report.now_ms
    if len(lines) > MAX_LINES:
        notes.append(t["more"].format(MAX_LINES))
    about = About(period, now_ms, drills, notes)
    rows = [row for block in blocks for row in figure_rows(block, name, mark)]
    return (
        export.figures_sheet(rows, about, language),
        export.lines_sheet(line_rows(lines, name, origin), about, mark, language),
    )


@get(
    "/api/reports/export",
    tags=["reports"],
    operation_id="exportFigures",
    guards=[may_read_figures],
    security=SESSION,
    responses=refusals("bad_request", "not_signed_in", "not_allowed"),
    dependencies=WANTED,
)
async def export_figures(
    *,
    wanted: NamedDependency[Wanted],
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    settings: NamedDependency[Settings],
    file_format: Annotated[Literal["csv", "xlsx"], QueryParameter(name="format")],
    what: Annotated[
        Literal["figures", "lines"], QueryParameter(description="the table of a CSV")
    ] = "figures",
    lang: Annotated[Literal["zh-CN", "en"], QueryParameter(description="its words")] = "zh-CN",
    clocks: Annotated[str | None, QueryParameter(max_length=64)] = None,
    start: Annotated[str | None, QueryParameter(max_length=16)] = None,
    end: Annotated[str | None, QueryParameter(max_length=16)] = None,
) -> Response[bytes]:
    """Give the figures of a period as a file, or with `start` and `end` those of two instants."""
    directory = access.directory()
    found: tuple[Report, list[Line]] | Between
    if start is not None or end is not None:
        names = names_of(start or "", end or "")
        found = await read_between(
            wanted, names, who=who, directory=directory, db=db, stories=stories
        )
    else:
        named = clocks_of(clocks)

        def read(connection: Connection) -> tuple[Report, list[Line]]:
            return read_report(connection, wanted, named, who, directory)

        found = await db.reading(read)
    table, details = tables_of(found, wanted.period, lang, settings.origin)
    if file_format == "csv":
        body = sheets.csv_bytes(table if what == "figures" else details)
    else:
        body = sheets.xlsx_bytes([table, details])
    first = local_day(wanted.period.from_ms).isoformat()
    last = local_day(wanted.period.to_ms - 1).isoformat()
    name = f"ortoo-{what if file_format == 'csv' else 'report'}-{first}-{last}.{file_format}"
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(body, media_type=TYPES[file_format], headers=NO_STORE | disposition)


ROUTES: Final[list[Any]] = [export_figures]
