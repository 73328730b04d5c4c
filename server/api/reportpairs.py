"""Any two instants over a period: ``GET /api/reports/between``.

Computed from the log when somebody asks, incident by incident, so the work is bounded: the newest `MAX_INCIDENTS` are
read, and the answer says of how many. Refuses to judge: there is no limit between two instants that somebody chose.

Example: ``GET /api/reports/between?start=issued&end=feedback&period=month`` tells how long it took to hear anything.
"""

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy import Connection

from server.api.reportasked import WANTED, Wanted, asked_of, names_of, own_of
from server.api.reports import MAX_LINES
from server.api.reportshapes import (
    Asked,
    Between,
    Line,
    block_of,
    claimed_percentile,
    edges_of,
    period_shown,
    target_name,
)
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories, Story
from server.auth.guards import Access, SignedIn, may_read_figures
from server.intake import timing
from server.intake.chains import Chains
from server.reports import figures, groups, instants
from server.reports.figures import Measured
from server.reports.groups import Place
from server.reports.instants import Pair
from server.store import reports
from server.store.engine import Database
from server.store.people import Directory
from server.store.reports import Candidate
from sync import verdict
from sync.fold import Item
from sync.incident.policy import PolicyBook, tier_for
from sync.time import Timed
from sync.verdict import Mark

MAX_INCIDENTS: Final = 400
"""Incidents read for two instants: each is folded and timed from the log."""
READ_AT_ONCE: Final = 50
EDGES_BY_END: Final = {"delivered": "C1", "signed": "C2", "departed": "C3", "arrived": "C5"} | {
    "feedback": "C6",
    "final": "C7",
    "cleared": "C7",
    "closed": "C7",
}
"""Whose buckets a pair of instants is shown in, by its end; a callback has those of days."""


async def read_between(
    want: Wanted,
    names: tuple[str, str],
    *,
    who: SignedIn,
    directory: Directory,
    db: Database,
    stories: Stories,
) -> Between:
    """Two instants over a period, from the log: folded and timed incident by incident, the newest `MAX_INCIDENTS`."""
    station = own_of(who)
    span = (want.period.from_ms, want.period.to_ms)

    def find(connection: Connection) -> tuple[Asked, list[Candidate], int]:
        found = reports.candidates(connection, span, MAX_INCIDENTS, station=station)
        return asked_of(connection, want, who, directory), *found

    asked, found, total = await db.reading(find)
    drills = sum(one.exercise for one in found)
    standing = [one for one in found if not one.exercise]
    edges = edges_of(directory.book, EDGES_BY_END.get(names[1], ""), want.period)
    told: list[tuple[Line, Measured]] = []
    for first in range(0, len(standing), READ_AT_ONCE):  # others read in between
        some = standing[first : first + READ_AT_ONCE]
        known = await stories.read_all([one.id for one in some])
        wanted_items = {at: _needed(story, names, directory) for at, story in known.items()}
        times = await db.reading(_times, wanted_items)
        for one in some:
            if one.id in known:
                told += _lines(
                    one, known[one.id].view, names, times=times[one.id], asked=asked, edges=edges
                )
    told.sort(key=lambda pair: (-pair[0].start_ms, pair[0].incident, pair[0].order or ""))
    lines = [line for line, _ in told]
    mark = asked.completeness()
    assert mark is not None
    return Between(
        now_ms=want.now_ms,
        period=period_shown(want.period, want.now_ms),
        by=want.by,
        start=names[0],
        end=names[1],
        looked=len(found),
        of=total,
        drills=drills,
        completeness=mark,
        block=block_of("", told, edges, asked),
        claimed_p50_ms=claimed_percentile(lines, 50),
        claimed_p90_ms=claimed_percentile(lines, 90),
        lines=lines,
    )


def _needed(story: Story, names: tuple[str, str], directory: Directory) -> list[Item]:
    ops = instants.needed(story.view, names, directory.book)
    return [item for item in story.items if item.op in ops]


def _times(
    connection: Connection, items: dict[bytes, list[Item]]
) -> dict[bytes, dict[bytes, Timed]]:
    chains = Chains(connection)
    return {at: timing.times(connection, some, chains) for at, some in items.items()}


def _lines(
    one: Candidate,
    view: dict[str, Any],
    names: tuple[str, str],
    *,
    times: dict[bytes, Timed],
    asked: Asked,
    edges: tuple[int, ...],
) -> list[tuple[Line, Measured]]:
    """The pairs of one incident that began in the period."""
    if view["status"] in ("withdrawn", "duplicate"):
        return []
    orders = {order["id"]: order for order in view["orders"]}
    found = []
    for pair in instants.pairs(view, names, lambda op: Mark(op, times[op]), asked.directory.book):
        if not asked.period.holds(pair.start_ms):
            continue
        order = orders.get(pair.order) if pair.order is not None else None
        kind, target = order["to"] if order else (None, None)
        place = _place(view, asked.directory.book, pair, kind, target)
        row = _measured(pair)
        line = Line(
            incident=one.id.hex(),
            number=one.number,
            tag=one.tag,
            title=one.title,
            clock="",
            order=None if pair.order is None else pair.order.hex(),
            round=pair.round,
            target=target_name(asked.directory, kind, target),
            group=groups.key_of(asked.by, place),
            start_ms=pair.start_ms,
            result=row.result,
            bucket=figures.bucket_of(row, edges) if row.is_ended else None,
            is_ended=row.is_ended,
            lo_ms=row.lo_ms,
            hi_ms=row.hi_ms,
            grade=pair.grade,
            why=list(row.why),
            override=None,
            claimed_ms=pair.claimed_ms,
        )
        found.append((line, row))
    return found


def _measured(pair: Pair) -> Measured:
    is_ended = pair.end is not None
    return Measured(
        result=verdict.NO_LIMIT if is_ended else verdict.PENDING,
        lo_ms=pair.elapsed.lo_ms,
        hi_ms=pair.elapsed.hi_ms,
        is_ended=is_ended,
        why=pair.why,
    )


def _place(
    view: dict[str, Any], book: PolicyBook, pair: Pair, kind: str | None, target: bytes | None
) -> Place:
    """Zone and tier as they were when the pair began."""
    zone = book.zones.of(view, pair.start_ms)
    at = book.at(pair.start_ms, None if zone is None else zone.id, book.mode_at(pair.start_ms))
    return Place(
        station=view["station"],
        to_kind=kind,
        to_id=target,
        tier=tier_for(view, zone, at, target),
        zone=None if zone is None else zone.id,
    )


@get(
    "/api/reports/between",
    tags=["reports"],
    operation_id="getBetween",
    guards=[may_read_figures],
    security=SESSION,
    responses=refusals("bad_request", "not_signed_in", "not_allowed"),
    dependencies=WANTED,
)
async def between(
    *,
    wanted: NamedDependency[Wanted],
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    start: Annotated[str, QueryParameter(max_length=16)],
    end: Annotated[str, QueryParameter(max_length=16)],
) -> Response[Between]:
    """Show the time between any two instants, from what is proved of both."""
    names = names_of(start, end)
    found = await read_between(
        wanted, names, who=who, directory=access.directory(), db=db, stories=stories
    )
    shown = msgspec.structs.replace(found, lines=found.lines[:MAX_LINES])
    return Response(shown, headers=NO_STORE)


ROUTES: Final[list[Any]] = [between]
