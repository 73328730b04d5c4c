"""Countdowns of an incident: what must happen by when, from facts both ends have (SPEC DL).

Responsible for deadlines as data. It finds no fault with anybody: these are countdowns, not verdicts.

>>> deadline = Deadline("C2", None, 1_000, 31_000, None)
>>> deadline.state(40_000), deadline.state(30_000)
('overdue', 'running')
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sync.incident import feedback
from sync.incident.ladder import rectified_by, standing
from sync.incident.orders import counts
from sync.incident.policy import PolicyBook


class Deadline(Struct, frozen=True):
    """One countdown (DL1): of an order, or of the whole incident when `order` is None. Times are ms."""

    id: str
    order: bytes | None
    start_ms: int | None
    due_ms: int | None
    done_ms: int | None

    def state(self, now_ms: int) -> str:
        """`done`, `waiting`, `none`, `running` or `overdue` at that time (DL1)."""
        if self.done_ms is not None:
            return "done"
        if self.start_ms is None:
            return "waiting"
        if self.due_ms is None:
            return "none"
        return "running" if now_ms <= self.due_ms else "overdue"


def _at(milestones: dict[str, Any], kind: str) -> int | None:
    milestone = milestones.get(kind)
    return None if milestone is None else int(milestone["at"])


def order_deadlines(
    view: dict[str, Any], order: dict[str, Any], book: PolicyBook
) -> list[Deadline]:
    """C1 to C5 of one order of a view (DL2)."""
    milestones = order["milestones"]
    issued = order["issued_at"]
    delivered, signed = _at(milestones, "delivered"), _at(milestones, "signed")
    departed, arrived = _at(milestones, "departed"), _at(milestones, "arrived")
    run = partial(_run, view, book, order=order)
    return [
        # Someone who signed has it, whatever became of the delivery receipt.
        run("C1", issued, delivered if delivered is not None else signed),
        run("C2", delivered, signed),
        run("C2i", issued, signed),
        run("C3", signed, departed),
        run("C4", departed, arrived),
        run("C5", issued, arrived),
    ]


def deadlines(view: dict[str, Any], book: PolicyBook) -> list[Deadline]:
    """All countdowns of a view: of its orders of this round that were not taken back, then of the incident (DL2)."""
    found = [
        deadline
        for order in view["orders"]
        if order["round"] == view["round"] and counts(order)
        for deadline in order_deadlines(view, order, book)
    ]
    milestones = view["milestones"]
    final = min(
        (
            entry["at"]
            for entry in view["feedback"]
            if entry["round"] == view["round"] and entry["final"]
        ),
        default=None,
    )
    closed = min(
        (close["at"] for close in view["closes"] if close["round"] == view["round"]), default=None
    )
    run = partial(_run, view, book)
    found.append(run("C6", _at(milestones, "arrived"), _at(milestones, "feedback")))
    found.append(run("C7", _at(milestones, "cleared"), final))
    found.append(run("C7r", feedback.correction_start(view), None))
    found.append(run("C8", *feedback.review_clock(view)))
    return found + _of_callback(view, closed, book)


def _of_callback(view: dict[str, Any], closed_ms: int | None, book: PolicyBook) -> list[Deadline]:
    """C9 and C10 of an incident whose round closed at `closed_ms`. Nobody to call is no countdown."""
    stands = standing(view, book)
    call, complaint = stands.callback, rectified_by(stands.complaints)
    to_call = _run(view, book, "C9", closed_ms, call.settled_ms)
    if call.state == "exempt" and call.settled_ms is None:
        to_call = replace(to_call, due_ms=None)
    if complaint is None:
        return [to_call, Deadline("C10", None, None, None, None)]
    times = complaint.start_ms, complaint.due_ms, complaint.done_ms
    return [to_call, Deadline("C10", None, *times)]


def _run(
    view: dict[str, Any],
    book: PolicyBook,
    clock: str,
    start_ms: int | None,
    done_ms: int | None,
    *,
    order: dict[str, Any] | None = None,
) -> Deadline:
    """One countdown, under the policy in force at its start (PO3)."""
    key, target = (None, None) if order is None else (order["id"], order["to"][1])
    if start_ms is None:
        return Deadline(clock, key, None, None, done_ms)
    within_ms = book.judging(view, clock, start_ms, target=target).within_ms
    due_ms = None if within_ms is None else start_ms + within_ms
    return Deadline(clock, key, start_ms, due_ms, done_ms)
