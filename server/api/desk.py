"""The desks' side of the house put together: its routes, and the parts its handlers ask for by name.

Known by the composition root alone. It makes nothing that others own: database, clock, chance and intake are handed in.

Example: ``Litestar(route_handlers=[..., *routes(settings)], dependencies={... for parts(...)})``.
"""

from collections.abc import Callable
from typing import Any, Final

from litestar import Router

from server.api import (
    arrival,
    asking,
    bundles,
    callback,
    callcard,
    callmoves,
    callrows,
    conflicts,
    cutoffs,
    detail,
    devices,
    docs,
    enrol,
    handovers,
    health,
    imports,
    incidents,
    ladder,
    live,
    moves,
    org,
    overdue,
    people,
    policies,
    preview,
    push,
    queue,
    rawsets,
    redactions,
    reportasked,
    reportfiles,
    reportpairs,
    reports,
    reportshapes,
    reviewmoves,
    reviews,
    rulings,
    satisfaction,
    session,
    spec,
    summaries,
    verdicts,
    wall,
    wallrows,
    writing,
    zones,
)
from server.api.body import DeskRequest
from server.api.spec import words_of
from server.api.static import static_route
from server.auth.enrol import Enrolment
from server.auth.guards import Access, provide_who
from server.auth.logins import Logins
from server.auth.passwords import Cost, Passwords
from server.auth.sessions import Sessions
from server.courier import files
from server.imports.apply import Importer
from server.intake import preview as again
from server.intake.door import Intake
from server.now import Clock
from server.reports import completeness, figures
from server.settings import Settings
from server.store.engine import Database

MAX_BODY_BYTES: Final = 256 * 1024
"""Of every call but a file import: a desk sends a form, not a film."""

ROOMS = (
    session,
    org,
    people,
    policies,
    preview,
    zones,
    wall,
    handovers,
    incidents,
    writing,
    redactions,
    rulings,
    conflicts,
    rawsets,
    callback,
    ladder,
    callcard,
    reviews,
    cutoffs,
    reports,
    reportfiles,
    reportpairs,
    devices,
    enrol,
    bundles,
    push,
    imports,
    live,
)
PROVIDE_WHO = provide_who
"""The dependency ``who``: the person a guard let in, one per request."""


def routes(settings: Settings) -> list[Any]:
    """Every route for desks, the API page, and last the PWA's files."""
    calls = Router(
        "/",
        route_handlers=[route for room in ROOMS for route in room.ROUTES],
        request_max_body_size=MAX_BODY_BYTES,
        request_class=DeskRequest,
        response_headers={"x-content-type-options": "nosniff"},
    )
    return [calls, docs.docs, static_route(settings.pwa_dir)]


def words() -> dict[str, str]:
    """What the structures of this floor's calls say of themselves, for the description of the API."""
    return words_of(
        [
            *ROOMS,
            again,
            arrival,
            asking,
            callmoves,
            callrows,
            completeness,
            detail,
            files,
            figures,
            health,
            moves,
            overdue,
            queue,
            reportasked,
            reportshapes,
            reviewmoves,
            satisfaction,
            spec,
            summaries,
            verdicts,
            wallrows,
        ]
    )


def parts(
    settings: Settings, clock: Clock, entropy: Callable[[int], bytes], db: Database, intake: Intake
) -> dict[str, Any]:
    """What handlers and guards of desks ask for by name, made once."""
    passwords = Passwords(Cost.light() if settings.hashing == "light" else Cost())
    return {
        "access": Access(Sessions(db, clock, entropy), lambda: intake.directory),
        "enrolment": Enrolment(db, clock, entropy),
        "importer": Importer(intake, entropy),
        "push_tests": push.tests(),
        "logins": Logins(db, passwords, clock),
    }
