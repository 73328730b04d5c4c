"""What a request for figures asks for: period, grouping, clocks or instants; and what may be told to whom.

Reads devices, for no figure goes without how complete it can be. Refuses to count.

Example: ``wanted(clock, period="week", by="station")`` is this week by stations.
"""

from typing import Annotated, Final, Literal

import msgspec
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from sqlalchemy import Connection

from server.api.devices import WIDE, fleet_of
from server.api.reportshapes import Asked
from server.api.wall import ONLINE_MS
from server.auth.guards import SignedIn
from server.now import Clock
from server.problems import ProblemError
from server.reports import periods
from server.reports.completeness import Heard
from server.reports.instants import INSTANTS
from server.reports.periods import Period
from server.store.people import Directory

CLOCKS: Final = ("C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10")

By = Literal["station", "target", "tier", "zone"]
Kind = Literal["week", "day", "month", "range"]


class Wanted(msgspec.Struct, frozen=True):
    """What a request asks for: the moment, the period and the grouping."""

    now_ms: int
    period: Period
    by: str


def wanted(
    clock: NamedDependency[Clock],
    *,
    period: Annotated[Kind, QueryParameter(description="of Asia/Shanghai")] = "week",
    at_ms: Annotated[
        int | None, QueryParameter(description="a moment of it; now when left out")
    ] = None,
    from_ms: Annotated[int | None, QueryParameter(description="of a range: its start")] = None,
    to_ms: Annotated[int | None, QueryParameter(description="of a range: its end")] = None,
    by: Annotated[By, QueryParameter(description="what groups are made by")] = "station",
) -> Wanted:
    """The period and the grouping of a request."""
    now_ms = clock.now_ms()
    try:
        if period == "range":
            if from_ms is None or to_ms is None:
                raise ValueError("a range needs from_ms and to_ms")
            span = periods.between(from_ms, to_ms)
        else:
            span = periods.of(period, now_ms if at_ms is None else at_ms)
    except ValueError as fault:
        raise ProblemError("bad_request", detail=f"There is no such period: {fault}.") from fault
    return Wanted(now_ms, span, by)


WANTED: Final = {"wanted": Provide(wanted, sync_to_thread=False)}


def own_of(who: SignedIn) -> bytes | None:
    """The station whose incidents alone a person reads figures of, None for all.

    Raises ``ProblemError("not_allowed")`` for somebody of no station."""
    if who.has(WIDE):
        return None
    if who.person.station is None:
        raise ProblemError("not_allowed", detail="You are of no station, so there are no figures.")
    return who.person.station


def asked_of(connection: Connection, want: Wanted, who: SignedIn, directory: Directory) -> Asked:
    """What the centre knows beside the rows: devices and when they were heard."""
    fleet = fleet_of(connection, directory, who)
    heard = []
    for device in fleet.devices:
        if not device.in_use or device.person is None or device.oldest_ms >= want.period.to_ms:
            continue
        contact = fleet.contacts.get(device.chain)
        one = Heard(device.chain)
        if contact is not None:
            one = Heard(device.chain, contact.last_contact_ms, contact.pending, contact.oldest_ms)
        heard.append((device.person, one))
    upto_ms = min(want.period.to_ms, want.now_ms - ONLINE_MS)
    return Asked(want.now_ms, want.period, want.by, directory, heard, upto_ms)


def clocks_of(text: str | None) -> tuple[str, ...]:
    """The clocks a request names, all when it names none."""
    if text is None:
        return CLOCKS
    named = tuple(dict.fromkeys(text.split(",")))
    if not set(named) <= set(CLOCKS):
        raise ProblemError("bad_request", detail=f"Clocks are {', '.join(CLOCKS)}.")
    return named


def names_of(start: str, end: str) -> tuple[str, str]:
    """Two instants, the second of which comes later in the list. Raises ``ProblemError("bad_request")``."""
    if start not in INSTANTS or end not in INSTANTS or INSTANTS.index(start) >= INSTANTS.index(end):
        raise ProblemError(
            "bad_request", detail=f"Choose two of these, in their order: {', '.join(INSTANTS)}."
        )
    return start, end
