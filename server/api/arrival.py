"""How long the police took by the record, to lay beside what a caller remembers.

The record says minutes, and what can be proved of them: an interval with its grade. A caller outside it is worth a
second look and nobody's fault; refuses to say who is right.

>>> recorded({"milestones": {}, "created": None, "orders": [], "round": 0}, {}, 5) is None
True
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from server.intake import timing
from server.intake.chains import Chains
from sync.fold import Item
from sync.incident.calendar import MINUTE_MS
from sync.time import Timed

CLAIMED: Final = 3


class Recorded(msgspec.Struct, frozen=True):
    """Order to arrival in minutes, as written; ``lo`` and ``hi`` are what is proved of it, null where nothing is, and
    ``grade`` on what evidence. More than ``tolerance`` minutes beyond all of these is worth a second look."""

    minutes: int
    tolerance: int
    grade: int
    lo: int | None
    hi: int | None


def times_of(connection: Connection, items: list[Item]) -> dict[bytes, Timed]:
    """Read what is proved of when each entry happened."""
    return timing.times(connection, items, Chains(connection))


def recorded(view: dict[str, Any], times: Mapping[bytes, Timed], tolerance: int) -> Recorded | None:
    """From the first order of the round (or the report, without one) to the arrival that stands."""
    arrived = view["milestones"].get("arrived")
    if arrived is None or view["created"] is None:
        return None
    of_round = [order for order in view["orders"] if order["round"] == view["round"]]
    first = min(of_round, key=lambda order: (order["issued_at"], order["op"]), default=None)
    op, start_ms = (
        (view["created"]["op"], view["created"]["at"])
        if first is None
        else (first["op"], first["issued_at"])
    )
    minutes = max(0, (arrived["at"] - start_ms + MINUTE_MS // 2) // MINUTE_MS)
    began, came = times.get(op), times.get(arrived["op"])
    if began is None or came is None:
        return Recorded(minutes, tolerance, CLAIMED, None, None)
    least = _between(came.bounds.lo_ms, began.bounds.hi_ms)
    most = _between(came.bounds.hi_ms, began.bounds.lo_ms)
    return Recorded(
        minutes,
        tolerance,
        max(began.grade, came.grade),
        None if least is None else max(0, least // MINUTE_MS),
        None if most is None else max(0, -(-most // MINUTE_MS)),
    )


def _between(end_ms: int | None, start_ms: int | None) -> int | None:
    return None if end_ms is None or start_ms is None else end_ms - start_ms
