"""Fold a generated history, in the order given."""

from collections.abc import Iterable

from sync import changeset, rulings
from sync.changeset import ChangeSet
from sync.fold import Item, items_of
from sync.incident.state import IncidentState
from tests.sync.histories import ENTITY, Ruled


def items(ruled: Ruled) -> list[Item]:
    """The items of one set, as ruled."""
    read = changeset.read(ruled.raw)
    assert isinstance(read, ChangeSet)
    return items_of(read, None if ruled.ruling is None else rulings.read_ruling(ruled.ruling))


def fold(history: Iterable[Ruled]) -> IncidentState:
    """The state after all of it."""
    state = IncidentState(ENTITY)
    for ruled in history:
        state.add(items(ruled))
    return state
