"""The state of one incident: items in any order in, one view out (SPEC CE, IN).

Responsible for keeping the items of one incident and for the view that both ends compute byte for byte alike. Adding is
incremental and idempotent; nothing depends on the order or the number of times things came.

>>> state = IncidentState(bytes(16))
>>> state.view()["status"], state.view()["round"]
('reported', 0)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sync import cells, rulings
from sync.fold import Item
from sync.incident import kinds, shapes
from sync.incident.orders import by_time, stamped
from sync.incident.status import Derived, derive

_APART: Final = frozenset(
    {"entry.add", "entry.correct", "delay.answer", "set.add", "set.remove", "latest.set"}
)
"""Ops that nothing in `derived()` looks at: they leave it as it was computed."""
_MISFIT: Final = ""
"""Where items are filed whose op this version does not know, or knows in another shape (IN1)."""


def _filed_under(item: Item) -> str:
    """Its kind of op when this version understands it; a skeleton lacks words and is understood all the same."""
    is_understood = shapes.is_known(item.t) and (
        item.redaction is not None or shapes.problem(item.fields) is None
    )
    return item.t if is_understood else _MISFIT


class IncidentState:
    """Everything known of one incident. `view()` is canonical-encodable; `derived()` is the cheap part lists need.

    The maps both give share their parts with the state: read them, do not change them.
    """

    def __init__(self, entity: bytes) -> None:
        """Begin with nothing known of `entity`."""
        self.entity = entity
        self.items: dict[bytes, Item] = {}
        self._by_t: dict[str, dict[bytes, Item]] = {}
        self._derived: Derived | None = None
        self.has_rejected = False

    def add(self, items: Iterable[Item], *, are_checked: bool = False) -> None:
        """Take items in. One already known is replaced only by the same item under a ruling that stands over its own
        (RL6, HB3). `are_checked`: whoever brings them has just found nothing wrong with their shapes."""
        for item in items:
            known = self.items.get(item.op)
            if known is not None:
                if not rulings.stands_over(item.idx, known.idx):
                    continue
                self._by_t[_filed_under(known)].pop(item.op)
            self.items[item.op] = item
            self.has_rejected = self.has_rejected or item.decision == rulings.REJECTED
            t = item.t if are_checked and shapes.is_known(item.t) else _filed_under(item)
            self._by_t.setdefault(t, {})[item.op] = item
            if t not in _APART:
                self._derived = None

    def is_rejected(self, ref: bytes) -> bool:
        """Whether only rejected sets give the op or the order of this id; not so of what nobody has given yet (RL8)."""
        given = [self.items[ref]] if ref in self.items else []
        for t, field in (("order.issue", "order"), ("order.reassign", "new")):
            given += [i for i in self._by_t.get(t, {}).values() if i.fields[field] == ref]
        return bool(given) and all(item.decision == rulings.REJECTED for item in given)

    def counted(self, t: str) -> list[Item]:
        """The items of one kind of op that count."""
        filed = self._by_t.get(t)
        return [item for item in filed.values() if item.counts] if filed else []

    def derived(self) -> Derived:
        """Status, round, orders, milestones and facts; computed anew only when something other than a note came."""
        if self._derived is None:
            self._derived = derive(self.entity, self.counted)
        return self._derived

    def view(self) -> dict[str, Any]:
        """The whole incident as a map of plain values, equal in both languages byte for byte (CE6)."""
        derived = self.derived()
        return derived.view | {
            "sets": {name: self._members(name) for name in sorted(kinds.SET_FIELDS)},
            "latest": {name: self._latest(name) for name in sorted(kinds.LATEST_FIELDS)},
            "entries": self._entries(),
            "unknown": [
                {"op": item.op, "t": item.t}
                for item in sorted(self.counted(_MISFIT), key=lambda item: item.op)
            ],
            "redacted": [
                {
                    "op": item.op,
                    "by": item.redaction.by,
                    "ground": item.redaction.ground,
                    "at": item.redaction.at_ms,
                }
                for item in sorted(self.items.values(), key=lambda item: item.op)
                if item.redaction is not None and item.counts
            ],
        }

    def _of_field(self, t: str, field: str) -> list[Item]:
        return [item for item in self.counted(t) if item.fields["f"] == field]

    def _members(self, field: str) -> list[dict[str, Any]]:
        held = cells.members(self._of_field("set.add", field), self._of_field("set.remove", field))
        return [{"v": value, "ops": ops} for value, ops in held]

    def _latest(self, field: str) -> str | None:
        winner = cells.latest(self._of_field("latest.set", field))
        return None if winner is None else winner.fields.get("v")

    def _entries(self) -> list[dict[str, Any]]:
        corrections: dict[bytes, list[Item]] = {}
        for item in self.counted("entry.correct"):
            corrections.setdefault(item.fields["entry"], []).append(item)
        answers: dict[bytes, list[Item]] = {}
        for item in self.counted("delay.answer"):
            answers.setdefault(item.fields["entry"], []).append(item)
        entries = []
        for item in by_time(self.counted("entry.add")):
            correction = cells.latest(corrections.get(item.op, ()))
            shown = (
                None
                if correction is None
                else stamped(correction) | {"text": correction.fields["text"]}
            )
            entries.append(
                stamped(item)
                | {
                    "kind": item.fields["kind"],
                    "text": item.fields["text"],
                    "data": item.fields.get("data"),
                    "received_at": item.at_ms,
                    "late_by": item.late_by_ms,
                    "correction": shown,
                    "answer": _answer(cells.latest(answers.get(item.op, ()))),
                }
            )
        return entries


def _answer(item: Item | None) -> dict[str, Any] | None:
    """What the desk said to a delay reason, the newest word (FB4)."""
    if item is None:
        return None
    return stamped(item) | {"reply": item.fields["reply"], "text": item.fields.get("text")}
