"""What follows from a caller who is not satisfied, and when the file is finished (SPEC CK4 to CK8).

Responsible for the ladder: rectification, the callback again, listed supervision; for the one step of each complaint
that is open; and for `finished`. It finds no fault with anybody and does not know who may take a step.

>>> standing({"round": 0, "status": "reported", "created": None, "fields": {}, "closes": [],
...           "callbacks": [], "rectifications": [], "supervisions": []}, PolicyBook()).finished
False
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from sync import cells
from sync.fold import Item
from sync.incident.callback import (
    DISSATISFIED,
    Called,
    attempt_named,
    callback_of,
    called,
)
from sync.incident.orders import Counted, by_time, stamped
from sync.incident.policy import PolicyBook

STEPS: Final = ("to_supervise", "supervised", "to_rectify", "rectifying", "to_call_again")
"""The open steps, the gravest first (CK5)."""
SETTLED: Final = frozenset({"done", "unreachable", "exempt"})


class Complaint(Struct, frozen=True):
    """One attempt whose caller was not satisfied, and what became of it (CK5).

    `attempt`, `rectification` and `supervision` are as the view lists them. `again`: it was said in a callback after a
    rectification. `call`: where the callback after its own rectification stands. `step`: what is open, if anything is.
    `start_ms`, `due_ms`, `done_ms`: its countdown to being rectified (DL2 C10), nothing for one said again.
    """

    attempt: dict[str, Any]
    again: bool
    rectification: dict[str, Any] | None
    supervision: dict[str, Any] | None
    call: Called | None
    step: str | None
    start_ms: int | None
    due_ms: int | None
    done_ms: int | None


class Standing(Struct, frozen=True):
    """The callback of the current round, every complaint of any round, the gravest open step, and whether it ends."""

    callback: Called
    complaints: tuple[Complaint, ...]
    step: str | None
    finished: bool


def rectifications_of(counted: Counted, attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every rectification that was ordered, with the first answer its station gave."""
    answers: dict[tuple[bytes, bytes], Item] = {}
    for item in by_time(counted("rectify.done")):
        answers.setdefault((item.fields["rectify"], item.fields["station"]), item)
    found = []
    for item in cells.in_order(counted("rectify.order")):
        fields = item.fields
        done = answers.get((item.op, fields["station"]))
        found.append(
            stamped(item)
            | {
                "attempt": attempt_named(item, attempts),
                "station": fields["station"],
                "unit": fields.get("unit"),
                "kind": fields["kind"],
                "text": fields["text"],
                "due": fields.get("due"),
                "done": None if done is None else stamped(done) | {"text": done.fields["text"]},
            }
        )
    return found


def supervisions_of(counted: Counted, attempts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every listed supervision, with how it was closed."""
    closes: dict[bytes, Item] = {}
    for item in by_time(counted("supervise.close")):
        closes.setdefault(item.fields["supervise"], item)
    found = []
    for item in cells.in_order(counted("supervise.open")):
        closed = closes.get(item.op)
        end = None
        if closed is not None:
            said = closed.fields
            end = stamped(closed) | {"result": said["result"], "text": said["text"]}
        found.append(
            stamped(item)
            | {
                "attempt": attempt_named(item, attempts),
                "text": item.fields["text"],
                "closed": end,
            }
        )
    return found


def standing(view: Mapping[str, Any], book: PolicyBook) -> Standing:
    """Where callback and ladder of an incident stand (CK2 to CK7)."""
    complaints = complaints_of(view, book)
    open_steps = {complaint.step for complaint in complaints}
    step = next((one for one in STEPS if one in open_steps), None)
    callback = callback_of(view, book)
    ended = view["status"] in ("withdrawn", "duplicate") or (
        view["status"] == "closed" and callback.state in SETTLED
    )
    return Standing(callback, complaints, step, ended and step is None)


def complaints_of(view: Mapping[str, Any], book: PolicyBook) -> tuple[Complaint, ...]:
    """Every complaint of any round, by event time (CK5)."""
    return tuple(
        _complaint(view, attempt, book)
        for attempt in view["callbacks"]
        if attempt["score"] == DISSATISFIED
    )


def _complaint(view: Mapping[str, Any], attempt: dict[str, Any], book: PolicyBook) -> Complaint:
    again = attempt["rectify"] is not None
    ordered = [one for one in view["rectifications"] if one["attempt"] == attempt["op"]]
    listed = [one for one in view["supervisions"] if one["attempt"] == attempt["op"]]
    # What was ordered last holds: ordering once more says that the answer was not enough.
    order = ordered[-1] if ordered else None
    unclosed = [one for one in listed if one["closed"] is None]
    supervision = unclosed[0] if unclosed else listed[-1] if listed else None
    judging = book.judging(view, "C10", attempt["at"], kind="" if order is None else order["kind"])
    call = None
    if order is not None and order["done"] is not None:
        tried = [one for one in view["callbacks"] if one["rectify"] == order["op"]]
        call = called(tried, judging.policy)
    due_ms = None if judging.within_ms is None else attempt["at"] + judging.within_ms
    if due_ms is not None and order is not None and order["due"] is not None:
        due_ms = min(due_ms, order["due"])  # it may be shortened, never lengthened (CK6)
    return Complaint(
        attempt=attempt,
        again=again,
        rectification=order,
        supervision=supervision,
        call=call,
        step=_step(again, order, supervision, call),
        start_ms=None if again else attempt["at"],
        due_ms=None if again else due_ms,
        done_ms=None if again or order is None or order["done"] is None else order["done"]["at"],
    )


def _step(
    again: bool,
    order: dict[str, Any] | None,
    supervision: dict[str, Any] | None,
    call: Called | None,
) -> str | None:
    if supervision is not None:
        return "supervised" if supervision["closed"] is None else None
    if again:
        return "to_supervise"
    if order is None:
        return "to_rectify"
    if call is None:
        return "rectifying"
    return None if call.state in SETTLED else "to_call_again"
