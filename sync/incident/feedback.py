"""Feedback, its review and what is ruled of an incident's nature (SPEC FB).

Responsible for which final feedback is the current one of its order, what a reviewer said of it, in which state the
feedback of a round is, and from when its review and its correction count. It sets no limits and finds no fault itself.

>>> standing({"round": 0, "feedback": []}).state
'none'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from sync import cells
from sync.fold import Item
from sync.incident.orders import by_time, stamped


class Standing(Struct, frozen=True):
    """Where the feedback of a round is: `none`, `interim`, `final`, `returned` or `passed` (FB3).

    `waiting`: current final feedback nobody has reviewed; `returned`: what was returned and not answered yet. Both are
    entries of the view's `feedback`, by event time.
    """

    state: str
    waiting: tuple[dict[str, Any], ...]
    returned: tuple[dict[str, Any], ...]
    passed: tuple[dict[str, Any], ...]


def told(counting: Iterable[Item], reviews: Iterable[Item]) -> list[dict[str, Any]]:
    """The feedback of an incident with what became of each, by event time; the `feedback` of the view (FB1, FB2)."""
    given = [item for item in counting if item.fields["kind"] == "feedback"]
    if not given:
        return []  # as it is for most of an incident's life
    current: dict[tuple[int, bytes | None], Item] = {}
    for item in cells.in_order(given):
        if item.fields["data"]["final"]:
            current[_slot(item)] = item
    said: dict[bytes, Item] = {item.fields["claim"]: item for item in cells.in_order(reviews)}
    return [
        _entry(item, said.get(item.op), is_current=current.get(_slot(item)) is item)
        for item in by_time(given)
    ]


def _slot(item: Item) -> tuple[int, bytes | None]:
    return item.fields["round"], item.fields.get("order")


def _entry(item: Item, review: Item | None, *, is_current: bool) -> dict[str, Any]:
    data = item.fields["data"]
    return stamped(item) | {
        "order": item.fields.get("order"),
        "round": item.fields["round"],
        "final": data["final"],
        "result": data.get("result"),
        "text": data.get("text"),
        "received_at": item.at_ms,
        "current": is_current,
        "review": None if review is None else _review(review),
    }


def _review(item: Item) -> dict[str, Any]:
    fields = item.fields
    return stamped(item) | {
        "verdict": fields["verdict"],
        "faults": fields["faults"],
        "score": fields.get("score"),
        "text": fields.get("text"),
    }


def nature_of(categories: Iterable[Item], rulings: Iterable[Item]) -> dict[str, Any]:
    """The category at intake and the nature a reviewer ruled, both kept (FB5); each None while there is none."""
    intake = next((item for item in cells.in_order(categories) if "v" in item.fields), None)
    ruled = cells.latest(rulings)
    return {
        "intake": None if intake is None else stamped(intake) | {"v": intake.fields["v"]},
        "ruled": None
        if ruled is None
        else stamped(ruled) | {"v": ruled.fields["nature"], "why": ruled.fields["why"]},
    }


def standing(view: Mapping[str, Any]) -> Standing:
    """Where the feedback of a view's current round is (FB3)."""
    of_round = [entry for entry in view["feedback"] if entry["round"] == view["round"]]
    current = [entry for entry in of_round if entry["current"]]
    waiting = tuple(entry for entry in current if entry["review"] is None)
    returned = tuple(entry for entry in current if _verdict(entry) == "return")
    passed = tuple(entry for entry in current if _verdict(entry) == "pass")
    if returned:
        state = "returned"
    elif waiting:
        state = "final"
    elif passed:
        state = "passed"
    else:
        state = "interim" if of_round else "none"
    return Standing(state, waiting, returned, passed)


def _verdict(entry: dict[str, Any]) -> str | None:
    return None if entry["review"] is None else entry["review"]["verdict"]


def under_review(view: Mapping[str, Any], round_: int) -> dict[str, Any] | None:
    """The feedback of a round whose review counts (C8): what waits longest; if nothing waits, the one reviewed last."""
    current = [one for one in view["feedback"] if one["round"] == round_ and one["current"]]
    waiting = [one for one in current if one["review"] is None]
    if waiting:
        received = [one for one in waiting if one["received_at"] is not None]
        return min(received, key=lambda one: (one["received_at"], one["op"]), default=None)
    return max(current, key=lambda one: (one["review"]["at"], one["review"]["op"]), default=None)


def review_clock(view: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """From when and until when the review of the current round counts, in ms (C8)."""
    one = under_review(view, view["round"])
    if one is None:
        return None, None
    return one["received_at"], None if one["review"] is None else one["review"]["at"]


def correction_start(view: Mapping[str, Any]) -> int | None:
    """From when the correction of returned feedback counts, in ms (C7r): its earliest unanswered return."""
    return min((entry["review"]["at"] for entry in standing(view).returned), default=None)
