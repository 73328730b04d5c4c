"""An incident as a station folds it: out of what the centre ruled and, where it has not ruled, of what is thought here.

Responsible for what does not depend on the order in which sets and rulings came to the station: which create counts,
in which scopes an incident stands, whether it concerns this station at all, and the rows of verdicts that were ruled.
Refuses to write anything.

Example: `places(connection, incident, directory)` gives the month of the create at its station, those that the
centre's `scope` rulings add, without those that they take away, and those that sets not yet ruled on will add; and
apart which of them are only thought.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from server.intake import verdicts
from server.intake.memory import Incident, load_all
from server.intake.places import home_scope, month_scope
from server.intake.reach import REACHING, station_reached
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
    """The scopes an incident stands in, its home first, none while no create counts and nothing is ruled of where it
    stands; and those among them in which the centre has not placed it, as far as is known here.
    """
    create = _first_create(incident.state)
    home = [] if create is None else [_home_of(create)]
    ruled = [] if create is None or create.number is None else list(home)
    left: set[str] = set()
    for moved in _ruled(connection, incident.id, rulings.KIND_SCOPE):
        left = left | set(moved.payload.get("del", ()))
        ruled = [name for name in ruled if name not in left]
        if (added := moved.payload.get("add")) is not None:
            left.discard(added)
            ruled.append(added)
    names = [name for name in home if name not in left and name not in ruled] + ruled
    if not names:
        return [], set()
    for t in sorted(REACHING):
        for item in incident.state.counted(t):
            # What the centre ruled on it has also listed where it belongs.
            if item.idx is not None and rulings.is_provisional(item.idx):
                station = station_reached(item.fields, directory)
                names += [] if station is None else [month_scope(names[0], station)]
    return list(dict.fromkeys(names)), set(names) - set(ruled)


def is_shown(incident: Incident, station: bytes | None, directory: Directory) -> bool:
    """Whether screens here show an incident: everything that counts at a centre (None). At a station what stands in a
    month of its own; of what is not known where it stands, what its own people say.
    """
    if station is None or not incident.counted:
        return incident.counted > 0
    if incident.scopes:
        return any(name.startswith(f"station:{station.hex()}:") for name in incident.scopes)
    said_by = {item.user for item in incident.state.items.values()}
    return any(directory.station_of("person", one) == station for one in said_by)


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


def _home_of(create: Item) -> str:
    return home_scope(create.fields["station"], create.occurred_at_ms)


class Left(Struct, frozen=True):
    """Where an incident went: the scope that it was added to (None: it stood there before), and when."""

    scope: str | None
    at_ms: int


def left_for(connection: Connection, entity: bytes, station: bytes) -> Left | None:
    """Where an incident went when it left the months of a station; None for one that stands there or never stood."""
    family = f"station:{station.hex()}:"
    found: Left | None = None
    for one in _ruled(connection, entity, rulings.KIND_SCOPE):
        added = one.payload.get("add")
        if any(name.startswith(family) for name in one.payload.get("del", ())):
            found = Left(added, one.at_ms)
        elif added is not None and added.startswith(family):
            found = None
    return found


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
