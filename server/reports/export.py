"""Figures and their details as tables of a file, in one language, each row complete in itself.

Responsible for columns and their order. It counts nothing: what is written was counted by `figures`.

Example: `figures_sheet(tables, about, "en")` has one row for each clock and group, with the completeness in each.
"""

from collections.abc import Sequence

import msgspec

from server.reports import words
from server.reports.completeness import Watermark
from server.reports.figures import Figures, Span
from server.reports.groups import ALL
from server.reports.periods import Period, written
from server.reports.sheets import Cell, Sheet


class About(msgspec.Struct, frozen=True):
    """What every row says: period, cut-off, drills left out. `notes`: what else the reader must know."""

    period: Period
    now_ms: int
    drills: int
    notes: Sequence[str] = ()


class FigureRow(msgspec.Struct, frozen=True):
    """One row of a table. `mark`: its own completeness, else that of everything together."""

    clock: str
    name: str
    group_key: str
    group_name: str
    edges_ms: Sequence[int]
    figures: Figures
    mark: Watermark


class LineRow(msgspec.Struct, frozen=True):
    """One clock with its incident; codes are spelled out here."""

    clock: str
    number: str
    title: str
    target: str
    start_ms: int
    result: str
    lo_ms: int | None
    hi_ms: int | None
    grade: int | None
    why: Sequence[str]
    override: str | None
    claimed_ms: int | None
    link: str


def seconds(ms: int | None) -> float | None:
    """ms as seconds with their thousandths."""
    return None if ms is None else ms / 1_000


def percent(basis_points: int | None) -> float | None:
    """Of a hundred, to the hundredth."""
    return None if basis_points is None else basis_points / 100


def notes_of(about: About, mark: Watermark, language: str) -> list[str]:
    """The head of a page: title, period, cut-off, completeness."""
    t = words.of(language)
    complete = percent(mark.basis_points)
    span = f"{t['from']} {written(about.period.from_ms)}  {t['to']} {written(about.period.to_ms)}"
    rest = f"{t['cutoff']} {written(about.now_ms)}  {t['drills']} {about.drills}"
    known = f"{t['complete']} {t['backlog_unknown'] if complete is None else complete}"
    missing = f"{t['silent']} {mark.silent}  {t['unknown']} {mark.unknown}"
    owed = f"{t['backlog']} {_backlog(mark, t)}"
    return [t["figures"], f"{span}  {rest}", f"{known}  {missing}  {owed}", *about.notes]


def _backlog(mark: Watermark, t: dict[str, str]) -> str:
    """What silent devices hold by now: nobody knows, which is not nought."""
    return t["backlog_unknown"] if mark.silent or mark.unknown else t["backlog_none"]


def _counts(counted: dict[str, int], t: dict[str, str]) -> str:
    return "; ".join(f"{t.get(code, code)} {n}" for code, n in counted.items())


def figures_sheet(rows: Sequence[FigureRow], about: About, language: str) -> Sheet:
    """One row for each clock and group."""
    t = words.of(language)
    most = max((len(row.edges_ms) + 1 for row in rows), default=0)
    head = [t[code] for code in ("clock", "name", "group", "n", "ended", "edges")]
    head += [t["bucket"].format(at + 1) for at in range(most)]
    head += [
        t[code]
        for code in (
            *("hatched", "p50_lo", "p50_hi", "p90_lo", "p90_hi", "met", "missed", "judged", "rate"),
            *("undetermined", "causes", "no_limit", "unproven", "not_delivered", "pending"),
            *("overdue", "overrides", "complete", "silent", "unknown", "backlog", "oldest"),
            *("from", "to", "cutoff", "drills"),
        )
    ]
    table = [_figures_row(row, about, most, t) for row in rows]
    mark = rows[0].mark if rows else None
    notes = [] if mark is None else notes_of(about, mark, language)
    return Sheet(t["figures"], notes, head, table)


def _figures_row(row: FigureRow, about: About, most: int, t: dict[str, str]) -> list[Cell]:
    one, mark = row.figures, row.mark
    group = t["all"] if row.group_key == ALL else row.group_name or t["none"]
    return [
        row.clock,
        row.name or t.get(row.clock, ""),
        group,
        one.n,
        one.ended,
        "/".join(str(edge // 1_000) for edge in row.edges_ms),
        *one.buckets,
        *([None] * (most - len(one.buckets))),
        one.hatched,
        *_span(one.p50),
        *_span(one.p90),
        one.met,
        one.missed,
        one.met + one.missed,
        percent(one.basis_points),
        one.undetermined,
        _counts(one.causes, t),
        one.unlimited,
        one.unproven,
        one.not_delivered,
        one.pending,
        one.overdue,
        _counts(one.overrides, t),
        percent(mark.basis_points),
        mark.silent,
        mark.unknown,
        _backlog(mark, t),
        None if mark.oldest_ms is None else written(mark.oldest_ms),
        written(about.period.from_ms),
        written(about.period.to_ms),
        written(about.now_ms),
        about.drills,
    ]


def _span(span: Span | None) -> list[Cell]:
    return [None, None] if span is None else [seconds(span.lo_ms), seconds(span.hi_ms)]


def lines_sheet(rows: Sequence[LineRow], about: About, mark: Watermark, language: str) -> Sheet:
    """One row for each clock that was counted."""
    t = words.of(language)
    codes = ("clock", "incident", "title", "target", "start", "lo", "hi", "grade", "result", "why")
    head = [t[code] for code in (*codes, "override", "claimed", "link", "cutoff")]
    table: list[list[Cell]] = [
        [
            row.clock,
            row.number,
            row.title,
            row.target,
            written(row.start_ms),
            seconds(row.lo_ms),
            seconds(row.hi_ms),
            row.grade,
            t.get(row.result, row.result),
            "; ".join(t.get(code, code) for code in row.why),
            None if row.override is None else t.get(row.override, row.override),
            seconds(row.claimed_ms),
            row.link,
            written(about.now_ms),
        ]
        for row in rows
    ]
    return Sheet(t["lines"], notes_of(about, mark, language), head, table)
