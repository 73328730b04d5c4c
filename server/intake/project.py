"""From an incident's view to the rows screens read: a pure function, run once per batch and entity.

Responsible for choosing what a list, a wall or a search needs of an incident. Refuses to fold: the
view comes from `sync.incident.state`, the countdowns from `sync.incident.deadlines`. A countdown has
a row while it runs for somebody who can still act, and once it was done.

Where a field has several live values the newest stands in the row, and `conflicts` counts the fields
whose values contradict each other: the list warns, the incident's own page shows all of them.

Example: `project(state.derived().view, book, waiting=(0, 0), delays=0, created_chain=..., home=...,
updated_at_ms=..., updated_idx=...)`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.store.projections import Projected
from server.store.rows import Row
from sync.incident import feedback
from sync.incident.callback import call_again_ms, first_attempts
from sync.incident.deadlines import Deadline, order_deadlines
from sync.incident.ladder import Complaint, standing
from sync.incident.orders import counts
from sync.incident.policy import PolicyBook

View = dict[str, Any]

_ON_LISTS = frozenset({"C1", "C2", "C3", "C5", "C6", "C7", "C9", "C10"})
"""Countdowns that lists look for. Review and correction come and go with their feedback and stand in the incident's own
row; the rest is shown on the incident's own page only."""

SEARCHED = ("title", "place", "source_no", "caller_name", "caller_phone", "narrative")
SEARCH_LIMIT = 2_000  # characters of the search text of one incident


def newest(view: View, field: str) -> Any:
    """The newest live value of a field, None when it has none."""
    values = view["fields"].get(field)
    return values[-1]["v"] if values else None


def project(
    view: View,
    book: PolicyBook,
    *,
    clocks: Sequence[Deadline],
    waiting: tuple[int, int],
    delays: int,
    created_chain: bytes | None,
    home: str | None,
    updated_at_ms: int,
    updated_idx: int,
) -> Projected:
    """The rows of one incident; `clocks` are its countdowns (DL2)."""
    return Projected(
        incident=_storable(
            _incident(
                view,
                tier_of(view, book),
                waiting,
                created_chain,
                home,
                updated=(updated_at_ms, updated_idx),
                stands=(*_callback(view, book), *_feedback(view, book), delays),
            )
        ),
        orders=tuple(_order(view["id"], order) for order in view["orders"]),
        deadlines=tuple(_deadlines(view, book, clocks)),
    )


def _storable(row: Row) -> Row:
    """PostgreSQL holds no zero character in a text. Canonical text may have one (CB4), so a row shows U+FFFD for it."""
    return tuple(
        part.replace("\x00", "\ufffd") if isinstance(part, str) and "\x00" in part else part
        for part in row
    )


def _incident(
    view: View,
    tier: int | None,
    waiting: tuple[int, int],
    created_chain: bytes | None,
    home: str | None,
    *,
    updated: tuple[int, int],
    stands: tuple[object, ...],
) -> Row:
    created = view["created"] or {}
    point = newest(view, "point") or (None, None)
    closed_at_ms = _closed_at_ms(view)
    return (
        view["id"],
        view["number"],
        created.get("tag") or "",
        view["station"],
        home,
        view["status"],
        view["round"],
        created.get("source"),
        bool(created.get("exercise")),
        created.get("at"),
        created.get("by"),
        created_chain,
        *updated,
        newest(view, "title") or "",
        newest(view, "category") or "",
        newest(view, "place") or "",
        point[0],
        point[1],
        newest(view, "level"),
        tier,
        *waiting,
        sum(order["open"] for order in view["orders"]),
        closed_at_ms,
        ended_at_ms(view),
        view["duplicate_of"],
        *stands,
        _search_text(view, created),
    )


def _closed_at_ms(view: View) -> int | None:
    """When the current round was closed."""
    return next((close["at"] for close in view["closes"] if close["round"] == view["round"]), None)


def ended_at_ms(view: View) -> int | None:
    """When the work on an incident ended, for the day that it is counted in; None while it goes on."""
    if view["status"] == "withdrawn":
        return int(view["withdrawn"]["at"])
    if view["status"] == "duplicate":
        return max(int(link["at"]) for link in view["links"])
    return _closed_at_ms(view)


def _callback(view: View, book: PolicyBook) -> Row:
    """Where callback and ladder stand (CK2, CK5, CK7). A list knows a callback of closed incidents only."""
    stands = standing(view, book)
    call, attempts = stands.callback, first_attempts(view)
    last = attempts[-1] if attempts else {}
    again_ms = None
    if call.state == "trying":
        again_ms = call_again_ms(attempts, book.judging(view, "C9", last["at"]).policy)
    recall = _recall_from(stands.complaints)
    return (
        call.state if view["status"] == "closed" else None,
        call.exempt,
        call.attempts,
        last.get("outcome"),
        last.get("at"),
        again_ms,
        call.settled_ms,
        call.score,
        call.reason,
        stands.step,
        recall,
        _due(view, book, "C9", recall),
        stands.finished,
    )


def _recall_from(complaints: tuple[Complaint, ...]) -> int | None:
    """Since when the caller waits who is to be called once more: the earliest rectification that was answered."""
    answered = [
        one.rectification["done"]["at"]
        for one in complaints
        if one.step == "to_call_again" and one.rectification is not None
    ]
    return min(answered, default=None)


def _feedback(view: View, book: PolicyBook) -> tuple[object, ...]:
    """Where the feedback of the round is, and what its reviewer or its author has until when."""
    if not view["feedback"]:
        return "none", None, None, None, None, None, None
    at = feedback.standing(view)
    received, _reviewed = feedback.review_clock(view)
    waits = received if at.waiting else None
    returned = feedback.correction_start(view)
    last = max(
        (entry["review"] for entry in at.returned + at.passed),
        key=lambda review: (review["at"], review["op"]),
        default=None,
    )
    return (
        at.state,
        waits,
        _due(view, book, "C8", waits),
        returned,
        _due(view, book, "C7r", returned),
        None if last is None else last["at"],
        None if last is None else last["score"],
    )


def tier_of(view: View, book: PolicyBook) -> int | None:
    """The tier as it stood at the report (PO6)."""
    created = view["created"]
    if created is None:
        stated: int | None = newest(view, "tier")
        return stated
    return book.judging(view, "C5", created["at"]).tier


def _due(view: View, book: PolicyBook, clock: str, start_ms: int | None) -> int | None:
    within_ms = None if start_ms is None else book.judging(view, clock, start_ms).within_ms
    return None if start_ms is None or within_ms is None else start_ms + within_ms


def _search_text(view: View, created: Mapping[str, Any]) -> str:
    words = [view["number"], created.get("tag")]
    words += [value["v"] for field in SEARCHED for value in view["fields"].get(field, ())]
    return "\n".join(word for word in words if word).lower()[:SEARCH_LIMIT]


def _order(incident: bytes, order: Mapping[str, Any]) -> Row:
    reached = order["milestones"]
    return (
        order["id"],
        incident,
        order["to"][0],
        order["to"][1],
        order["kind"],
        order["round"],
        order["issued_at"],
        order["issued_by"],
        order["status"],
        order["open"],
        order["return_request"] is not None,
        *(
            reached[kind]["at"] if reached.get(kind) else None
            for kind in ("delivered", "signed", "departed", "arrived", "cleared", "feedback")
        ),
    )


def _deadlines(view: View, book: PolicyBook, clocks: Sequence[Deadline]) -> Iterator[Row]:
    stands = view["status"] not in {"withdrawn", "duplicate"}
    is_open = {order["id"]: order["open"] for order in view["orders"]}
    over = [o for o in view["orders"] if not counts(o) or o["round"] != view["round"]]
    past = (countdown for order in over for countdown in order_deadlines(view, order, book))
    for countdown in (*clocks, *past):
        concerns = stands and (countdown.order is None or is_open[countdown.order])
        runs = countdown.start_ms is not None and concerns
        if countdown.id in _ON_LISTS and (runs or countdown.done_ms is not None):
            yield (
                view["id"],
                countdown.id,
                countdown.order or b"",
                countdown.start_ms,
                countdown.due_ms,
                countdown.done_ms,
            )
