"""An incident as a station folds it: out of what the centre ruled and, where it has not ruled, of what is thought here.

Responsible for what does not depend on the order in which sets and rulings came to the station: which create counts,
in which scopes an incident stands, and the rows of verdicts that were ruled. Refuses to write anything.

Example: `places(connection, incident, directory)` gives the month of the create at its station, those that the
centre's `scope` rulings add, and those that sets not yet ruled on will add; and apart which of them are only thought.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from server.intake import verdicts
from server.intake.memory import REACHING, Incident, load_all, station_reached
from server.intake.places import home_scope, month_scope
from server.store.people import Directory
from server.store.rows import query
from server.store.verdicts import Row
from sync import rulings
from sync.fold import Item
from sync.incident.state import IncidentState


def folded(
    connection: Connection, entities: Sequence[bytes], directory: Directory
) -> dict[bytes, Incident]:
    """Fold incidents from their stored evidence, whatever stands in the projections."""
    found = load_all(connection, entities, directory)
    for incident in found.values():
        incident.stations.clear()  # those that anything reached have their place
    return found


def places(
    connection: Connection, incident: Incident, directory: Directory
) -> tuple[list[str], set[str]]:
    """The scopes an incident stands in, its home first, none while no create counts; and those among them in which the
    centre has not placed it, as far as is known here.
    """
    create = _first_create(incident.state)
    if create is None:
        return [], set()
    home = home_scope(create.fields["station"], create.occurred_at_ms)
    ruled = [one.payload["add"] for one in _ruled(connection, incident.id, rulings.KIND_SCOPE)]
    ruled += [] if create.number is None else [home]
    names = [home, *ruled]
    for t in sorted(REACHING):
        for item in incident.state.counted(t):
            # What the centre ruled on it has also listed where it belongs.
            if item.idx is not None and rulings.is_provisional(item.idx):
                station = station_reached(item.fields, directory)
                names += [] if station is None else [month_scope(home, station)]
    return list(dict.fromkeys(names)), set(names) - set(ruled)


def verdict_rows(connection: Connection, incident: Incident) -> list[Row]:
    """What the centre found last of each clock of an incident, as far as the statements it rests on have come."""
    newest = {
        verdicts.about(one): one for one in _ruled(connection, incident.id, rulings.KIND_VERDICT)
    }
    return [
        verdicts.row_as_ruled(incident.state, one)
        for one in newest.values()
        if all(
            one.payload[end] is None or one.payload[end][0] in incident.state.items
            for end in ("start", "end")
        )
    ]


def _first_create(state: IncidentState) -> Item | None:
    """The create that counted first: it earned the number, or while none has, it came first here."""

    def when(item: Item) -> tuple[bool, int]:
        assert item.idx is not None
        return item.number is None, item.idx

    return min(state.counted("incident.create"), key=when, default=None)


def _ruled(connection: Connection, entity: bytes, kind: str) -> list[rulings.Ruling]:
    """The rulings of one kind about an entity whole, oldest first."""
    rows = query(
        connection,
        "SELECT r.bytes FROM entity_rulings e JOIN rulings r ON r.idx = e.idx"
        " WHERE e.entity = ? AND r.kind = ? ORDER BY r.idx",
        (entity, kind),
    )
    return [rulings.read_ruling(bytes(raw)) for (raw,) in rows]
