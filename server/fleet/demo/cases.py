"""What a simulated officer knows of the orders for them, from what their device pulled.

Responsible for recognising an order, who has done which step of it, and when it is over. Refuses to
decide what to do about it. Bounded: the oldest is forgotten past `CASES_KEPT`.

Example: after a page with an `order.issue` to one's unit, `on_order` is called with the new case.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from sync import changeset, rulings
from sync.changeset import ChangeSet
from sync.fold import Item, items_of
from sync.snapshot import Snapshot

CASES_KEPT = 200
TITLES_KEPT = 500
Target = tuple[str, bytes]


class Case(msgspec.Struct):
    """One order for this officer. `done` names who claimed each milestone first."""

    incident: bytes
    order: bytes
    to: Target
    round: int
    issued_ms: int
    title: str
    done: dict[str, bytes]
    over: bool = False


class Cases:
    """The orders of one officer, kept up to date by `follow`."""

    def __init__(
        self,
        mine: frozenset[Target],
        on_order: Callable[[Case], None],
        on_return: Callable[[Case, int], None],
    ) -> None:
        """`mine` are the targets that mean this officer; `on_return` hears of returned feedback, and when (ms)."""
        self._mine = mine
        self._on_order = on_order
        self._on_return = on_return
        self._by_order: OrderedDict[bytes, Case] = OrderedDict()
        self._titles: OrderedDict[bytes, str] = OrderedDict()

    def follow(self, _scope: str, ruling: rulings.Ruling, envelope: bytes | None) -> None:
        """Take one pulled entry in."""
        change = None if envelope is None else changeset.read(envelope)
        if isinstance(change, ChangeSet) and ruling.kind in rulings.DECIDING:
            self._hear(ruling.payload["e"], items_of(change, ruling))

    def begin(self, whole: Snapshot) -> None:
        """Take in what a scope comes to."""
        for entity, records in whole.records():
            items = [item for record in records for item in record.items()]
            self._hear(entity, sorted(items, key=lambda item: item.order_key))

    def _hear(self, incident: bytes, items: Sequence[Item]) -> None:
        for item in items:
            if item.counts and item.redaction is None and item.at_ms is not None:
                self._take(item.fields, incident, item.user, item.at_ms)

    def _take(self, op: dict[str, Any], incident: bytes, user: bytes, at_ms: int) -> None:
        match op["t"]:
            case "fact.set" if op["f"] == "title":
                self._titles[incident] = op["v"]
                while len(self._titles) > TITLES_KEPT:
                    self._titles.popitem(last=False)
            case "order.issue":
                self._order(op["order"], op["to"], incident, op["round"], op.get("at", at_ms))
            case "order.reassign":
                known = self._end(op["order"])
                round_ = known.round if known else 0
                self._order(op["new"], op["to"], incident, round_, at_ms)
            case "order.withdraw":
                self._end(op["order"])
            case "milestone.claim" if op.get("order") in self._by_order:
                self._by_order[op["order"]].done.setdefault(op["kind"], op.get("by", user))
            case "feedback.review" if op["verdict"] == "return":
                for case in self._by_order.values():
                    if case.incident == incident:
                        self._on_return(case, at_ms)
            case "incident.close" | "incident.withdraw" | "incident.link":
                for case in self._by_order.values():
                    case.over = case.over or case.incident == incident

    def _order(self, order: bytes, to: list[Any], incident: bytes, round_: int, at_ms: int) -> None:
        target = (to[0], to[1])
        if target not in self._mine or order in self._by_order:
            return
        title = self._titles.get(incident, "")
        case = Case(incident, order, target, round_, at_ms, title, {})
        self._by_order[order] = case
        while len(self._by_order) > CASES_KEPT:
            self._by_order.popitem(last=False)
        self._on_order(case)

    def _end(self, order: bytes) -> Case | None:
        known = self._by_order.get(order)
        if known is not None:
            known.over = True
        return known
