"""Orders, and the claims on them: what was asked of whom, and how far they came (SPEC CE5, IN5, IN6).

Responsible for the orders of an incident, issued or by reassignment, for which claims stand and which of them count,
and for the effective milestone of each slot. It does not know what the incident as a whole makes of them.

>>> gaps({"departed": None}, ("delivered", "signed", "departed"))
['delivered', 'signed']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sync import cells
from sync.fold import Item
from sync.incident import kinds

Counted = Callable[[str], list[Item]]
"""Gives the items of one kind of op that count, in any order."""
Told = Mapping[bytes, dict[str, Any]]
"""Claims as `milestone_of` gives them, by op id."""


def stamped(item: Item) -> dict[str, Any]:
    """Who and when, as every list of the view begins."""
    return {"op": item.op, "by": item.user, "at": item.occurred_at_ms}


def milestone_of(item: Item) -> dict[str, Any]:
    """A claim as it stands in a slot of the view."""
    return {
        "op": item.op,
        "by": item.user,
        "at": item.occurred_at_ms,
        "via": item.fields["via"],
        "said_by": item.fields.get("by"),
        "late_by": item.late_by_ms,
    }


def by_time(items: Iterable[Item]) -> list[Item]:
    """Items by event time, then op id: how people read them."""
    return sorted(items, key=cells.BY_TIME)


def orders_of(
    counted: Counted,
    standing: Iterable[Item],
    told: Told,
    goes_on: Callable[[int], bool],
) -> list[dict[str, Any]]:
    """All orders, issued or by reassignment, in the order they were given (IN6). `goes_on` says it of a round."""
    issues = _first_by(counted("order.issue"), "order")
    by_new = _first_by(counted("order.reassign"), "new")
    by_old = _first_by(counted("order.reassign"), "order")
    withdrawals = _first_by(counted("order.withdraw"), "order")
    requests = _last_by(counted("order.return_request"))
    reviews = _last_by(counted("order.return_review"))
    returns = _first_by(
        (item for item in counted("order.return_review") if item.fields["ok"]), "order"
    )
    slots = _slots(standing)
    orders = []
    for key, given in _in_given_order(issues, by_new):
        origin = _origin(key, issues, by_new)
        kind, round_ = (
            ("dispatch", 0) if origin is None else (origin.fields["kind"], origin.fields["round"])
        )
        reassigned = by_old.get(key)
        taken_back = [
            item.occurred_at_ms
            for item in (withdrawals.get(key), returns.get(key), reassigned)
            if item is not None
        ]
        orders.append(
            {
                "id": key,
                "op": given.op,
                "to": given.fields["to"],
                "kind": kind,
                "round": round_,
                "issued_at": given.occurred_at_ms,
                "issued_by": given.user,
                "open": not taken_back and goes_on(round_),
                "withdrawn": key in withdrawals,
                "returned": key in returns,
                "reassigned_to": None if reassigned is None else reassigned.fields["new"],
                "taken_back_at": min(taken_back, default=None),
                "return_request": _pending_request(requests.get(key), reviews.get(key)),
                **_progress(slots.get((key, round_), ()), told),
            }
        )
    return orders


def _first_by(items: Iterable[Item], field: str) -> dict[bytes, Item]:
    """The first item in the order of the cells for each value of `field`."""
    first: dict[bytes, Item] = {}
    for item in cells.in_order(items):
        first.setdefault(item.fields[field], item)
    return first


def _in_given_order(
    issues: dict[bytes, Item], by_new: dict[bytes, Item]
) -> list[tuple[bytes, Item]]:
    # An id that was both issued and made by a reassignment is the issued one.
    given = by_new | issues
    return sorted(given.items(), key=lambda pair: (pair[1].order_key, pair[0]))


def _origin(key: bytes, issues: dict[bytes, Item], by_new: dict[bytes, Item]) -> Item | None:
    """The order.issue an order descends from, through any number of reassignments."""
    seen: set[bytes] = set()
    while key not in issues:
        if key in seen or key not in by_new:
            return None
        seen.add(key)
        key = by_new[key].fields["order"]
    return issues[key]


def _last_by(items: Iterable[Item]) -> dict[bytes, Item]:
    return {item.fields["order"]: item for item in cells.in_order(items)}


def _pending_request(request: Item | None, review: Item | None) -> dict[str, Any] | None:
    """A request to return an order that nobody has answered yet."""
    if request is None or (review is not None and review.order_key > request.order_key):
        return None
    return stamped(request) | {"why": request.fields["why"]}


def counts(order: dict[str, Any]) -> bool:
    """Whether claims on this order of a view count: it was not withdrawn, reassigned or returned (IN4)."""
    return not (order["withdrawn"] or order["returned"] or order["reassigned_to"] is not None)


def standing_claims(counted: Counted, claims: Iterable[Item]) -> list[Item]:
    """Of these claims those neither withdrawn by their author nor disputed (CE5)."""
    withdrawn = {(item.fields["claim"], item.user) for item in counted("milestone.withdraw")}
    disputed = {item.fields["claim"] for item in counted("milestone.dispute")}
    return [
        item for item in claims if item.op not in disputed and (item.op, item.user) not in withdrawn
    ]


def counting_claims(standing: list[Item], orders: list[dict[str, Any]]) -> list[Item]:
    """Standing claims without an order, or on a known order that was not taken back, in that order's round (IN4)."""
    rounds = {order["id"]: order["round"] for order in orders if counts(order)}
    return [
        item
        for item in standing
        if "order" not in item.fields or rounds.get(item.fields["order"]) == item.fields["round"]
    ]


def _slots(claims: Iterable[Item]) -> dict[tuple[bytes, int], list[Item]]:
    """Claims that name an order, by order and round."""
    slots: dict[tuple[bytes, int], list[Item]] = {}
    for item in claims:
        if "order" in item.fields:
            slots.setdefault((item.fields["order"], item.fields["round"]), []).append(item)
    return slots


def _progress(claims: Iterable[Item], told: Told) -> dict[str, Any]:
    """How far an order itself came, also one taken back since: it was signed, whoever has it now (IN6)."""
    road = effective(claims)
    return {
        "milestones": {kind: told[item.op] for kind, item in road.items()},
        "status": next((kind for kind in reversed(kinds.ROAD) if kind in road), "issued"),
        "gaps": gaps(road, kinds.ROAD),
    }


def effective(claims: Iterable[Item]) -> dict[str, Item]:
    """The effective claim of each kind that was claimed at all (CE5)."""
    by_kind: dict[str, list[Item]] = {}
    for item in claims:
        by_kind.setdefault(item.fields["kind"], []).append(item)
    found = ((kind, cells.earliest(same)) for kind, same in by_kind.items())
    return {kind: item for kind, item in found if item is not None}


def gaps(road: Mapping[str, Any], whole: tuple[str, ...]) -> list[str]:
    """What is missing below the greatest milestone reached (IN5)."""
    reached = [position for position, kind in enumerate(whole) if kind in road]
    return [kind for kind in whole[: reached[-1]] if kind not in road] if reached else []
