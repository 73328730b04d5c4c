"""An incident as it stood at a moment: the log replayed up to then, never a display that hides what came later.

By *received*: what the centre knew, which is the fold of the rulings it had made by that moment, each set as it was
decided then. By *event*: what had happened, as far as is known today. Words that were taken away since are away
here too: their skeletons stand in their place (SPEC RD2).

Example: `story_at(connection, story, AsOf(ms, "received")).view["status"]` is what a desk read at that moment.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec
from sqlalchemy import Connection

from server.api.ids import Ms, hex_or_none
from server.api.stories import Ruled, Story
from server.api.summaries import Summary
from server.intake import verdicts
from server.intake.contested import waiting
from server.intake.project import newest, tier_of
from server.store import history, sets
from server.store import verdicts as stored_verdicts
from server.store.verdicts import Key, Row
from sync import changeset, fold, rulings
from sync.changeset import ChangeSet
from sync.fold import Item
from sync.incident.policy import PolicyBook
from sync.incident.state import IncidentState
from sync.rulings import Ruling

By = Literal["received", "event"]


class AsOf(msgspec.Struct, frozen=True):
    """Up to which moment, and whether by when things were received or by when they happened."""

    ms: Ms
    by: By


class Seal(msgspec.Struct, frozen=True):
    """How many rulings there were about the incident, and the hash over them in hex (SPEC TL10)."""

    rulings: int
    head: str


def story_at(connection: Connection, story: Story, at: AsOf) -> Story:
    """The incident as of a moment."""
    if at.by == "event":
        items = [item for item in story.items if item.occurred_at_ms <= at.ms]
        return _told(story, items, story.ruled)
    then: dict[bytes, Ruling] = {}
    for _idx, raw in history.until(connection, story.id, at.ms):
        ruling = rulings.read_ruling(raw)
        if ruling.kind in rulings.DECIDING:
            then[ruling.payload["set"]] = ruling
    items, ruled = [], {}
    for stored in sets.evidence(connection, story.id):
        found = changeset.read(stored.envelope)
        ruling_then = then.get(found.set_id) if isinstance(found, ChangeSet) else None
        if isinstance(found, ChangeSet) and ruling_then is not None:
            standing = rulings.read_ruling(stored.ruling)
            items += _decided(fold.items_of(found, standing), ruling_then)
            ruled[found.set_id[:16]] = Ruled(found.set_id, ruling_then.idx)
    return _told(story, items, ruled)


def summary_then(summary: Summary, story: Story, book: PolicyBook) -> Summary:
    """What a list said of an incident when this was its story."""
    view = story.view
    return msgspec.structs.replace(
        summary,
        number=view["number"],
        title=newest(view, "title") or "",
        category=newest(view, "category") or "",
        place=newest(view, "place") or "",
        station=hex_or_none(view["station"]),
        status=view["status"],
        round=view["round"],
        level=newest(view, "level"),
        tier=tier_of(view, book),
        conflicts=waiting(_state(story.id, story.items))[0],
        orders=sum(order["open"] for order in view["orders"]),
        duplicate_of=hex_or_none(view["duplicate_of"]),
    )


def findings_then(connection: Connection, story: Story, at: AsOf | None) -> dict[Key, Row]:
    """What stood written of the clocks of a story. Of what had happened by a moment: what is found today where it
    rests on nothing later."""
    if at is None or at.by == "event":
        found = stored_verdicts.of_incidents(connection, [story.id])[story.id]
        known = {item.op for item in story.items}
        return {
            key: row
            for key, row in found.items()
            if at is None or {row.start_op, row.end_op} <= known
        }
    state = _state(story.id, story.items)
    written = (rulings.read_ruling(raw) for _idx, raw in history.until(connection, story.id, at.ms))
    return {
        verdicts.about(ruling): verdicts.row_as_ruled(state, ruling)
        for ruling in written
        if ruling.kind == rulings.KIND_VERDICT
    }


def seal(connection: Connection, entity: bytes, at_ms: int) -> Seal | None:
    """What the centre had ruled about an incident by a moment; None when nothing had been."""
    known = [
        raw
        for idx, raw in history.until(connection, entity, at_ms)
        if not rulings.is_provisional(idx)
    ]
    if not known:
        return None
    said = rulings.read_ruling(known[-1]).payload
    head = rulings.entity_head(said["eh"], rulings.leaf_hash(known[-1]))
    return Seal(said["en"], head.hex())


def _decided(items: Iterable[Item], ruling: Ruling) -> list[Item]:
    """The items of a set as an earlier ruling decided about it; whatever lost its words since has none."""
    said = ruling.payload
    return [
        msgspec.structs.replace(
            item,
            eff=said["eff"],
            idx=ruling.idx,
            decision=said["d"],
            why=said["why"],
            flags=tuple(said["flags"]),
            number=said["no"],
        )
        for item in items
    ]


def _told(story: Story, items: list[Item], ruled: dict[bytes, Ruled]) -> Story:
    return Story(story.id, _state(story.id, items).view(), items, ruled, story.scopes)


def _state(entity: bytes, items: Iterable[Item]) -> IncidentState:
    state = IncidentState(entity)
    state.add(items)
    return state
