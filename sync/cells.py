"""The cells: how values of one field merge (SPEC CE).

Responsible for the merge rules, as pure functions over items that count. Does not know which field is which cell.

>>> multi([]), members([], [])
({}, [])
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync import canon
from sync.fold import Item


def preds_of(items: Iterable[Item]) -> set[bytes]:
    """Every op id that the given items name as replaced."""
    return {pred for item in items for pred in item.fields.get("p", ())}


def multi(writes: Iterable[Item]) -> dict[str, list[Item]]:
    """Live values per field `f`, all kept, in the order of the cells (CE1)."""
    known = sorted(writes, key=lambda item: item.order_key)
    replaced = preds_of(known)
    live: dict[str, list[Item]] = {}
    for item in known:
        if item.op not in replaced:
            live.setdefault(item.fields["f"], []).append(item)
    return live


def members(adds: Iterable[Item], removes: Iterable[Item]) -> list[Any]:
    """Observed-remove set: distinct values of adds that no remove names, by canonical bytes (CE2)."""
    removed = preds_of(removes)
    values = {
        canon.encode(item.fields["v"]): item.fields["v"] for item in adds if item.op not in removed
    }
    return [values[key] for key in sorted(values)]


def latest(writes: Iterable[Item]) -> Item | None:
    """The write with the greatest stamp, then set id, then index (CE3)."""
    return max(writes, key=lambda item: item.order_key, default=None)


def earliest(claims: Iterable[Item]) -> Item | None:
    """The effective claim of a slot: the least event time, then op id (CE5)."""
    return min(claims, key=lambda item: (item.occurred_at_ms, item.op), default=None)
