"""What the screens of an incident are made from: its sets, what each of them gives, and whether the rows stand.

Responsible for saying of every value that is shown which set it comes from. A screen shows the view of the incident
(CE6); wherever that names an op, the op's set has given what stands there. Refuses to fold anything of its own.

Example: `incident(connection, entity, Showing(openly))` has a set whose `shown_as` is `["created", "fields.title"]`.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.inspect.plain import shown
from server.inspect.sets import Showing, ToldSet, told
from server.intake.rebuild import folded_here, stands
from server.store import people, sets
from server.store.rows import query
from sync import rulings

OP_BYTES = 17


class ToldIncident(msgspec.Struct, frozen=True, omit_defaults=True):
    """An incident. `rows_stand`: the rows that lists are read from are what the log says. `beside`: rulings about it
    that decide about no set, such as verdicts and scopes, as they were ruled."""

    incident: str
    status: str
    rows_stand: bool
    sets: list[ToldSet]
    number: str | None = None
    beside: list[dict[str, Any]] = []


def incident(connection: Connection, entity: bytes, showing: Showing) -> ToldIncident | None:
    """An incident with everything it is made from; None where nothing was ever said of it."""
    evidence = sets.evidence(connection, entity)
    if not evidence:
        return None
    directory = people.directory(connection)
    folded = folded_here(connection, entity, directory)
    view = folded.state.view()
    places = cited(view)
    return ToldIncident(
        incident=showing.named(entity),
        number=None if showing.outside else view["number"],
        status=view["status"],
        rows_stand=stands(connection, folded, directory),
        sets=[
            told(
                connection,
                one,
                showing,
                places[rulings.read_ruling(one.ruling).payload["set"][:16]],
            )
            for one in evidence
        ],
        beside=[_beside(one, showing) for one in _about(connection, entity)],
    )


def cited(view: dict[str, Any]) -> defaultdict[bytes, list[str]]:
    """Where a view names ops of a set, by the first 16 bytes of its id."""
    places: defaultdict[bytes, list[str]] = defaultdict(list)
    for op, place in _ops(view, ""):
        if place not in places[op[:16]]:
            places[op[:16]].append(place)
    return places


def _ops(value: Any, place: str) -> Iterator[tuple[bytes, str]]:
    if isinstance(value, bytes) and len(value) == OP_BYTES:
        yield value, place
    elif isinstance(value, dict):
        for name, part in value.items():
            # The op that stands for a value, and those that hold it there, are the value's own.
            inner = place if name in ("op", "ops") else f"{place}.{name}" if place else name
            yield from _ops(part, inner)
    elif isinstance(value, list):
        for part in value:
            yield from _ops(part, place)


def _about(connection: Connection, entity: bytes) -> list[rulings.Ruling]:
    rows = query(
        connection,
        "SELECT r.bytes FROM entity_rulings e JOIN rulings r ON r.idx = e.idx"
        " WHERE e.entity = ? ORDER BY r.idx",
        (entity,),
    )
    found = (rulings.read_ruling(bytes(raw)) for (raw,) in rows)
    return [one for one in found if one.kind not in rulings.DECIDING]


def _beside(one: rulings.Ruling, showing: Showing) -> dict[str, Any]:
    said = {
        name: value
        for name, value in one.payload.items()
        if name not in ("e", "en", "eh") and (showing.words or name != "text")
    }
    plain: dict[str, Any] = shown(said, showing.named)
    return {"idx": one.idx, "at": one.at_ms, "kind": one.kind} | plain
