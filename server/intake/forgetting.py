"""What a station has no more business with, and deletes (SPEC HB14).

Responsible for the statements that take sets and whole months out of a station's tables: what others said of an
incident that has left the township, what roaming phones left here, and months older than the station keeps. Refuses to
touch what the centre has not ruled on, and to know when it is time.

What is deleted stays in no freed page (`secure_delete`); whoever calls has the write-ahead log cleaned too (`ERASE`).

Example: `words_of_others(connection, incident, station, directory)` once the centre has given it to another station.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from server.store.people import Directory
from server.store.rows import execute_in, query
from server.store.scopes import HUB
from sync.rulings import PROVISIONAL_FROM


def own_chains(directory: Directory, station: bytes | None) -> list[bytes]:
    """The chains of a station's people, and its own: the centre tells it what becomes of what stands there."""
    return [
        chain
        for chain, row in directory.of("devices").items()
        if row.get("station") == station
        or (row.get("person") and directory.station_of("person", row["person"]) == station)
    ]


def words_of_others(
    connection: Connection, entity: bytes, station: bytes | None, directory: Directory
) -> None:
    """Delete what is stored of an incident and no scope lists with its set any more, but for what is owed to the
    centre, and what this township's own people wrote: of that alone it would be told that words were taken away.
    """
    mine = set(own_chains(directory, station))
    rows = query(
        connection,
        "SELECT s.arrival_no, s.chain FROM sets s LEFT JOIN spool o ON o.arrival_no = s.arrival_no"
        " WHERE s.entity = ? AND s.idx < ? AND o.arrival_no IS NULL AND s.arrival_no NOT IN"
        " (SELECT e.arrival_no FROM scope_entries e JOIN scopes c ON c.id = e.scope"
        " WHERE e.arrival_no IS NOT NULL AND c.name NOT LIKE ?)",
        (entity, PROVISIONAL_FROM, HUB + "%"),
    )
    _delete_sets(connection, [no for no, chain in rows if bytes(chain) not in mine])


def _delete_sets(connection: Connection, arrival_nos: Sequence[int]) -> None:
    execute_in(connection, "DELETE FROM sets WHERE arrival_no IN (?)", arrival_nos)
