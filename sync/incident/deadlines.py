"""Countdowns of an incident: what must happen by when, from facts both ends have (SPEC DL).

Responsible for deadlines as data. It finds no fault with anybody: these are countdowns, not verdicts.

>>> deadline = Deadline("C2", None, 1_000, 31_000, None)
>>> deadline.state(40_000), deadline.state(30_000)
('overdue', 'running')
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct, field

from sync.incident import feedback
from sync.incident.orders import counts
from sync.incident.plans import DEFAULT_PLANS, Plan

DAY_MS: Final = 86_400_000
SHANGHAI_OFFSET_MS: Final = 28_800_000
"""Asia/Shanghai is UTC+8 all year since 1991."""


class Policy(Struct, frozen=True):
    """Limits in ms. `arrive_within_ms` is by tier; one not listed is its minutes, 0 (as soon as possible) has none.

    `plans`: who is told when and how, by tier in minutes as text (NU2).
    """

    deliver_within_ms: int = 10_000
    sign_within_ms: int = 30_000
    arrive_within_ms: dict[int, int] = field(
        default_factory=lambda: {1: 60_000, 3: 180_000, 5: 300_000, 8: 480_000}
    )
    first_feedback_within_ms: int = 1_800_000
    final_feedback_within_ms: int = 86_400_000
    review_within_ms: int = 86_400_000
    plans: dict[str, Plan] = field(default_factory=lambda: dict(DEFAULT_PLANS))


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


def _from(start_ms: int | None, within_ms: int | None) -> int | None:
    return None if start_ms is None or within_ms is None else start_ms + within_ms


def _at(milestones: dict[str, Any], kind: str) -> int | None:
    milestone = milestones.get(kind)
    return None if milestone is None else int(milestone["at"])


def end_of_next_day(at_ms: int) -> int:
    """The last ms of the Asia/Shanghai day after the one that `at_ms` lies in."""
    day = (at_ms + SHANGHAI_OFFSET_MS) // DAY_MS
    return (day + 2) * DAY_MS - SHANGHAI_OFFSET_MS - 1


def arrive_within_ms(tier: int | None, policy: Policy) -> int | None:
    """How long the way to the scene may take for a tier in minutes (DL2)."""
    if not tier:
        return None
    return policy.arrive_within_ms.get(tier, tier * 60_000)


def order_deadlines(order: dict[str, Any], tier: int | None, policy: Policy) -> list[Deadline]:
    """C1 to C5 of one order of a view (DL2)."""
    key, milestones = order["id"], order["milestones"]
    issued = order["issued_at"]
    delivered, signed = _at(milestones, "delivered"), _at(milestones, "signed")
    departed, arrived = _at(milestones, "departed"), _at(milestones, "arrived")
    arrive_within = arrive_within_ms(tier, policy)
    return [
        # Someone who signed has it, whatever became of the delivery receipt.
        Deadline(
            "C1",
            key,
            issued,
            _from(issued, policy.deliver_within_ms),
            delivered if delivered is not None else signed,
        ),
        Deadline("C2", key, delivered, _from(delivered, policy.sign_within_ms), signed),
        Deadline("C2i", key, issued, _from(issued, policy.sign_within_ms), signed),
        Deadline("C3", key, signed, None, departed),
        Deadline("C4", key, departed, None, arrived),
        Deadline("C5", key, issued, _from(issued, arrive_within), arrived),
    ]


def deadlines(view: dict[str, Any], policy: Policy) -> list[Deadline]:
    """All countdowns of a view: of its orders of this round that were not taken back, then of the incident (DL2)."""
    tier = tier_of(view)
    found = [
        deadline
        for order in view["orders"]
        if order["round"] == view["round"] and counts(order)
        for deadline in order_deadlines(order, tier, policy)
    ]
    milestones = view["milestones"]
    arrived, cleared = _at(milestones, "arrived"), _at(milestones, "cleared")
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
    answered = min(
        (
            attempt["at"]
            for attempt in view["callbacks"]
            if attempt["round"] == view["round"] and attempt["outcome"] in ("reached", "no_phone")
        ),
        default=None,
    )
    found.append(
        Deadline(
            "C6",
            None,
            arrived,
            _from(arrived, policy.first_feedback_within_ms),
            _at(milestones, "feedback"),
        )
    )
    found.append(
        Deadline("C7", None, cleared, _from(cleared, policy.final_feedback_within_ms), final)
    )
    returned = feedback.correction_start(view)
    found.append(
        Deadline("C7r", None, returned, _from(returned, policy.final_feedback_within_ms), None)
    )
    received, reviewed = feedback.review_clock(view)
    found.append(Deadline("C8", None, received, _from(received, policy.review_within_ms), reviewed))
    found.append(
        Deadline("C9", None, closed, None if closed is None else end_of_next_day(closed), answered)
    )
    return found


def tier_of(view: dict[str, Any]) -> int | None:
    """The tier in minutes; where several stand, the shortest that sets a limit (DL2). None when none was stated."""
    stated = [value["v"] for value in view["fields"].get("tier", [])]
    return min((tier for tier in stated if tier), default=0 if stated else None)
