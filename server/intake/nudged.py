"""Who was urged about an incident, how and when: what a wall shows beside a countdown (SPEC NU4, NU7).

Responsible for the rows of `nudges`: for each order, clock and channel the newest nudge and how many there were. What
people did has no clock: it is about the order. Pure; folds nothing and knows no plan.

Example: `rows_of(state)` gives one row `(incident, b"", "C6", "desk", 1, at_ms, by, None)` after the desk was told that
feedback is owed.
"""

from typing import Any

from server.store.rows import Row
from sync.incident.escalation import CENTRE
from sync.incident.orders import by_time
from sync.incident.state import IncidentState


def rows_of(state: IncidentState) -> tuple[Row, ...]:
    """The rows of one incident, the newest nudge of each kind in each."""
    found: dict[tuple[bytes, str, str], Row] = {}
    for item in by_time(state.counted("entry.add")):
        if item.fields["kind"] != "nudge":
            continue
        said = item.fields.get("data") or {}
        clock = _text(said.get("clock")) if item.user == CENTRE else ""
        key = (_order(said.get("order")), clock, _text(said.get("channel")))
        before = found.get(key)
        count = 1 if before is None else before[4] + 1
        reached = said.get("reached")
        found[key] = (
            state.entity,
            *key,
            count,
            item.occurred_at_ms,
            item.user,
            reached if isinstance(reached, bool) else None,
        )
    return tuple(found.values())


def _text(value: Any) -> str:
    """A word that a database column can hold, whoever wrote it."""
    return value[:32].replace("\x00", "\ufffd") if isinstance(value, str) else ""


def _order(value: Any) -> bytes:
    return value if isinstance(value, bytes) and len(value) == 16 else b""
