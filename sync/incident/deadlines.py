"""Countdowns of an incident: what must happen by when, from facts both ends have (SPEC DL).

Responsible for deadlines as data. It finds no fault with anybody: these are countdowns, not verdicts.

>>> deadline = Deadline("C2", None, 1_000, 31_000, None)
>>> deadline.state(40_000), deadline.state(30_000)
('overdue', 'running')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from sync.incident.clocks import Clock, Said, clocks, order_clocks
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


def countdown(view: Mapping[str, Any], clock: Clock, book: PolicyBook) -> Deadline:
    """A clock by the words of those who were there: from its first start to its first end, under the policy in force at
    its start (PO3)."""
    start_ms, done_ms, due_ms = _first_ms(clock.starts), _first_ms(clock.ends), None
    if start_ms is not None:
        due_ms = clock.due(start_ms, clock.judging(view, start_ms, book).within_ms)
    return Deadline(clock.id, clock.order, start_ms, due_ms, done_ms)


def _first_ms(said: Sequence[Said]) -> int | None:
    return min([one.at_ms for one in said]) if said else None


def order_deadlines(
    view: Mapping[str, Any], order: Mapping[str, Any], book: PolicyBook
) -> list[Deadline]:
    """C1 to C5 of one order of a view (DL2)."""
    return [countdown(view, clock, book) for clock in order_clocks(view, order)]


def deadlines(view: Mapping[str, Any], book: PolicyBook) -> list[Deadline]:
    """All countdowns of a view: of its orders of this round that were not taken back, then of the incident (DL2)."""
    counting = {order["id"] for order in view["orders"] if counts(order)}
    complaints: list[Clock] = []
    shown: list[Clock] = []
    for clock in clocks(view, book):
        if clock.id == "C10":
            complaints.append(clock)
        elif clock.round == view["round"] and (clock.order is None or clock.order in counting):
            shown.append(clock)
    unsettled = [clock for clock in complaints if not clock.ends]
    nobodys = Clock("C10", None, view["round"], (), ())
    shown.append((*unsettled[:1], *complaints[-1:], nobodys)[0])
    return [countdown(view, clock, book) for clock in shown]
