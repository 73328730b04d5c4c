"""The cells: how values of one field merge (SPEC CE).

Responsible for the merge rules, as pure functions over items that count. Does not know which field is which cell.

>>> multi([]), members([], [])
([], [])

Sources: M. Shapiro et al., A comprehensive study of Convergent and Commutative Replicated Data Types, 2011, for the
multi-value register and the observed-remove set; op ids in place of version vectors are our own (CE1).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final

from sync import canon
from sync.fold import Item

BY_TIME: Final = attrgetter("occurred_at_ms", "op")
"""Event time, then op id: how people read items."""
_ORDER: Final = attrgetter("eff", "op")
"""The total order of the cells, `Item.order_key`, read without a call per item."""


def preds_of(items: Iterable[Item]) -> set[bytes]:
    """Every op id that the given items name as replaced."""
    return {pred for item in items for pred in item.fields.get("p", ())}


def in_order(items: Iterable[Item]) -> list[Item]:
    """Items by effective stamp, then op id: the total order of the cells (CE1)."""
    return sorted(items, key=_ORDER)


def by_field(items: Iterable[Item]) -> dict[str, list[Item]]:
    """Items apart by the field `f` they speak of. Fields are cells of their own: none reaches into another."""
    apart: dict[str, list[Item]] = {}
    for item in items:
        apart.setdefault(item.fields["f"], []).append(item)
    return apart


def multi(writes: Iterable[Item]) -> list[Item]:
    """Live writes of one field, all kept, in the order of the cells (CE1). A redacted one replaces and is no value."""
    known = list(writes)
    replaced = preds_of(known)
    return in_order(item for item in known if item.op not in replaced and item.redaction is None)


def members(adds: Iterable[Item], removes: Iterable[Item]) -> list[tuple[Any, list[bytes]]]:
    """Observed-remove set of one field: each distinct value of the adds that no remove names, by canonical bytes, with
    the op ids that hold it there, ascending (CE2)."""
    removed = preds_of(removes)
    held: dict[bytes, tuple[Any, list[bytes]]] = {}
    for item in adds:
        if item.op not in removed and item.redaction is None:
            value = item.fields["v"]
            held.setdefault(canon.encode(value), (value, []))[1].append(item.op)
    return [(value, sorted(ops)) for _, (value, ops) in sorted(held.items())]


def latest(writes: Iterable[Item]) -> Item | None:
    """The write with the greatest stamp, then set id, then index (CE3)."""
    return max(writes, key=_ORDER, default=None)


def earliest(claims: Iterable[Item]) -> Item | None:
    """The effective claim of a slot: the least event time, then op id (CE5)."""
    return min(claims, key=BY_TIME, default=None)
