"""What follows from an incident's ops: orders, milestones, round and status (SPEC IN3 to IN8).

Pure: items that count come in through a look-up by kind of op; nothing is stored. Status is derived here and written
nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from sync import cells
from sync.fold import Item
from sync.incident import kinds

Counted = Callable[[str], list[Item]]


class Derived(Struct):
    """Everything a list or a wall shows of an incident. Maps are in the form of the view; op ids are 17 bytes."""

    id: bytes
    created: dict[str, Any] | None
    number: str | None
    status: str
    round: int
    station: bytes | None
    withdrawn: dict[str, Any] | None
    duplicate_of: bytes | None
    gaps: list[str]
    fields: dict[str, list[dict[str, Any]]]
    conflicts: int
    orders: list[dict[str, Any]]
    milestones: dict[str, dict[str, Any]]
    feedback: list[dict[str, Any]]
    closes: list[dict[str, Any]]
    reopens: list[dict[str, Any]]
    links: list[dict[str, Any]]
    callbacks: list[dict[str, Any]]
    callback: dict[str, Any]
    standing: frozenset[bytes]
    counting: frozenset[bytes]

    def as_view(self) -> dict[str, Any]:
        """The part of the view that is derived; `standing` and `counting` only serve the list of claims."""
        names = [name for name in self.__struct_fields__ if name not in ("standing", "counting")]
        return {name: getattr(self, name) for name in names}


def stamped(item: Item) -> dict[str, Any]:
    """Who and when, as every list of the view begins."""
    return {"op": item.op, "by": item.user, "at": item.occurred_at_ms}


def milestone_of(item: Item) -> dict[str, Any]:
    """A claim as it stands in a slot of the view."""
    return stamped(item) | {
        "via": item.fields["via"],
        "said_by": item.fields.get("by"),
        "late_by": item.late_by_ms,
    }


def by_time(items: Iterable[Item]) -> list[Item]:
    """Items by event time, then op id: how people read them."""
    return sorted(items, key=lambda item: (item.occurred_at_ms, item.op))


def _first_by(items: Iterable[Item], field: str) -> dict[bytes, Item]:
    """The first item in the order of the cells for each value of `field`."""
    first: dict[bytes, Item] = {}
    for item in cells.in_order(items):
        first.setdefault(item.fields[field], item)
    return first


def derive(entity: bytes, counted: Counted) -> Derived:
    """Derive everything but entries and sets. `counted(t)` gives the items of one kind that count, in any order."""
    creates = cells.in_order(counted("incident.create"))
    create = creates[0] if creates else None
    reopens = cells.in_order(counted("incident.reopen"))
    round_ = max((item.fields["round"] for item in reopens), default=0)
    closes = by_time(counted("incident.close"))
    closed_rounds = {item.fields["round"] for item in closes}
    transfer = cells.latest(counted("incident.transfer"))
    withdrawn = _withdrawn(counted, reopens)
    links = _links(counted)
    duplicate = next((link["to"] for link in reversed(links) if link["to"] != entity), None)
    stands = withdrawn is None and duplicate is None
    orders = _orders(counted, lambda at: stands and at >= round_ and at not in closed_rounds)
    standing = _standing(counted)
    counting = _counting(standing, orders)
    slots = _slots(standing)
    for order in orders:
        _fill(order, slots.get((order["id"], order["round"]), {}))
    road = _incident_road(counting, round_)
    of_round = [order for order in orders if order["round"] == round_ and _order_counts(order)]
    feedback = [_feedback(item) for item in by_time(counting) if item.fields["kind"] == "feedback"]
    callbacks = [_attempt(item) for item in by_time(counted("callback.attempt"))]
    fields = _facts(counted)
    station = (
        transfer.fields["station"] if transfer else create.fields["station"] if create else None
    )
    return Derived(
        id=entity,
        created=None if create is None else _created(create),
        number=min((item.number for item in creates if item.number is not None), default=None),
        status=_status(
            withdrawn=withdrawn is not None,
            duplicate=duplicate is not None,
            closed=round_ in closed_rounds,
            assigned=any(order["open"] for order in of_round),
            reached=road,
        ),
        round=round_,
        station=station,
        withdrawn=None
        if withdrawn is None
        else stamped(withdrawn) | {"why": withdrawn.fields["why"]},
        duplicate_of=duplicate,
        gaps=[] if of_round else _gaps(road, kinds.ROAD_WITHOUT_ORDER),
        fields=fields,
        conflicts=sum(_differ(values) for values in fields.values()),
        orders=orders,
        milestones={kind: milestone_of(item) for kind, item in road.items()},
        feedback=feedback,
        closes=[
            stamped(item) | {"round": item.fields["round"], "result": item.fields.get("result")}
            for item in closes
        ],
        reopens=[
            stamped(item) | {"round": item.fields["round"], "why": item.fields["why"]}
            for item in reopens
        ],
        links=links,
        callbacks=callbacks,
        callback=_callback(
            [c for c in callbacks if c["round"] == round_], closed=round_ in closed_rounds
        ),
        standing=frozenset(item.op for item in standing),
        counting=frozenset(item.op for item in counting),
    )


def _created(item: Item) -> dict[str, Any]:
    fields = item.fields
    return stamped(item) | {
        "source": fields["source"],
        "station": fields["station"],
        "tag": fields["tag"],
        "exercise": fields.get("exercise", False),
    }


def _facts(counted: Counted) -> dict[str, list[dict[str, Any]]]:
    return {
        field: [
            stamped(item) | {"v": item.fields["v"], "eff": item.eff} for item in cells.multi(writes)
        ]
        for field, writes in cells.by_field(counted("fact.set")).items()
    }


def _differ(values: list[dict[str, Any]]) -> bool:
    """Whether live values contradict each other: two people who say the same do not (CE1)."""
    return any(value["v"] != values[0]["v"] for value in values[1:])


def _orders(counted: Counted, goes_on: Callable[[int], bool]) -> list[dict[str, Any]]:
    """All orders, issued or by reassignment, in the order they were given (IN6)."""
    issues = _first_by(counted("order.issue"), "order")
    by_new = _first_by(counted("order.reassign"), "new")
    by_old = _first_by(counted("order.reassign"), "order")
    withdrawals = _first_by(counted("order.withdraw"), "order")
    requests = _last_by(counted("order.return_request"))
    reviews = _last_by(counted("order.return_review"))
    returned = {
        item.fields["order"] for item in counted("order.return_review") if item.fields["ok"]
    }
    orders = []
    for key, given in _in_given_order(issues, by_new):
        origin = _origin(key, issues, by_new)
        kind, round_ = (
            ("dispatch", 0) if origin is None else (origin.fields["kind"], origin.fields["round"])
        )
        reassigned = by_old.get(key)
        taken_back = key in withdrawals or key in returned or reassigned is not None
        orders.append(
            {
                "id": key,
                "to": given.fields["to"],
                "kind": kind,
                "round": round_,
                "issued_at": given.occurred_at_ms,
                "issued_by": given.user,
                "open": not taken_back and goes_on(round_),
                "withdrawn": key in withdrawals,
                "returned": key in returned,
                "reassigned_to": None if reassigned is None else reassigned.fields["new"],
                "return_request": _pending_request(requests.get(key), reviews.get(key)),
            }
        )
    return orders


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


def _order_counts(order: dict[str, Any]) -> bool:
    return not (order["withdrawn"] or order["returned"] or order["reassigned_to"] is not None)


def _standing(counted: Counted) -> list[Item]:
    """Claims neither withdrawn by their author nor disputed (CE5)."""
    withdrawn = {(item.fields["claim"], item.user) for item in counted("milestone.withdraw")}
    disputed = {item.fields["claim"] for item in counted("milestone.dispute")}
    return [
        item
        for item in counted("milestone.claim")
        if item.op not in disputed and (item.op, item.user) not in withdrawn
    ]


def _counting(standing: list[Item], orders: list[dict[str, Any]]) -> list[Item]:
    """Standing claims without an order, or on a known order that was not taken back, in that order's round (IN4)."""
    rounds = {order["id"]: order["round"] for order in orders if _order_counts(order)}
    return [
        item
        for item in standing
        if "order" not in item.fields or rounds.get(item.fields["order"]) == item.fields["round"]
    ]


def _slots(claims: list[Item]) -> dict[tuple[bytes | None, int], dict[str, list[Item]]]:
    """Claims by order and round, then kind (CE5)."""
    slots: dict[tuple[bytes | None, int], dict[str, list[Item]]] = {}
    for item in claims:
        fields = item.fields
        kinds_of = slots.setdefault((fields.get("order"), fields["round"]), {})
        kinds_of.setdefault(fields["kind"], []).append(item)
    return slots


def _fill(order: dict[str, Any], slots: dict[str, list[Item]]) -> None:
    """What became of an order itself, also of one taken back since: it was signed, whoever has it now (IN6)."""
    road = _effective(slots)
    reached = [kind for kind in kinds.ROAD if kind in road]
    order["milestones"] = {kind: milestone_of(item) for kind, item in road.items()}
    order["status"] = reached[-1] if reached else "issued"
    order["gaps"] = _gaps(road, kinds.ROAD)


def _effective(slots: dict[str, list[Item]]) -> dict[str, Item]:
    found = ((kind, cells.earliest(slots.get(kind, ()))) for kind in kinds.MILESTONES)
    return {kind: item for kind, item in found if item is not None}


def _incident_road(counting: list[Item], round_: int) -> dict[str, Item]:
    """The effective milestone of each kind over all orders and order-less claims of the round."""
    slots: dict[str, list[Item]] = {}
    for item in counting:
        if item.fields["round"] == round_:
            slots.setdefault(item.fields["kind"], []).append(item)
    return _effective(slots)


def _gaps(road: dict[str, Item], whole: tuple[str, ...]) -> list[str]:
    """What is missing below the greatest milestone reached (IN5)."""
    reached = [position for position, kind in enumerate(whole) if kind in road]
    return [kind for kind in whole[: reached[-1]] if kind not in road] if reached else []


def _withdrawn(counted: Counted, reopens: list[Item]) -> Item | None:
    """The caller's withdrawal, unless a reopening came after it (IN4)."""
    withdrawal = cells.latest(counted("incident.withdraw"))
    if withdrawal is None or (reopens and reopens[-1].order_key > withdrawal.order_key):
        return None
    return withdrawal


def _links(counted: Counted) -> list[dict[str, Any]]:
    undone = cells.preds_of(counted("incident.unlink"))
    return [
        stamped(item) | {"to": item.fields["to"], "kind": item.fields["kind"]}
        for item in cells.in_order(counted("incident.link"))
        if item.op not in undone
    ]


def _status(
    *, withdrawn: bool, duplicate: bool, closed: bool, assigned: bool, reached: dict[str, Item]
) -> str:
    if withdrawn:
        return "withdrawn"
    if duplicate:
        return "duplicate"
    if closed:
        return "closed"
    for kind in reversed(kinds.ROAD):
        if kind in reached:
            return kind
    return "assigned" if assigned else "reported"


def _feedback(item: Item) -> dict[str, Any]:
    data = item.fields["data"]
    return stamped(item) | {
        "order": item.fields.get("order"),
        "round": item.fields["round"],
        "final": data["final"],
        "result": data.get("result"),
        "text": data.get("text"),
    }


def _attempt(item: Item) -> dict[str, Any]:
    names = ("round", "outcome", "score", "minutes", "why", "text")
    return stamped(item) | {name: item.fields.get(name) for name in names}


def _callback(attempts: list[dict[str, Any]], *, closed: bool) -> dict[str, Any]:
    """Where the callback of this round stands (IN8); `open` while the incident is not closed."""
    why = None
    exempt = next((attempt for attempt in attempts if attempt["outcome"] == "no_phone"), None)
    if any(attempt["outcome"] == "reached" for attempt in attempts):
        state = "done"
    elif exempt is not None:
        state, why = "exempt", exempt["why"]
    elif not closed:
        state = "open"
    else:
        state = "trying" if attempts else "due"
    return {"state": state, "attempts": len(attempts), "why": why}
