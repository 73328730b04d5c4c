"""The columns of the watch wall as questions to the database: what runs, what is late, and what was found of what is
done.

Responsible for SQL alone: which countdowns stand in a column is handed in as a ``Source`` and a condition, and the
shapes are those of ``wallrows``. Refuses to judge: a thing done is told with the verdict that was found of its clock
(SPEC VD), or as not found yet.

Example: ``column(connection, asked, [(of_clocks, deadlines.c.deadline == "C2")], ["C2"])`` is the signing column.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
)

from server.api.days import day_start_ms
from server.api.wallrows import Column, Names, Nudged, Today, WallRow, due_of, recent_of, row_of
from server.store.rows import query_in
from server.store.tables import deadlines, incidents, nudges, orders, verdicts

MAX_ROWS: Final = 40
"""Rows of one column; the rest is a number. A wall is looked at, not scrolled."""
MAX_RECENT: Final = 6
_OF_THE_INCIDENT: Final = frozenset({"C6", "C7", "C7r", "C8", "C9", "C9r", "C10"})
_TASKS: Final = ("desk", "station", "commander")
"""Channels of the plan that put something on somebody's list, the highest last."""
_OTHER = orders.alias("other")
_FIRST_THERE: Final = (
    select(_OTHER.c.id)
    .where(_OTHER.c.incident == incidents.c.id, _OTHER.c.round == incidents.c.round)
    .order_by(_OTHER.c.arrived_at_ms.is_(None), _OTHER.c.arrived_at_ms, _OTHER.c.issued_at_ms)
    .limit(1)
    .correlate(incidents)
    .scalar_subquery()
)
"""The order whose receiver came first: a countdown of the whole incident is theirs to be asked about."""


class Asked(msgspec.Struct, frozen=True):
    """What a wall is built for: the moment, who may see what, and the names."""

    now_ms: int
    seen: ColumnElement[bool]
    names: Names


class Source:
    """Where countdowns stand: the rows of ``deadlines``, or those that an incident's own row holds.

    ``told_ms``: when a countdown was first put on somebody's list, null while it was not. ``due_ms``: its limit, or
    where it has none, that moment. ``running``: it is not done."""

    def __init__(self, d: FromClause) -> None:
        """Read countdowns from ``d``, which has the columns of ``deadlines``."""
        self.d = d
        self.told_ms = (
            select(func.min(nudges.c.at_ms))
            .where(
                nudges.c.incident == d.c.incident,
                nudges.c.order_id == d.c.order_id,
                nudges.c.clock == d.c.deadline,
                nudges.c.channel.in_(_TASKS),
            )
            .correlate(d)
            .scalar_subquery()
        )
        self.due_ms = func.coalesce(d.c.due_ms, self.told_ms)
        self.running = d.c.done_ms.is_(None)
        self.joined = d.join(incidents, incidents.c.id == d.c.incident).outerjoin(
            orders,
            and_(
                orders.c.id == case((d.c.order_id == b"", _FIRST_THERE), else_=d.c.order_id),
                orders.c.incident == d.c.incident,
            ),
        )
        self.columns = (
            d.c.deadline,
            d.c.start_ms,
            d.c.due_ms,
            d.c.done_ms,
            incidents.c.id.label("incident"),
            incidents.c.number,
            incidents.c.tag,
            incidents.c.title,
            incidents.c.place,
            incidents.c.station,
            incidents.c.status,
            incidents.c.level,
            incidents.c.exercise,
            incidents.c.callback_attempts,
            incidents.c.callback_score,
            incidents.c.callback_outcome,
            incidents.c.callback_reason,
            incidents.c.ladder,
            orders.c.id.label("order_id"),
            orders.c.to_kind,
            orders.c.to_id,
            orders.c.open,
            orders.c.return_requested,
            self.told_ms.label("told_at_ms"),
        )


def _own(
    clock: str, start_ms: ColumnElement[Any], due_ms: ColumnElement[Any], which: ColumnElement[bool]
) -> Source:
    """Countdowns that come and go with their feedback or complaint: they stand in the incident's own row."""
    own = (
        select(
            incidents.c.id.label("incident"),
            literal(clock).label("deadline"),
            literal(b"").label("order_id"),
            start_ms.label("start_ms"),
            due_ms.label("due_ms"),
            null().label("done_ms"),
        )
        .where(which, incidents.c.status.not_in(("withdrawn", "duplicate")))
        .subquery(clock.lower())
    )
    return Source(own)


OF_CLOCKS: Final = Source(deadlines)
CORRECTION: Final = _own(
    "C7r",
    incidents.c.correct_from_ms,
    incidents.c.correct_due_ms,
    incidents.c.feedback_state == "returned",
)
"""Feedback that was returned and waits for its author."""
REVIEW: Final = _own(
    "C8",
    incidents.c.review_from_ms,
    incidents.c.review_due_ms,
    incidents.c.feedback_state.in_(("final", "returned")),
)
RECALL: Final = _own(
    "C9r", incidents.c.recall_from_ms, incidents.c.recall_due_ms, incidents.c.ladder.is_not(None)
)
"""A caller who was not satisfied, to be called once more after the rectification."""

Part = tuple[Source, ColumnElement[bool]]
"""Countdowns of one source, and which of them."""


def column(
    connection: Connection, asked: Asked, parts: Sequence[Part], done_by: Iterable[str]
) -> Column:
    """One column: the rows that run, their counts, and what was done lately by the clocks of ``done_by``."""
    rows: list[WallRow] = []
    total = overdue = 0
    ahead: list[int] = []
    for source, which in parts:
        rows += _running(connection, asked, source, which)
        counts = _counts(connection, asked, source, which)
        total, overdue = total + counts[0], overdue + counts[1]
        ahead += [] if counts[2] is None else [counts[2]]
    shown = urged(connection, sorted(rows, key=due_of)[:MAX_ROWS], asked)
    done = _done(asked, tuple(done_by))
    return Column(
        rows=shown,
        overdue=overdue,
        next_due_ms=min(ahead, default=None),
        recent=[
            recent_of(found, asked.names)
            for found in connection.execute(
                select(*OF_CLOCKS.columns, *_FOUND)
                .select_from(_JUDGED)
                .where(done)
                .order_by(deadlines.c.done_ms.desc())
                .limit(MAX_RECENT)
            ).mappings()
        ],
        today=_today(connection, done),
        more=total - len(shown),
    )


def _running(
    connection: Connection, asked: Asked, source: Source, which: ColumnElement[bool]
) -> list[WallRow]:
    """The rows of a source that run, the next breach first."""
    found = connection.execute(
        select(*source.columns)
        .select_from(source.joined)
        .where(source.running, which, asked.seen)
        .order_by(
            case((source.due_ms.is_(None), 1), else_=0),
            source.due_ms,
            source.d.c.start_ms,
            source.d.c.order_id,
        )
        .limit(MAX_ROWS)
    ).mappings()
    return [row_of(one, asked.names, asked.now_ms) for one in found]


def _counts(
    connection: Connection, asked: Asked, source: Source, which: ColumnElement[bool]
) -> tuple[int, int, int | None]:
    """How many run, how many of them are late, and when the next one falls due; drills only in the first."""
    late = source.due_ms < asked.now_ms
    row = connection.execute(
        select(
            func.count(),
            func.count().filter(~incidents.c.exercise, late),
            func.min(source.due_ms).filter(~incidents.c.exercise, ~late),
        )
        .select_from(source.joined)
        .where(source.running, which, asked.seen)
    ).one()
    return row[0], row[1], row[2]


_JUDGED: Final = OF_CLOCKS.joined.outerjoin(
    verdicts,
    and_(
        verdicts.c.incident == deadlines.c.incident,
        verdicts.c.clock == deadlines.c.deadline,
        verdicts.c.order_id == deadlines.c.order_id,
        # an order has one round; a countdown of the incident is that of its current one
        or_(deadlines.c.order_id != b"", verdicts.c.round == incidents.c.round),
    ),
)
_FOUND: Final = (
    verdicts.c.result,
    verdicts.c.elapsed_lo_ms,
    verdicts.c.elapsed_hi_ms,
    verdicts.c.override_result,
)


def _done(asked: Asked, clocks: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(
        deadlines.c.deadline.in_(clocks),
        deadlines.c.done_ms >= day_start_ms(asked.now_ms),
        deadlines.c.done_ms <= asked.now_ms,
        ~incidents.c.exercise,
        asked.seen,
    )


def _today(connection: Connection, done: ColumnElement[bool]) -> Today:
    counted = connection.execute(
        select(verdicts.c.result, func.count())
        .select_from(_JUDGED)
        .where(done)
        .group_by(verdicts.c.result)
    )
    found: dict[str | None, int] = {row[0]: row[1] for row in counted}
    told = {name: found.pop(name, 0) for name in ("met", "missed", "undetermined")}
    return Today(**told, others=sum(found.values()))


def urged(connection: Connection, rows: list[WallRow], asked: Asked) -> list[WallRow]:
    """The rows with who has them on their list, and what people did about them last."""
    found = query_in(
        connection,
        "SELECT incident, order_id, clock, channel, count, at_ms, person, reached FROM nudges"
        " WHERE incident IN (?)",
        [bytes.fromhex(one) for one in {row.incident for row in rows}],
    )
    told: dict[tuple[str, str, str], dict[str, int]] = {}
    nudged: dict[tuple[str, str], Nudged] = {}
    for incident, order, clock, channel, count, at_ms, person, reached in found:
        about = bytes(incident).hex(), bytes(order).hex()
        if clock:
            told.setdefault((*about, clock), {})[channel] = at_ms
            continue
        before = nudged.get(about)
        if before is None or before.at < at_ms:
            by = asked.names.directory.person(bytes(person))
            known = None if reached is None else bool(reached)
            nudged[about] = Nudged(at_ms, by.name if by else "", channel, known, count)
    shown = []
    for row in rows:
        order = row.order or ""
        of = "" if row.deadline.id in _OF_THE_INCIDENT else order
        tasks = told.get((row.incident, of, row.deadline.id), {})
        highest = next((task for task in reversed(_TASKS) if task in tasks), None)
        last = nudged.get((row.incident, order)) or nudged.get((row.incident, ""))
        is_recent = last is not None and last.at >= (row.deadline.start_ms or 0)
        shown.append(
            msgspec.structs.replace(
                row,
                told=highest,
                told_at=None if highest is None else tasks[highest],
                nudged=last if is_recent else None,
            )
        )
    return shown
