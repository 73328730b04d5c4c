"""One incident read whole: its evidence with the rulings, folded as every device folds it.

Responsible for reading and remembering folds for desks. Refuses to write, and to shape what a screen shows. A fold is
remembered until something newer is ruled about the incident, so a wall that asks every second costs one small query.

Example: ``story = await stories.read(incident_id)``; ``story.view["status"]`` is ``"arrived"``.
"""

from collections import OrderedDict
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from server.store import scopes, sets
from server.store.engine import Database
from server.store.rows import query
from sync import changeset, fold, rulings
from sync.changeset import ChangeSet
from sync.fold import Item
from sync.incident.state import IncidentState

MAX_STORIES: Final = 2_000
"""Folded incidents remembered: some weeks of a banner. Beyond that the one not asked for longest is folded again."""


Standing = tuple[int, int, int]


class Ruled(msgspec.Struct, frozen=True):
    """What the centre ruled about one set: its place in the log, and the set's own id."""

    set_id: bytes
    idx: int


class Story(msgspec.Struct, frozen=True):
    """One incident: its view (SPEC IN), every item, and the ruling behind each set by the first 16 bytes of its id."""

    id: bytes
    view: dict[str, Any]
    items: list[Item]
    ruled: dict[bytes, Ruled]
    scopes: list[str]


def _standing(connection: Connection, entity: bytes) -> Standing | None:
    """What tells whether anything was ruled about sets of an entity since; ``None`` when there are none. At a station
    the newest ruling may be older than one that it takes the place of.
    """
    sql = "SELECT COUNT(*), MAX(idx), SUM(idx) FROM sets WHERE entity = ?"
    [[count, newest, total]] = query(connection, sql, (entity,))
    return (count, newest, int(total)) if count else None


def read_story(connection: Connection, entity: bytes) -> Story:
    """Fold one incident from its stored evidence."""
    state = IncidentState(entity)
    ruled: dict[bytes, Ruled] = {}
    for stored in sets.evidence(connection, entity):
        found = changeset.read(stored.envelope)
        if isinstance(found, ChangeSet):
            state.add(fold.items_of(found, rulings.read_ruling(stored.ruling)))
            ruled[found.set_id[:16]] = Ruled(found.set_id, stored.idx)
    items = list(state.items.values())
    return Story(entity, state.view(), items, ruled, scopes.of_incident(connection, entity))


class Stories:
    """Reads incidents and remembers those read lately."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[bytes, tuple[Standing, Story]] = OrderedDict()

    async def read(self, entity: bytes) -> Story | None:
        """One incident as the log has it now; ``None`` when nothing is known of it."""
        return (await self.read_all([entity])).get(entity)

    def forget(self, entity: bytes) -> None:
        """Remember nothing more of an incident: words of it were taken away."""
        self._known.pop(entity, None)

    async def read_all(self, entities: list[bytes]) -> dict[bytes, Story]:
        """Several incidents in one snapshot, by id; those nothing is known of are left out."""
        known = self._known

        def read(connection: Connection) -> dict[bytes, tuple[Standing, Story]]:
            found: dict[bytes, tuple[Standing, Story]] = {}
            for entity in entities:
                standing = _standing(connection, entity)
                if standing is None:
                    continue
                remembered = known.get(entity)
                if remembered is None or remembered[0] != standing:
                    remembered = standing, read_story(connection, entity)
                found[entity] = remembered
            return found

        found = await self._db.reading(read)
        for entity, story in found.items():
            known[entity] = story
            known.move_to_end(entity)
        while len(known) > MAX_STORIES:
            known.popitem(last=False)
        return {entity: story for entity, (_at, story) in found.items()}
