"""What a draft of a policy would have done in a past period: ``POST /api/policies/preview``. Writes nothing.

Responsible for the call, for reading what was judged in the period, and for how much of it is looked at. Judging again
is `server.intake.preview`'s.

Example: ``POST /api/policies/preview {"draft": {"limits": {"sign_within_ms": 20000}}}`` answers how many signatures of
the last 30 days would have been late, and which."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from sqlalchemy import Connection, select

from server.api.ids import Hex32, Ms
from server.api.policies import Draft, refused
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, json_body, refusals
from server.auth.guards import Access, SignedIn, may_administer
from server.intake.limits import LimitRefusedError, policy_faults
from server.intake.preview import (
    JUDGED,
    ClockTally,
    Kept,
    Past,
    Turned,
    as_if,
    tallied,
    turned,
)
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database
from server.store.tables import incidents, verdicts

DAY_MS: Final = 86_400_000
USUAL_MS: Final = 30 * DAY_MS
LONGEST_MS: Final = 100 * DAY_MS
ROWS_LIMIT: Final = 60_000
"""Clocks judged again in one call, the newest first: a banner's month has about 15 000."""
SHOWN: Final = 100


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft, of which only limits, zone and mode matter, and the period; left out: the last 30 days."""

    draft: Draft
    since_ms: int | None = None
    until_ms: int | None = None


class Change(msgspec.Struct, frozen=True):
    """A clock of which the draft would have found otherwise. The bounds are of the time that passed."""

    incident: Hex32
    number: str | None
    title: str
    clock: str
    start_ms: Ms
    before: str
    after: str
    elapsed_lo_ms: int | None
    elapsed_hi_ms: int | None


class Preview(msgspec.Struct, frozen=True):
    """Counts by clock, and the newest changes; ``more`` that are not listed. ``cut``: the period holds more than was
    looked at."""

    since_ms: Ms
    until_ms: Ms
    clocks: list[ClockTally]
    changes: list[Change]
    more: int
    incidents: int
    cut: bool


def past(connection: Connection, since_ms: int, until_ms: int) -> tuple[list[Past], bool]:
    """What was judged of the clocks that started in the period, the newest first, drills left out; and whether there
    is more."""
    rows = connection.execute(
        select(
            verdicts,
            incidents.c.number,
            incidents.c.title,
            incidents.c.level,
            incidents.c.category,
        )
        .join(incidents, incidents.c.id == verdicts.c.incident)
        .where(
            verdicts.c.start_at_ms >= since_ms,
            verdicts.c.start_at_ms < until_ms,
            verdicts.c.result.in_(sorted(JUDGED)),
            verdicts.c.exercise.is_(False),
        )
        .order_by(verdicts.c.start_at_ms.desc(), verdicts.c.incident, verdicts.c.clock)
        .limit(ROWS_LIMIT + 1)
    ).all()
    found = [
        Past(
            incident=bytes(row.incident),
            number=row.number,
            title=row.title,
            clock=row.clock,
            order=bytes(row.order_id),
            start_ms=row.start_at_ms,
            result=row.result,
            within_ms=row.within_ms,
            kept=Kept(row.elapsed_lo_ms, row.elapsed_hi_ms, row.grade),
            tier=row.tier,
            zone=row.zone,
            target=row.to_id,
            level=row.level,
            category=row.category,
        )
        for row in rows[:ROWS_LIMIT]
    ]
    return found, len(rows) > ROWS_LIMIT


def _change(one: Turned) -> Change:
    was = one.past
    return Change(
        was.incident.hex(),
        was.number,
        was.title,
        was.clock,
        was.start_ms,
        one.before,
        one.after,
        was.kept.lo_ms,
        was.kept.hi_ms,
    )


@post(
    "/api/policies/preview",
    tags=["policies"],
    operation_id="previewPolicy",
    status_code=200,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request", "bad_policy", "not_signed_in", "csrf", "centre_only", "not_allowed"
    ),
)
async def preview(
    data: Annotated[
        Asked,
        json_body(
            {"draft": {"name": "-", "note": "", "limits": {"sign_within_ms": 20_000}}},
            "Had signatures been due after 20 s",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> Response[Preview]:
    """Show what a draft would have found of the clocks of a past period, from what is stored of them. Nothing is
    written and no verdict changes; where the stored bounds do not decide, the answer is undetermined."""
    directory = access.directory()
    until_ms = clock.now_ms() if data.until_ms is None else data.until_ms
    since_ms = until_ms - USUAL_MS if data.since_ms is None else data.since_ms
    if not 0 <= since_ms < until_ms <= since_ms + LONGEST_MS:
        raise ProblemError(
            "bad_request",
            detail=f"The period ends after it begins and has {LONGEST_MS} ms at most.",
        )
    row = data.draft.row(who.person.id)
    row = {"from_ms": 0} | row | {"name": row["name"] or "-"}
    faults = policy_faults(directory, row)
    if faults:
        raise refused(LimitRefusedError("bad_policy", "Fields are at fault.", faults))
    judged, cut = await db.reading(past, since_ms, until_ms)
    drafted = as_if(directory, row)
    found = [turned(one, directory.book, drafted) for one in judged]
    changes = [one for one in found if one.before != one.after]
    shown = Preview(
        since_ms=since_ms,
        until_ms=until_ms,
        clocks=tallied(found),
        changes=[_change(one) for one in changes[:SHOWN]],
        more=max(0, len(changes) - SHOWN),
        incidents=len({one.past.incident for one in found}),
        cut=cut,
    )
    return Response(shown, headers=NO_STORE)


ROUTES: Final[list[Any]] = [preview]
