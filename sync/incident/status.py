"""What follows from an incident's ops: its facts, milestones, round, status and what callers said (SPEC IN3 to IN5).

Responsible for everything a list shows. Pure: items that count come in through a look-up by kind of op; nothing is
stored. Status is derived here and written nowhere.

>>> derive(bytes(16), lambda t: []).status
'reported'
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from msgspec import Struct

from sync import cells
from sync.fold import Item
from sync.incident import feedback, kinds
from sync.incident.callback import attempts_of
from sync.incident.ladder import rectifications_of, supervisions_of
from sync.incident.orders import (
    Counted,
    Told,
    by_time,
    counting_claims,
    counts,
    effective,
    gaps,
    milestone_of,
    orders_of,
    stamped,
    standing_claims,
)


class Derived(Struct, frozen=True, dict=True):
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
    nature: dict[str, Any]
    closes: list[dict[str, Any]]
    reopens: list[dict[str, Any]]
    links: list[dict[str, Any]]
    callbacks: list[dict[str, Any]]
    rectifications: list[dict[str, Any]]
    supervisions: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    overrides: list[dict[str, Any]]

    @cached_property
    def view(self) -> dict[str, Any]:
        """The part of the view that is derived."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


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
    claims = by_time(counted("milestone.claim"))
    told: Told = {item.op: milestone_of(item) for item in claims}
    standing = standing_claims(counted, claims)
    orders = orders_of(
        counted, standing, told, lambda at: stands and at >= round_ and at not in closed_rounds
    )
    counting = counting_claims(standing, orders)
    road = effective(item for item in counting if item.fields["round"] == round_)
    of_round = [order for order in orders if order["round"] == round_ and counts(order)]
    callbacks = attempts_of(counted)
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
        gaps=[] if of_round else gaps(road, kinds.ROAD_WITHOUT_ORDER),
        fields=fields,
        conflicts=sum(_differ(values) for values in fields.values()),
        orders=orders,
        milestones={kind: told[item.op] for kind, item in road.items()},
        feedback=feedback.told(counting, counted("feedback.review")),
        nature=feedback.nature_of(
            (item for item in counted("fact.set") if item.fields["f"] == "category"),
            counted("nature.rule"),
        ),
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
        rectifications=rectifications_of(counted, callbacks),
        supervisions=supervisions_of(counted, callbacks),
        claims=_claims(claims, told, standing, counting),
        overrides=_overrides(counted),
    )


def _claims(
    claims: list[Item],
    told: Told,
    standing: list[Item],
    counting: list[Item],
) -> list[dict[str, Any]]:
    """All claims, those that stand and those that count among them marked so (CE5, IN4)."""
    stands, counts_ = {item.op for item in standing}, {item.op for item in counting}
    return [
        told[item.op]
        | {
            "kind": item.fields["kind"],
            "round": item.fields["round"],
            "order": item.fields.get("order"),
            "standing": item.op in stands,
            "counts": item.op in counts_,
        }
        for item in claims
    ]


def _overrides(counted: Counted) -> list[dict[str, Any]]:
    """What people found of clocks, beside what was computed (VD8)."""
    names = ("clock", "order", "round", "result", "why")
    return [
        stamped(item) | {name: item.fields.get(name) for name in names}
        for item in cells.in_order(counted("verdict.override"))
    ]


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
