"""One call on a list: of an incident that was closed, or once more after a rectification. Pure.

Example: a call nobody answered this morning has ``state`` ``trying`` and in ``again_at`` when the afternoon begins.
"""

from typing import Any

import msgspec
from sqlalchemy import RowMapping

from server.api.ids import Hex32, Ms, hex_or_none
from server.intake.project import newest
from sync.incident.callback import call_again_ms
from sync.incident.ladder import Complaint, standing
from sync.incident.policy import PolicyBook


class RectifyLimits(msgspec.Struct, frozen=True):
    """How long there is to put something right, by the policy in force now: ms, or working days when it is complex."""

    within_ms: int
    complex_days: int


def limits_of(book: PolicyBook, now_ms: int) -> RectifyLimits:
    """The limits a rectification ordered now would have."""
    policy = book.at(now_ms, mode=book.mode_at(now_ms))
    return RectifyLimits(policy.rectify_within_ms, policy.rectify_complex_days)


class CallRow(msgspec.Struct, frozen=True):
    """One call to make or made today. ``state`` is ``due``, ``trying``, ``unreachable``, ``exempt`` or ``done``.

    ``since`` is when the incident was closed, or when the rectification was answered that ``rectify`` names.
    ``again_at`` is when a part of the day begins in which nobody has tried yet."""

    incident: Hex32
    number: str | None
    tag: str
    title: str
    place: str
    station: Hex32 | None
    since: Ms
    attempts: int
    last_outcome: str | None
    last_at: Ms | None
    again_at: Ms | None
    due_ms: Ms | None
    state: str
    score: int | None
    reason: str | None
    rectify: str | None


def call_row(row: RowMapping) -> CallRow:
    """The call that an incident of the projection owes."""
    since: int = row["closed_at_ms"] or row["ended_at_ms"] or row["updated_at_ms"]
    return CallRow(
        incident=row["id"].hex(),
        number=row["number"],
        tag=row["tag"],
        title=row["title"],
        place=row["place"],
        station=hex_or_none(row["station"]),
        since=since,
        attempts=row["callback_attempts"],
        last_outcome=row["callback_outcome"],
        last_at=row["callback_at_ms"],
        again_at=row["callback_again_ms"],
        due_ms=row["due_ms"],
        state=row["callback_state"] or "exempt",
        score=row["callback_score"],
        reason=row["callback_reason"],
        rectify=None,
    )


def to_call_again(view: dict[str, Any], book: PolicyBook) -> list[Complaint]:
    """The complaints whose caller is to be asked once more."""
    return [one for one in standing(view, book).complaints if one.step == "to_call_again"]


def due_of_call(view: dict[str, Any], since_ms: int, book: PolicyBook) -> int | None:
    """By when somebody is called who is to be called since then (C9)."""
    within_ms = book.judging(view, "C9", since_ms).within_ms
    return None if within_ms is None else since_ms + within_ms


def again_row(view: dict[str, Any], complaint: Complaint, book: PolicyBook) -> CallRow:
    """The call after a rectification that was answered."""
    order, call = complaint.rectification, complaint.call
    assert order is not None
    assert call is not None
    attempts = [one for one in view["callbacks"] if one["rectify"] == order["op"]]
    last = attempts[-1] if attempts else {}
    since: int = order["done"]["at"]
    created = view["created"] or {}
    policy = book.judging(view, "C10", complaint.attempt["at"]).policy
    return CallRow(
        incident=view["id"].hex(),
        number=view["number"],
        tag=created.get("tag") or "",
        title=newest(view, "title") or "",
        place=newest(view, "place") or "",
        station=hex_or_none(view["station"]),
        since=since,
        attempts=call.attempts,
        last_outcome=last.get("outcome"),
        last_at=last.get("at"),
        again_at=call_again_ms(attempts, policy),
        due_ms=due_of_call(view, since, book),
        state=call.state,
        score=None,
        reason=complaint.attempt["reason"],
        rectify=order["op"].hex(),
    )
