"""What does not fit together in an incident, as plain remarks before it is closed (SPEC FB6).

Responsible for reading the whole view once and saying what a careful reader would ask about. It blames nobody, changes
nothing and forbids nothing: times may be wrong by a phone's clock, and a person decides. It chooses no words.

>>> from sync.incident.state import IncidentState
>>> [remark.code for remark in remarks(IncidentState(bytes(16)).view(), PolicyBook())]
['feedback_missing']
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from sync.incident import feedback
from sync.incident.deadlines import order_deadlines
from sync.incident.orders import counts
from sync.incident.policy import PolicyBook

COUNTS: Final = ("casualties", "rescued", "seized")
_STEPS: Final = ("signed", "departed", "arrived", "cleared")
"""Delivery is no step of a person's: who was told by radio signs before the phone has it."""


class Remark(Struct, frozen=True):
    """One remark: its code, the order it is about if it is about one, the ops to look at, and the kinds or the field it
    speaks of."""

    code: str
    order: bytes | None = None
    about: tuple[bytes, ...] = ()
    words: tuple[str, ...] = ()


def remarks(view: dict[str, Any], book: PolicyBook) -> list[Remark]:
    """Everything to remark on the current round of a view, in a fixed order: orders first, then the incident."""
    orders = [o for o in view["orders"] if o["round"] == view["round"] and counts(o)]
    found: list[Remark] = []
    for order in orders:
        found += _of_order(order)
        found += _of_delay(order, view, book)
    if not orders:
        found += _of_road(view["milestones"], None, None)
        found += [Remark("step_missing", words=(kind,)) for kind in view["gaps"]]
    found += _after_close(view)
    found += _of_feedback(view)
    found += _of_facts(view)
    found += [
        Remark("delay_unanswered", about=(entry["op"],))
        for entry in view["entries"]
        if entry["kind"] == "delay_reason" and entry["answer"] is None
    ]
    found += _of_calls(view)
    return found


def _of_order(order: dict[str, Any]) -> Iterator[Remark]:
    key, reached = order["id"], order["milestones"]
    if not reached:
        yield Remark("undelivered", key)
    elif "cleared" not in reached and order["kind"] != "advisory":
        yield Remark("order_unfinished", key)
    yield from _of_road(reached, key, order["issued_at"])
    for kind in order["gaps"]:
        if kind != "delivered":
            yield Remark("step_missing", key, words=(kind,))
    if order["return_request"] is not None:
        yield Remark("return_unanswered", key, about=(order["return_request"]["op"],))


def _of_road(
    reached: dict[str, Any], order: bytes | None, issued_at: int | None
) -> Iterator[Remark]:
    """Neighbours on the road of which the later step happened earlier."""
    before: tuple[str, int, tuple[bytes, ...]] | None = None
    if issued_at is not None:
        before = ("issued", issued_at, ())
    for kind in _STEPS:
        if (step := reached.get(kind)) is None:
            continue
        if before is not None and step["at"] < before[1]:
            yield Remark("step_before", order, (step["op"], *before[2]), (kind, before[0]))
        before = (kind, step["at"], (step["op"],))


def _of_delay(order: dict[str, Any], view: dict[str, Any], book: PolicyBook) -> Iterator[Remark]:
    """Arrived after the limit, by the times as they are told, and nobody said why."""
    found = (d for d in order_deadlines(view, order, book) if d.id == "C5")
    arrival = next(found, None)
    if (
        arrival is None
        or arrival.due_ms is None
        or arrival.done_ms is None
        or arrival.done_ms <= arrival.due_ms
    ):
        return
    said = [entry for entry in view["entries"] if entry["kind"] == "delay_reason"]
    if not any((entry["data"] or {}).get("order", order["id"]) == order["id"] for entry in said):
        yield Remark("delay_unexplained", order["id"], (order["milestones"]["arrived"]["op"],))


def _after_close(view: dict[str, Any]) -> Iterator[Remark]:
    closed = [close["at"] for close in view["closes"] if close["round"] == view["round"]]
    for claim in view["claims"]:
        if (
            claim["counts"]
            and claim["round"] == view["round"]
            and claim["kind"] in _STEPS
            and closed
            and claim["at"] > min(closed)
        ):
            yield Remark("step_after_close", claim["order"], (claim["op"],), (claim["kind"],))


def _of_feedback(view: dict[str, Any]) -> Iterator[Remark]:
    arrived = view["milestones"].get("arrived")
    for entry in view["feedback"]:
        if entry["round"] == view["round"] and arrived and entry["at"] < arrived["at"]:
            yield Remark("feedback_before_arrival", entry["order"], (entry["op"], arrived["op"]))
    at = feedback.standing(view)
    finals = at.waiting + at.returned + at.passed
    if not finals:
        yield Remark("feedback_missing")
        return
    for entry in at.returned:
        yield Remark("feedback_returned", entry["order"], (entry["op"],))
    for entry in at.waiting:
        yield Remark("feedback_unreviewed", entry["order"], (entry["op"],))
    results = {entry["result"] for entry in finals if entry["result"] is not None}
    if len(results) > 1:
        about = tuple(sorted(entry["op"] for entry in finals if entry["result"] is not None))
        yield Remark("result_differs", about=about)
    elif not results and not view["fields"].get("result"):
        yield Remark("result_missing", about=tuple(sorted(entry["op"] for entry in finals)))
    if not view["fields"].get("nature") and view["nature"]["ruled"] is None:
        yield Remark("nature_missing")


def _of_facts(view: dict[str, Any]) -> Iterator[Remark]:
    for field in sorted(view["fields"]):
        values = view["fields"][field]
        if any(value["v"] != values[0]["v"] for value in values[1:]):
            code = "counts_contradict" if field in COUNTS else "two_statements"
            yield Remark(code, about=tuple(value["op"] for value in values), words=(field,))


def _of_calls(view: dict[str, Any]) -> Iterator[Remark]:
    reached = [
        call["op"]
        for call in view["callbacks"]
        if call["round"] == view["round"] and call["outcome"] == "reached"
    ]
    if len(reached) > 1:
        yield Remark("callback_twice", about=tuple(reached))
